"""A policy held against recorded outcomes: what is shown, and what stays open."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestra_kit.core.errors import TableError
from orchestra_kit.outcomes.policy_pairs import pairs_in_use
from orchestra_kit.outcomes.specification import Specification
from orchestra_kit.outcomes.specification_checks import (
    Check,
    Verdict,
    corrected,
    expectations,
    targets,
)
from orchestra_kit.outcomes.statistics import mean_score
from orchestra_kit.outcomes.table import Outcomes
from orchestra_kit.policy.capabilities import Capabilities, Capability
from orchestra_kit.policy.policy import Policy
from orchestra_kit.policy.schema import Criteria
from tests.outcomes.synthetic import write

ROOT = Path(__file__).parents[2]
LARGE, SMALL, BASE = "qwen2.5-coder-1.5b", "qwen2.5-coder-0.5b", "gemma-3-270m"
MUST = Criteria(quality=0.8, p90_latency="10s", cost="$0.01")
BLANK = Check(
    deployment="d", model=LARGE, task="t", in_use=True, figure="quality", kind="target",
    stated=0.0, measured=None, p=None, verdict=Verdict.UNKNOWN,
)  # fmt: skip


@pytest.fixture(scope="module")
def policy() -> Policy:
    return Policy.load(ROOT / "examples" / "local")


def rows(n: int = 60, *, score: object = 1.0, seconds: object = 1.0, cost: object = 0.001):
    """Answers of one model at one task, each its own cluster."""
    return pd.DataFrame(
        {"score": score, "latency_s": seconds, "cost_usd": cost, "input_tokens": 1000.0,
         "output_tokens": 100.0, "recorded_at": pd.Timestamp("2026-11-20", tz="UTC"),
         "cluster": np.arange(n)},
        index=range(n),
    )  # fmt: skip


def table(scores: dict[tuple[str, str], list[float]], **other: object) -> pd.DataFrame:
    found = [
        rows(len(values), score=values, **other).assign(
            dataset="d", query_id=[f"{task}-{i}" for i in range(len(values))], task=task,
            prompt=[f"{task} {i}" for i in range(len(values))], model=model,
            tokens_source="recorded", cost_source="recorded",
        ).drop(columns="cluster")
        for (model, task), values in scores.items()
    ]  # fmt: skip
    return pd.concat(found)


def held(folder: Path, policy: Policy, *args, **other) -> Specification:
    return Outcomes.read(write(folder, table(*args, **other))).matrix().against(policy)


def verdicts(checks: list[Check]) -> list[Verdict]:
    return [check.verdict for check in corrected(checks)]


def test_targets_are_met_where_the_whole_interval_meets_them() -> None:
    assert verdicts(targets(rows(), MUST, BLANK)) == [Verdict.MEETS] * 3


def test_targets_are_missed_where_the_whole_interval_misses_them() -> None:
    bad = rows(score=0.0, seconds=20.0, cost=0.1)
    assert verdicts(targets(bad, MUST, BLANK)) == [Verdict.MISSES] * 3


def test_few_answers_leave_a_target_open() -> None:
    found = targets(rows(8), MUST, BLANK)
    assert verdicts(found)[:2] == [Verdict.TOO_LITTLE] * 2
    assert "(0.68 to 1.00), at least 0.80: not enough data" in found[0].words()


def test_one_known_end_is_enough_to_miss_a_latency() -> None:
    # Twenty answers have no upper limit for a p90, but a lower one.
    slow = targets(rows(20, seconds=30.0 + np.arange(20)), MUST, BLANK)[1]
    assert slow.measured.high is None
    assert slow.verdict is Verdict.MISSES
    assert "to ?)" in slow.words()


def test_what_was_not_recorded_is_unknown_and_never_met() -> None:
    nothing = rows(score=math.nan, seconds=math.nan, cost=[math.nan] + [0.001] * 59)
    assert verdicts(targets(nothing, MUST, BLANK)) == [Verdict.UNKNOWN] * 3


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=2, max_size=30), st.floats(0.05, 0.95))
def test_a_verdict_before_the_correction_agrees_with_the_interval(scores, wanted) -> None:
    must = Criteria(quality=wanted, p90_latency="10s", cost="$0.01")
    check = targets(rows(len(scores), score=scores), must, BLANK)[0]
    low, high = mean_score(scores).bounds
    expected = (
        Verdict.MEETS if low > wanted else Verdict.MISSES if high < wanted else Verdict.TOO_LITTLE
    )
    if min(abs(low - wanted), abs(high - wanted)) > 1e-3:
        assert check.verdict is expected
        assert (check.p < 0.05) == (expected is not Verdict.TOO_LITTLE)


def test_a_verdict_that_does_not_survive_the_correction_is_a_suggestion() -> None:
    close = replace(targets(rows(20, score=[1.0] * 11 + [0.0] * 9), MUST, BLANK)[0])
    assert close.verdict is Verdict.MISSES
    many = corrected([close, *[replace(close, p=0.9)] * 60])
    assert (many[0].verdict, many[0].suggested) == (Verdict.TOO_LITTLE, Verdict.MISSES)
    assert "not enough data (the data suggest: misses)" in many[0].words()


def test_of_targets_that_are_just_met_hardly_any_run_shows_one_missed() -> None:
    random = np.random.default_rng(5)
    alarms = 0
    for _ in range(45):
        found = [
            targets(rows(25, score=(random.random(25) < 0.8).astype(float)), MUST, BLANK)[0]
            for _ in range(6)
        ]
        alarms += any(check.verdict is Verdict.MISSES for check in corrected(found))
    assert alarms <= 6


@pytest.mark.parametrize(
    ("expected", "verdict"),
    [(0.5, Verdict.BETTER), (0.9, Verdict.AS_EXPECTED), (0.99, Verdict.AS_EXPECTED)],
)
def test_an_expectation_brings_its_own_uncertainty(policy, expected, verdict) -> None:
    cell = Capability(quality=expected, quality_low=max(0, expected - 0.15),
                      quality_high=min(1, expected + 0.1), p50=1, p95=2, n=40)  # fmt: skip
    seen = rows(60, score=[1.0] * 55 + [0.0] * 5)
    assert expectations(seen, cell, policy.prices, BLANK)[0].verdict is verdict


def test_a_model_that_falls_short_and_is_slow_is_called_worse(policy) -> None:
    cell = Capability(quality=0.9, quality_low=0.85, quality_high=0.95, p50=1, p95=2, n=100)
    seen = rows(60, score=0.2, seconds=np.linspace(5, 9, 60))
    quality, median, _ = expectations(seen, cell, policy.prices, BLANK)
    assert (quality.verdict, median.verdict) == (Verdict.WORSE, Verdict.WORSE)


def test_differences_from_an_expectation_are_called_rarely_where_there_are_none(policy) -> None:
    random = np.random.default_rng(6)
    called = 0
    for _ in range(120):
        before = mean_score((random.random(25) < 0.7).astype(float))
        cell = Capability(quality=before.value, quality_low=before.low, quality_high=before.high,
                          p50=1, p95=2, n=25)  # fmt: skip
        seen = rows(25, score=(random.random(25) < 0.7).astype(float))
        called += expectations(seen, cell, policy.prices, BLANK)[0].verdict is not (
            Verdict.AS_EXPECTED
        )
    assert 0.005 <= called / 120 <= 0.09


def test_a_bill_is_held_against_the_price_book(policy) -> None:
    # 1,000 tokens in at $0.60 and 100 out at $1.80 a million.
    price = expectations(rows(cost=0.00078), None, policy.prices, BLANK)[0]
    assert (price.figure, price.verdict) == ("price", Verdict.AS_EXPECTED)
    assert price.stated == pytest.approx(0.00078)
    dear = expectations(rows(cost=0.0012), None, policy.prices, BLANK)[0]
    assert dear.verdict is Verdict.WORSE
    undated = rows().assign(recorded_at=pd.NaT)
    assert expectations(undated, None, policy.prices, BLANK) == []


def test_a_miss_counts_only_where_the_policy_sends_the_task(tmp_path, policy) -> None:
    used = pairs_in_use(policy)
    assert ("gemma-270m", "summary") in used
    assert ("gemma-270m", "sentiment") not in used
    assert ("qwen-coder-0.5b", "sentiment") in used
    poor = {(BASE, "summary"): [0.0] * 30, (BASE, "sentiment"): [0.0] * 30}
    found = held(tmp_path, policy, poor)
    assert [(c.task, c.figure) for c in found.missed if c.figure == "quality"] == [
        ("summary", "quality")
    ]
    wrong = [c.task for c in found.targets if c.verdict is Verdict.MISSES and c.figure == "quality"]
    assert sorted(wrong) == ["sentiment", "summary"]


def test_the_specification_tells_people_and_programs_the_same(tmp_path, policy) -> None:
    found = held(tmp_path, policy, {(LARGE, "code"): [1.0] * 60, (BASE, "summary"): [0.0] * 60})
    assert found.finding().startswith("Of 6 targets in use ")
    text = found.to_text()
    assert "gemma-270m at summary is shown to miss its quality: 0.00 (0.00 to 0.06), " in text
    assert "In use, but nothing was recorded of " in text
    told = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert told["missed"] == len(found.missed) > 0
    assert told["finding"] == found.finding()
    assert len(found.table().rows) == 2
    assert "text/html" in found._repr_mimebundle_()


def test_revised_expectations_are_a_capabilities_file(tmp_path, policy) -> None:
    found = held(tmp_path, policy, {(LARGE, "code"): [1.0] * 30 + [0.0] * 10})
    revised = found.revised()
    cell = revised.cell("qwen-coder-1.5b", "code")
    assert (cell.quality, cell.n, cell.output_tokens) == (0.75, 40, 100)
    # What was not measured is kept, since it is of the same source; the older date holds.
    kept = policy.capabilities.cell("qwen-coder-0.5b", "summary")
    assert revised.cell("qwen-coder-0.5b", "summary") == kept
    assert revised.measured.isoformat() == "2026-11-20"
    revised.write(tmp_path / "capabilities.yaml")
    assert Capabilities.load(tmp_path / "capabilities.yaml") == revised


def test_figures_of_another_source_are_not_carried_over(tmp_path, policy) -> None:
    live = table({(LARGE, "code"): [1.0] * 30}).assign(source="live")
    revised = Outcomes.read(write(tmp_path, live)).matrix().against(policy).revised()
    assert revised.source == "live"
    assert {(d, t) for d, tasks in revised.cells.items() for t in tasks} == {
        ("qwen-coder-1.5b", "code")
    }


def test_outcomes_that_share_nothing_with_the_policy_are_refused(tmp_path, policy) -> None:
    with pytest.raises(TableError, match="share no model and task"):
        held(tmp_path, policy, {("other", "code"): [1.0] * 9})


def test_a_model_may_be_named_as_the_deployment_is(tmp_path, policy) -> None:
    found = held(tmp_path, policy, {("qwen-coder-1.5b", "code"): [1.0] * 9})
    assert found.answers == (("qwen-coder-1.5b", "code", 9),)
    with pytest.raises(TableError, match="No cell can be revised"):
        held(tmp_path, policy, {(LARGE, "code"): [math.nan] * 9}).revised()
