"""Several good models answer, and a learned judge picks the answer that is likeliest right."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from orchestra_kit.outcomes.grid import Grid
from orchestra_kit.outcomes.routers.evidence import Judge, Kinds, Request
from orchestra_kit.outcomes.routers.router import Floats, Ints, Learning, NotApplicable, Replay

__all__ = ["BestOf"]


@dataclass(frozen=True)
class BestOf:
    """The models with the highest mean scores, their answers judged rather than counted."""

    asked: int = 5
    name: str = "best_of_n"
    usable: bool = True

    def fit(self, learning: Learning) -> _FittedBestOf:
        """Learn the judge. Raises NotApplicable where nothing of the answers was kept."""
        grid = learning.grid
        if not (grid.answers >= 0).any() and grid.responses is None:
            raise NotApplicable("Nothing of the answers was kept that a judge could see.")
        order = np.argsort(-grid.scores.mean(axis=0), kind="stable")
        models = np.asarray(order[: self.asked], dtype=np.int64)
        kinds = Kinds.learn(learning.expected)
        request = Request.of(grid, learning.expected, models, kinds)
        judge = Judge.fit(request, learning.folds, models.tolist())
        unseen = _replay(learning, grid, models, judge.unseen.scores)
        return _FittedBestOf(learning, models, judge, kinds, unseen)


@dataclass(frozen=True, eq=False)
class _FittedBestOf:
    learning: Learning
    models: Ints
    judge: Judge
    kinds: Kinds
    unseen: Replay

    def replay(self, grid: Grid, expected: Floats) -> Replay:
        """One option: all of them are asked."""
        request = Request.of(grid, expected, self.models, self.kinds)
        return _replay(self.learning, grid, self.models, self.judge.weigh(request).scores)


def _replay(learning: Learning, grid: Grid, models: Ints, scores: Floats) -> Replay:
    prices = grid.costs if learning.grid.priced else np.ones_like(grid.costs)
    calls = np.isin(np.arange(len(grid.models)), models)
    return Replay.fixed(scores, prices[:, models].sum(axis=1), calls)
