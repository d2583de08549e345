"""One number with its interval and n: shares, means, quantiles and paired differences.

An interval is of 95 % unless a level is given. The unit that varies is the query: where one query
was answered several times, pass its id as the cluster and the interval counts queries, not answers.
Fewer than two units cannot say how much they vary: the interval is then None, never of width 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr
from scipy.stats import beta, norm, t

from orchestra_kit.core.display import Shown

__all__ = [
    "LEVEL",
    "RESAMPLES",
    "Estimate",
    "Evidence",
    "clustered_mean",
    "difference",
    "expanded_tail",
    "holm",
    "judge",
    "mean_estimate",
    "mean_score",
    "proportion",
    "quantile",
]

LEVEL = 0.95
RESAMPLES = 4_000
"""Bootstrap resamples: the ends of an interval then wander by about a twentieth of its width."""
_MEMORY = 4_000_000
"""Random counts drawn at a time, 32 MB."""
_Numbers = npt.NDArray[np.float64]


class Evidence(StrEnum):
    """The four words in which a comparison may end."""

    SHOWS = "shows"
    """p < 0.05 after the correction for everything that was compared with it."""
    SUGGESTS = "suggests"
    """p < 0.05, but not after the correction."""
    NONE = "no evidence"
    TOO_LITTLE = "not enough data"


@dataclass(frozen=True, slots=True)
class Estimate(Shown):
    """A value, the ends of its interval, and how many observations it rests on."""

    value: float
    low: float | None
    """None where fewer than two units were observed."""
    high: float | None
    n: int

    @property
    def interval(self) -> tuple[float, float] | None:
        """Both ends, or None."""
        return None if self.low is None or self.high is None else (self.low, self.high)

    @property
    def bounds(self) -> tuple[float, float]:
        """Both ends for frames and arithmetic: NaN where there is no interval."""
        return self.interval or (math.nan, math.nan)

    def format(self, digits: int = 2) -> str:
        """The value and its interval: ``0.85 (0.64 to 0.95)``, with so many decimals."""
        value = f"{self.value:.{digits}f}"
        if self.low is None or self.high is None:
            return f"{value} (n={self.n}, no interval)"
        return f"{value} ({self.low:.{digits}f} to {self.high:.{digits}f})"

    def __str__(self) -> str:
        return f"{self.format(3)}, n={self.n}" if self.interval else self.format(3)


def proportion(hits: float, n: int, *, level: float = LEVEL) -> Estimate:
    """A share `hits / n` with the score interval of Wilson (1927).

    Raises ValueError for n < 1 or hits outside 0..n.
    """
    if n < 1 or not 0 <= hits <= n:
        raise ValueError(f"there is no share of {hits} in {n}")
    value = float(hits) / int(n)
    if n < 2:
        return Estimate(value, None, None, int(n))
    return Estimate(value, *_wilson(value, n, float(norm.ppf((1 + level) / 2))), int(n))


def mean_estimate(values: npt.ArrayLike, *, level: float = LEVEL) -> Estimate:
    """The mean of independent values in any unit, with Student's t at n - 1 degrees of freedom.

    Raises ValueError where there are no values, or one is not finite.
    """
    numbers = _numbers(values)
    return clustered_mean(numbers, np.arange(len(numbers)), level=level)


def clustered_mean(
    values: npt.ArrayLike, clusters: npt.ArrayLike, *, level: float = LEVEL
) -> Estimate:
    """The mean of all values, where those of one cluster may resemble each other.

    The variance is that of a ratio of cluster totals (Cochran 1977, 6.3, 9A.3) and the interval
    Student's t at clusters - 1 degrees of freedom; with clusters of one it is the usual one. n
    counts values. Raises ValueError where there are none, or one is not finite.
    """
    numbers = _numbers(values)
    value = float(numbers.mean())
    variance, units = _variance_of_mean(numbers, _codes(clusters, len(numbers)))
    if units < 2:
        return Estimate(value, None, None, len(numbers))
    reach = _t(units, level) * math.sqrt(variance)
    return Estimate(value, value - reach, value + reach, len(numbers))


def mean_score(
    scores: npt.ArrayLike, clusters: npt.ArrayLike | None = None, *, level: float = LEVEL
) -> Estimate:
    """The mean of scores between 0 and 1: Wilson's interval, also for graded and clustered ones.

    Scores of 0 and 1, each of its own cluster, are a plain share. Otherwise Wilson's interval is
    taken at the effective sample size, n over the design effect (Kish 1965; Korn and Graubard
    1998), with Student's t at clusters - 1 degrees of freedom. Several scores a cluster are at
    least worth as many as if those of one were all equal, which needs no t since nothing is
    estimated: where that interval is narrower, it holds. Scores without any spread count as a
    plain share, which is the widest: that nothing varied in a few observations proves little.
    Raises ValueError where there are none, or one is outside 0..1.
    """
    numbers = _numbers(scores)
    n, value = len(numbers), float(numbers.mean())
    if ((numbers < 0) | (numbers > 1)).any():
        raise ValueError("a score lies between 0 and 1")
    codes = np.arange(n) if clusters is None else _codes(clusters, n)
    variance, units = _variance_of_mean(numbers, codes)
    if units < 2:
        return Estimate(value, None, None, n)
    if variance == 0 or (units == n and np.isin(numbers, (0, 1)).all()):
        return replace(proportion(value * units, units, level=level), value=value, n=n)
    low, high = _wilson(value, value * (1 - value) / variance, _t(units, level))
    if units < n:
        alike = n**2 / float((np.bincount(codes) ** 2).sum())
        lower, upper = _wilson(value, alike, float(norm.ppf((1 + level) / 2)))
        low, high = max(low, lower), min(high, upper)
    return Estimate(value, low, high, n)


def quantile(
    values: npt.ArrayLike,
    q: float,
    clusters: npt.ArrayLike | None = None,
    *,
    level: float = LEVEL,
    one_sided: bool = False,
) -> Estimate:
    """The q-quantile, between two order statistics.

    The share below a true quantile is binomial, so that its Clopper-Pearson limits name the order
    statistics (Hahn and Meeker 1991, 5.2). Values of one cluster may resemble each other: the
    binomial is then taken at n over the design effect of that share. Where the sample is too small
    to hold one of them the interval is None: a p95 needs 72 values, a p50 six; `one_sided` keeps
    the end that is known. Raises ValueError where there are no values, one is not finite, or q is
    not between 0 and 1.
    """
    if not 0 < q < 1:
        raise ValueError("a quantile lies between 0 and 1")
    numbers = _numbers(values)
    ordered = np.sort(numbers)
    n, value = len(ordered), float(np.quantile(ordered, q))
    codes = None if clusters is None else _codes(clusters, n)
    worth = float(n) if codes is None else n / _design_effect(numbers <= value, codes)
    # P(X(k) <= quantile) = P(Binomial(n, q) >= k): both tails must stay under (1 - level) / 2.
    ranks = np.arange(1, n + 1) * worth / n
    below = beta.cdf(q, ranks, worth - ranks + worth / n)
    tail = (1 - level) / 2
    lower, upper = np.flatnonzero(below >= 1 - tail), np.flatnonzero(below <= tail)
    low = float(ordered[lower[-1]]) if len(lower) else None
    high = float(ordered[upper[0]]) if len(upper) else None
    if (low is None or high is None) and not one_sided:
        return Estimate(value, None, None, n)
    return Estimate(value, low, high, n)


def difference(
    candidate: npt.ArrayLike,
    baseline: npt.ArrayLike,
    clusters: npt.ArrayLike | None = None,
    *,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Estimate:
    """The mean of candidate minus baseline over pairs, by a bootstrap of whole clusters.

    Its percentiles are those of `expanded_tail`; n counts pairs. Raises ValueError where the two
    differ in length, are empty, or hold a value that is not finite.
    """
    first, second = _numbers(candidate), _numbers(baseline)
    if first.shape != second.shape:
        raise ValueError("pairs need as many candidates as baselines")
    gaps = first - second
    codes = np.arange(len(gaps)) if clusters is None else _codes(clusters, len(gaps))
    sums: _Numbers = np.bincount(codes, weights=gaps).astype(np.float64)
    counts = np.bincount(codes).astype(np.int64)
    value, units = float(gaps.mean()), len(counts)
    if units < 2:
        return Estimate(value, None, None, len(gaps))
    means = _resampled_means(sums, counts, resamples, np.random.default_rng(seed))
    tail = expanded_tail(units, level)
    low, high = np.quantile(means, (tail, 1 - tail))
    return Estimate(value, float(low), float(high), len(gaps))


def expanded_tail(units: int, level: float = LEVEL) -> float:
    """The share of resamples to leave out on each side of a bootstrap interval.

    Widened for few units (Hesterberg 2015, "expanded percentile"), so that with normal data the
    interval is as wide as Student's; as it stands for fewer than two, which have no interval.
    """
    if units < 2:
        return (1 - level) / 2
    return float(ndtr(-math.sqrt(units / (units - 1)) * _t(units, level)))


def holm(p_values: npt.ArrayLike) -> _Numbers:
    """p-values corrected together by Holm's step-down method (1979), in the order given."""
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    raised = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    corrected = np.empty_like(p)
    corrected[order] = np.minimum(raised, 1.0)
    return corrected


