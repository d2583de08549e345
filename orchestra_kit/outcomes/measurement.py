"""Figures of one router on test queries, each with its interval from one paired bootstrap."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from orchestra_kit.core.display import Shown
from orchestra_kit.outcomes.frontier_measures import aiq, aiq_of_each, apgr, cpt
from orchestra_kit.outcomes.grid import Grid
from orchestra_kit.outcomes.operating_points import POINTS, Point
from orchestra_kit.outcomes.routers.router import Replay
from orchestra_kit.outcomes.statistics import expanded_tail
from orchestra_kit.outcomes.steps import resampled

__all__ = ["Measured", "PointMeasured", "RouterMeasured", "TestQueries", "cost_span"]

Floats = npt.NDArray[np.float64]

_RESAMPLES = 1_000
_CURVE_RESAMPLES = 200
"""Resamples of whole curves, which cost more than those of points."""
_UNKNOWN = "Costs are unknown."


@dataclass(frozen=True, slots=True)
class Measured(Shown):
    """A figure with its 95 % interval; or None with the reason."""

    value: float | None
    low: float | None = None
    high: float | None = None
    reason: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Value and both ends; the reason where something is missing."""
        found = {"value": self.value, "low": self.low, "high": self.high}
        return {**found, "reason": self.reason} if self.reason else found

    def format(self, digits: int = 3) -> str:
        """Value and interval in words."""
        if self.value is None:
            return "–"
        if self.low is None or self.high is None:
            return f"{self.value:.{digits}f}"
        return f"{self.value:.{digits}f} ({self.low:.{digits}f} to {self.high:.{digits}f})"


@dataclass(frozen=True, kw_only=True)
class PointMeasured(Shown):
    """One frozen operating point on the test queries."""

    threshold: float | None
    """None where it does not exist, and where nothing is turned away."""
    quality: Measured
    cost: Measured
    """Dollars a query."""
    relative_quality: Measured
    """Of the best single model's on the same queries."""
    relative_cost: Measured
    shares: Mapping[str, float]
    """Share of the queries that call each model; a cascade calls several for one query."""

    @classmethod
    def missing(cls, reason: str) -> PointMeasured:
        """No such point."""
        none = Measured(None, reason=reason)
        return cls(threshold=None, quality=none, cost=none, relative_quality=none,
                   relative_cost=none, shares={})  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """As JSON knows it."""
        figures = ("quality", "cost", "relative_quality", "relative_cost")
        found = {name: getattr(self, name).to_dict() for name in figures}
        return {**found, "shares": dict(self.shares), "threshold": self.threshold}


@dataclass(frozen=True, kw_only=True)
class RouterMeasured(Shown):
    """One router on the test queries."""

    name: str
    figures: Mapping[str, Measured]
    """``APGR``, ``CPT50``, ``CPT80`` and ``AIQ``."""
    operating_points: Mapping[str, PointMeasured]
    training_merit: float | None = None
    """What cross-validation on the training queries gives it; None where it cannot be chosen."""
    reason: str = ""
    """Why it was not fitted, where it was not."""

    @classmethod
    def missing(cls, name: str, reason: str) -> RouterMeasured:
        """A router that could not be fitted."""
        none = Measured(None, reason=reason)
        points = {point: PointMeasured.missing(reason) for point in POINTS}
        figures = dict.fromkeys(("APGR", "CPT50", "CPT80", "AIQ"), none)
        return cls(name=name, figures=figures, operating_points=points, reason=reason)

    def to_dict(self) -> dict[str, Any]:
        """As JSON knows it."""
        found: dict[str, Any] = {name: figure.to_dict() for name, figure in self.figures.items()}
        found["operating_points"] = {
            name: point.to_dict() for name, point in self.operating_points.items()
        }
        found["training_merit"] = self.training_merit
        return {**found, "reason": self.reason} if self.reason else found


