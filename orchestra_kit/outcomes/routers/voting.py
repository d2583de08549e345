"""Routers that ask several models and count their answers, without having learnt whom to trust."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from orchestra_kit.outcomes.grid import Grid
from orchestra_kit.outcomes.routers.router import Floats, Ints, Learning, NotApplicable, Replay

__all__ = ["Agreement", "Vote", "cheap_voices", "need_answers"]

_VOICES = 3
_CHEAP = 0.25
"""Of the best single model's cost: what a cheap voice may cost at most."""


@dataclass(frozen=True)
class Vote:
    """The answer that most of the best models give; of equal counts, the better model's."""

    voters: int = 5
    name: str = "vote"
    usable: bool = True

    def fit(self, learning: Learning) -> _FittedVote:
        """The models with the highest mean scores vote."""
        need_answers(learning.grid)
        order = np.argsort(-learning.grid.scores.mean(axis=0), kind="stable")
        return _FittedVote(learning, np.asarray(order[: self.voters], dtype=np.int64))


@dataclass(frozen=True, eq=False)
class _FittedVote:
    learning: Learning
    voters: Ints

    @property
    def unseen(self) -> Replay:
        """The training queries."""
        return self.replay(self.learning.grid, self.learning.expected)

    def replay(self, grid: Grid, expected: Floats) -> Replay:
        """One option: all of them are asked."""
        del expected
        prices = grid.costs if self.learning.grid.priced else np.ones_like(grid.costs)
        picked = _plurality(grid.answers[:, self.voters])[0]
        scores = grid.scores[np.arange(grid.n), self.voters[picked]]
        calls = np.isin(np.arange(len(grid.models)), self.voters)
        return Replay.fixed(scores, prices[:, self.voters].sum(axis=1), calls)


@dataclass(frozen=True)
class Agreement:
    """Three cheap models answer; where fewer than so many agree, the best single model is asked.
    The threshold is that number."""

    name: str = "agreement"
    usable: bool = True

    def fit(self, learning: Learning) -> _FittedAgreement:
        """The best of the cheap models answer first."""
        need_answers(learning.grid)
        return _FittedAgreement(learning, cheap_voices(learning)[:_VOICES])


@dataclass(frozen=True, eq=False)
class _FittedAgreement:
    learning: Learning
    voices: Ints

    @property
    def unseen(self) -> Replay:
        """The training queries."""
        return self.replay(self.learning.grid, self.learning.expected)

    def replay(self, grid: Grid, expected: Floats) -> Replay:
        """Two options: the cheap answers alone, or the best model's after them."""
        del expected
        prices = grid.costs if self.learning.grid.priced else np.ones_like(grid.costs)
        best, rows = self.learning.grid.best_single, np.arange(grid.n)
        picked, count = _plurality(grid.answers[:, self.voices])
        scores = np.column_stack([grid.scores[rows, self.voices[picked]], grid.scores[:, best]])
        cheap = prices[:, self.voices].sum(axis=1)
        costs = np.column_stack([cheap, cheap + prices[:, best]])
        calls = np.zeros((2, len(grid.models)), dtype=bool)
        calls[:, self.voices] = True
        calls[1, best] = True
        query = np.concatenate([rows, rows])
        at = np.concatenate([np.full(grid.n, -np.inf), count + 1.0])
        node = np.repeat([0, 1], grid.n)
        return Replay.of((query, at, node), scores, costs, calls)


def cheap_voices(learning: Learning) -> Ints:
    """Models that cost at most a quarter of the best single model, the best of them first.

    Raises NotApplicable where there are fewer than two, or costs are unknown.
    """
    grid = learning.grid
    if not grid.priced:
        raise NotApplicable("Costs are unknown, so that no model is known to be cheap.")
    quality, cost = grid.scores.mean(axis=0), grid.costs.mean(axis=0)
    order = np.argsort(-quality, kind="stable")
    cheap = order[cost[order] <= _CHEAP * cost[grid.best_single]]
    if len(cheap) < 2:
        raise NotApplicable("Fewer than two models cost a quarter of the best one or less.")
    return np.asarray(cheap, dtype=np.int64)


def need_answers(grid: Grid) -> None:
    """Raises NotApplicable where the table has no short answers to compare."""
    if not (grid.answers >= 0).any():
        raise NotApplicable("The table has no short answers that could be compared.")


def _plurality(answers: Ints) -> tuple[Ints, Ints]:
    """(n,) whose answer has the most support, the first of equals, and how many give it."""
    known = answers >= 0
    same = (answers[:, :, None] == answers[:, None, :]) & known[:, :, None] & known[:, None, :]
    support = same.sum(axis=2)
    picked = np.argmax(support, axis=1)
    return picked.astype(np.int64), support[np.arange(len(answers)), picked].astype(np.int64)
