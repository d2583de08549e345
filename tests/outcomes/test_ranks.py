"""Sets of ranks: that they hold the truth, and that they order nothing the data cannot order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from orchestra_kit.outcomes.pairs import compare_scores
from orchestra_kit.outcomes.ranks import RankSet, rank_sets

grids = arrays(
    float, st.tuples(st.integers(1, 30), st.integers(1, 5)),
    elements=st.sampled_from([0.0, 0.5, 1.0, np.nan]),
)  # fmt: skip


def test_far_apart_models_have_their_ranks_and_equal_ones_share_theirs() -> None:
    random = np.random.default_rng(1)
    grid = (random.random((80, 4)) < (0.95, 0.5, 0.5, 0.05)).astype(float)
    assert [str(found) for found in rank_sets(compare_scores(grid))] == ["1", "2–3", "2–3", "4"]


def test_too_few_queries_leave_every_rank_open() -> None:
    grid = np.column_stack([np.ones(5), np.zeros(5)])
    assert rank_sets(compare_scores(grid)) == [RankSet(1, 2, 2)] * 2


def test_a_model_without_scores_has_no_rank_and_takes_none() -> None:
    grid = np.column_stack([np.ones(20), np.zeros(20), np.full(20, np.nan)])
    assert rank_sets(compare_scores(grid)) == [RankSet(1, 1, 2), RankSet(2, 2, 2), None]


@given(grids)
def test_a_set_lies_within_the_models_that_are_scored(grid: np.ndarray) -> None:
    scored = np.isfinite(grid).any(axis=0)
    for is_scored, found in zip(scored, rank_sets(compare_scores(grid)), strict=True):
        assert (found is not None) == is_scored
        if found is not None:
            assert 1 <= found.first <= found.last <= found.of == scored.sum()


@pytest.mark.parametrize("n", [10, 25])
@pytest.mark.parametrize("chances", [(0.7,) * 5, (0.9, 0.7, 0.7, 0.5, 0.2)])
def test_all_sets_hold_the_true_ranks_together_at_95_percent(n: int, chances) -> None:
    random = np.random.default_rng(n)
    truth = np.asarray(chances)
    held = 0
    for _ in range(300):
        # What is hard for one is hard for all: paired answers are alike.
        draws = 0.5 * random.random((n, 1)) + 0.5 * random.random((n, 5))
        level = np.quantile(0.5 * random.random(4000) + 0.5 * random.random(4000), truth)
        found = rank_sets(compare_scores((draws < level).astype(float)))
        # Models that are equally good share the best rank of their group up to the worst.
        first = 1 + (truth[None, :] > truth[:, None]).sum(axis=1)
        held += all(s.first <= r <= s.last for s, r in zip(found, first, strict=True) if s)
    assert held / 300 >= 0.95


def test_five_alike_models_in_clusters_are_rarely_ordered() -> None:
    random = np.random.default_rng(4)
    clusters = np.repeat(np.arange(15), 4)
    ordered = plain = 0
    for _ in range(200):
        grid = (random.random((15, 3)) < 0.6).astype(float)[clusters]
        ordered += any(s.first > 1 or s.last < 3 for s in rank_sets(compare_scores(grid, clusters)))
        plain += any(s.first > 1 or s.last < 3 for s in rank_sets(compare_scores(grid)))
    assert ordered <= 10
    assert plain > 40, "counting repeated answers as new ones finds order in nothing"
