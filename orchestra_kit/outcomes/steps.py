"""Every value of one threshold at once: for each query, what it gets as the threshold rises.

As a threshold rises, the answer that a router gives to one query changes at a few values only.
Those changes, of all queries, sorted once, are the whole family of operating points: quality and
cost at every threshold are cumulative sums, O(e log e) for e changes, and nothing is missed between
them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

__all__ = ["Steps", "cheaper_as_prices_rise", "resampled"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_BLOCK = 50
_CUTS = 400
"""Thresholds at which resampled curves are kept; between them bands are interpolated."""


@dataclass(frozen=True, eq=False)
class Steps:
    """A step function of the threshold for each of n queries, flattened and sorted by threshold.

    Entry i says: from threshold ``at[i]`` on, query ``query[i]`` gains ``score[i]`` and
    ``cost[i]`` (differences from what it had). Each query's first entry is at ``-inf``, with
    differences from 0, so that the sums up to a threshold are the totals there.
    """

    n: int
    query: Ints
    at: Floats
    score: Floats
    cost: Floats
    node: Ints
    """What the query gets from here on, as the router numbers its options."""

    @classmethod
    def of(
        cls,
        query: npt.ArrayLike,
        at: npt.ArrayLike,
        node: npt.ArrayLike,
        scores: npt.ArrayLike,
        costs: npt.ArrayLike,
    ) -> Steps:
        """From each query's options in force: option ``node[i]`` from ``at[i]`` on.

        ``scores`` and ``costs`` are (n, options); every query needs an entry, and the first of each
        is taken to hold from ``-inf``. Raises ValueError where a query has none.
        """
        q, start, option = (np.asarray(values).ravel() for values in (query, at, node))
        order = np.lexsort((start, q))
        q, start, option = q[order].astype(np.int64), start[order], option[order].astype(np.int64)
        table, prices = np.asarray(scores, np.float64), np.asarray(costs, np.float64)
        first = np.diff(q, prepend=-1) != 0
        if int(first.sum()) != len(table):
            raise ValueError("every query needs an option to begin with")
        got, paid = table[q, option], prices[q, option]
        begin = np.where(first, -np.inf, start)
        score = np.where(first, got, got - np.roll(got, 1))
        cost = np.where(first, paid, paid - np.roll(paid, 1))
        rising = np.argsort(begin, kind="stable")
        parts = (q, begin, score, cost, option)
        q, begin, score, cost, option = (values[rising] for values in parts)
        return cls(len(table), q, begin.astype(np.float64), score, cost, option)

    @cached_property
    def ends(self) -> Ints:
        """The last entry of each distinct threshold, (t,)."""
        return np.flatnonzero(np.append(self.at[1:] != self.at[:-1], True)).astype(np.int64)

    @cached_property
    def thresholds(self) -> Floats:
        """(t,) every threshold at which anything changes, rising, from ``-inf``."""
        return np.asarray(self.at[self.ends])

    @cached_property
    def quality(self) -> Floats:
        """(t,) mean score from each threshold on."""
        return np.asarray(np.cumsum(self.score)[self.ends] / self.n)

    @cached_property
    def spending(self) -> Floats:
        """(t,) mean dollars a query from each threshold on; NaN where costs are unknown."""
        return np.asarray(np.cumsum(self.cost)[self.ends] / self.n)

    def nodes_at(self, threshold: float) -> Ints:
        """(n,) the option that each query has at a threshold."""
        held = self.at <= threshold
        nodes = np.empty(self.n, dtype=np.int64)
        nodes[self.query[held]] = self.node[held]
        return nodes

    def place(self, threshold: float) -> int:
        """Where in `thresholds` the one in force at a threshold stands."""
        return int(np.searchsorted(self.thresholds, threshold, side="right") - 1)

    def curves(self, resamples: int, seed: int) -> tuple[Ints, Floats, Floats]:
        """Resampled curves: places in `thresholds` (c,), quality and cost (resamples, c)."""
        cuts = np.unique(np.linspace(0, len(self.ends) - 1, _CUTS).round().astype(np.int64))
        ends = self.ends[cuts]
        quality, spending = [], []
        for times in resampled(self.n, resamples, seed):
            weight = times[:, self.query]
            quality.append(_sums(weight, self.score, ends) / self.n)
            spending.append(_sums(weight, self.cost, ends) / self.n)
        return cuts, np.concatenate(quality), np.concatenate(spending)


def cheaper_as_prices_rise(worth: Floats, price: Floats) -> tuple[Ints, Floats, Ints]:
    """For each query the best option at every price of cost: upper envelopes of straight lines.

    ``worth`` and ``price`` are (n, m): what option j is expected to bring query i, and to cost. At
    weight w the best option is the one with the highest ``worth - w * price``. As w rises from 0
    the best option only ever gets cheaper. Returns (query, w from which it is best, option) of each
    change, O(n m) for each change of the query that changes most. Equal worth: the cheaper option.
    """
    n, m = worth.shape
    rows = np.arange(n)
    best = np.argmax(np.where(worth == worth.max(axis=1, keepdims=True), -price, -np.inf), axis=1)
    weight = np.zeros(n)
    query, at, option = [rows], [np.full(n, -np.inf)], [best]
    for _ in range(m - 1):
        saved = price[rows, best][:, None] - price
        lost = worth[rows, best][:, None] - worth
        with np.errstate(divide="ignore", invalid="ignore"):
            turn = np.where(saved > 0, lost / saved, np.inf)
        turn = np.maximum(turn, weight[:, None])
        soonest = turn.min(axis=1)
        moved = np.flatnonzero(np.isfinite(soonest))
        if not len(moved):
            break
        tied = turn[moved] <= soonest[moved, None]
        best = best.copy()
        best[moved] = np.argmin(np.where(tied, price[moved], np.inf), axis=1)
        weight[moved] = soonest[moved]
        query.append(moved)
        at.append(soonest[moved])
        option.append(best[moved])
    return np.concatenate(query), np.concatenate(at), np.concatenate(option)


def resampled(n: int, resamples: int, seed: int) -> Iterator[Floats]:
    """How often each query is drawn in each resample, (block, n), a block at a time."""
    random = np.random.default_rng(seed)
    for start in range(0, resamples, _BLOCK):
        size = min(_BLOCK, resamples - start)
        drawn = random.integers(0, n, size=(size, n))
        yield np.stack([np.bincount(row, minlength=n) for row in drawn]).astype(np.float64)


def _sums(weight: Floats, values: Floats, ends: Ints) -> Floats:
    """(resamples, c) weighted sums of the entries up to each end."""
    starts = np.concatenate([[0], ends[:-1] + 1])
    return np.asarray(np.cumsum(np.add.reduceat(weight * values, starts, axis=1), axis=1))
