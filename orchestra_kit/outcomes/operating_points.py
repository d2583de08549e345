"""Where on its curve a router is run: chosen on training queries alone, then frozen.

Each point is the value of a threshold, together with the reason where there is none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from orchestra_kit.outcomes.routers.router import Replay
from orchestra_kit.outcomes.statistics import LEVEL
from orchestra_kit.outcomes.steps import resampled

__all__ = ["POINTS", "Point", "operating_points"]

POINTS = ("full_quality", "quality_95", "best_quality", "equal_cost")
"""``full_quality``: the cheapest that keeps the best single model's quality; ``quality_95``: 95 %
of it; ``best_quality``: the highest; ``equal_cost``: the highest among those whose cost is shown
not to be above the best single model's."""

_RESAMPLES = 400
_ROUNDING = 1e-12
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Point:
    """A frozen threshold, or why there is none."""

    threshold: float | None
    reason: str = ""


def operating_points(
    unseen: Replay, single_scores: Floats, single_costs: Floats, *, priced: bool, seed: int
) -> dict[str, Point]:
    """The four points of one router by its training queries, each judged out of fold.

    ``single_scores`` and ``single_costs`` (n,) are the best single model's on the same queries.
    """
    steps = unseen.steps
    wanted = float(single_scores.mean())
    top = _top(steps.quality, steps.spending)
    points = {"best_quality": Point(float(steps.thresholds[top]))}
    unpriced = Point(None, "Costs are unknown.")
    for name, share in (("full_quality", 1.0), ("quality_95", 0.95)):
        able = steps.quality >= share * wanted - _ROUNDING
        if not priced:
            points[name] = unpriced
        elif not able.any():
            said = f"No threshold keeps {share:.0%} of the best single model's quality in training."
            points[name] = Point(None, said)
        else:
            place = int(np.argmin(np.where(able, steps.spending, np.inf)))
            points[name] = Point(float(steps.thresholds[place]))
    points["equal_cost"] = (
        _equal_cost(unseen, single_costs, seed) if priced else unpriced
    )  # fmt: skip
    return {name: points[name] for name in POINTS}


def _equal_cost(unseen: Replay, single_costs: Floats, seed: int) -> Point:
    """Costs vary: only a bound that holds in 95 % of resamples keeps the promise elsewhere."""
    steps = unseen.steps
    cuts, _, spending = steps.curves(_RESAMPLES, seed)
    single = np.concatenate(
        [times @ single_costs / len(single_costs)
         for times in resampled(len(single_costs), _RESAMPLES, seed)]
    )  # fmt: skip
    bound = np.quantile(spending / single[:, None], LEVEL, axis=0)
    able = bound <= 1 + _ROUNDING
    if not able.any():
        return Point(None, "No threshold is shown to cost no more than the best single model.")
    quality = np.where(able, steps.quality[cuts], -np.inf)
    place = cuts[_top(quality, steps.spending[cuts])]
    return Point(float(steps.thresholds[place]))


def _top(quality: Floats, spending: Floats) -> int:
    """The place of the highest quality; of equals the cheapest."""
    best = quality >= quality.max() - _ROUNDING
    return int(np.argmin(np.where(best, np.nan_to_num(spending, nan=np.inf), np.inf)))
