"""Every threshold of an escalation at once, exactly, with intervals from one paired bootstrap.

Sorted by their signal, the queries that a threshold escalates are a prefix, so that the figures of
all thresholds are cumulative sums: O(n log n). The same resamples of queries serve all thresholds
and all differences, which pairs them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from orchestra_kit.outcomes.statistics import Estimate, expanded_tail

__all__ = ["FIGURES", "lift_over_chance", "sweep"]

FIGURES = ("quality", "cost", "against_cheap", "against_strong")
"""What each threshold has an estimate of: mean score, mean dollars, and the difference in mean
score from always asking the cheap or the strong model."""
_RESAMPLES = 1_000
_BAND_POINTS = 400
"""Thresholds whose bands are resampled; between them bands are interpolated, figures are not."""
_BLOCK = 100

_Numbers = npt.NDArray[np.float64]
_Counts = npt.NDArray[np.int64]


def sweep(
    cheap_scores: npt.ArrayLike,
    strong_scores: npt.ArrayLike,
    signal: npt.ArrayLike,
    cheap_costs: npt.ArrayLike,
    strong_costs: npt.ArrayLike,
    *,
    resamples: int = _RESAMPLES,
    seed: int = 0,
) -> pd.DataFrame:
    """Share escalated, quality and cost at every threshold that makes a difference.

    Query by query: two scores (0-1), the signal (higher means trust the cheap answer), two costs
    in dollars; a NaN among them makes the cost of the thresholds that it enters unknown. The first
    row escalates nothing and the last all; a row's ``threshold`` is the least that escalates its
    queries. ``quality``, ``cost``, ``against_cheap`` and ``against_strong`` have 95 % intervals in
    ``..._low`` and ``..._high`` (NaN for one query). Raises ValueError for lengths that differ, no
    queries, or a score or signal that is not finite.
    """
    ranked = _Ranked.of(cheap_scores, strong_scores, signal, cheap_costs, strong_costs)
    n, counts = ranked.n, ranked.counts
    above = np.nextafter(ranked.signal[counts[1:] - 1], np.inf)
    columns: dict[str, _Numbers | _Counts] = {
        "threshold": np.concatenate([[min(0.0, ranked.signal[0])], above]),
        "escalated": counts,
        "share_escalated": counts / n,
    }
    once = np.ones((1, n))
    columns |= {name: values[0] for name, values in ranked.figures(once, counts).items()}
    return pd.DataFrame({**columns, **_bands(ranked, resamples, seed)})


def lift_over_chance(
    cheap_scores: npt.ArrayLike,
    strong_scores: npt.ArrayLike,
    signal: npt.ArrayLike,
    strong_costs: npt.ArrayLike | None = None,
    *,
    resamples: int = _RESAMPLES,
    seed: int = 0,
) -> Estimate:
    """How much better the signal escalates than chance, in quality; 0 for one that knows nothing.

    The mean quality over all that could be spent on escalation, from nothing to always, minus that
    of spending the same on queries picked at random. Without costs every escalation counts as one:
    this is then the area of the RouteLLM paper (Ong et al. 2024, APGR) less one half, in units of
    quality. Raises ValueError as `sweep` does, and for a cost that is not finite or no cost at all.
    """
    free = np.zeros_like(np.asarray(signal, dtype=np.float64).ravel())
    spent = free + 1 if strong_costs is None else strong_costs
    ranked = _Ranked.of(cheap_scores, strong_scores, signal, free, spent)
    if not (np.isfinite(ranked.strong_cost).all() and ranked.strong_cost.sum() > 0):
        raise ValueError("an unknown cost cannot be weighed; leave the costs out")
    cuts = ranked.counts[_spread(len(ranked.counts))]
    value = float(_areas(ranked, np.ones((1, ranked.n)), cuts)[0])
    if ranked.n < 2:
        return Estimate(value, None, None, ranked.n)
    drawn = [_areas(ranked, times, cuts) for times in _resampled(ranked.n, resamples, seed)]
    tail = expanded_tail(ranked.n)
    low, high = np.quantile(np.concatenate(drawn), (tail, 1 - tail))
    return Estimate(value, float(low), float(high), ranked.n)


@dataclass(frozen=True)
class _Ranked:
    """Queries in the order in which a rising threshold escalates them."""

    cheap: _Numbers
    strong: _Numbers
    signal: _Numbers
    cheap_cost: _Numbers
    strong_cost: _Numbers
    counts: _Counts
    """How many queries each threshold escalates: equal signals go together."""

    @classmethod
    def of(cls, *columns: npt.ArrayLike) -> _Ranked:
        parts = [np.asarray(column, dtype=np.float64).ravel() for column in columns]
        if not len(parts[0]) or len({len(part) for part in parts}) > 1:
            raise ValueError("every query needs two scores, a signal and two costs")
        if not all(np.isfinite(part).all() for part in parts[:3]):
            raise ValueError("a missing score or signal cannot be swept; leave it out first")
        order = np.argsort(parts[2], kind="stable")
        cheap, strong, signal, cheap_cost, strong_cost = (part[order] for part in parts)
        counts = np.flatnonzero(np.diff(signal, prepend=-np.inf, append=np.inf) > 0)
        return cls(cheap, strong, signal, cheap_cost, strong_cost, counts.astype(np.int64))

    @property
    def n(self) -> int:
        return len(self.cheap)

    def figures(self, times: _Numbers, cuts: _Counts) -> dict[str, _Numbers]:
        """Each figure, resample x threshold: `times` says how often each query counts."""
        gains = _prefix(times * (self.strong - self.cheap), cuts)
        # einsum, since a matrix product would start threads that cost more than they save here.
        first = np.einsum("ij,j->i", times, self.cheap)[:, None]
        spent = np.einsum("ij,j->i", times, self.cheap_cost)[:, None]
        sums = (
            first + gains,
            spent + _prefix(times * self.strong_cost, cuts),
            gains,
            gains - gains[:, [-1]],
        )
        return {name: values / self.n for name, values in zip(FIGURES, sums, strict=True)}


def _bands(ranked: _Ranked, resamples: int, seed: int) -> dict[str, _Numbers]:
    """Both ends of the interval of each figure at each threshold."""
    cuts = ranked.counts[_spread(len(ranked.counts))]
    drawn = [ranked.figures(times, cuts) for times in _resampled(ranked.n, resamples, seed)]
    tail = expanded_tail(ranked.n)
    bands = {}
    for name in FIGURES:
        resampled = np.concatenate([block[name] for block in drawn])
        ends = np.quantile(resampled, (tail, 1 - tail), axis=0)
        for end, values in zip(("low", "high"), ends, strict=True):
            whole = np.interp(ranked.counts, cuts, values)
            bands[f"{name}_{end}"] = whole if ranked.n > 1 else np.full(len(whole), np.nan)
    return bands


def _areas(ranked: _Ranked, times: _Numbers, cuts: _Counts) -> _Numbers:
    """For each resample the mean quality over all spending, minus the mean of its two ends."""
    spent = _prefix(times * ranked.strong_cost, cuts)
    # A resample that happens to hold only free queries has no spending to be averaged over.
    total = np.where(spent[:, [-1]] > 0, spent[:, [-1]], np.inf)
    gains = _prefix(times * (ranked.strong - ranked.cheap), cuts) / ranked.n
    steps = np.diff(spent / total, axis=1)
    below = ((gains[:, 1:] + gains[:, :-1]) / 2 * steps).sum(axis=1)
    return np.asarray(np.where(np.isfinite(total[:, 0]), below - gains[:, -1] / 2, 0.0))


def _resampled(n: int, resamples: int, seed: int) -> Iterator[_Numbers]:
    """How often each query is drawn in each resample, a block of resamples at a time."""
    random = np.random.default_rng(seed)
    even = np.full(n, 1 / n)
    for start in range(0, resamples, _BLOCK):
        yield random.multinomial(n, even, size=min(_BLOCK, resamples - start)).astype(np.float64)


def _prefix(values: _Numbers, cuts: _Counts) -> _Numbers:
    """Row by row the sum of the first so many values."""
    return np.asarray(np.cumsum(np.pad(values, ((0, 0), (1, 0))), axis=1)[:, cuts])


def _spread(thresholds: int) -> _Counts:
    """At most so many places that are spread over all thresholds, both ends among them."""
    return np.unique(np.linspace(0, thresholds - 1, _BAND_POINTS).round().astype(np.int64))
