"""A curve of quality against cost and latency, with bands: a router at all thresholds, a mixture.

Values are exact at every threshold; bands are resampled at some hundreds of them and interpolated
between.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from orchestra_kit.core.display import Shown
from orchestra_kit.outcomes.frontier_measures import aiq, aiq_of_each, non_decreasing_hull
from orchestra_kit.outcomes.grid import Grid
from orchestra_kit.outcomes.statistics import Estimate, expanded_tail
from orchestra_kit.outcomes.steps import Steps, resampled

__all__ = ["FIGURES", "SweptCurve", "random_mixture"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

FIGURES = ("quality", "cost", "latency")
_TOLD = 200
"""Thresholds that a curve tells of as data, about."""
_BETWEEN = 20
"""Mixtures of two neighbouring corners that are told of."""


@dataclass(frozen=True, slots=True)
class SweptCurve(Shown):
    """What a router brings at each of its thresholds, or a mixture at each of its shares."""

    name: str
    frame: pd.DataFrame = field(repr=False, compare=False)
    """By threshold ``at``: mean ``quality`` (0-1), ``cost`` (dollars) and ``latency`` (seconds) a
    query, each with the ends of its 95 % interval in ``..._low`` and ``..._high``; NaN where
    unknown."""
    n: int
    """Queries."""
    aiq: Estimate | None
    """Mean height of its non-decreasing hull over the costs of the single models
    (`frontier_measures.aiq`); None where costs are unknown or all the same."""

    @classmethod
    def of_steps(
        cls,
        name: str,
        steps: Steps,
        waits: Steps | None = None,
        *,
        span: tuple[float, float] | None = None,
        resamples: int,
        seed: int,
    ) -> SweptCurve:
        """The curve of a router. ``waits`` are its steps with seconds in the place of dollars, and
        ``span`` the costs over which its `aiq` is taken."""
        cuts, quality, cost = steps.curves(resamples, seed)
        drawn = {"quality": quality, "cost": cost}
        values = {"quality": steps.quality, "cost": steps.spending}
        if waits is not None:
            values["latency"] = waits.spending
            drawn["latency"] = waits.curves(resamples, seed)[2]
        frame = _frame(steps.thresholds, values, drawn, cuts, steps.n)
        return cls(name, frame, steps.n, _aiq(frame, quality, cost, span, steps.n))

    def told(self) -> pd.DataFrame:
        """Some of its thresholds, both ends among them."""
        places = np.linspace(0, len(self.frame) - 1, _TOLD).round().astype(int)
        return self.frame.iloc[np.unique(places)]

    def to_dict(self) -> dict[str, Any]:
        """The curve as JSON knows it; what is unknown or without end is null."""
        rows: list[dict[Any, float]] = self.told().to_dict("records")
        points = [
            {str(k): value if math.isfinite(value) else None for k, value in row.items()}
            for row in rows
        ]
        aiq = None if self.aiq is None else self.aiq.to_dict()
        return {"name": self.name, "n": self.n, "aiq": aiq, "points": points}


def random_mixture(
    grid: Grid, *, span: tuple[float, float] | None, resamples: int, seed: int
) -> SweptCurve | None:
    """All that picking a model at random can reach: the non-decreasing hull of the single models.

    A threshold of k + s mixes the corners k and k + 1, of which the second gets the share s. Exact
    in the mean, whatever is drawn. None where a cost is unknown or there is one corner only.
    """
    if not grid.priced:
        return None
    corners = _corners(grid)
    if len(corners) < 2:
        return None
    at = np.arange((len(corners) - 1) * _BETWEEN + 1) / _BETWEEN
    tables = {"quality": grid.scores, "cost": grid.costs}
    if np.isfinite(grid.latencies[:, corners]).all():
        tables["latency"] = grid.latencies
    means = {name: table[:, corners].mean(axis=0) for name, table in tables.items()}
    drawn: dict[str, list[Floats]] = {name: [] for name in tables}
    for times in resampled(grid.n, resamples, seed):
        for name, table in tables.items():
            drawn[name].append(np.einsum("rn,nk->rk", times, table[:, corners]) / grid.n)
    curves = {name: _between(np.concatenate(blocks), at) for name, blocks in drawn.items()}
    values = {name: _between(mean[None], at)[0] for name, mean in means.items()}
    frame = _frame(at, values, curves, np.arange(len(at)), grid.n)
    found = _aiq(frame, curves["quality"], curves["cost"], span, grid.n)
    return SweptCurve("random mixture", frame, grid.n, found)


def _corners(grid: Grid) -> Ints:
    """The models at the corners of the hull, by rising cost."""
    cost, quality = grid.costs.mean(axis=0), grid.scores.mean(axis=0)
    x, y = non_decreasing_hull(cost, quality)
    found = [np.flatnonzero((cost == a) & (quality == b))[0] for a, b in zip(x, y, strict=True)]
    return np.array(found, dtype=np.int64)


def _between(corners: Floats, at: Floats) -> Floats:
    """Rows of corners as rows of the mixtures between them."""
    left = np.minimum(at.astype(np.int64), corners.shape[1] - 2)
    share = at - left
    return np.asarray(corners[:, left] * (1 - share) + corners[:, left + 1] * share)


def _frame(
    at: Floats, values: dict[str, Floats], drawn: dict[str, Floats], cuts: Ints, n: int
) -> pd.DataFrame:
    tail = expanded_tail(n)
    columns: dict[str, Floats] = {"at": at}
    every = np.arange(len(at))
    for name in FIGURES:
        unknown = np.full(len(at), np.nan)
        columns[name] = values.get(name, unknown)
        ends = [unknown, unknown]
        if name in drawn and n > 1:
            found = np.quantile(drawn[name], (tail, 1 - tail), axis=0)
            ends = [np.interp(every, cuts, end) for end in found]
        columns[f"{name}_low"], columns[f"{name}_high"] = ends
    return pd.DataFrame(columns)


def _aiq(
    frame: pd.DataFrame,
    quality: Floats,
    cost: Floats,
    span: tuple[float, float] | None,
    n: int,
) -> Estimate | None:
    known = frame[["cost", "quality"]].to_numpy(dtype=np.float64)
    if span is None or span[0] >= span[1] or not np.isfinite(known).all():
        return None
    value = aiq(known[:, 0], known[:, 1], *span)
    if n < 2:
        return Estimate(value, None, None, n)
    tail = expanded_tail(n)
    low, high = np.quantile(aiq_of_each(cost, quality, *span), (tail, 1 - tail))
    return Estimate(value, float(low), float(high), n)
