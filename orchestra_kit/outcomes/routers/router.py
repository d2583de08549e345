"""What a router is: it learns from outcomes, and then answers for every threshold at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from orchestra_kit.outcomes.grid import Grid
from orchestra_kit.outcomes.steps import Steps

__all__ = ["Fitted", "Learning", "NotApplicable", "Replay", "Router"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


class NotApplicable(Exception):
    """A router cannot be fitted to these outcomes; its text says why, in one sentence."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Learning:
    """What every router learns from: the training outcomes and what is expected of each model.

    Queries whose prompts are equal share a fold, so that nothing that is said of a query was learnt
    from itself.
    """

    grid: Grid
    expected: Floats
    """(n, m) the score expected of each model from the request alone, 0-1, out of fold."""
    folds: Ints
    seed: int = 0
    with_tasks: bool = False
    """Whether the task labels of the queries that are routed later will be known."""
    pair: tuple[int, int] | None = None
    """The weak and the strong model, where two are given."""

    @property
    def prices(self) -> Floats:
        """(n, m) what an answer costs: dollars, or one call each where costs are unknown."""
        return self.grid.costs if self.grid.priced else np.ones_like(self.grid.costs)

    def narrowed(self, models: Ints) -> Learning:
        """The same of some of the models; without the pair."""
        names = [self.grid.models[k] for k in models.tolist()]
        grid = self.grid.only(names)
        return replace(self, grid=grid, expected=self.expected[:, models], pair=None)


@dataclass(frozen=True, eq=False)
class Replay:
    """What a router would have done with recorded queries, at every threshold."""

    steps: Steps
    scores: Floats
    """(n, nodes) what each query would have scored with each of the router's options."""
    costs: Floats
    """(n, nodes) dollars, or calls where costs are unknown."""
    calls: Mask
    """(nodes, m) the models that each option calls."""
    preference: Floats | None = None
    """(n,) how much rather each query goes to the strong model of a pair; None for no pair."""

    @classmethod
    def of(
        cls,
        steps: tuple[Ints, Floats, Ints],
        scores: Floats,
        costs: Floats,
        calls: Mask,
        preference: Floats | None = None,
    ) -> Replay:
        """From each query's options in force, as `Steps.of` takes them."""
        return cls(Steps.of(*steps, scores, costs), scores, costs, calls, preference)

    @classmethod
    def fixed(cls, scores: Floats, costs: Floats, calls: Mask) -> Replay:
        """A router without a threshold: one option, (n,) scores and costs, (m,) calls."""
        n = len(scores)
        steps = (np.arange(n), np.full(n, -np.inf), np.zeros(n, dtype=np.int64))
        return cls.of(steps, scores[:, None], costs[:, None], calls[None, :])

    def at(self, threshold: float) -> tuple[Floats, Floats, Floats]:
        """(n,) scores, (n,) costs and (m,) the share of queries that call each model."""
        nodes = self.steps.nodes_at(threshold)
        rows = np.arange(len(nodes))
        shares = self.calls[nodes].mean(axis=0)
        return self.scores[rows, nodes], self.costs[rows, nodes], shares


class Fitted(Protocol):
    """A router that has learnt, and will not learn again."""

    @property
    def unseen(self) -> Replay:
        """The training queries, each judged by what was learnt from the other folds."""
        ...

    def replay(self, grid: Grid, expected: Floats) -> Replay:
        """Other queries of the same models, with what is expected of each model, (n, m)."""
        ...


class Router(Protocol):
    """A way to choose among models."""

    @property
    def name(self) -> str:
        """As it is called in tables and on the command line."""
        ...

    @property
    def usable(self) -> bool:
        """Whether it could be put to work: not where it must know the scores beforehand."""
        ...

    def fit(self, learning: Learning) -> Fitted:
        """Learn. Raises NotApplicable where the outcomes lack what it needs."""
        ...
