"""What a change of thresholds means for the traffic: who answers instead, at what difference.

Both sides are replayed over the same queries, so that every difference is one of pairs. A query in
all its tiers counts once, and equal prompts are one unit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from orchestra_kit.core.display import Shown, Table
from orchestra_kit.core.money import format_usd
from orchestra_kit.outcomes.statistics import Estimate, clustered_mean, difference
from orchestra_kit.outcomes.tuning.policy_replay import PolicyReplay, Replayed

__all__ = ["Flip", "TrafficChange", "traffic_change"]

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

_TOLD = 8
"""Flips that a table tells one by one."""


@dataclass(frozen=True, slots=True)
class Flip(Shown):
    """Requests that another answers than did."""

    before: str
    """A deployment, ``nobody``, ``not known`` or ``a person``."""
    after: str
    share: float
    """Of all requests, 0-1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficChange(Shown):
    """The difference between two settings of a policy, over the same requests."""

    _hidden: ClassVar[frozenset[str]] = frozenset({"flips"})

    n: int
    """Queries that are known on both sides."""
    left_out: int
    """Queries that are not known on one side; none of the figures below counts them."""
    requests_per_week: float
    flips: tuple[Flip, ...]
    """The largest first; over all queries."""
    quality: tuple[float, float]
    """Mean score before and after; NaN where nothing is known."""
    cost: tuple[float, float]
    """Mean dollars a request, before and after; NaN where a cost is unknown."""
    latency: tuple[float, float]
    """Mean seconds, before and after; NaN where one is unknown."""
    review: tuple[float, float]
    """Share of all requests that a person gets, before and after."""
    quality_change: Estimate | None
    cost_change: Estimate | None
    """Dollars a request; None where unknown."""
    latency_change: Estimate | None

    @property
    def moved(self) -> float:
        """Share of requests that another answers."""
        return sum(flip.share for flip in self.flips)

    @property
    def weekly(self) -> Estimate | None:
        """Dollars a week, after minus before; None where a cost is unknown.

        Requests that are left out count for nothing in it.
        """
        if self.cost_change is None:
            return None
        known = self.n / (self.n + self.left_out) * self.requests_per_week
        low, high = self.cost_change.low, self.cost_change.high
        return Estimate(
            known * self.cost_change.value,
            None if low is None else known * low,
            None if high is None else known * high,
            self.n,
        )

    def table(self) -> Table:
        """Figures before and after, and the differences with their intervals."""
        rows = [
            ("quality", *(_number(v, 3) for v in self.quality), _told(self.quality_change, 3)),
            ("dollars per 1,000 requests", *(_usd(1000 * v) for v in self.cost),
             _told_usd(self.cost_change, 1000)),
            (f"$ a week at {self.requests_per_week:,.0f} requests",
             *(_usd(self.requests_per_week * v) for v in self.cost), _told_usd_of(self.weekly)),
            ("seconds", *(_number(v, 2) for v in self.latency), _told(self.latency_change, 2)),
            ("to a person", *(f"{v:.1%}" for v in self.review), ""),
        ]  # fmt: skip
        columns = ("", "before", "after", "change, 95 % interval")
        left = f", {self.left_out:,} not estimable and left out" if self.left_out else ""
        title = f"{self.n:,} queries{left}; {self.moved:.1%} of requests answered by another"
        return Table(columns, rows, title=title, right=frozenset(columns[1:]))

    def flip_table(self) -> Table:
        """Who answers instead of whom."""
        rows: list[tuple[str, str, str, str]] = [
            (f.before, f.after, f"{f.share:.1%}", f"{f.share * self.requests_per_week:,.0f}")
            for f in self.flips[:_TOLD]
        ]
        if len(self.flips) > _TOLD:
            rest = sum(flip.share for flip in self.flips[_TOLD:])
            rows.append(
                ("others", "", f"{rest:.1%}", f"{rest * self.requests_per_week:,.0f}")
            )  # fmt: skip
        if not rows:
            rows.append(("nobody changes", "", "0.0%", "0"))
        columns = ("answered today by", "then by", "share", "requests a week")
        return Table(columns, rows, right=frozenset(columns[2:]))


