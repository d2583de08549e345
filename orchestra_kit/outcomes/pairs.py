"""Every two models compared on the queries that both answered, all pairs at once.

Sums over shared queries are matrix products, so that a thousand pairs cost as little as one.
Differences are always row minus column. Queries of one cluster, such as the turns of a
conversation, may resemble each other: then clusters are what varies, is counted and is tested. A
test needs `FEWEST` of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.stats import binom, t

from orchestra_kit.outcomes.statistics import holm

__all__ = ["FEWEST", "Pairs", "compare_costs", "compare_scores"]

FEWEST = 6
"""Pairs below which no sign test can reach 0.05 on two sides: 2 / 2^5 = 0.0625."""

_Grid = npt.NDArray[np.float64]
_Clusters = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Pairs:
    """Paired mean differences between all models, as square arrays: row minus column."""

    n: _Grid
    """Shared queries."""
    mean: _Grid
    """NaN where there are none."""
    error: _Grid
    """Standard error of the mean difference."""
    p: _Grid
    """Two-sided, for no difference; NaN below `FEWEST` units."""
    units: _Grid
    """Clusters that hold a shared query; as `n` where each query stands for itself."""

    @property
    def corrected(self) -> _Grid:
        """`p` corrected for every pair, since which model leads is itself read from the data.

        Holm's method (1979) over the one-sided hypotheses that the one model is no better than the
        other, and those that the other is no better than the one: whatever is found below 0.05 is
        at 95 % all true, its direction included. NaN where `p` is.
        """
        models = len(self.n)
        side = np.where(np.isnan(self.p), 1.0, self.p) / 2
        one_sided = np.where(self.mean > 0, side, 1 - side)
        one_sided[np.isnan(self.mean) | np.isnan(self.p)] = 1.0
        ordered = ~np.eye(models, dtype=bool)
        found = np.ones_like(self.p)
        found[ordered] = holm(one_sided[ordered])
        both = np.minimum(1.0, np.minimum(found, found.T))
        return np.where(np.isnan(self.p), np.nan, both)

    @property
    def better(self) -> npt.NDArray[np.bool_]:
        """Where the row's model is shown to have the higher mean, after the correction."""
        shown = np.nan_to_num(self.corrected, nan=1.0) < 0.05
        return np.asarray(shown & (np.nan_to_num(self.mean) > 0))

    @property
    def correction(self) -> float:
        """How many pairs there are, for intervals that all hold at once (Bonferroni)."""
        models = len(self.n)
        return max(1.0, models * (models - 1) / 2)

    def interval(self, level: float) -> tuple[_Grid, _Grid]:
        """Both ends at Student's t with units - 1 degrees of freedom; NaN below `FEWEST`."""
        freedom = np.where(self.units >= FEWEST, self.units - 1, np.nan)
        reach = t.ppf((1 + level) / 2, freedom) * self.error
        return self.mean - reach, self.mean + reach


