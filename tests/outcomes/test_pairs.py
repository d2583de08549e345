"""Models compared in pairs on shared queries: exactness, coverage and missing answers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import binomtest, ttest_rel

from orchestra_kit.outcomes.pairs import FEWEST, compare_costs, compare_scores

binary_grids = arrays(
    float, st.tuples(st.integers(6, 20), st.integers(2, 4)), elements=st.sampled_from([0.0, 1.0])
)


@given(binary_grids)
def test_right_and_wrong_are_tested_by_mcnemar(grid: np.ndarray) -> None:
    pairs = compare_scores(grid)
    won = int(((grid[:, 0] == 1) & (grid[:, 1] == 0)).sum())
    lost = int(((grid[:, 0] == 0) & (grid[:, 1] == 1)).sum())
    exact = binomtest(won, won + lost).pvalue if won + lost else 1.0
    assert pairs.p[0, 1] == pytest.approx(exact)
    assert pairs.mean[0, 1] == pytest.approx((won - lost) / len(grid))


def test_graded_scores_are_tested_by_the_paired_t_test() -> None:
    grid = np.random.default_rng(1).beta(4, 2, size=(40, 3))
    pairs = compare_scores(grid)
    assert pairs.p[0, 2] == pytest.approx(ttest_rel(grid[:, 0], grid[:, 2]).pvalue)


def test_a_constant_gap_in_few_pairs_is_no_certainty() -> None:
    grid = np.column_stack([np.full(7, 0.5), np.full(7, 0.6)])
    assert compare_scores(grid).p[0, 1] == pytest.approx(2.0**-6)


def test_only_queries_that_both_answered_count() -> None:
    grid = np.random.default_rng(2).integers(0, 2, size=(30, 2)).astype(float)
    padded = np.vstack([grid, [[1.0, np.nan]] * 9])
    whole, part = compare_scores(padded), compare_scores(grid)
    assert whole.n[0, 1] == 30
    assert whole.mean[0, 1] == part.mean[0, 1]
    assert whole.p[0, 1] == part.p[0, 1]


def test_too_few_pairs_give_no_p_and_no_interval() -> None:
    pairs = compare_scores(np.eye(FEWEST - 1)[:, :2])
    assert np.isnan(pairs.p[0, 1])
    assert np.isnan(pairs.interval(0.95)[0][0, 1])


def test_differences_turn_with_their_sides() -> None:
    pairs = compare_scores(np.random.default_rng(3).random((25, 4)))
    assert pairs.mean == pytest.approx(-pairs.mean.T)
    assert pairs.p == pytest.approx(pairs.p.T)
    assert pairs.correction == 6


@pytest.mark.parametrize("p", [(0.9, 0.9), (0.6, 0.8), (0.98, 0.99)])
def test_intervals_are_covered_as_often_as_promised(p: tuple[float, float]) -> None:
    random = np.random.default_rng(4)
    covered = []
    for _ in range(1500):
        pairs = compare_scores((random.random((20, 2)) < p).astype(float))
        low, high = pairs.interval(0.95)
        covered.append(low[0, 1] <= p[0] - p[1] <= high[0, 1])
    assert np.mean(covered) > 0.93


def test_models_that_always_agree_are_not_known_to_be_equal() -> None:
    low, high = compare_scores(np.ones((20, 2))).interval(0.95)
    assert low[0, 1] < -0.05
    assert high[0, 1] > 0.05


def test_costs_are_compared_in_dollars() -> None:
    costs = np.random.default_rng(5).lognormal(size=(50, 2)) * (0.001, 0.01)
    pairs = compare_costs(costs)
    assert pairs.mean[0, 1] == pytest.approx((costs[:, 0] - costs[:, 1]).mean())
    assert pairs.interval(0.95)[1][0, 1] < 0


def test_repeated_queries_are_one_unit_and_prove_nothing_more() -> None:
    grid = np.random.default_rng(8).beta(3, 2, size=(20, 3))
    once, twice = compare_scores(grid), compare_scores(np.vstack([grid] * 3), np.tile(range(20), 3))
    assert twice.p[0, 1] == pytest.approx(once.p[0, 1])
    assert twice.mean == pytest.approx(once.mean)
    assert (once.units[0, 1], twice.units[0, 1], twice.n[0, 1]) == (20, 20, 60)
    for one, other in zip(once.interval(0.95), twice.interval(0.95), strict=True):
        assert other == pytest.approx(one, abs=0.01)


def test_clusters_of_one_are_no_clusters() -> None:
    grid = np.random.default_rng(9).integers(0, 2, size=(20, 3)).astype(float)
    assert (compare_scores(grid, np.arange(20)).p == compare_scores(grid).p).all()


def test_too_few_clusters_give_no_p_however_many_the_answers() -> None:
    grid = np.column_stack([np.ones(50), np.zeros(50)])
    assert np.isnan(compare_scores(grid, np.arange(50) % 5).p[0, 1])
    assert compare_scores(grid, np.arange(50) % 6).p[0, 1] == pytest.approx(2.0**-5)


@pytest.mark.parametrize("n", [8, 15, 30])
def test_clustered_differences_are_covered_as_often_as_promised(n: int) -> None:
    random = np.random.default_rng(n)
    clusters, held = np.repeat(np.arange(n), 2), []
    for _ in range(600):
        chance = np.repeat(random.beta([4, 2], [2, 2], size=(n, 2)), 2, axis=0)
        pairs = compare_scores((random.random((2 * n, 2)) < chance).astype(float), clusters)
        low, high = pairs.interval(0.95)
        held.append(low[0, 1] <= 4 / 6 - 2 / 4 <= high[0, 1])
    assert 0.93 <= np.mean(held) <= 0.99


def test_a_correction_counts_every_pair_and_never_lowers_a_p() -> None:
    pairs = compare_scores(np.random.default_rng(10).random((30, 4)))
    off = ~np.eye(4, dtype=bool)
    assert (pairs.corrected[off] >= pairs.p[off] - 1e-12).all()
    least = pairs.p[off].min()
    assert pairs.corrected[off].min() == pytest.approx(min(1.0, least * 6))
    one = compare_scores(np.random.default_rng(10).random((30, 2)))
    assert one.corrected[0, 1] == pytest.approx(one.p[0, 1])
