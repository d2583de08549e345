"""Figures that are functions of totals, such as ratios of means, with a bootstrap interval.

Every figure is computed from column totals; each resample draws whole units, so that columns of
one query stay paired.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from orchestra_kit.outcomes.measurement import Measured
from orchestra_kit.outcomes.statistics import expanded_tail
from orchestra_kit.outcomes.steps import resampled

__all__ = ["change", "of_totals", "ratio", "shifted"]

Floats = npt.NDArray[np.float64]
_RESAMPLES = 2_000


def of_totals(
    columns: Floats,
    figure: Callable[[Floats], Floats],
    *,
    clusters: npt.ArrayLike | None = None,
    seed: int = 0,
    undefined: str = "It is not defined on these data.",
) -> Measured:
    """`figure` of the totals of columns (n, k), with its 95 % percentile interval.

    `figure` takes totals (r, k) to values (r,), NaN where it is not defined. Units are rows, or
    clusters of rows. An interval needs two units, and half of the resamples to be defined.
    """
    units = columns
    if clusters is not None:
        codes = np.unique(np.asarray(clusters), return_inverse=True)[1]
        units = np.zeros((int(codes.max()) + 1, columns.shape[1]))
        np.add.at(units, codes, columns)
    value = float(figure(units.sum(axis=0, keepdims=True))[0])
    if not np.isfinite(value):
        return Measured(None, reason=undefined)
    if len(units) < 2:
        return Measured(value, reason="Too few queries for an interval.")
    drawn = np.concatenate([times @ units for times in resampled(len(units), _RESAMPLES, seed)])
    values = figure(drawn)
    known = values[np.isfinite(values)]
    if len(known) < len(values) / 2:
        return Measured(value, reason="Too few queries for an interval.")
    tail = expanded_tail(len(units))
    low, high = np.quantile(known, (tail, 1 - tail))
    return Measured(value, float(low), float(high))


def ratio(
    values: Floats, to: Floats, *, seed: int, undefined: str = "Costs are unknown."
) -> Measured:
    """Mean of `values` over mean of `to`, query by query in pairs."""
    columns = np.column_stack([values, to])
    return of_totals(columns, _quotient, seed=seed, undefined=undefined)


def change(
    values: Floats, to: Floats, *, seed: int, undefined: str = "Costs are unknown."
) -> Measured:
    """The same as a relative change: 0.31 for 31 % more."""
    return shifted(ratio(values, to, seed=seed, undefined=undefined), -1)


def shifted(measured: Measured, by: float) -> Measured:
    """A figure and its interval, moved."""
    ends = (measured.value, measured.low, measured.high)
    value, low, high = (None if end is None else end + by for end in ends)
    return Measured(value, low, high, measured.reason)


def _quotient(totals: Floats) -> Floats:
    above, below = totals[:, 0], totals[:, 1]
    return np.asarray(np.divide(above, below, out=np.full(len(above), np.nan), where=below > 0))
