"""One way of answering every query, measured: its quality, cost and latency, beside the best model.

All ways are resampled by the same draws of queries, so that their differences are paired.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from orchestra_kit.core.display import Shown
from orchestra_kit.outcomes.grid import Grid
from orchestra_kit.outcomes.pairs import FEWEST, compare_scores
from orchestra_kit.outcomes.statistics import Estimate, Evidence, expanded_tail, holm, judge
from orchestra_kit.outcomes.steps import resampled

__all__ = ["FrontierPoint", "measured_points"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontierPoint(Shown):
    """A single model, or a router with its thresholds fixed."""

    name: str
    single: bool
    """Whether it is one model for everything."""
    quality: Estimate
    """Mean score, 0-1; its n is the queries that it rests on."""
    cost: Estimate | None
    """Mean dollars a query; None where the cost of any of its answers is unknown."""
    latency: Estimate | None
    """Mean seconds a query; None where the latency of any of its answers is unknown."""
    against_best: Estimate
    """Its quality minus that of the best single model on the same queries."""
    relative_cost: float | None
    """Its cost as a share of the best single model's on the same queries."""
    evidence: Evidence
    """Whether the two differ in quality."""
    whole: bool
    """Whether it answers every query; else it stands beside no other, the best model apart."""
    always: str = ""
    """The one model that answers all of its queries; empty where several do."""
    unbeaten: bool = True
    """Whether no other whole point has as much quality for as little cost and more of either."""


def measured_points(
    grid: Grid, picks: Mapping[str, Ints], *, resamples: int, seed: int
) -> list[FrontierPoint]:
    """The grid's models, in their order, then each way of picking one of them for a query.

    ``picks`` are (n,) columns of the grid, -1 where the query is answered by none of them. Ways
    that answer nothing are left out. Raises ValueError for picks of another length.
    """
    ways = {name: np.full(grid.n, k) for k, name in enumerate(grid.models)}
    for name, picked in picks.items():
        if len(picked) != grid.n:
            raise ValueError(f"{name} needs one pick for each query")
        if (np.asarray(picked) >= 0).any():
            ways[name] = np.asarray(picked, dtype=np.int64)
    columns = {name: _Column.of(grid, picked) for name, picked in ways.items()}
    intervals = _intervals(grid.n, columns, resamples, seed)
    evidence = _evidence(grid, columns)
    found = [
        replace(
            _point(name, column, intervals[name], evidence[name]),
            single=name in grid.models,
            always=_always(grid, ways[name]),
        )
        for name, column in columns.items()
    ]
    return _with_unbeaten(found)


@dataclass(frozen=True)
class _Column:
    """What one way brings query by query; 0 where it does not answer, NaN where unknown."""

    answers: Floats
    score: Floats
    against: Floats
    cost: Floats
    latency: Floats
    best_cost: Floats

    @classmethod
    def of(cls, grid: Grid, picked: Ints) -> _Column:
        rows, answered = np.arange(grid.n), picked >= 0
        best = np.full(grid.n, grid.best_single)

        def of(table: Floats, columns: Ints) -> Floats:
            return np.where(answered, table[rows, np.maximum(columns, 0)], 0.0)

        return cls(
            answers=answered.astype(np.float64),
            score=of(grid.scores, picked),
            against=of(grid.scores, picked) - of(grid.scores, best),
            cost=of(grid.costs, picked),
            latency=of(grid.latencies, picked),
            best_cost=of(grid.costs, best),
        )

    def stacked(self) -> Floats:
        """(5, n): how often it answers, then what it brings."""
        return np.stack([self.answers, self.score, self.against, self.cost, self.latency])


def _intervals(
    n: int, columns: Mapping[str, _Column], resamples: int, seed: int
) -> dict[str, Floats]:
    """(4, 2) for each way: both ends for quality, difference, cost and latency."""
    drawn: dict[str, list[Floats]] = {name: [] for name in columns}
    stacked = {name: column.stacked() for name, column in columns.items()}
    for times in resampled(n, resamples, seed):
        for name, values in stacked.items():
            # einsum, since a matrix product would start threads that cost more than they save.
            sums = np.einsum("rn,kn->kr", times, values)
            with np.errstate(divide="ignore", invalid="ignore"):
                drawn[name].append(sums[1:] / sums[0])
    ends = {}
    for name, blocks in drawn.items():
        tail = expanded_tail(int(columns[name].answers.sum()))
        means = np.concatenate(blocks, axis=1)
        # A resample may hold none of the few queries that a way answers.
        means = means[:, np.isfinite(means[0])]
        ends[name] = np.quantile(means, (tail, 1 - tail), axis=1).T
    return ends


def _always(grid: Grid, picked: Ints) -> str:
    asked = np.unique(picked[picked >= 0])
    return grid.models[int(asked[0])] if len(asked) == 1 else ""


def _point(name: str, column: _Column, ends: Floats, evidence: Evidence) -> FrontierPoint:
    n = int(column.answers.sum())

    def estimate(values: Floats, place: int) -> Estimate:
        low, high = ends[place].tolist()
        mean = float(values.sum()) / n
        return Estimate(mean, None, None, n) if n < 2 else Estimate(mean, low, high, n)

    cost = estimate(column.cost, 2)
    latency = estimate(column.latency, 3)
    best_cost = float(column.best_cost.sum()) / n
    return FrontierPoint(
        name=name,
        single=False,
        quality=estimate(column.score, 0),
        cost=cost if math.isfinite(cost.value) else None,
        latency=latency if math.isfinite(latency.value) else None,
        against_best=estimate(column.against, 1),
        relative_cost=cost.value / best_cost if best_cost > 0 and cost.value >= 0 else None,
        evidence=evidence,
        whole=n == len(column.answers),
    )


def _evidence(grid: Grid, columns: Mapping[str, _Column]) -> dict[str, Evidence]:
    """Each way beside the best single model, corrected for all that are compared."""
    best = grid.models[grid.best_single]
    names = [name for name in columns if name != best]
    p = []
    for name in names:
        kept = columns[name].answers > 0
        pair = np.column_stack([columns[name].score[kept], grid.scores[kept, grid.best_single]])
        p.append(float(compare_scores(pair).p[0, 1]) if kept.sum() >= FEWEST else math.nan)
    known = np.isfinite(p)
    corrected = np.asarray(p)
    corrected[known] = holm(corrected[known])
    found = {best: Evidence.NONE}
    for name, raw, value in zip(names, p, corrected.tolist(), strict=True):
        # The best model was picked for its luck too, which makes others look worse, never better.
        worse = columns[name].against.sum() < 0
        value = min(1.0, value * len(grid.models)) if worse else value
        found[name] = judge(raw if math.isfinite(raw) else None, value)
    return found


def _with_unbeaten(points: Sequence[FrontierPoint]) -> list[FrontierPoint]:
    rivals = [(_place(other), other) for other in points if other.whole]

    def beaten(point: FrontierPoint) -> bool:
        own = _place(point)
        return any(
            all(theirs >= mine for theirs, mine in zip(place, own, strict=True)) and place != own
            for place, other in rivals
            if other is not point
        )

    return [replace(point, unbeaten=point.whole and not beaten(point)) for point in points]


def _place(point: FrontierPoint) -> tuple[float, float]:
    """Quality and thrift, where more is better; an unknown cost is worse than any known."""
    return point.quality.value, -math.inf if point.cost is None else -point.cost.value
