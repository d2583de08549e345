"""Every value of one threshold at once, with the others where they are.

The values at which some case fares otherwise, sorted once, are the whole curve: the means of
quality, cost and latency, and how surely each keeps what must be kept, are sums that run along.
O(e log e) for e changes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from orchestra_kit.outcomes.tuning.options import MEASURES, Options, options_of
from orchestra_kit.outcomes.tuning.policy_replay import PolicyReplay, Replayed
from orchestra_kit.policy.thresholds import Threshold

__all__ = ["Keep", "Sweep", "sweep"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

_SMALLEST = 1e-12


@dataclass(frozen=True, slots=True)
class Keep:
    """A measure that must stay within a factor of what it is today."""

    measure: str
    """``score``: at least `factor` times today's; ``cost`` or ``latency``: at most."""
    factor: float

    @property
    def sign(self) -> float:
        """1 where more is better."""
        return 1.0 if self.measure == "score" else -1.0

    def margin(self, now: Floats, today: Floats) -> Floats:
        """By how much each query keeps it; the mean must not fall below 0."""
        return np.asarray(self.sign * (now - self.factor * today))


@dataclass(frozen=True, eq=False)
class Sweep:
    """Means over the queries that are known today, at each of t values that count.

    From ``at[i]`` up to the next one nothing changes; the first is ``-inf``. A mean is NaN where a
    query would get something that is not known.
    """

    threshold: Threshold
    at: Floats
    score: Floats
    cost: Floats
    """Dollars a request; NaN where some are unknown."""
    latency: Floats
    margins: tuple[Floats, ...]
    """For each thing to keep, the mean margin."""
    errors: tuple[Floats, ...]
    """And its standard error, by distinct prompts."""
    n: int
    """Queries."""
    left_out: int
    """Queries that are not known today, or not at the other thresholds' values."""

    @property
    def inert(self) -> bool:
        """Whether no value makes a difference."""
        return len(self.at) < 2

    def place(self, value: float) -> int:
        """Where in the arrays a value of the threshold stands."""
        return int(np.searchsorted(self.at, value, side="right") - 1)

    def value_in(self, place: int, present: float) -> float:
        """A value of that stretch, short to write: the present one where it lies there, else the
        roundest near the middle."""
        low = float(self.at[place])
        high = float(self.at[place + 1]) if place + 1 < len(self.at) else math.inf
        if low <= present < high:
            return present
        most = self.threshold.high
        low = max(low, self.threshold.low)
        if self.threshold.kind == "weight":
            # At a crossing itself scores are equal, and priorities decide.
            low = math.nextafter(low, math.inf)
        return _round_within(low, min(high, most), closed=high > most, whole=self.threshold.whole)


def sweep(
    replay: PolicyReplay,
    key: str,
    at: Replayed,
    *,
    keep: Sequence[Keep] = (),
    counted: Mask | None = None,
) -> Sweep:
    """The sweep of one threshold from some settings.

    `counted` (queries,) leaves the others out as well. Raises TableError for an unknown threshold.
    """
    threshold = replay.threshold(key)
    options = options_of(replay, threshold, at)
    known = _known(replay, options, at)
    if counted is not None:
        known &= counted
    return _Sums(replay, threshold, options, at, keep, known).swept()


def _known(replay: PolicyReplay, options: Options, at: Replayed) -> Mask:
    """(queries,) whether a score is known today, and now as far as it does not change."""
    changing = np.zeros(len(replay.case), dtype=np.bool_)
    changing[options.case] = True
    still = np.where(changing, 0.0, at.score)
    return np.asarray(
        ~np.isnan(replay.per_query(still)) & ~np.isnan(replay.per_query(replay.today.score))
    )