def compare_scores(scores: _Grid, clusters: _Clusters | None = None) -> Pairs:
    """Pairs of models by their scores, an array of query x model in 0..1 with NaN for unscored.

    Scores of 0 and 1 are tested by McNemar's exact test, graded ones by the paired t-test, whose p
    is never below the smallest that a sign test could reach. Standard errors and the middle of
    their intervals follow Agresti and Min (2005), who add half an observation of each sign and so
    keep the coverage where few pairs, or none, differ; mean differences are left as they are. With
    clusters, one whole number from 0 for each query, tests are t-tests of the clusters' totals
    (Cochran 1977, 6.3) and the half observations are of the mean cluster's size.
    """
    known, values = _split(scores)
    n, total, squares = _sums(known, values)
    if clusters is not None and _repeated(clusters):
        return _clustered(known, values, n, total, clusters, padded=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(n > 0, total / n, np.nan)
        m = n + 2
        error = np.sqrt(np.maximum(0.0, (squares + 1) / m - (total / m) ** 2) / m)
    binary = bool(np.isin(scores[np.isfinite(scores)], (0.0, 1.0)).all())
    p = _mcnemar(known, values) if binary else _paired_t(known, values, n, total, squares)
    return Pairs(n=n, mean=mean, error=error, p=np.where(n >= FEWEST, p, np.nan), units=n)


def compare_costs(costs: _Grid, clusters: _Clusters | None = None) -> Pairs:
    """Pairs of models by cost, or another amount of at least 0, as query x model with NaN for
    unknown; clusters as in `compare_scores`."""
    known, values = _split(costs)
    n, total, squares = _sums(known, values)
    if clusters is not None and _repeated(clusters):
        return _clustered(known, values, n, total, clusters, padded=False)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(n > 0, total / n, np.nan)
        error = np.sqrt(np.maximum(0.0, squares / n - mean**2) / (n - 1))
    p = _paired_t(known, values, n, total, squares)
    return Pairs(n=n, mean=mean, error=error, p=np.where(n >= FEWEST, p, np.nan), units=n)


def _repeated(clusters: _Clusters) -> bool:
    return len(np.unique(clusters)) < len(clusters)


def _clustered(
    known: _Grid, values: _Grid, n: _Grid, total: _Grid, clusters: _Clusters, *, padded: bool
) -> Pairs:
    """The pairs with clusters as units, one row of models at a time."""
    queries, models = known.shape
    _, codes = np.unique(clusters, return_inverse=True)
    member = csr_array((np.ones(queries), (codes, np.arange(queries))))
    units, squares, differing = (np.zeros((models, models)) for _ in range(3))
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(n > 0, total / n, np.nan)
        for i in range(models):
            both = known[:, [i]] * known
            shared = np.asarray(member @ both)
            gaps = np.asarray(member @ ((values[:, [i]] - values) * both))
            units[i] = (shared > 0).sum(axis=0)
            differing[i] = (np.abs(gaps) > 1e-12).sum(axis=0)
            squares[i] = ((gaps - np.nan_to_num(mean[i]) * shared) ** 2).sum(axis=0)
        few = units / (units - 1)
        size = np.abs(mean) / np.sqrt(squares * few) * n
        p = np.where(total == 0, 1.0, 2 * t.sf(size, units - 1))
        p = np.maximum(p, _least(differing))
        extra = n / units if padded else np.zeros_like(n)
        error = np.sqrt((squares + extra**2) * few) / (n + 2 * extra)
    return Pairs(n=n, mean=mean, error=error, p=np.where(units >= FEWEST, p, np.nan), units=units)


def _split(grid: _Grid) -> tuple[_Grid, _Grid]:
    known = np.isfinite(grid)
    return known.astype(np.float64), np.where(known, grid, 0.0)


def _sums(known: _Grid, values: _Grid) -> tuple[_Grid, _Grid, _Grid]:
    """For each pair: shared queries, the sum of differences, the sum of their squares."""
    n = known.T @ known
    one_sided = values.T @ known
    squared = (values**2).T @ known
    squares = squared + squared.T - 2 * values.T @ values
    return n, one_sided - one_sided.T, np.maximum(0.0, squares)


def _mcnemar(known: _Grid, values: _Grid) -> _Grid:
    wins = values.T @ (known - values)
    decided = wins + wins.T
    return np.asarray(np.minimum(1.0, 2 * binom.cdf(np.minimum(wins, wins.T), decided, 0.5)))


def _paired_t(known: _Grid, values: _Grid, n: _Grid, total: _Grid, squares: _Grid) -> _Grid:
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = np.maximum(0.0, squares - total**2 / n) / (n - 1)
        size = np.abs(total / n) / np.sqrt(variance / n)
        p = np.where(total == 0, 1.0, 2 * t.sf(size, n - 1))
    return np.asarray(np.maximum(p, _smallest(known, values)))


def _smallest(known: _Grid, values: _Grid) -> _Grid:
    """2^(1 - d) for d pairs that differ: what a sign test would say if all agreed."""
    models = known.shape[1]
    differing = np.zeros((models, models))
    for i in range(models):
        both = (known[:, [i]] * known) > 0
        differing[i] = ((values[:, [i]] != values) & both).sum(axis=0)
    return _least(differing)


def _least(differing: _Grid) -> _Grid:
    return np.asarray(np.minimum(1.0, np.exp(math.log(2) * (1 - differing))))
