"""Whether a log can say what a policy would have done: support, weights, and the verdict.

A weight is π(a|x)/p. Its mean is the share of the policy's probability that lies on what might have
been chosen, whatever the outcomes are, which is how wrong propensities show themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import t

from orchestra_kit.core.display import Shown
from orchestra_kit.outcomes.off_policy.logged import LoggedTraffic
from orchestra_kit.outcomes.statistics import clustered_mean

__all__ = [
    "FEWEST_CLUSTERS", "FEWEST_EFFECTIVE", "HARDLY_EVER", "LEAST_EFFECTIVE_SHARE",
    "MOST_HARDLY_EVER", "MOST_IN_ONE", "MOST_UNSUPPORTED", "Overlap", "Verdict",
    "kish", "measure_overlap", "supported",
]  # fmt: skip

FEWEST_EFFECTIVE = (100, 400)
"""Effective requests below which nothing is said, and below which what is said is weak: a share is
then known to 10 points at best, and to 5 (1.96 · 0.5/√n)."""
LEAST_EFFECTIVE_SHARE = 0.05
"""Effective requests as a share of all: below it a few requests stand for all others, and the
interval itself is unsure (Owen 2013, “Monte Carlo theory”, 9.3)."""
MOST_UNSUPPORTED = (0.05, 0.01)
"""Share of the policy's probability on actions without support: a quality may be wrong by as much
(Sachdeva, Su and Joachims 2020, “Off-policy bandits with deficient support”)."""
FEWEST_CLUSTERS = (20, 50)
"""Effective clusters: with fewer, cluster-robust intervals are too narrow (Cameron and Miller 2015,
“A practitioner's guide to cluster-robust inference”, VI)."""
MOST_IN_ONE = 0.05
"""Share of all weight in one request, above which the estimate hangs on it."""
HARDLY_EVER, MOST_HARDLY_EVER = 0.01, 0.10
"""A propensity below the first makes weights above a hundred; more than the second of the weight on
those is weak."""
_MISFIT = 0.0001
"""p-value of the mean weight below which the propensities are not believed."""

_Floats = npt.NDArray[np.float64]
_Truths = npt.NDArray[np.bool_]


class Verdict(StrEnum):
    """Whether a figure may be used."""

    ESTIMABLE = "estimable"
    WEAK = "weak"
    NOT_ESTIMABLE = "not estimable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap(Shown):
    """How far what was logged covers what a policy would do, over n requests."""

    n: int
    effective: float
    """Kish's effective number of requests, (Σw)²/Σw²."""
    clusters: float
    """The same of clusters, by their sums of weights."""
    share: float
    """Share of the policy's probability on actions with support."""
    unknown: float
    """Share of it on actions without support that the logged policy, leaving only 1 − p to all
    others together, cannot have done as often: any figure may be wrong by that much of the
    outcome's range."""
    mean_weight: float
    """Where the propensities are right, between `share` and `possible`, but for chance."""
    possible: float
    """Share of the policy's probability on what chance might have chosen, tried or not."""
    misfit: float | None
    """p-value of a mean weight so far out; None where it cannot be tested."""
    largest_weight: float
    in_one: float
    """The share of all weight in the largest."""
    hardly_ever: float
    """The share of all weight on propensities below `HARDLY_EVER`."""
    never_tried: Mapping[str, float]
    """Share of the policy's probability by action without support, the largest first."""

    @property
    def verdict(self) -> tuple[Verdict, str]:
        """The verdict, and the first reason for it in words; empty where estimable."""
        for refused, verdict in enumerate((Verdict.NOT_ESTIMABLE, Verdict.WEAK)):
            reason = self._reason(refused)
            if reason:
                return verdict, reason
        return Verdict.ESTIMABLE, ""

    def _reason(self, level: int) -> str:
        if 1 - self.share > MOST_UNSUPPORTED[level]:
            return self._untried()
        if level == 0 and self.misfit is not None and self.misfit < _MISFIT:
            return (
                f"the weights average {self.mean_weight:.3g} where the logged propensities promise "
                f"{self._promised()}, so that those are wrong or hide rare choices of great weight"
            )
        if self.effective < FEWEST_EFFECTIVE[level]:
            return (
                f"the {self.n:,} requests are worth {self.effective:,.0f} of the policy's own, and "
                f"it takes {FEWEST_EFFECTIVE[level]}"
            )
        if level == 0 and self.effective < LEAST_EFFECTIVE_SHARE * self.n:
            return (
                f"only {self.effective / self.n:.1%} of the {self.n:,} requests are effective, and "
                f"it takes {LEAST_EFFECTIVE_SHARE:.0%}"
            )
        if self.clusters < FEWEST_CLUSTERS[level]:
            return (
                f"they come from {self.clusters:,.0f} effective sessions, and it takes "
                f"{FEWEST_CLUSTERS[level]}"
            )
        if level == 1 and self.in_one > MOST_IN_ONE:
            return f"one request holds {self.in_one:.0%} of all weight"
        if level == 1 and self.hardly_ever > MOST_HARDLY_EVER:
            return (
                f"{self.hardly_ever:.0%} of the weight is on choices that were made less than once "
                "in a hundred times"
            )
        return ""

    def _promised(self) -> str:
        low, high = f"{self.share:.3g}", f"{self.possible:.3g}"
        return low if low == high else f"{low} to {high}"

    def _untried(self) -> str:
        names = list(self.never_tried.items())
        told = ", ".join(f"{name} {_percent(share)}" for name, share in names[:3])
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        return (
            f"{_percent(1 - self.share)} of what it would do was never tried where it would do it "
            f"({told}{more})"
        )


def measure_overlap(
    traffic: LoggedTraffic,
    actions: Sequence[str],
    probabilities: _Floats,
    weights: _Floats,
    clusters: npt.NDArray[np.int64],
) -> Overlap:
    """The overlap of a policy, given as requests x actions, with what was logged."""
    tried, possible = supported(traffic, actions)
    on, might = probabilities * tried, probabilities * possible
    off = probabilities - on
    beyond = np.maximum(off - (1 - traffic.propensity)[:, None], 0.0)
    never = off.mean(axis=0)
    tried_least = np.argsort(-never, kind="stable")
    total = float(weights.sum())
    return Overlap(
        n=len(weights),
        effective=kish(weights),
        clusters=kish(np.bincount(clusters, weights=weights).astype(np.float64)),
        share=float(on.sum() / probabilities.sum()),
        unknown=float(beyond.sum() / probabilities.sum()),
        mean_weight=float(weights.mean()),
        possible=float(might.sum() / probabilities.sum()),
        misfit=_misfit(weights, on.sum(axis=1), might.sum(axis=1), clusters),
        largest_weight=float(weights.max()),
        in_one=float(weights.max()) / total if total else 0.0,
        hardly_ever=float(weights[traffic.propensity < HARDLY_EVER].sum()) / total
        if total
        else 0.0,
        never_tried={actions[k]: float(never[k]) for k in tried_least if never[k] > 1e-9},
    )


def kish(weights: _Floats) -> float:
    """The effective sample size of weights (Kish 1965); 0 where all are 0."""
    squares = float((weights**2).sum())
    return float(weights.sum()) ** 2 / squares if squares else 0.0


def supported(traffic: LoggedTraffic, actions: Sequence[str]) -> tuple[_Truths, _Truths]:
    """Requests x actions, twice: what has support there, and what might have been chosen there.

    Both have the choice itself. Where it was left to chance (a propensity below 1), whatever was
    eligible might have been chosen, and what chance did choose in the same stratum has support. A
    choice without chance supports nothing but itself.
    """
    place = {action: number for number, action in enumerate(actions)}
    taken = np.array([place[name] for name in traffic.frame["action"]], dtype=np.int64)
    n = len(taken)
    by_chance = traffic.propensity < 1
    strata = pd.factorize(traffic.frame["stratum"])[0].astype(np.int64)
    tried = np.zeros((int(strata.max()) + 1, len(actions)), dtype=np.bool_)
    tried[strata[by_chance], taken[by_chance]] = True
    possible = np.repeat(by_chance[:, None], len(actions), axis=1)
    if "eligible" in traffic.frame:
        possible &= _eligible(traffic.frame["eligible"], place, len(actions))
    found = tried[strata] & possible
    for each in (found, possible):
        each[np.arange(n), taken] = True
    return found, possible


def _eligible(names: Iterable[tuple[str, ...]], place: Mapping[str, int], actions: int) -> _Truths:
    rows: dict[tuple[str, ...], _Truths] = {}
    for each in names:
        if each not in rows:
            row = np.zeros(actions, dtype=np.bool_)
            row[[place[name] for name in each if name in place]] = True
            rows[each] = row
    return np.stack([rows[each] for each in names])


def _misfit(
    weights: _Floats, tried: _Floats, possible: _Floats, clusters: npt.NDArray[np.int64]
) -> float | None:
    """The p-value of weights whose mean is below what was tried or above what was possible."""
    short, long = weights - tried, weights - possible
    gaps = short if short.mean() < 0 else long
    if (short.mean() >= 0 and long.mean() <= 0) or np.abs(gaps).max() < 1e-9:
        return 1.0
    found = clustered_mean(gaps, clusters)
    units = int(clusters.max()) + 1
    if found.high is None:
        return None
    reach = found.high - found.value
    if reach <= 0:
        return 0.0
    return float(2 * t.sf(abs(found.value) / reach * t.ppf(0.975, units - 1), units - 1))


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.1 else f"{share:.1%}"
