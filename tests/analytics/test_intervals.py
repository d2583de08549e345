from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra_kit.analytics import intervals
from orchestra_kit.analytics.changes import false_discovery_rates
from orchestra_kit.outcomes.statistics import Estimate


def _clustered(random, hours, each, spread):
    """Hits whose chance differs from hour to hour, around 0.9."""
    chance = np.clip(random.normal(0.9, spread, hours), 0, 1)
    hour = np.repeat(np.arange(hours), each)
    return random.random(hours * each) < chance[hour], hour


def test_an_interval_of_a_share_covers_the_truth_although_hours_differ():
    random = np.random.default_rng(1)
    covered, naive = 0, 0
    for _ in range(300):
        hits, hour = _clustered(random, 60, 40, 0.06)
        found = intervals.share(hits, hour)
        covered += found.low <= 0.9 <= found.high
        reach = 1.96 * math.sqrt(found.value * (1 - found.value) / found.n)
        naive += abs(found.value - 0.9) <= reach
    assert covered / 300 >= 0.90
    assert naive / 300 < 0.85, "without the hours the test would prove nothing"


def test_an_interval_of_a_quantile_covers_the_truth():
    random = np.random.default_rng(2)
    truth = math.exp(1.2815515655)  # p90 of the lognormal
    hour = np.repeat(np.arange(50), 20)
    covered = 0
    for _ in range(300):
        found = intervals.quantile(random.lognormal(0, 1, 1000), 0.9, hour)
        covered += found.low <= truth <= found.high
    assert 0.90 <= covered / 300 <= 0.995


def test_a_ratio_covers_the_truth_and_counts_its_denominator():
    random = np.random.default_rng(3)
    hour = np.repeat(np.arange(50), 20)
    covered = 0
    for _ in range(300):
        accepted = (random.random(1000) < 0.8).astype(float)
        found = intervals.ratio(random.lognormal(0, 1, 1000), accepted, hour)
        covered += found.low <= math.exp(0.5) / 0.8 <= found.high
    assert found.n == accepted.sum()
    assert covered / 300 >= 0.90


def test_missing_values_are_left_out_and_not_counted():
    found = intervals.mean(np.array([1.0, math.nan, 3.0]), np.array([0, 0, 1]))
    assert (found.value, found.n) == (2.0, 2)


@pytest.mark.parametrize("estimate", [intervals.mean, lambda v, h: intervals.quantile(v, 0.9, h)])
def test_what_cannot_be_estimated_is_nan_without_an_interval(estimate):
    empty, hours = np.array([]), np.array([], dtype=int)
    found = estimate(empty, hours)
    assert math.isnan(found.value)
    assert found.interval is None
    assert found.n == 0


def test_one_hour_alone_gives_no_interval():
    found = intervals.ratio(np.ones(50), np.ones(50), np.zeros(50, dtype=int))
    assert found.value == 1.0
    assert found.interval is None


@given(st.floats(0.1, 100), st.floats(0.01, 0.05), st.floats(0.1, 100), st.floats(0.01, 0.05))
def test_a_difference_holds_its_value_and_turns_with_its_sides(a, reach_a, b, reach_b):
    now, before = (
        Estimate(a, a - reach_a, a + reach_a, 100),
        Estimate(b, b - reach_b, b + reach_b, 50),
    )
    there, back = intervals.difference(now, before), intervals.difference(before, now)
    assert there.low <= there.value <= there.high
    assert there.value == pytest.approx(-back.value)
    assert there.low == pytest.approx(-back.high)
    assert there.n == 50


def test_a_relative_change_needs_positive_intervals():
    good = Estimate(2.0, 1.0, 3.0, 10)
    assert intervals.relative_change(good, good).value == 0
    assert intervals.relative_change(good, Estimate(0.1, -0.1, 0.3, 10)).interval is None
    assert intervals.relative_change(good, Estimate(1.0, None, None, 1)).interval is None


def test_a_p_value_agrees_with_the_interval():
    assert intervals.two_sided_p(Estimate(1.0, 0.0, 2.0, 9)) == pytest.approx(0.05)
    assert intervals.two_sided_p(Estimate(1.0, 0.5, 1.5, 9)) < 0.001
    assert math.isnan(intervals.two_sided_p(intervals.nothing()))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_false_discovery_rates_are_never_below_p_and_keep_its_order(p):
    rates = false_discovery_rates(p)
    assert all(rate >= value - 1e-12 for rate, value in zip(rates, p, strict=True))
    ordered = [rate for _, rate in sorted(zip(p, rates, strict=True))]
    assert ordered == sorted(ordered)


def test_false_discovery_rates_match_a_worked_example():
    # Benjamini and Hochberg's own step-up procedure, by hand.
    assert false_discovery_rates([0.01, 0.04, 0.03, 0.005]) == pytest.approx(
        [0.02, 0.04, 0.04, 0.02]
    )