def traffic_change(
    replay: PolicyReplay,
    before: Replayed,
    after: Replayed,
    *,
    requests_per_week: float = 10_000,
    resamples: int = 0,
    seed: int = 0,
) -> TrafficChange:
    """The difference between two settings of one replay.

    Intervals are Student's over prompts, or, with `resamples`, paired bootstraps of prompts.
    """
    score = _pair(replay, before.score, after.score)
    known = ~np.isnan(score).any(axis=0)
    measures = {
        name: _pair(replay, getattr(before, name), getattr(after, name))[:, known]
        for name in ("cost", "latency")
    }
    measures["score"] = score[:, known]
    units = replay.clusters[known]
    changes = {name: _change(values, units, resamples, seed) for name, values in measures.items()}
    person = len(replay.nodes) - 1
    return TrafficChange(
        n=int(known.sum()),
        left_out=int((~known).sum()),
        requests_per_week=requests_per_week,
        flips=_flips(replay, before, after),
        quality=_means(measures["score"]),
        cost=_means(measures["cost"]),
        latency=_means(measures["latency"]),
        review=(_share(replay, before.node == person), _share(replay, after.node == person)),
        quality_change=changes["score"],
        cost_change=changes["cost"],
        latency_change=changes["latency"],
    )


def _pair(replay: PolicyReplay, before: Floats, after: Floats) -> Floats:
    return np.stack([replay.per_query(before), replay.per_query(after)])


def _change(
    values: Floats, units: npt.NDArray[np.int64], resamples: int, seed: int
) -> Estimate | None:
    if not values.size or np.isnan(values).any():
        return None
    if resamples:
        return difference(values[1], values[0], units, resamples=resamples, seed=seed)
    return clustered_mean(values[1] - values[0], units)


def _means(values: Floats) -> tuple[float, float]:
    if not values.size:
        return float("nan"), float("nan")
    return float(values[0].mean()), float(values[1].mean())


def _flips(replay: PolicyReplay, before: Replayed, after: Replayed) -> tuple[Flip, ...]:
    changed = np.flatnonzero(before.node != after.node)
    many = len(replay.nodes)
    codes = before.node[changed] * many + after.node[changed]
    shares = np.bincount(codes, weights=replay.weight[changed], minlength=many**2) / replay.n
    order = [int(code) for code in np.argsort(-shares, kind="stable") if shares[code] > 0]
    return tuple(
        Flip(replay.nodes[code // many], replay.nodes[code % many], float(shares[code]))
        for code in order
    )


def _share(replay: PolicyReplay, held: Mask) -> float:
    return float(replay.weight[held].sum() / replay.n)


def _number(value: float, digits: int) -> str:
    return "unknown" if np.isnan(value) else f"{value:.{digits}f}"


def _usd(value: float) -> str:
    return "unknown" if np.isnan(value) else format_usd(value)


def _told(change: Estimate | None, digits: int) -> str:
    if change is None:
        return "unknown"
    ends = "" if change.interval is None else " ({:+.{d}f} to {:+.{d}f})".format(
        *change.interval, d=digits
    )  # fmt: skip
    return f"{change.value:+.{digits}f}{ends or ' (no interval)'}"


def _told_usd(change: Estimate | None, times: float) -> str:
    if change is None:
        return "unknown"
    low, high = (None if end is None else times * end for end in (change.low, change.high))
    return _told_usd_of(Estimate(times * change.value, low, high, change.n))


def _told_usd_of(change: Estimate | None) -> str:
    if change is None:
        return "unknown"
    ends = " (no interval)" if change.interval is None else " ({} to {})".format(
        *map(_signed_usd, change.interval)
    )  # fmt: skip
    return f"{_signed_usd(change.value)}{ends}"


def _signed_usd(value: float) -> str:
    return f"{'−' if value < 0 else '+'}{format_usd(abs(value))}"