@dataclass(frozen=True, eq=False)
class TestQueries:
    """The test queries, and the resamples that every figure shares."""

    grid: Grid
    best: int
    """The best single model, by training."""
    times: Floats
    """(resamples, n)"""
    pair: tuple[int, int] | None
    span: tuple[float, float] | None
    """Dollars from the cheapest model's to the best single model's, by training."""

    __test__ = False  # its name is not that of a test

    @classmethod
    def of(cls, grid: Grid, learnt: Grid, pair: tuple[int, int] | None, seed: int) -> TestQueries:
        """Queries of the same models as those learnt from."""
        times = np.concatenate(list(resampled(grid.n, _RESAMPLES, seed)))
        return cls(grid, learnt.best_single, times, pair, cost_span(learnt))

    def measure(self, replay: Replay, points: Mapping[str, Point]) -> dict[str, PointMeasured]:
        """Frozen operating points."""
        return {name: self._point(point, replay) for name, point in points.items()}

    def figures(self, replay: Replay) -> dict[str, Measured]:
        """``APGR``, ``CPT50``, ``CPT80`` and ``AIQ`` of the whole curve."""
        return {**self._gap_figures(replay), "AIQ": self._aiq(replay)}

    def interval(self, value: float, resamples: Floats) -> Measured:
        """Percentiles, widened for few queries."""
        known = resamples[np.isfinite(resamples)]
        if not np.isfinite(value):
            return Measured(None, reason="It is not defined on these queries.")
        if self.grid.n < 2 or len(known) < len(resamples) / 2:
            return Measured(value, reason="Too few queries for an interval.")
        tail = expanded_tail(self.grid.n)
        low, high = np.quantile(known, (tail, 1 - tail))
        return Measured(value, float(low), float(high))

    def mean(self, values: Floats) -> Measured:
        """Of (n,) values."""
        if not np.isfinite(values).all():
            return Measured(None, reason=_UNKNOWN)
        return self.interval(float(values.mean()), self.times @ values / self.grid.n)

    def ratio(self, values: Floats, to: Floats) -> Measured:
        """Of two means over the same queries."""
        if not (np.isfinite(values).all() and np.isfinite(to).all()):
            return Measured(None, reason=_UNKNOWN)
        if to.mean() == 0:
            return Measured(None, reason="The best single model's is 0.")
        drawn = self.times @ to
        ratios = np.divide(self.times @ values, drawn, out=np.full(len(drawn), np.nan),
                           where=drawn > 0)  # fmt: skip
        return self.interval(float(values.mean() / to.mean()), ratios)

    def _point(self, point: Point, replay: Replay) -> PointMeasured:
        if point.threshold is None:
            return PointMeasured.missing(point.reason)
        scores, costs, shares = replay.at(point.threshold)
        if not self.grid.priced:
            costs = np.full(self.grid.n, np.nan)
        return PointMeasured(
            threshold=point.threshold if np.isfinite(point.threshold) else None,
            quality=self.mean(scores),
            cost=self.mean(costs),
            relative_quality=self.ratio(scores, self.grid.scores[:, self.best]),
            relative_cost=self.ratio(costs, self.grid.costs[:, self.best]),
            shares={
                model: float(share)
                for model, share in zip(self.grid.models, shares, strict=True)
                if share > 0
            },
        )

    def _gap_figures(self, replay: Replay) -> dict[str, Measured]:
        if self.pair is None or replay.preference is None:
            said = "It is defined for routers that choose between a weak and a strong model."
            return dict.fromkeys(("APGR", "CPT50", "CPT80"), Measured(None, reason=said))
        weak, strong = (self.grid.scores[:, model] for model in self.pair)
        columns = (weak, strong, replay.preference)
        return {
            "APGR": self.interval(apgr(*columns), apgr(*columns, self.times)),
            "CPT50": self.interval(cpt(*columns, 0.5), cpt(*columns, 0.5, self.times)),
            "CPT80": self.interval(cpt(*columns, 0.8), cpt(*columns, 0.8, self.times)),
        }

    def _aiq(self, replay: Replay) -> Measured:
        if self.span is None or not self.grid.priced:
            return Measured(None, reason="Costs are unknown, or all models cost the same.")
        low, high = self.span
        steps = replay.steps
        _, quality, spending = steps.curves(_CURVE_RESAMPLES, 0)
        value = aiq(steps.spending, steps.quality, low, high)
        return self.interval(value, aiq_of_each(spending, quality, low, high))


def cost_span(grid: Grid) -> tuple[float, float] | None:
    """Dollars from the cheapest model's mean to the best single model's; None where unknown."""
    if not grid.priced:
        return None
    means = grid.costs.mean(axis=0)
    low, high = float(means.min()), float(means[grid.best_single])
    return (low, high) if high > low else None
