"""The policy's alerts, evaluated over a period: those that fired and those that stayed quiet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import bdtr, ndtr

from orchestra_kit.analytics.week import Period
from orchestra_kit.policy.schema import Alert

__all__ = ["FEWEST", "AlertRecord", "evaluate_alert"]

FEWEST = 5
"""A window with fewer requests is not judged: one failure among four is no sign of an outage."""

_MICROSECONDS = 1_000_000
_DUE = ("answered", "queued", "unavailable")
_SHARES = frozenset({"availability", "fallback_share", "review_share"})
_QUANTILES = {"p50_latency": 0.5, "p90_latency": 0.9, "p95_latency": 0.95}


_Values = npt.NDArray[np.float64]
_Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRecord:
    """What one alert did in a period."""

    name: str
    watch: str
    """The measure it watches."""
    scope: str
    """The task and tier it is limited to; empty for all requests."""
    threshold: float
    above: bool
    """Whether it fires over the threshold; under it otherwise."""
    window_seconds: float
    windows: int
    """Windows of the period, whole or begun."""
    judged: int
    """Windows with enough requests to judge."""
    fired: int
    """Times it began to fire: windows in breach that follow each other count once."""
    minutes: float
    """Minutes in breach."""
    minutes_beyond_chance: float
    """Minutes in breach in windows whose interval, at 95 % over all judged windows together
    (Bonferroni), lies wholly beyond the threshold."""
    worst: float
    """The most extreme value of a window in breach beyond chance, or else of a judged one; NaN
    where none was judged."""
    worst_at: datetime | None
    """When the worst window began; UTC."""
    first_at: datetime | None
    """When it first fired; UTC."""
    then: tuple[str, ...]
    """What the policy says is to be done."""

    @property
    def quiet(self) -> bool:
        """Whether it never fired."""
        return self.fired == 0


def evaluate_alert(alert: Alert, requests: pd.DataFrame, period: Period) -> AlertRecord:
    """The alert over the period, in windows of its own length that begin with the period.

    A window breaches when its value lies beyond the threshold. Costs of unknown price are left
    out. Spend is judged in every window, everything else in windows of at least `FEWEST` requests.
    """
    chosen = _in_scope(alert, requests, period)
    length = alert.lasting
    count = max(1, int(np.ceil((period.ends - period.starts).total_seconds() / length)))
    start = int(period.starts.timestamp() * _MICROSECONDS)
    window = ((chosen["at"].to_numpy(np.int64) - start) // int(length * _MICROSECONDS)).astype(int)
    above = alert.over is not None
    threshold = float(alert.over if alert.over is not None else alert.under or 0.0)
    values, doubts, sizes = _values(alert.watch, chosen, window, count, threshold)
    judged = np.isfinite(values) & (sizes >= (1 if alert.watch == "spend" else FEWEST))
    breach = judged & ((values > threshold) if above else (values < threshold))
    certain = breach & (doubts < 0.05 / max(int(judged.sum()), 1))
    begun = breach & ~np.concatenate(([False], breach[:-1]))
    # A small window is extreme by chance; where a breach is beyond it, the worst is one of those.
    telling = certain if certain.any() else judged
    ranked = np.where(telling, values if above else -values, -np.inf)
    worst = int(ranked.argmax()) if judged.any() else None
    begins = np.flatnonzero(begun)
    return AlertRecord(
        name=alert.name,
        watch=alert.watch,
        scope=", ".join(part for part in (alert.task, alert.tier) if part),
        threshold=threshold,
        above=above,
        window_seconds=length,
        windows=count,
        judged=int(judged.sum()),
        fired=len(begins),
        minutes=float(breach.sum()) * length / 60,
        minutes_beyond_chance=float(certain.sum()) * length / 60,
        worst=float(values[worst]) if worst is not None else float("nan"),
        worst_at=None if worst is None else _moment(period, worst, length),
        first_at=_moment(period, int(begins[0]), length) if len(begins) else None,
        then=alert.then,
    )


def _in_scope(alert: Alert, requests: pd.DataFrame, period: Period) -> pd.DataFrame:
    start = int(period.starts.timestamp() * _MICROSECONDS)
    end = int(period.ends.timestamp() * _MICROSECONDS)
    keep = (requests["at"] >= start) & (requests["at"] < end)
    if alert.task is not None:
        keep &= requests["task"] == alert.task
    if alert.tier is not None:
        keep &= requests["tier"] == alert.tier
    status = requests["status"]
    if alert.watch == "availability":
        keep &= status.isin(_DUE)
    elif alert.watch in _QUANTILES or alert.watch in {"quality", "fallback_share"}:
        keep &= status == "answered"
    if alert.watch == "quality":
        keep &= requests["quality"].notna()
    elif alert.watch in {"cost_per_request", "spend"}:
        keep &= requests["cost"].notna()
    return requests[keep]


def _values(
    watch: str,
    requests: pd.DataFrame,
    window: _Counts,
    count: int,
    threshold: float,
) -> tuple[_Values, _Values, _Counts]:
    """Of each window: the watched value, the probability of a value at least so far from the
    threshold by chance, and how many requests it holds."""
    sizes: _Counts = np.bincount(window, minlength=count)
    if watch in _QUANTILES:
        seconds = requests["seconds"].to_numpy(float)
        q = _QUANTILES[watch]
        over = _sums(window, seconds > threshold, count)
        # The quantile lies over the threshold where more than 1 - q of the values do.
        return _quantiles(seconds, window, sizes, q), _chance(over, sizes, 1 - q), sizes
    weights = _weights(watch, requests)
    sums = _sums(window, weights, count)
    if watch == "spend":
        return sums, np.zeros(count), np.maximum(sizes, 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        values = sums / np.where(sizes > 0, sizes, np.nan)
        if watch in _SHARES:
            return values, _chance(sums, sizes, threshold), sizes
        squares = _sums(window, weights**2, count)
        spread = np.sqrt(np.maximum(squares / sizes - values**2, 0) / np.maximum(sizes - 1, 1))
        z = np.nan_to_num(np.abs(values - threshold) / spread, nan=0.0)
        return values, np.asarray(2 * ndtr(-z), np.float64), sizes


def _sums(window: _Counts, weights: npt.ArrayLike, count: int) -> _Values:
    found = np.bincount(window, weights=np.asarray(weights, float), minlength=count)
    return found.astype(np.float64)


def _chance(hits: _Values, sizes: _Counts, share: float) -> _Values:
    """Exact binomial probability of hits at least so far to their side of `share`; two-sided."""
    if not 0 < share < 1:
        return np.zeros(len(hits))
    fewer: _Values = np.asarray(bdtr(hits, sizes, share), np.float64)
    below: _Values = np.asarray(bdtr(np.maximum(hits - 1, 0), sizes, share), np.float64)
    below[hits <= 0] = 0.0
    tail: _Values = 2 * np.minimum(fewer, 1 - below)
    tail[tail > 1] = 1.0
    return tail


def _weights(watch: str, requests: pd.DataFrame) -> _Values:
    if watch == "availability":
        return np.asarray(requests["status"] == "answered", np.float64)
    if watch == "fallback_share":
        return np.asarray(requests["chain_tier"] > 0, np.float64)
    if watch == "review_share":
        return np.asarray(requests["status"] == "review", np.float64)
    return requests["quality" if watch == "quality" else "cost"].to_numpy(float)


def _quantiles(
    values: _Values,
    window: _Counts,
    sizes: _Counts,
    q: float,
) -> _Values:
    """The q-quantile of each window, by the order statistic at or above it."""
    ordered = values[np.lexsort((values, window))]
    starts = np.concatenate(([0], np.cumsum(sizes)[:-1]))
    result = np.full(len(sizes), np.nan)
    held = sizes > 0
    rank = np.ceil(q * sizes[held]).astype(int) - 1
    result[held] = ordered[starts[held] + np.maximum(rank, 0)]
    return result


def _moment(period: Period, window: int, length: float) -> datetime:
    return (period.starts + timedelta(seconds=window * length)).astimezone(UTC)