class _Sums:
    """Runs along the sorted changes of one threshold."""

    def __init__(
        self,
        replay: PolicyReplay,
        threshold: Threshold,
        options: Options,
        at: Replayed,
        keep: Sequence[Keep],
        known: Mask,
    ) -> None:
        self._replay, self._threshold = replay, threshold
        self._at, self._keep, self._known = at, keep, known
        # What lies past the end of the threshold's range can never be.
        kept = known[replay.query[options.case]] & (options.at <= threshold.high)
        order = np.lexsort((options.at[kept], options.case[kept]))
        self._case = options.case[kept][order]
        self._value = options.at[kept][order]
        self._first = np.diff(self._case, prepend=-1) != 0
        self._got = {name: getattr(options, name)[kept][order] for name in MEASURES}

    def swept(self) -> Sweep:
        moved = ~self._first
        value = self._value[moved]
        rising = np.argsort(value, kind="stable")
        at = np.concatenate([[-np.inf], value[rising]])
        ends = np.flatnonzero(np.append(at[1:] != at[:-1], True))
        n = int(self._known.sum())
        means, parts = {}, {}
        for name in MEASURES:
            begin, change, unknown, lost = parts[name] = self._of(name)
            run = np.cumsum(np.concatenate([[begin[self._known].sum()], change[rising]]))
            hidden = np.cumsum(np.concatenate([[unknown], lost[rising]]))[ends] > 0
            means[name] = np.where(hidden, np.nan, run[ends] / max(n, 1))
        margins, errors = [], []
        for keep in self._keep:
            today = self._replay.per_query(getattr(self._replay.today, keep.measure))
            mean, error = self._margin(keep, *parts[keep.measure][:2], today, rising)
            margins.append(np.where(np.isnan(means[keep.measure]), np.nan, mean[ends]))
            errors.append(error[ends])
        return self._merged(
            Sweep(
                self._threshold, at[ends], means["score"], means["cost"], means["latency"],
                tuple(margins), tuple(errors), n, self._replay.n - n,
            )
        )  # fmt: skip

    def _of(self, name: str) -> tuple[Floats, Floats, int, Ints]:
        """What each query has at first and how each later entry changes its query, what is not
        known taken for 0; how many cases are not known at first, and how that changes."""
        replay, moved = self._replay, ~self._first
        values = getattr(self._at, name).copy()
        values[self._case[self._first]] = self._got[name][self._first]
        unknown = np.isnan(values) & self._known[replay.query]
        got = np.nan_to_num(self._got[name], nan=0.0)
        lost = np.isnan(self._got[name]).astype(np.int64)
        change = (got - np.roll(got, 1))[moved] * replay.weight[self._case[moved]]
        begin = replay.per_query(np.nan_to_num(values, nan=0.0))
        return begin, change, int(unknown.sum()), (lost - np.roll(lost, 1))[moved]

    def _margin(
        self, keep: Keep, begin: Floats, change: Floats, today: Floats, rising: Ints
    ) -> tuple[Floats, Floats]:
        """Mean margin and its standard error by clusters, after every entry in order of value."""
        replay, known = self._replay, self._known
        cluster = replay.clusters
        first = np.where(known, keep.margin(begin, today), 0.0)
        total = np.bincount(cluster, weights=first).astype(np.float64)
        size = np.bincount(cluster, weights=known.astype(np.float64)).astype(np.float64)
        of = cluster[replay.query[self._case[~self._first]]]
        of, step = of[rising], keep.sign * change[rising]
        # What its cluster had before each change: the changes before it in the same cluster.
        by_cluster = np.argsort(of, kind="stable")
        run = np.cumsum(step[by_cluster])
        starts = np.diff(of[by_cluster], prepend=-1) != 0
        opening = (run - step[by_cluster])[starts]
        within = run - np.repeat(opening, np.diff(np.append(np.flatnonzero(starts), len(run))))
        after = np.empty(len(of))
        after[by_cluster] = within + total[of[by_cluster]]
        before = after - step
        sums = np.cumsum(np.concatenate([[total.sum()], step]))
        squares = np.cumsum(np.concatenate([[(total**2).sum()], after**2 - before**2]))
        crossed = np.cumsum(np.concatenate([[(total * size).sum()], step * size[of]]))
        return _mean_and_error(sums, squares, crossed, size)

    def _merged(self, found: Sweep) -> Sweep:
        """Without values at which nothing changed after all."""
        columns = np.column_stack([found.score, found.cost, found.latency])
        known = ~np.isnan(columns)
        kept = np.ones(len(columns), dtype=np.bool_)
        changed = np.abs(np.diff(np.where(known, columns, 0.0), axis=0)) > _SMALLEST
        kept[1:] = (changed | (known[1:] != known[:-1])).any(axis=1)
        return Sweep(
            found.threshold, found.at[kept], found.score[kept], found.cost[kept],
            found.latency[kept], tuple(m[kept] for m in found.margins),
            tuple(e[kept] for e in found.errors), found.n, found.left_out,
        )  # fmt: skip


def _mean_and_error(
    sums: Floats, squares: Floats, crossed: Floats, size: Floats
) -> tuple[Floats, Floats]:
    """The mean of a ratio of cluster totals and its standard error (Cochran 1977, 6.3)."""
    n, units = float(size.sum()), int((size > 0).sum())
    if n == 0:
        return np.full(len(sums), np.nan), np.full(len(sums), np.nan)
    mean = sums / n
    if units < 2:
        return mean, np.full(len(sums), np.nan)
    spread = squares - 2 * mean * crossed + mean**2 * (size**2).sum()
    return mean, np.sqrt(np.maximum(spread, 0.0) * units / (units - 1)) / n


def _round_within(low: float, high: float, *, closed: bool, whole: bool) -> float:
    """The roundest number from `low` up to `high`, near their middle."""
    if math.isinf(high):
        high = 2 * low + 1
    middle = (low + high) / 2
    for digits in range(0, 1 if whole else 8):
        step = 10.0**-digits
        for number in (math.floor(middle / step), math.ceil(middle / step)):
            value = round(number * step, digits)
            if low <= value < high or (closed and value == high):
                return value
    return math.ceil(low) if whole else middle
