"""One cell of the capability matrix, and how the cells of one task are measured together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
import pandas as pd

from orchestra_kit.core.display import Shown
from orchestra_kit.outcomes.pairs import FEWEST, Pairs, compare_costs, compare_scores
from orchestra_kit.outcomes.ranks import RankSet, rank_sets
from orchestra_kit.outcomes.skewed_mean import skewed_mean
from orchestra_kit.outcomes.statistics import (
    LEVEL,
    Estimate,
    Evidence,
    judge,
    mean_score,
    quantile,
)

__all__ = ["MatrixCell", "cells_of_task", "mean_cost", "mean_quality", "middle_moment"]

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
    clusters: int
    """Groups of answers that resemble each other, which intervals and tests count; n where no
    prompt was repeated."""
    unscored: int
    quality: Estimate | None
    """Mean score, 0-1, of the scored answers; None where there are none."""
    rank: RankSet | None
    """The ranks by quality that the data allow; None where nothing was scored."""
    latency_p50: Estimate | None
    """Seconds; None where no latency was recorded."""
    latency_p95: Estimate | None
    """Without an interval below 72 answers."""
    cost: Estimate | None
    """Mean dollars a request; None where the cost of any request is unknown."""
    leader: str
    """The model with the highest mean here, which this one was compared with."""
    behind: float | None
    """How far the leader's mean is above this one's, over the queries that both answered."""
    against_best: Evidence
    """Whether the leader is shown better than this model."""
    better: tuple[str, ...] = ()
    """The other models that are shown better than this one."""
    cheaper: tuple[str, ...] = ()
    """The other models that this one is shown cheaper than."""
    faster: tuple[str, ...] = ()
    """The other models that this one is shown faster than, by mean seconds."""
    recorded: datetime | None = None
    """The middle moment of the answers, half of which are older; None where it is not known."""
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
    """The cells of one task, for those of the models that answered in it, in their order.

    The frame has a column ``cluster``, as `clusters_of` gives it.
    """
    present = set(frame["model"].unique())
    names = [model for model in models if model in present]
    places = frame.groupby(["dataset", "query_id"], sort=False).ngroup().to_numpy()
    # Queries are numbered by first appearance, so that their first rows come in that order.
    clusters = frame["cluster"].to_numpy()[np.unique(places, return_index=True)[1]]
    queries = frame.assign(query=places)
    scores = _grid(queries, "score", names)
    qualities = compare_scores(scores, clusters)
    prices = compare_costs(_grid(queries, "cost_usd", names), clusters)
    seconds = compare_costs(_grid(queries, "latency_s", names), clusters)
    together = _Task(names, _highest(scores), qualities, prices, seconds, margin)
    parts = {str(model): part for model, part in frame.groupby("model", sort=False)}
    return [
        _cell(task, place, parts[model], together, floor=floor) for place, model in enumerate(names)
    ]


class _Task:
    """The models of one task beside each other."""

    def __init__(
        self,
        names: Sequence[str],
        best: int | None,
        qualities: Pairs,
        prices: Pairs,
        seconds: Pairs,
        margin: float,
    ) -> None:
        self.names = names
        self.qualities = qualities
        self.corrected = qualities.corrected
        self.best = best
        self.ranks = rank_sets(qualities)
        self.dominating = _dominating(qualities, prices, margin)
        # Rows are the cheaper and the faster ones.
        self.cheaper, self.faster = prices.better.T, seconds.better.T

    def named(self, shown: npt.NDArray[np.bool_]) -> tuple[str, ...]:
        return tuple(name for name, is_so in zip(self.names, shown, strict=True) if is_so)


def _cell(task: str, place: int, part: pd.DataFrame, known: _Task, *, floor: float) -> MatrixCell:
    unscored = int(part["score"].isna().sum())
    quality = mean_quality(part)
    limits = _limits(quality, part, floor)
    if place in known.dominating:
        limits.append(
            f"{known.names[known.dominating[place]]} is shown at least as good and cheaper"
        )
    behind = None if known.best is None else float(known.qualities.mean[known.best, place])
    return MatrixCell(
        model=known.names[place],
        task=task,
        n=len(part),
        clusters=int(part["cluster"].nunique()),
        unscored=unscored,
        quality=quality,
        rank=known.ranks[place],
        latency_p50=_latency(part, 0.50),
        latency_p95=_latency(part, 0.95),
        cost=mean_cost(part),
        leader="" if known.best is None else known.names[known.best],
        behind=None if behind is None or np.isnan(behind) else behind,
        against_best=_against_best(known, place),
        better=known.named(known.qualities.better[:, place]),
        cheaper=known.named(known.cheaper[place]),
        faster=known.named(known.faster[place]),
        recorded=middle_moment(part),
        disqualifiers=tuple(limits),
    )


def mean_quality(part: pd.DataFrame, *, level: float = LEVEL) -> Estimate | None:
    """The mean score of rows with their ``cluster``; None where none is scored."""
    scored = part[part["score"].notna()]
    return mean_score(scored["score"], scored["cluster"], level=level) if len(scored) else None


def mean_cost(part: pd.DataFrame, *, level: float = LEVEL) -> Estimate | None:
    """The mean dollars of rows with their ``cluster``; None where any is unknown."""
    if not len(part) or part["cost_usd"].isna().any():
        return None
    return skewed_mean(part["cost_usd"], part["cluster"], level=level)


def middle_moment(part: pd.DataFrame) -> datetime | None:
    """The moment that half of the rows are older than; None where it falls on rows without one,
    which count as the oldest."""
    if "recorded_at" not in part or not len(part):
        return None
    moments = part["recorded_at"].sort_values(na_position="first")
    middle = moments.iloc[(len(moments) - 1) // 2]
    return None if pd.isna(middle) else pd.Timestamp(middle).to_pydatetime().astimezone(UTC)


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


def _against_best(known: _Task, place: int) -> Evidence:
    pairs, best = known.qualities, known.best
    if best is None:
        return Evidence.TOO_LITTLE
    if place == best:
        enough = pairs.units[best, best] >= FEWEST
        return Evidence.NONE if enough else Evidence.TOO_LITTLE
    p = float(pairs.p[best, place])
    if np.isnan(p):
        return Evidence.TOO_LITTLE
    if pairs.mean[best, place] <= 0:
        return Evidence.NONE
    return judge(p, float(known.corrected[best, place]))


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


def _limits(quality: Estimate | None, part: pd.DataFrame, floor: float) -> list[str]:
    limits = []
    if quality is not None and quality.high is not None and quality.high < floor:
        limits.append(f"quality is shown below {floor:g}")
    share = mean_score(part["score"].isna(), part["cluster"])
    if share.low is not None and share.low > _MOST_UNSCORED:
        limits.append(f"{share.value:.0%} of the answers could not be scored")
    return limits


def _latency(part: pd.DataFrame, q: float) -> Estimate | None:
    known = part[part["latency_s"].notna()]
    return quantile(known["latency_s"], q, known["cluster"]) if len(known) else None
