"""Every two models compared on the queries that both answered, all pairs at once.

Sums over shared queries are matrix products, so that a thousand pairs cost as little as one.
Differences are always row minus column. A test needs `FEWEST` pairs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import binom, t

__all__ = ["FEWEST", "Pairs", "compare_costs", "compare_scores"]

FEWEST = 6
"""Pairs below which no sign test can reach 0.05 on two sides: 2 / 2^5 = 0.0625."""

_Grid = npt.NDArray[np.float64]


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
    """Two-sided, for no difference; NaN below `FEWEST` pairs."""

    @property
    def correction(self) -> float:
        """How many pairs there are: since which model leads is itself read from the data, every
        pair counts as a comparison (Bonferroni over all pairs, valid for those picked after)."""
        models = len(self.n)
        return max(1.0, models * (models - 1) / 2)

    def interval(self, level: float) -> tuple[_Grid, _Grid]:
        """Both ends at Student's t with n - 1 degrees of freedom; NaN below `FEWEST` pairs."""
        freedom = np.where(self.n >= FEWEST, self.n - 1, np.nan)
        reach = t.ppf((1 + level) / 2, freedom) * self.error
        return self.mean - reach, self.mean + reach


def compare_scores(scores: _Grid) -> Pairs:
    """Pairs of models by their scores, an array of query x model in 0..1 with NaN for unscored.

    Scores of 0 and 1 are tested by McNemar's exact test, graded ones by the paired t-test, whose p
    is never below the smallest that a sign test could reach. Standard errors and the middle of
    their intervals follow Agresti and Min (2005), who add half an observation of each sign and so
    keep the coverage where few pairs, or none, differ; mean differences are left as they are.
    """
    known, values = _split(scores)
    n, total, squares = _sums(known, values)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(n > 0, total / n, np.nan)
        m = n + 2
        error = np.sqrt(np.maximum(0.0, (squares + 1) / m - (total / m) ** 2) / m)
    binary = bool(np.isin(scores[np.isfinite(scores)], (0.0, 1.0)).all())
    p = _mcnemar(known, values) if binary else _paired_t(known, values, n, total, squares)
    return Pairs(n=n, mean=mean, error=error, p=np.where(n >= FEWEST, p, np.nan))


def compare_costs(costs: _Grid) -> Pairs:
    """Pairs of models by cost, an array of query x model in dollars with NaN for unknown."""
    known, values = _split(costs)
    n, total, squares = _sums(known, values)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(n > 0, total / n, np.nan)
        error = np.sqrt(np.maximum(0.0, squares / n - mean**2) / (n - 1))
    p = _paired_t(known, values, n, total, squares)
    return Pairs(n=n, mean=mean, error=error, p=np.where(n >= FEWEST, p, np.nan))


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
    return np.asarray(np.minimum(1.0, np.exp(math.log(2) * (1 - differing))))
