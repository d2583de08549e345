"""Routers learnt on one part of a table, frozen there, and read query by query on the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from orchestra_kit.core.errors import TableError
from orchestra_kit.outcomes.expectation import MEMBERS, Expectation
from orchestra_kit.outcomes.folds import folds_of
from orchestra_kit.outcomes.grid import Grid
from orchestra_kit.outcomes.operating_points import operating_points
from orchestra_kit.outcomes.predictors import Predictor
from orchestra_kit.outcomes.prompt_key import prompt_key
from orchestra_kit.outcomes.routers import Fitted, Learning, NotApplicable, Router
from orchestra_kit.outcomes.table import Outcomes

__all__ = ["Frozen", "Learnt", "Sides"]

Floats = npt.NDArray[np.float64]
_FOLDS = 5
_ROUNDING = 1e-12


@dataclass(frozen=True, eq=False)
class Sides:
    """One table, parted."""

    train: Grid
    test: Grid
    words: str
    """How it was parted."""

    @classmethod
    def of(cls, outcomes: Outcomes, seed: int) -> Sides:
        """By the table's own column ``split`` where it has both sides, else by prompt hash.

        Raises TableError where a prompt is on both sides, or a side is empty.
        """
        frame = outcomes.frame
        own = set(frame["split"].dropna().unique()) if "split" in frame else set()
        if {"train", "test"} <= own:
            parts = (outcomes.filter(split="train"), outcomes.filter(split="test"))
            by = "the table's own split"
        else:
            parts, by = outcomes.split(seed=seed), "a split by prompt hash"
        keys = [{prompt_key(str(p)) for p in part.frame["prompt"].unique()} for part in parts]
        if shared := keys[0] & keys[1]:
            raise TableError(
                f"{len(shared):,} prompts are on both sides of the column “split”; "
                "leave the column out to part the table by prompt hash."
            )
        train = Grid.of(parts[0])
        test = Grid.of(parts[1], train.models)
        return cls(train, test, f"learnt on {train.n:,}, judged on {test.n:,} queries by {by}")


@dataclass(frozen=True, eq=False)
class Frozen:
    """A router at a point that was chosen in training, on the test queries."""

    scores: Floats
    """(n,)"""
    costs: Floats
    """(n,) dollars."""
    calls: npt.NDArray[np.bool_]
    """(n, m) the models that each query called."""
    training_cost: float
    """Mean dollars a training query at the same point, out of fold."""


@dataclass(frozen=True, eq=False)
class Learnt:
    """What is expected of each model, and what routers need to be fitted."""

    learning: Learning
    test: Grid
    expected: Floats
    """(n, m) of the test queries."""

    @classmethod
    def fit(
        cls,
        sides: Sides,
        *,
        with_tasks: bool,
        seed: int,
        members: tuple[Predictor, ...] = MEMBERS,
    ) -> Learnt:
        """Learn from the training side alone."""
        grid = sides.train
        folds = folds_of(grid.prompts, _FOLDS, seed)
        with threadpool_limits(1):
            expectation = Expectation.fit(
                grid, folds, with_tasks=with_tasks, seed=seed, members=members
            )
            expected = expectation.predict(sides.test)
        learning = Learning(
            grid=grid, expected=expectation.unseen, folds=folds, seed=seed, pair=_pair(grid)
        )
        return cls(learning, sides.test, expected)

    @property
    def best(self) -> int:
        """The best single model, by training."""
        return self.learning.grid.best_single

    @property
    def single(self) -> Frozen:
        """Always asking it."""
        n, m = self.test.scores.shape
        calls = np.tile(np.arange(m) == self.best, (n, 1))
        cost = float(self.learning.grid.costs[:, self.best].mean())
        return Frozen(self.test.scores[:, self.best], self.test.costs[:, self.best], calls, cost)

    def fitted(self, router: Router) -> Fitted:
        """Raises NotApplicable where the training outcomes lack what the router needs."""
        with threadpool_limits(1):
            return router.fit(self.learning)

    def frozen(self, fitted: Fitted, point: str) -> Frozen:
        """At an operating point of `operating_points.POINTS`.

        Raises NotApplicable where training has no such point.
        """
        grid = self.learning.grid
        found = operating_points(
            fitted.unseen,
            grid.scores[:, self.best],
            grid.costs[:, self.best],
            priced=grid.priced,
            seed=self.learning.seed,
        )[point]
        if found.threshold is None:
            raise NotApplicable(found.reason)
        return self._at(fitted, found.threshold)

    def cheapest_keeping(self, fitted: Fitted, share: float) -> Frozen:
        """At the cheapest threshold that keeps so much of the best single model's quality in
        training. Raises NotApplicable where none does, or costs are unknown."""
        if not self.learning.grid.priced:
            raise NotApplicable("Costs are unknown.")
        steps = fitted.unseen.steps
        able = steps.quality >= share * self.learning.grid.scores[:, self.best].mean() - _ROUNDING
        if not able.any():
            raise NotApplicable(f"No threshold keeps {share:.0%} of the quality in training.")
        place = int(np.argmin(np.where(able, steps.spending, np.inf)))
        return self._at(fitted, float(steps.thresholds[place]))

    def _at(self, fitted: Fitted, threshold: float) -> Frozen:
        replay = fitted.replay(self.test, self.expected)
        scores, costs, _ = replay.at(threshold)
        known = costs if self.test.priced else np.full(self.test.n, np.nan)
        calls = replay.calls[replay.steps.nodes_at(threshold)]
        return Frozen(scores, known, calls, float(fitted.unseen.at(threshold)[1].mean()))


def _pair(grid: Grid) -> tuple[int, int] | None:
    """Two models are their own pair, the one with the lower mean score the weak one."""
    if len(grid.models) != 2:
        return None
    weak, strong = np.argsort(grid.scores.mean(axis=0), kind="stable").tolist()
    return int(weak), int(strong)
