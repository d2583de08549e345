"""The plainest router that uses what is known: for each task the model that does best at it.

Each query's model is chosen by the other folds' outcomes alone, so that what is measured is what
the lookup would bring on new queries of the same tasks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from orchestra_kit.outcomes.folds import folds_of
from orchestra_kit.outcomes.grid import Grid
from orchestra_kit.outcomes.steps import Steps, cheaper_as_prices_rise

__all__ = ["TaskLookup"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_FOLDS = 5


@dataclass(frozen=True)
class TaskLookup:
    """A lookup at every price of quality, out of fold."""

    picks: Ints
    """(n,) the model for each query where cost does not matter."""
    steps: Steps | None
    """By the weight of a dollar against a whole score; None where a cost is unknown."""
    waits: Steps | None
    """The same with seconds in the place of dollars; None where a latency is unknown too."""

    @classmethod
    def of(cls, grid: Grid, *, seed: int = 0) -> TaskLookup | None:
        """The lookup of a grid; None for a single task or model, or too few prompts to learn."""
        folds = folds_of(grid.prompts, _FOLDS, seed)
        if len(set(grid.tasks)) < 2 or len(grid.models) < 2 or len(np.unique(folds)) < _FOLDS:
            return None
        worth = _out_of_fold(grid.scores, grid, folds)
        if not grid.priced:
            return cls(worth.argmax(axis=1), None, None)
        price = _out_of_fold(grid.costs, grid, folds)
        changes = cheaper_as_prices_rise(worth, price)
        steps = Steps.of(*changes, grid.scores, grid.costs)
        timed = np.isfinite(grid.latencies).all()
        waits = Steps.of(*changes, grid.scores, grid.latencies) if timed else None
        return cls(steps.nodes_at(0.0), steps, waits)


def _out_of_fold(values: Floats, grid: Grid, folds: Ints) -> Floats:
    """(n, m) the task's means in the other folds, or all tasks' where they do not have it."""
    codes, names = pd.factorize(grid.tasks)
    found = np.empty_like(values)
    for fold in np.unique(folds):
        held, rest = folds == fold, folds != fold
        sums = np.zeros((len(names), values.shape[1]))
        np.add.at(sums, codes[rest], values[rest])
        counts = np.bincount(codes[rest], minlength=len(names))[:, None]
        means = np.where(counts > 0, sums / np.maximum(counts, 1), values[rest].mean(axis=0))
        found[held] = means[codes[held]]
    return found
