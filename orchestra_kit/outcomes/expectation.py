"""What is expected of every model for a request, by a blend of all predictors.

Each predictor is fitted once for every fold and once for good; the blend's few weights are chosen
by what the folds foretold of queries that they had not seen. So every figure for a training query
is out of fold, and nothing is fitted twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from orchestra_kit.outcomes.grid import Grid
from orchestra_kit.outcomes.predictors import (
    Boosting,
    Clusters,
    Fitted,
    ItemResponse,
    Neighbours,
    Predictor,
    TaskLabel,
    Words,
    cross_fitted,
)
from orchestra_kit.outcomes.predictors.stacked import Blend, blended

__all__ = ["MEMBERS", "Expectation"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MEMBERS: tuple[Predictor, ...] = (
    TaskLabel(),
    Words(),
    Neighbours(),
    Clusters(),
    ItemResponse(),
    Boosting(),
)


@dataclass(frozen=True, eq=False)
class Expectation:
    """Expected scores of every model, 0-1."""

    unseen: Floats
    """(n, m) for the training queries, out of fold."""
    blend: Blend
    _members: tuple[Fitted, ...]
    _with_tasks: bool

    @classmethod
    def fit(
        cls,
        grid: Grid,
        folds: Ints,
        *,
        with_tasks: bool,
        seed: int,
        members: Sequence[Predictor] = MEMBERS,
    ) -> Expectation:
        """Learn from all queries; `with_tasks` says whether labels will be known later."""
        predictions = {
            member.name: cross_fitted(member, grid, folds, with_tasks, seed) for member in members
        }
        blend = blended(predictions, grid.scores)
        fitted = tuple(
            member.fit(grid.prompts, grid.tasks, grid.scores, seed=seed) for member in members
        )
        return cls(blend.of(list(predictions.values())), blend, fitted, with_tasks)

    def predict(self, grid: Grid) -> Floats:
        """(n, m) for other queries of the same models."""
        tasks = grid.tasks if self._with_tasks else None
        return self.blend.of([member.predict(grid.prompts, tasks) for member in self._members])
