"""Comparisons: paired, corrected, and silent where there is nothing to say."""

from __future__ import annotations

from decimal import Decimal
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra_kit.bench.comparison import mcnemar, sign_flip
from orchestra_kit.core.answer import Source
from orchestra_kit.core.errors import BenchError
from tests.bench.little import run_of, suite_of

NAMES = [f"s{i:02d}" for i in range(28)]


def _scores(values: list[float]) -> dict[str, dict[str, object]]:
    return {name: {"score": value} for name, value in zip(NAMES, values, strict=False)}


def test_mcnemar_agrees_with_the_binomial_by_hand() -> None:
    assert mcnemar(0, 0) == 1.0
    assert mcnemar(6, 0) == pytest.approx(2 / 2**6)
    assert mcnemar(1, 8) == pytest.approx(2 * (1 + 9) / 2**9)


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=7))
def test_the_sign_flip_test_is_the_share_of_sign_patterns_as_extreme(gaps: list[int]) -> None:
    observed = abs(sum(gaps))
    patterns = list(product([-1, 1], repeat=len(gaps)))
    extreme = sum(
        abs(sum(s * g for s, g in zip(p, gaps, strict=True))) >= observed for p in patterns
    )
    assert sign_flip(gaps) == pytest.approx(extreme / len(patterns))


def test_many_pairs_are_flipped_at_random_with_the_same_answer_each_time() -> None:
    gaps = list(np.random.default_rng(1).normal(0.3, 1, 40))
    assert sign_flip(gaps) == sign_flip(gaps)
    assert sign_flip([1.0] * 40) == pytest.approx(1 / 20_001)


def test_identical_runs_show_nothing() -> None:
    suite = suite_of(NAMES)
    run = run_of(suite, _scores([0.8] * 28))
    comparison = run.compare(run)
    assert {d.verdict for d in comparison.differences} == {"no evidence"}
    assert comparison.changed == ()
    assert comparison.difference("quality").better is None


def test_a_clear_gain_is_shown_with_its_interval() -> None:
    suite = suite_of(NAMES)
    chance = np.random.default_rng(3)
    base = chance.uniform(0.6, 0.8, 28)
    baseline = run_of(suite, _scores(list(base)))
    candidate = run_of(suite, _scores(list(base + 0.1 + chance.normal(0, 0.02, 28))))
    quality = candidate.compare(baseline).difference("quality")
    assert quality.verdict == "shows"
    assert quality.better is True
    assert quality.difference is not None
    assert 0.08 < quality.difference.low < 0.1 < quality.difference.high < 0.12
    assert quality.smallest_visible == pytest.approx(2.8 * 0.02 / 28**0.5, rel=0.3)
    assert "shows better" in candidate.compare(baseline).table().to_text()
    worse = baseline.compare(candidate).difference("quality")
    assert (worse.verdict, worse.better) == ("shows", False)


def test_cheaper_and_faster_count_as_better() -> None:
    suite = suite_of(NAMES)
    baseline = run_of(suite, {n: {"cost": Decimal("0.04"), "seconds": 4.0} for n in NAMES})
    candidate = run_of(suite, {n: {"cost": Decimal("0.02"), "seconds": 3.0} for n in NAMES})
    comparison = candidate.compare(baseline)
    assert comparison.difference("cost").better is True
    assert comparison.difference("latency").better is True
    assert comparison.difference("cost").difference.value == pytest.approx(-0.02)


def test_scenarios_that_changed_their_behaviour_are_named() -> None:
    suite = suite_of(NAMES)
    baseline = run_of(suite, {n: {"missed": ("x",) if i < 9 else ()} for i, n in enumerate(NAMES)})
    candidate = run_of(
        suite, {n: {"missed": ("x",) if i == 20 else ()} for i, n in enumerate(NAMES)}
    )
    comparison = candidate.compare(baseline)
    behaviour = comparison.difference("behaviour")
    assert comparison.changed == (*(f"+s{i:02d}" for i in range(9)), "-s20")
    assert behaviour.p == pytest.approx(mcnemar(9, 1))
    assert behaviour.difference.value == pytest.approx(8 / 28)
    assert behaviour.difference.low > 0


def test_holm_takes_the_verdict_back_when_four_figures_are_looked_at() -> None:
    suite = suite_of(NAMES)
    gaps = [0.1] * 19 + [-0.1] * 9
    baseline = run_of(suite, _scores([0.5] * 28))
    quality = (
        run_of(suite, _scores([0.5 + gap for gap in gaps])).compare(baseline).difference("quality")
    )
    assert quality.p > 0.05 or quality.verdict != "shows"
    assert quality.p_corrected >= quality.p


def test_few_pairs_are_not_enough_data() -> None:
    suite = suite_of(NAMES[:3])
    comparison = run_of(suite, _scores([0.9] * 3)).compare(run_of(suite, _scores([0.1] * 3)))
    assert {d.verdict for d in comparison.differences} == {"not enough data"}
    assert "3 pairs; at least 6 are needed" in comparison.table().to_text()


def test_one_scenario_has_no_interval_and_divides_by_nothing() -> None:
    suite = suite_of(NAMES[:1])
    run = run_of(suite, _scores([0.9]))
    assert "not enough data" in run.compare(run).table().to_text()


def test_scores_that_are_mostly_absent_are_refused() -> None:
    suite = suite_of(NAMES)
    partly = run_of(suite, _scores([0.9 if i < 20 else None for i in range(28)]))
    quality = partly.compare(run_of(suite, _scores([0.5] * 28))).difference("quality")
    assert quality.verdict == "not enough data"
    assert quality.reason == "only 20 of 28 answered scenarios have it in both runs"


def test_an_unknown_cost_is_left_out_and_never_nought() -> None:
    suite = suite_of(NAMES)
    unpriced = run_of(suite, {name: {"cost": None} for name in NAMES})
    cost = unpriced.compare(run_of(suite, _scores([0.5] * 28))).difference("cost")
    assert (cost.difference, cost.n, cost.verdict) == (None, 0, "not enough data")


def test_only_shared_and_unchanged_scenarios_are_compared() -> None:
    old, new = suite_of(NAMES[:20]), suite_of(NAMES[10:])
    comparison = run_of(new, _scores_of(NAMES[10:])).compare(run_of(old, _scores_of(NAMES[:20])))
    assert comparison.shared == 10
    assert len(comparison.left_out) == 18
    assert "10 shared scenarios (18 left out)" in comparison.sentence()


def test_runs_without_a_shared_scenario_are_not_compared() -> None:
    first, second = suite_of(["a"]), suite_of(["b"])
    with pytest.raises(BenchError, match="share no unchanged scenario"):
        run_of(first, {"a": {}}).compare(run_of(second, {"b": {}}))


def test_simulated_and_live_runs_are_not_compared() -> None:
    suite = suite_of(["a"])
    live = run_of(suite, {"a": {"source": Source.LIVE}}, source=Source.LIVE)
    with pytest.raises(BenchError, match="simulated run cannot be compared with a live one"):
        run_of(suite, {"a": {}}).compare(live)


def test_two_runs_of_one_policy_raise_few_false_alarms() -> None:
    """At most 5 % of comparisons without a difference may call one, by the binomial's 99.9 %."""
    chance = np.random.default_rng(20_261_123)
    alarms = sum(sign_flip(list(chance.normal(0, 0.1, 12))) < 0.05 for _ in range(1000))
    assert alarms <= 74


def _scores_of(names: list[str]) -> dict[str, dict[str, object]]:
    return {name: {"score": 0.9} for name in names}
