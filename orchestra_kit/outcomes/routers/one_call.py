"""Routers that ask one model for each query, chosen from the request alone, under one threshold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from orchestra_kit.outcomes.frontier_measures import non_decreasing_hull
from orchestra_kit.outcomes.grid import Grid
from orchestra_kit.outcomes.routers.router import Floats, Ints, Learning, NotApplicable, Replay
from orchestra_kit.outcomes.steps import cheaper_as_prices_rise

__all__ = ["Argmax", "RandomMixture", "Threshold"]


@dataclass(frozen=True)
class Argmax:
    """The model with the highest ``expected score - weight * mean cost``: the threshold is the
    weight, in score a dollar, from 0 (quality alone) upwards."""

    name: str = "argmax"
    usable: bool = True

    def fit(self, learning: Learning) -> _FittedArgmax:
        """The mean cost of each model is what is learnt here."""
        return _FittedArgmax(learning, learning.prices.mean(axis=0))


@dataclass(frozen=True, eq=False)
class _FittedArgmax:
    learning: Learning
    mean_price: Floats

    @property
    def unseen(self) -> Replay:
        """The training queries, by out-of-fold expectations."""
        return self.replay(self.learning.grid, self.learning.expected)

    def replay(self, grid: Grid, expected: Floats) -> Replay:
        """Every weight at once, from upper envelopes of straight lines."""
        price = np.broadcast_to(self.mean_price, expected.shape)
        steps = cheaper_as_prices_rise(expected, price)
        costs = grid.costs if self.learning.grid.priced else np.ones_like(grid.costs)
        return Replay.of(steps, grid.scores, costs, np.eye(len(grid.models), dtype=bool))


@dataclass(frozen=True)
class Threshold:
    """The strong model where it is expected to gain at least the threshold over the weak one."""

    name: str = "threshold"
    usable: bool = True

    def fit(self, learning: Learning) -> _FittedThreshold:
        """Nothing more than which two. Raises NotApplicable without a pair."""
        weak, strong = _pair(learning)
        return _FittedThreshold(learning, weak, strong)


@dataclass(frozen=True, eq=False)
class _FittedThreshold:
    learning: Learning
    weak: int
    strong: int

    @property
    def unseen(self) -> Replay:
        """The training queries, by out-of-fold expectations."""
        return self.replay(self.learning.grid, self.learning.expected)

    def replay(self, grid: Grid, expected: Floats) -> Replay:
        """Every threshold at once: a query goes to the weak model above its own expected gain."""
        gain = expected[:, self.strong] - expected[:, self.weak]
        costs = grid.costs if self.learning.grid.priced else np.ones_like(grid.costs)
        steps = _two_options(gain, self.strong, self.weak)
        calls = np.eye(len(grid.models), dtype=bool)
        return Replay.of(steps, grid.scores, costs, calls, preference=gain)


@dataclass(frozen=True)
class RandomMixture:
    """Chance, in the best proportions: between two neighbours of the convex hull of the single
    models, queries drawn at random. The threshold runs over the hull from its dear end (0) to its
    cheap end (the number of sides)."""

    name: str = "random_mixture"
    usable: bool = True

    def fit(self, learning: Learning) -> _FittedMixture:
        """Which models are corners of the hull. Raises NotApplicable where costs are unknown."""
        if not learning.grid.priced:
            raise NotApplicable("Costs are unknown, so that no mixture can be priced.")
        quality, cost = learning.grid.scores.mean(axis=0), learning.grid.costs.mean(axis=0)
        corners, heights = non_decreasing_hull(cost, quality)
        models = [
            int(np.flatnonzero((cost == x) & (quality == y))[0])
            for x, y in zip(corners, heights, strict=True)
        ]
        return _FittedMixture(learning, np.array(models[::-1], dtype=np.int64))


@dataclass(frozen=True, eq=False)
class _FittedMixture:
    learning: Learning
    corners: Ints
    """From the dearest to the cheapest."""

    @property
    def unseen(self) -> Replay:
        """The training queries."""
        return self.replay(self.learning.grid, self.learning.expected)

    def replay(self, grid: Grid, expected: Floats) -> Replay:
        """Each query leaves a corner at a moment of its own, drawn evenly along each side."""
        del expected
        random = np.random.default_rng(self.learning.seed)
        sides = len(self.corners) - 1
        moments = random.random((grid.n, 1)) + np.arange(sides)
        start = np.full((grid.n, 1), -np.inf)
        at = np.concatenate([start, moments], axis=1).ravel()
        query = np.repeat(np.arange(grid.n), sides + 1)
        steps = (query, at, np.tile(self.corners, grid.n))
        return Replay.of(steps, grid.scores, grid.costs, np.eye(len(grid.models), dtype=bool))


def _pair(learning: Learning) -> tuple[int, int]:
    if learning.pair is None:
        raise NotApplicable("It chooses between two models; name a weak and a strong one.")
    return learning.pair


def _two_options(gain: Floats, above: int, below: int) -> tuple[Ints, Floats, Ints]:
    """Option `above` up to each query's gain, and `below` beyond it."""
    n = len(gain)
    query = np.concatenate([np.arange(n), np.arange(n)])
    at = np.concatenate([np.full(n, -np.inf), np.nextafter(gain, np.inf)])
    node = np.concatenate([np.full(n, above), np.full(n, below)])
    return query, at, node
