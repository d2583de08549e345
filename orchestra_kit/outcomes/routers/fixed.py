"""Routers without a threshold: one model for all, one for each task, the best one afterwards."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from orchestra_kit.outcomes.grid import Grid
from orchestra_kit.outcomes.routers.router import Floats, Ints, Learning, NotApplicable, Replay

__all__ = ["best_single", "cheapest", "oracle", "task_lookup"]

_PRIOR = 10.0
"""Queries' worth of its overall mean that a model has at every task before anything is seen."""


@dataclass(frozen=True)
class _Fixed:
    """A router whose choice needs no threshold."""

    name: str
    choice: Callable[[Learning], Callable[[Grid], Ints]]
    usable: bool = True

    def fit(self, learning: Learning) -> _FittedFixed:
        """Learn the choice."""
        return _FittedFixed(self.choice, learning)


@dataclass(frozen=True, eq=False)
class _FittedFixed:
    choice: Callable[[Learning], Callable[[Grid], Ints]]
    learning: Learning

    @property
    def unseen(self) -> Replay:
        """Each fold by the choice that the other folds teach."""
        chosen = np.zeros(self.learning.grid.n, dtype=np.int64)
        for fold in np.unique(self.learning.folds):
            held = self.learning.folds == fold
            others = _without(self.learning, held)
            chosen[held] = self.choice(others)(self.learning.grid.rows(held))
        return _chosen(self.learning.grid, chosen, self.learning.prices)

    def replay(self, grid: Grid, expected: Floats) -> Replay:
        """The learnt choice for other queries."""
        del expected
        prices = grid.costs if self.learning.grid.priced else np.ones_like(grid.costs)
        return _chosen(grid, self.choice(self.learning)(grid), prices)


def cheapest() -> _Fixed:
    """The model with the lowest mean cost, always."""

    def choose(learning: Learning) -> Callable[[Grid], Ints]:
        if not learning.grid.priced:
            raise NotApplicable("Costs are unknown, so that no model is the cheapest.")
        model = int(np.argmin(learning.grid.costs.mean(axis=0)))
        return lambda grid: np.full(grid.n, model)

    return _Fixed("cheapest", choose)


def best_single() -> _Fixed:
    """The model with the highest mean score, always."""

    def choose(learning: Learning) -> Callable[[Grid], Ints]:
        model = learning.grid.best_single
        return lambda grid: np.full(grid.n, model)

    return _Fixed("best_single", choose)


def task_lookup() -> _Fixed:
    """For each task, as the table labels it, the model that was best at it.

    Means of small tasks lean on the model's mean over all. A task that was never seen gets the best
    single model. Raises NotApplicable where labels will not be known.
    """

    def choose(learning: Learning) -> Callable[[Grid], Ints]:
        if not learning.with_tasks:
            raise NotApplicable("It needs the queries' task labels, which are not to be seen.")
        grid = learning.grid
        overall = grid.scores.mean(axis=0)
        best: Mapping[str, int] = {
            str(task): int(np.argmax(_leaning(grid.scores[grid.tasks == task], overall)))
            for task in np.unique(grid.tasks)
        }
        return lambda other: np.array(
            [best.get(str(task), grid.best_single) for task in other.tasks], dtype=np.int64
        )

    return _Fixed("task_lookup", choose)


def oracle() -> _Fixed:
    """For each query the model that scored best, the cheapest of equals: what no router can beat
    that asks one model."""

    def choose(learning: Learning) -> Callable[[Grid], Ints]:
        priced = learning.grid.priced

        def best(grid: Grid) -> Ints:
            prices = grid.costs if priced else np.zeros_like(grid.costs)
            top = grid.scores >= grid.scores.max(axis=1, keepdims=True)
            return np.asarray(np.argmin(np.where(top, prices, np.inf), axis=1), dtype=np.int64)

        return best

    return _Fixed("oracle", choose, usable=False)


def _leaning(scores: Floats, overall: Floats) -> Floats:
    return np.asarray((scores.sum(axis=0) + _PRIOR * overall) / (len(scores) + _PRIOR))


def _without(learning: Learning, held: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Learning:
    return replace(
        learning,
        grid=learning.grid.rows(~held),
        expected=learning.expected[~held],
        folds=learning.folds[~held],
    )


def _chosen(grid: Grid, chosen: Ints, prices: Floats) -> Replay:
    """One option a model, each query with its own."""
    steps = (np.arange(grid.n), np.full(grid.n, -np.inf), chosen)
    return Replay.of(steps, grid.scores, prices, np.eye(len(grid.models), dtype=bool))
