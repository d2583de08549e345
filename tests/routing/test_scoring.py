from __future__ import annotations

import pytest

from orchestra_kit.core.decision import Candidate
from orchestra_kit.policy.capabilities import Capability
from orchestra_kit.policy.schema import Criteria, Tier
from orchestra_kit.routing.scoring import WORST, best_first, p90_of, score

TIER = Tier(quality=1.0, cost=0.5, latency=0.25)
MUST = Criteria(quality=0.8, p90_latency="10s", cost="$0.10")


def test_one_that_just_meets_every_criterion_scores_the_sum_of_the_weights() -> None:
    assert score(TIER, MUST, quality=0.8, cost=0.10, latency=10) == pytest.approx(1 - 0.5 - 0.25)


def test_a_downgrade_doubles_the_weight_of_cost() -> None:
    plain = score(TIER, MUST, quality=0.8, cost=0.05, latency=10)
    saving = score(TIER, MUST, quality=0.8, cost=0.05, latency=10, downgrade=True)
    assert plain - saving == pytest.approx(0.25)


def test_one_bad_figure_counts_only_so_much_and_an_unknown_cost_as_the_worst() -> None:
    dear = score(TIER, MUST, quality=0.8, cost=500.0, latency=10)
    unknown = score(TIER, MUST, quality=0.8, cost=None, latency=10)
    assert dear == unknown == pytest.approx(1 - 0.5 * WORST - 0.25)


def test_the_profit_to_be_expected_counts_by_the_weight_of_value() -> None:
    minded = TIER.model_copy(update={"value": 2.0})

    def gain(**figures: float | None) -> float:
        given = {"quality": 0.8, "cost": 0.1, "latency": 10, **figures}
        return score(minded, MUST, value=0.5, **given) - score(TIER, MUST, **given)

    assert gain() == pytest.approx(2 * (0.8 * 0.5 - 0.1) / 0.5)
    assert gain(cost=0.5) == pytest.approx(2 * (0.8 - 1.0))
    assert gain(cost=None) == pytest.approx(2 * (0.8 - WORST * 0.1 / 0.5))
    assert gain(cost=1e9) == pytest.approx(-2 * WORST)


def test_the_value_of_an_answer_changes_nothing_unless_the_tier_weighs_it() -> None:
    plain = score(TIER, MUST, quality=0.8, cost=0.1, latency=10)
    assert score(TIER, MUST, quality=0.8, cost=0.1, latency=10, value=7.0) == plain
    minded = TIER.model_copy(update={"value": 1.0})
    assert score(minded, MUST, quality=0.8, cost=0.1, latency=10, value=0.0) == plain


def test_criteria_of_zero_divide_nothing() -> None:
    free = Criteria(quality=0, p90_latency="10s", cost="$0")
    assert score(TIER, free, quality=0.5, cost=0.0, latency=0) == pytest.approx(0.5)
    assert score(TIER, free, quality=0.5, cost=0.01, latency=0) == pytest.approx(0.5 - 0.5 * WORST)


def test_the_ninetieth_percentile_lies_between_the_median_and_the_ninety_fifth() -> None:
    def cell(p50: float, p95: float) -> Capability:
        return Capability(quality=1, quality_low=1, quality_high=1, p50=p50, p95=p95, n=9)

    # Of exp(N(0, 1)): median 1, 95th percentile 5.180, 90th percentile 3.602.
    assert p90_of(cell(1.0, 5.180251602233014)) == pytest.approx(3.602224479279158)
    assert p90_of(cell(2.0, 2.0)) == 2.0
    assert p90_of(cell(2.0, 1.0)) == 2.0


def candidate(name: str, points: float, **figures: float) -> Candidate:
    given = {"quality": 0.8, "cost": 0.1, "latency": 1.0, **figures}
    return Candidate(deployment=name, score=points, **given)


def test_equal_scores_are_decided_by_the_objectives_in_the_policys_order() -> None:
    fine = candidate("fine", 0.5, quality=0.9, cost=0.3)
    thrifty = candidate("thrifty", 0.5 + 1e-12, quality=0.8, cost=0.1)
    by_quality = best_first([thrifty, fine], ("quality", "cost", "latency"))
    by_cost = best_first([fine, thrifty], ("cost", "quality", "latency"))
    assert [c.deployment for c in by_quality] == ["fine", "thrifty"]
    assert [c.deployment for c in by_cost] == ["thrifty", "fine"]


def test_complete_ties_are_decided_by_name_and_the_dropped_are_left_out() -> None:
    dropped = Candidate(deployment="a", dropped_because="retired")
    order = best_first(
        [candidate("c", 0.5), dropped, candidate("b", 0.5), candidate("z", 0.9)],
        ("quality", "cost", "latency"),
    )
    assert [c.deployment for c in order] == ["z", "b", "c"]
