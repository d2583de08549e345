"""Measures of a curve, against cases worked by hand and against plain definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestra_kit.outcomes.frontier_measures import (
    SHARES,
    aiq,
    aiq_of_each,
    apgr,
    cost_at,
    cpt,
    gap_recovered,
    hypervolume,
    non_decreasing_hull,
)

WEAK = np.array([0, 0, 0, 0, 0, 1, 1, 1, 1, 1], dtype=float)
STRONG = np.array([1, 1, 1, 1, 0, 1, 1, 1, 0, 1], dtype=float)
"""The strong model gains four answers and loses one: weak 0.5, strong 0.8."""
BEST = np.arange(10, 0, -1, dtype=float)

quarters = st.integers(0, 8).map(lambda whole: whole / 4)


@st.composite
def points(draw, most=12):
    count = draw(st.integers(1, most))
    column = st.lists(quarters, min_size=count, max_size=count)
    return np.array(draw(column)) + 0.25, np.array(draw(column))


@st.composite
def pairs(draw):
    n = draw(st.integers(2, 12))
    column = st.lists(st.integers(0, 3), min_size=n, max_size=n)
    return tuple(np.array(draw(column), dtype=float) for _ in range(3))


def test_the_gap_recovered_by_ten_queries_is_their_gains_in_order_of_preference():
    # Gains in order: 1 1 1 1 0 0 0 0 -1 0, of a gap of three answers.
    expected = np.array([0, 1, 2, 3, 4, 4, 4, 4, 4, 3, 3]) / 3
    assert gap_recovered(WEAK, STRONG, BEST) == pytest.approx(expected)
    assert apgr(WEAK, STRONG, BEST) == pytest.approx((expected.sum() - 0.5) / 10)


def test_half_and_four_fifths_of_the_gap_need_the_share_worked_by_hand():
    assert cpt(WEAK, STRONG, BEST, 0.5) == pytest.approx(0.15)
    assert cpt(WEAK, STRONG, BEST, 0.8) == pytest.approx(0.24)
    assert cpt(WEAK, STRONG, BEST, 1.0) == pytest.approx(0.3)
    assert cpt(WEAK, STRONG, BEST, 0.0) == 0.0


def test_more_than_the_curve_ever_recovers_is_not_a_share():
    assert math.isnan(cpt(WEAK, STRONG, BEST, 1.4))
    assert cpt(WEAK, STRONG, BEST, 4 / 3) == pytest.approx(0.4)


def test_a_preference_that_knows_nothing_recovers_half_whatever_the_order_of_the_rows():
    same = np.ones(10)
    shuffled = np.random.default_rng(1).permutation(10)
    assert apgr(WEAK, STRONG, same) == pytest.approx(0.5)
    assert apgr(WEAK[shuffled], STRONG[shuffled], same) == pytest.approx(0.5)
    assert cpt(WEAK, STRONG, same, 0.8) == pytest.approx(0.8)


def test_models_of_equal_means_leave_no_gap_to_recover():
    assert math.isnan(apgr([0, 1], [1, 0], [2, 1]))
    assert math.isnan(cpt([0, 1], [1, 0], [2, 1], 0.5))


def test_the_share_of_three_queries_falls_between_them_on_a_straight_line():
    # After a third of the calls two thirds of the gap of 1.5 are recovered, after two all of it.
    curve = gap_recovered([0, 0, 1], [1, 0.5, 1], [3, 2, 1])
    assert curve == pytest.approx(np.interp(SHARES, [0, 1 / 3, 2 / 3, 1], [0, 2 / 3, 1, 1]))


@given(pairs(), st.integers(0, 1_000))
@settings(max_examples=60, deadline=None)
def test_a_query_drawn_twice_counts_as_two_queries(columns, seed):
    weak, strong, wish = columns
    n = len(weak)
    times = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=4).astype(float)
    found = apgr(weak, strong, wish, times)
    shares = cpt(weak, strong, wish, 0.5, times)
    assert found.shape == shares.shape == (4,)
    for row, area, share in zip(times, found, shares, strict=True):
        drawn = np.repeat(np.arange(n), row.astype(int))
        each = weak[drawn], strong[drawn], wish[drawn]
        assert area == pytest.approx(apgr(*each), nan_ok=True)
        assert share == pytest.approx(cpt(*each, 0.5), nan_ok=True)


@given(pairs())
@settings(max_examples=60, deadline=None)
def test_the_reversed_preference_mirrors_the_curve(columns):
    weak, strong, wish = columns
    whole = apgr(weak, strong, wish) + apgr(weak, strong, -wish)
    if math.isfinite(whole):
        assert whole == pytest.approx(1.0)


def test_a_routers_evaluation_as_routellm_loops_it_gives_the_same_area():
    random = np.random.default_rng(5)
    weak, strong = (random.random((2, 4_000)) < [[0.6], [0.8]]).astype(float)
    wish = random.random(4_000) + 0.5 * (strong - weak)
    cuts = np.quantile(wish, np.linspace(0, 1, 11))
    picked = [wish >= cut for cut in cuts[:-1]] + [wish > cuts[-1]]
    share = np.array([pick.mean() for pick in picked])[::-1]
    accuracy = np.array([np.where(pick, strong, weak).mean() for pick in picked])[::-1]
    gap = strong.mean() - weak.mean()
    area = (np.trapezoid(accuracy, share) - weak.mean()) / gap
    assert apgr(weak, strong, wish) == pytest.approx(area, abs=2e-3)
    reached = np.interp(0.5 * gap + weak.mean(), accuracy, share)
    assert cpt(weak, strong, wish, 0.5) == pytest.approx(reached, abs=2e-3)


def test_the_hull_passes_over_what_a_mixture_beats_and_stops_at_the_best():
    cost, quality = [1, 2, 3, 4, 5], [0.2, 0.3, 0.8, 0.9, 0.7]
    x, y = non_decreasing_hull(cost, quality)
    assert x.tolist() == [1, 3, 4]
    assert y.tolist() == [0.2, 0.8, 0.9]


def test_mean_height_of_the_hull_worked_by_hand():
    # From 1 to 3 on average 0.5, from 3 to 4 0.85, level at 0.9 from 4 to 5.
    found = aiq([1, 2, 3, 4, 5], [0.2, 0.3, 0.8, 0.9, 0.7], 1, 5)
    assert found == pytest.approx((2 * 0.5 + 0.85 + 0.9) / 4)


def test_below_the_cheapest_point_the_hull_comes_from_nothing():
    assert aiq([2], [0.8], 0, 2) == pytest.approx(0.4)
    assert aiq([2], [0.8], 1, 4) == pytest.approx((0.6 + 2 * 0.8) / 3)
    assert aiq([0], [0.3], 0, 1) == pytest.approx(0.3)


@given(points())
@settings(max_examples=80, deadline=None)
def test_no_point_and_no_mixture_of_two_lies_above_the_hull(drawn):
    cost, quality = drawn
    x, y = non_decreasing_hull(cost, quality)
    assert (np.diff(x) > 0).all()
    assert (np.diff(y) > 0).all()
    slopes = np.diff(y) / np.diff(x)
    assert (np.diff(slopes) < 1e-9).all()
    assert (quality <= np.interp(cost, x, y) + 1e-9).all()
    every = set(zip(cost.tolist(), quality.tolist(), strict=True))
    assert set(zip(x.tolist(), y.tolist(), strict=True)) <= every


def test_a_long_arc_before_a_high_jump_is_passed_over_whole():
    x = np.linspace(0, 1, 2_000)
    cost, quality = np.append(x, 1.5), np.append(0.1 * np.sqrt(x), 1.0)
    corners, _ = non_decreasing_hull(cost, quality)
    assert corners[-1] == 1.5
    assert corners[-2] < 0.02


def test_each_resampled_curve_has_its_own_mean_height():
    random = np.random.default_rng(2)
    cost, quality = random.random((2, 5, 40))
    each = [aiq(c, q, 0.1, 0.9) for c, q in zip(cost, quality, strict=True)]
    cost = np.vstack([cost, np.full(40, np.nan)])
    quality = np.vstack([quality, quality[0]])
    assert aiq_of_each(cost, quality, 0.1, 0.9) == pytest.approx([*each, math.nan], nan_ok=True)


@given(points(), st.integers(0, 3), st.integers(1, 6))
@settings(max_examples=80, deadline=None)
def test_all_rows_at_once_have_the_mean_height_that_each_has_alone(drawn, low, wide):
    cost, quality = drawn
    ends = low / 2, (low + wide) / 2
    rows = np.stack([cost - 0.25, cost]), np.stack([quality, quality[::-1]])
    each = [aiq(c, q, *ends) for c, q in zip(*rows, strict=True)]
    assert aiq_of_each(*rows, *ends) == pytest.approx(each)


def test_the_dominated_area_worked_by_hand():
    # Steps of 0.2 over costs 1-2, 0.5 over 2-4 (the point at 3 is beaten), 0.6 over 4-5.
    found = hypervolume([1, 2, 3, 4, 9], [0.4, 0.7, 0.6, 0.8, 1.0], 5, 0.2)
    assert found == pytest.approx(0.2 * 1 + 0.5 * 2 + 0.6 * 1)


def test_points_beyond_the_reference_dominate_nothing():
    assert hypervolume([6], [0.9], 5, 0.2) == 0
    assert hypervolume([1], [0.1], 5, 0.2) == 0


@given(points())
@settings(max_examples=60, deadline=None)
def test_the_dominated_area_is_that_of_a_fine_raster(drawn):
    cost, quality = drawn
    across, up = np.meshgrid(np.arange(0, 3, 0.25) + 0.1, np.arange(0, 3, 0.25) + 0.1)
    inside = (cost[:, None, None] <= across) & (quality[:, None, None] >= up)
    area = inside.any(axis=0).sum() * 0.25**2
    assert hypervolume(cost, quality, 3.0, 0.0) == pytest.approx(area)


def test_the_least_cost_of_a_quality_is_that_of_a_point_never_of_a_line():
    cost, quality = [3, 1, 2], [0.9, 0.5, 0.8]
    assert cost_at(cost, quality, 0.6) == 2
    assert cost_at(cost, quality, 0.9) == 3
    assert math.isnan(cost_at(cost, quality, 0.95))
    assert cost_at([math.nan, 4], [0.9, 0.9], 0.9) == 4


@pytest.mark.parametrize(
    "call",
    [
        lambda: apgr([], [], []),
        lambda: apgr([1, 0], [1], [1, 2]),
        lambda: apgr([1, math.nan], [1, 0], [1, 2]),
        lambda: apgr([1, 0], [1, 1], [1, 2], np.ones((3, 5))),
        lambda: non_decreasing_hull([1, 2], [1, math.inf]),
        lambda: aiq([1], [1], 2, 1),
        lambda: hypervolume([], [], 1, 0),
        lambda: cost_at([1], [1, 2], 0.5),
    ],
)
def test_what_is_not_a_curve_is_refused(call):
    with pytest.raises(ValueError, match=r"length|finite|infinite|weight|rise|needs"):
        call()