def judge(p: float | None, corrected: float | None = None) -> Evidence:
    """The verdict word for a p-value and what the correction made of it (p itself by default)."""
    if p is None:
        return Evidence.TOO_LITTLE
    if (p if corrected is None else corrected) < 1 - LEVEL:
        return Evidence.SHOWS
    return Evidence.SUGGESTS if p < 1 - LEVEL else Evidence.NONE


def _numbers(values: npt.ArrayLike) -> _Numbers:
    numbers = np.asarray(values, dtype=np.float64).ravel()
    if not len(numbers):
        raise ValueError("there is nothing to estimate from")
    if not np.isfinite(numbers).all():
        raise ValueError("a missing or infinite value cannot be averaged; leave it out first")
    return numbers


def _codes(clusters: npt.ArrayLike, n: int) -> npt.NDArray[np.int64]:
    """Clusters as whole numbers from 0."""
    labels = np.asarray(clusters).ravel()
    if len(labels) != n:
        raise ValueError("every value needs its cluster")
    return np.unique(labels, return_inverse=True)[1].astype(np.int64)


def _variance_of_mean(numbers: _Numbers, codes: npt.NDArray[np.int64]) -> tuple[float, int]:
    """The variance of the mean by cluster totals, and how many clusters there are."""
    sums = np.bincount(codes, weights=numbers - numbers.mean())
    units = len(sums)
    if units < 2 or np.ptp(numbers) == 0:
        return 0.0, units
    return float((sums**2).sum()) * units / (units - 1) / len(numbers) ** 2, units


