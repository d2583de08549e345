"""Measuring capabilities: every eligible pair, honest intervals, the same bytes every time."""

from __future__ import annotations

from datetime import date

import pytest

from orchestra_kit.bench.measure import measure_capabilities, pairs_of
from orchestra_kit.core.answer import Answer, Call, Score, Source, Usage
from orchestra_kit.core.clock import VirtualClock
from orchestra_kit.core.errors import AttemptOutcome, BenchError, FailureClass, ProviderError
from orchestra_kit.policy.capabilities import Capabilities
from orchestra_kit.policy.policy import Policy
from tests.bench.little import NOON

DAY = date(2026, 11, 23)


class Scripted:
    """A backend with a fixed latency and quality a deployment."""

    source = Source.SIMULATED

    def __init__(self, clock: VirtualClock, *, scored: bool = True, failing: int = 0) -> None:
        self.clock = clock
        self.scored = scored
        self.failing = failing
        self.calls: list[Call] = []
        self.closed = False

    def provider(self, deployment: str) -> Scripted:
        return self

    async def send(self, call: Call) -> Answer:
        self.calls.append(call)
        number = int(call.request_id.rsplit("_", 1)[1])
        await self.clock.sleep(1.0 + number % 10)
        if number < self.failing:
            raise ProviderError(
                "busy", failure=FailureClass.OVERLOADED, outcome=AttemptOutcome.FAILED
            )
        quality = 0.9 if "tea" in call.text else 0.7
        score = Score(value=quality, scorer="test") if self.scored else None
        return Answer(text="x", model=call.model, usage=Usage(output_tokens=100), score=score)

    async def close(self) -> None:
        self.closed = True


def _measure(policy: Policy, n: int = 40, **options):
    clock = VirtualClock(NOON)
    backend = Scripted(clock, **options)
    found = measure_capabilities(policy, backend=backend, n=n, seed=7, on=DAY, clock=clock)
    return found, backend


def test_only_pairs_that_can_serve_are_measured(policy: Policy) -> None:
    assert list(pairs_of(policy)) == [
        ("first", "article"),
        ("second", "article"),
        ("painter", "picture"),
    ]


def test_a_cell_holds_mean_interval_latency_tokens_and_number(policy: Policy) -> None:
    found, backend = _measure(policy)
    cell = found.capabilities.cell("first", "article")
    assert cell is not None
    assert cell.quality == pytest.approx(0.8)
    assert cell.quality_low < 0.8 < cell.quality_high
    assert (cell.p50, cell.p95) == (5.0, 10.0)
    assert (cell.output_tokens, cell.n) == (100.0, 40)
    assert len(backend.calls) == 3 * 40
    assert backend.closed


def test_repetitions_of_one_request_do_not_narrow_the_interval(policy: Policy) -> None:
    few, _ = _measure(policy, n=20)
    many, _ = _measure(policy, n=400)
    widths = [
        cell.quality_high - cell.quality_low
        for found in (few, many)
        for cell in [found.capabilities.cells["first"]["article"]]
    ]
    assert widths[1] == pytest.approx(widths[0], rel=0.05)


def test_one_answer_has_the_whole_scale_as_its_interval(policy: Policy) -> None:
    found, _ = _measure(policy, n=1)
    cell = found.capabilities.cells["first"]["article"]
    assert (cell.n, cell.quality_low, cell.quality_high) == (1, 0.0, 1.0)


def test_failures_are_counted_and_left_out_of_the_figures(policy: Policy) -> None:
    found, _ = _measure(policy, n=10, failing=3)
    assert found.failures["first"] == {"overloaded": 3}
    assert found.capabilities.cells["first"]["article"].n == 7


def test_what_is_written_loads_again_and_is_the_same_every_time(policy: Policy, tmp_path) -> None:
    paths = [tmp_path / "a.yaml", tmp_path / "b.yaml"]
    for path in paths:
        _measure(policy)[0].write(path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    loaded = Capabilities.load(paths[0])
    assert (loaded.source, loaded.measured) == ("simulated", DAY)
    assert loaded == _measure(policy)[0].capabilities
    assert "without routing or retries" in loaded.how


def test_a_backend_that_scores_nothing_is_refused(policy: Policy) -> None:
    with pytest.raises(BenchError, match="no answer could be scored"):
        _measure(policy, scored=False)


def test_fewer_than_one_request_is_refused(policy: Policy) -> None:
    with pytest.raises(BenchError, match="at least 1"):
        measure_capabilities(policy, n=0)
