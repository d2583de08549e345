"""One cell of the capability matrix, and how the cells of one task are measured together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from orchestra_kit.core.display import Shown
from orchestra_kit.outcomes.pairs import FEWEST, Pairs, compare_costs, compare_scores
from orchestra_kit.outcomes.statistics import (
    LEVEL,
    Estimate,
    Evidence,
    judge,
    mean_estimate,
    mean_score,
    proportion,
    quantile,
)

__all__ = ["MatrixCell", "cells_of_task"]

_MOST_UNSCORED = 0.1
"""Share of unscored answers that a usable model is not shown to be above."""

_Grid = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixCell(Shown):
    """A model at a task."""

    model: str
    task: str
    n: int
    """Answers, scored or not."""
    unscored: int
    quality: Estimate | None
    """Mean score, 0-1, of the scored answers; None where there are none."""
    latency_p50: Estimate | None
    """Seconds; None where no latency was recorded."""
    latency_p95: Estimate | None
    cost: Estimate | None
    """Mean dollars a request; None where the cost of any request is unknown."""
    leader: str
    """The model with the highest mean here, which this one was compared with."""
    behind: float | None
    """How far the leader's mean is above this one's, over the queries that both answered."""
    against_best: Evidence
    """Whether the leader is shown better than this model."""
    disqualifiers: tuple[str, ...] = ()

    @property
    def shown_worse(self) -> bool:
        """Whether another model is shown better."""
        return self.against_best is Evidence.SHOWS

    @property
    def best_use(self) -> bool:
        """Whether none is shown better, nothing disqualifies it, and there are data enough."""
        enough = self.against_best in (Evidence.NONE, Evidence.SUGGESTS)
        return enough and not self.disqualifiers

    @property
    def words(self) -> str:
        """What is shown, in words."""
        if self.disqualifiers:
            return "; ".join(self.disqualifiers)
        if self.against_best is Evidence.SHOWS and self.behind is not None:
            return f"{self.leader} is shown better, by {self.behind:.2f}"
        if self.against_best is Evidence.TOO_LITTLE:
            return "not enough data"
        if self.against_best is Evidence.SUGGESTS:
            return f"among the best, but the data suggest that {self.leader} is better"
        return "among the best"


def cells_of_task(
    task: str, frame: pd.DataFrame, models: Sequence[str], *, floor: float, margin: float
) -> list[MatrixCell]:
    """The cells of one task, for those of the models that answered in it, in their order."""
    present = set(frame["model"].unique())
    names = [model for model in models if model in present]
    queries = frame.assign(query=frame.groupby(["dataset", "query_id"], sort=False).ngroup())
    scores = _grid(queries, "score", names)
    costs = _grid(queries, "cost_usd", names)
    qualities, prices = compare_scores(scores), compare_costs(costs)
    best = _highest(scores)
    dominating = _dominating(qualities, prices, margin)
    parts = {str(model): part for model, part in frame.groupby("model", sort=False)}
    cells = []
    for place, model in enumerate(names):
        quality = _quality(scores[:, place])
        unscored = int(parts[model]["score"].isna().sum())
        limits = _limits(quality, unscored, len(parts[model]), floor)
        if place in dominating:
            limits.append(f"{names[dominating[place]]} is shown at least as good and cheaper")
        behind = None if best is None else float(qualities.mean[best, place])
        cells.append(
            MatrixCell(
                model=model,
                task=task,
                n=len(parts[model]),
                unscored=unscored,
                quality=quality,
                latency_p50=_latency(parts[model], 0.50),
                latency_p95=_latency(parts[model], 0.95),
                cost=_cost(parts[model]),
                leader="" if best is None else names[best],
                behind=None if behind is None or np.isnan(behind) else behind,
                against_best=_against_best(qualities, best, place),
                disqualifiers=tuple(limits),
            )
        )
    return cells


def _grid(queries: pd.DataFrame, column: str, names: Sequence[str]) -> _Grid:
    """Query x model, NaN where the model did not answer or the value is missing."""
    codes = pd.Categorical(queries["model"], categories=list(names)).codes
    grid = np.full((int(queries["query"].max()) + 1, len(names)), np.nan)
    grid[queries["query"].to_numpy(), codes] = queries[column].to_numpy(dtype=np.float64)
    return grid


def _highest(scores: _Grid) -> int | None:
    """The model with the highest mean among those scored on at least half as many queries as the
    most complete one: a handful of lucky answers makes no leader."""
    counts = np.isfinite(scores).sum(axis=0)
    if not counts.max():
        return None
    means = np.nansum(scores, axis=0) / np.maximum(counts, 1)
    return int(np.argmax(np.where(counts >= max(1, counts.max() / 2), means, -1.0)))


def _against_best(pairs: Pairs, best: int | None, place: int) -> Evidence:
    if best is None:
        return Evidence.TOO_LITTLE
    if place == best:
        enough = pairs.n[best, best] >= FEWEST
        return Evidence.NONE if enough else Evidence.TOO_LITTLE
    p = float(pairs.p[best, place])
    if np.isnan(p):
        return Evidence.TOO_LITTLE
    if pairs.mean[best, place] <= 0:
        return Evidence.NONE
    return judge(p, min(1.0, p * pairs.correction))


def _dominating(qualities: Pairs, prices: Pairs, margin: float) -> dict[int, int]:
    """For each dominated model one that is shown at least as good and cheaper.

    Both must hold at a level corrected for every ordered pair that could have been named. Where
    several dominate, the cheapest of them is named.
    """
    level = 1 - (1 - LEVEL) / (2 * qualities.correction)
    lowest, _ = qualities.interval(level)
    _, dearest = prices.interval(level)
    shown = (lowest >= -margin) & (dearest < 0)
    found = {}
    for place in np.flatnonzero(shown.any(axis=0)):
        others = np.flatnonzero(shown[:, place])
        found[int(place)] = int(others[np.argmin(prices.mean[others, place])])
    return found


def _limits(quality: Estimate | None, unscored: int, n: int, floor: float) -> list[str]:
    limits = []
    if quality is not None and quality.high is not None and quality.high < floor:
        limits.append(f"quality is shown below {floor:g}")
    share = proportion(unscored, n)
    if share.low is not None and share.low > _MOST_UNSCORED:
        limits.append(f"{share.value:.0%} of the answers could not be scored")
    return limits


def _quality(scores: _Grid) -> Estimate | None:
    known = scores[np.isfinite(scores)]
    return mean_score(known) if len(known) else None


def _latency(part: pd.DataFrame, q: float) -> Estimate | None:
    known = part["latency_s"].dropna()
    return quantile(known, q) if len(known) else None


def _cost(part: pd.DataFrame) -> Estimate | None:
    if part["cost_usd"].isna().any():
        return None
    mean = mean_estimate(part["cost_usd"])
    if mean.low is None or mean.high is None:
        return mean
    return Estimate(mean.value, max(0.0, mean.low), mean.high, mean.n)
