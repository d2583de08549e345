"""The recorded backend: real answers found beside the policy, and replayed."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import pytest

from orchestra_kit.core.answer import Call, Source, UsageStatus
from orchestra_kit.core.clock import VirtualClock
from orchestra_kit.core.errors import ConfigError, ProviderError, TableError
from orchestra_kit.engine.backends import backend_factory
from orchestra_kit.outcomes.recorded_backend import find_recording, open_backend
from orchestra_kit.providers.faults import FaultScript
from tests.outcomes.synthetic import frame, write


@pytest.fixture
def clock():
    return VirtualClock(datetime(2026, 11, 23, tzinfo=UTC))


def _policy(folder: Path, *models: str) -> SimpleNamespace:
    serving = {f"{model}-here": SimpleNamespace(model=model) for model in models}
    return SimpleNamespace(name="mine", folder=folder, deployments=serving)


def _open(policy, clock, recording=None, faults=None):
    return open_backend(
        policy, clock=clock, seed=0, faults=faults or FaultScript(), recording=recording
    )


def _ask(backend, clock, deployment: str, prompt: str):
    call = Call(
        request_id="r", deployment=deployment, model="m", text=prompt, task="t", tier="basic",
        context={}, attempt=0,
    )  # fmt: skip
    return clock.run_sync(backend.provider(deployment).send(call))


def test_an_answer_comes_with_its_latency_tokens_cost_and_score(tmp_path: Path, clock) -> None:
    table = frame()
    backend = _open(_policy(tmp_path, "large"), clock, write(tmp_path, table))
    row = table.query("model == 'large'").iloc[7]
    before = clock.now()
    answer = _ask(backend, clock, "large-here", row["prompt"])
    assert backend.source is Source.RECORDED
    assert answer.text == row["response"]
    assert (clock.now() - before).total_seconds() == pytest.approx(row["latency_s"], abs=1e-3)
    assert answer.usage.output_tokens == row["output_tokens"]
    assert answer.usage.status is UsageStatus.REPORTED
    assert answer.reported_cost == Decimal(repr(float(row["cost_usd"])))
    assert answer.score.value == row["score"]


@pytest.mark.parametrize("place", ["recorded.parquet", "../recorded/outcomes.parquet"])
def test_the_recording_is_found_from_the_policys_folder(tmp_path: Path, place: str) -> None:
    folder = tmp_path / "policy"
    folder.mkdir()
    (tmp_path / "recorded").mkdir()
    write((folder / place).parent, frame(), Path(place).name)
    found = find_recording(_policy(folder, "large"), None)
    assert found.resolve() == (folder / place).resolve()


def test_without_a_recording_it_is_said_where_one_belongs(tmp_path: Path, clock) -> None:
    with pytest.raises(ConfigError, match=r"no recording for the policy “mine”.*recorded\.parquet"):
        _open(_policy(tmp_path, "large"), clock)


def test_a_model_that_was_not_recorded_is_named(tmp_path: Path, clock) -> None:
    with pytest.raises(ConfigError, match="no answer of tiny"):
        _open(_policy(tmp_path, "large", "tiny"), clock, write(tmp_path, frame()))


def test_a_table_without_answers_cannot_be_replayed(tmp_path: Path, clock) -> None:
    path = write(tmp_path, frame().drop(columns="response"))
    with pytest.raises(TableError, match="the answers themselves are missing"):
        _open(_policy(tmp_path, "large"), clock, path)


def test_simulated_outcomes_are_not_passed_off_as_recorded(tmp_path: Path, clock) -> None:
    path = write(tmp_path, frame().assign(source="simulated"))
    with pytest.raises(TableError, match="only recorded ones are replayed"):
        _open(_policy(tmp_path, "large"), clock, path)


def test_what_was_unknown_or_unscored_stays_so(tmp_path: Path, clock) -> None:
    table = frame().assign(cost_usd=None, output_tokens=None, tokens_source="estimated_chars4")
    table.loc[0, "score"] = None
    table = table.astype({"cost_usd": float, "output_tokens": float})
    backend = _open(_policy(tmp_path, "small"), clock, write(tmp_path, table))
    answer = _ask(backend, clock, "small-here", table.loc[0, "prompt"])
    assert answer.reported_cost is None
    assert answer.usage.status is UsageStatus.UNKNOWN
    assert not answer.score.scored


def test_an_attempt_that_failed_when_recorded_is_no_answer(tmp_path: Path, clock) -> None:
    table = frame()
    table.loc[table["query_id"] == "code-03", "response"] = None
    backend = _open(_policy(tmp_path, "small"), clock, write(tmp_path, table))
    prompt = table.loc[table["query_id"] == "code-03", "prompt"].iloc[0]
    with pytest.raises(ProviderError, match="never asked this"):
        _ask(backend, clock, "small-here", prompt)


def test_the_engine_finds_it_by_its_name() -> None:
    assert backend_factory("recorded") is open_backend