def _design_effect(share: npt.NDArray[np.bool_], codes: npt.NDArray[np.int64]) -> float:
    """How many times wider than independent values the clusters make the variance of a share; at
    least 1, and at most as many as if those of one cluster were all equal."""
    n = len(share)
    most = float((np.bincount(codes) ** 2).sum()) / n
    mean = float(share.mean())
    if mean in (0.0, 1.0):
        return most
    variance, units = _variance_of_mean(share.astype(np.float64), codes)
    if units < 2:
        return most
    return min(most, max(1.0, variance * (n - 1) / (mean * (1 - mean))))


def _wilson(p: float, n: float, z: float) -> tuple[float, float]:
    """Wilson's interval for a share p of n; the ends are exact at p = 0 and p = 1."""
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    reach = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max(0.0, min(p, middle - reach)), min(1.0, max(p, middle + reach))


def _t(units: int, level: float) -> float:
    return float(t.ppf((1 + level) / 2, units - 1))


def _resampled_means(
    sums: _Numbers, counts: npt.NDArray[np.int64], resamples: int, random: np.random.Generator
) -> _Numbers:
    """Means of resamples of whole clusters, drawn a block at a time to bound the memory."""
    units = len(sums)
    even = np.full(units, 1 / units)
    block = max(1, _MEMORY // units)
    found = []
    for start in range(0, resamples, block):
        times = random.multinomial(units, even, size=min(block, resamples - start))
        found.append((times @ sums) / (times @ counts))
    return np.concatenate(found)
