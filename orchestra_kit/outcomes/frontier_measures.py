"""One number for a whole curve of quality against cost, each as it was published.

Quality is a mean score (0-1), cost is mean dollars a query, shares are 0-1.
"""

from __future__ import annotations

from typing import overload

import numpy as np
import numpy.typing as npt

from orchestra_kit.outcomes.hull import (
    areas_under_hulls,
    columns_of,
    non_decreasing_hull,
    staircase,
)

__all__ = [
    "SHARES",
    "aiq",
    "aiq_of_each",
    "apgr",
    "cost_at",
    "cpt",
    "gap_recovered",
    "hypervolume",
    "non_decreasing_hull",
]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SHARES: Floats = np.linspace(0.0, 1.0, 11)
"""Shares of calls to the strong model at which RouteLLM evaluates a router."""
_ROUNDING = 1e-12
"""Sums of the same scores in another order may differ by this much of a mean."""
_ROWS = 50


def gap_recovered(
    weak: npt.ArrayLike,
    strong: npt.ArrayLike,
    preference: npt.ArrayLike,
    times: Floats | None = None,
) -> Floats:
    """Performance gap recovered at each of `SHARES` (Ong et al. 2024, RouteLLM).

    ``weak`` and ``strong`` are (n,) scores, ``preference`` is (n,), higher for queries that are to
    go to the strong model first. ``times`` (resamples, n) says how often each query counts; None
    counts each once. Returns (resamples, 11) or (11,): 0 is the weak model's mean and 1 the strong
    one's, NaN where these are equal. Between two queries the curve is a straight line, and so it is
    over queries of equal preference: that is the mean over every order of them, so that the order
    of the rows decides nothing. Raises ValueError for lengths that differ, no queries, or a value
    that is not finite.
    """
    low, high, wish = columns_of(weak, strong, preference)
    order = np.argsort(-wish, kind="stable")
    ends = np.flatnonzero(np.diff(wish[order], append=np.nan) != 0)
    gains = (high - low)[order]
    if times is None:
        return _recovered(np.ones(len(wish)), gains, ends)
    weights = np.asarray(times, dtype=np.float64)
    if weights.ndim != 2 or weights.shape[1] != len(wish):
        raise ValueError("resamples need one weight for each query")
    return np.stack([_recovered(row[order], gains, ends) for row in weights])


@overload
def apgr(
    weak: npt.ArrayLike,
    strong: npt.ArrayLike,
    preference: npt.ArrayLike,
    times: None = None,
) -> float: ...


@overload
def apgr(
    weak: npt.ArrayLike, strong: npt.ArrayLike, preference: npt.ArrayLike, times: Floats
) -> Floats: ...


def apgr(
    weak: npt.ArrayLike,
    strong: npt.ArrayLike,
    preference: npt.ArrayLike,
    times: Floats | None = None,
) -> float | Floats:
    """Average performance gap recovered (Ong et al. 2024, RouteLLM).

    The area under `gap_recovered` by the trapezoid rule: 0.5 for chance, above 1 where the mixture
    beats the strong model. A float, or (resamples,) with ``times``; NaN where both models have the
    same mean. Arguments and errors as in `gap_recovered`.

    RouteLLM's published evaluation cuts the preferences into ten bins of equal size, sends what is
    at or above each cut to the strong model, and integrates over the shares that this really
    reaches. Where no preferences are equal and ten divides n, the two agree to within one query a
    cut. Where many are equal its cuts coincide or skip shares; here they are shared out evenly.
    """
    curve = gap_recovered(weak, strong, preference, times)
    area = (curve[..., 1:] + curve[..., :-1]).mean(axis=-1) / 2
    return float(area) if times is None else np.asarray(area)


@overload
def cpt(
    weak: npt.ArrayLike,
    strong: npt.ArrayLike,
    preference: npt.ArrayLike,
    recovered: float,
    times: None = None,
) -> float: ...


@overload
def cpt(
    weak: npt.ArrayLike,
    strong: npt.ArrayLike,
    preference: npt.ArrayLike,
    recovered: float,
    times: Floats,
) -> Floats: ...


def cpt(
    weak: npt.ArrayLike,
    strong: npt.ArrayLike,
    preference: npt.ArrayLike,
    recovered: float,
    times: Floats | None = None,
) -> float | Floats:
    """Call-performance threshold (Ong et al. 2024, RouteLLM): a share, 0-1.

    The least share of calls to the strong model at which `gap_recovered`, a straight line between
    its eleven points, reaches ``recovered``: 0.5 for CPT(50 %), 0.8 for CPT(80 %). A float, or
    (resamples,) with ``times``; NaN where it is never reached. Arguments and errors as in
    `gap_recovered`.

    RouteLLM's published evaluation interpolates the share over the quality with ``numpy.interp``,
    which is defined only where quality rises with every cut. Where it does, the two agree; where it
    does not, the first crossing is what the paper defines.
    """
    curve = np.atleast_2d(gap_recovered(weak, strong, preference, times))
    reached = curve >= recovered - _ROUNDING
    place = np.maximum(reached.argmax(axis=1), 1)
    rows = np.arange(len(curve))
    before, after = curve[rows, place - 1], curve[rows, place]
    rise = np.where(reached[:, 0] | ~reached.any(axis=1), 1.0, after - before)
    share = SHARES[place - 1] + np.clip((recovered - before) / rise, 0.0, 1.0) / 10
    share = np.where(reached[:, 0], 0.0, np.where(reached.any(axis=1), share, np.nan))
    return float(share[0]) if times is None else np.asarray(share)


def aiq(cost: npt.ArrayLike, quality: npt.ArrayLike, low: float, high: float) -> float:
    """Average improvement in quality (Hu et al. 2024, RouterBench).

    The mean height of `non_decreasing_hull` over costs from ``low`` to ``high`` dollars: the same
    two for all routers that are compared. Above its dearest corner the hull is level; below its
    cheapest point it is the line from no cost and no quality, which mixes that point with giving no
    answer. (The published code counts nothing there, and divides by the highest cost alone.) Raises
    ValueError as the hull does, and where ``high`` is not above ``low`` or ``low`` is negative.
    """
    if not 0 <= low < high < np.inf:
        raise ValueError("the costs to average over rise from 0 or more")
    x, y = non_decreasing_hull(cost, quality)
    if x[0] > 0:
        x, y = np.insert(x, 0, 0.0), np.insert(y, 0, 0.0)
    at = np.unique(np.concatenate([[low, high], x[(x > low) & (x < high)]]))
    heights = np.interp(at, x, y)
    return float(np.sum((heights[1:] + heights[:-1]) * np.diff(at)) / 2 / (high - low))


def aiq_of_each(cost: Floats, quality: Floats, low: float, high: float) -> Floats:
    """`aiq` of each row of (resamples, c) curves; NaN where a row holds a value not finite."""
    known = np.isfinite(cost).all(axis=1) & np.isfinite(quality).all(axis=1)
    if not 0 <= low < high < np.inf:
        raise ValueError("the costs to average over rise from 0 or more")
    found = np.full(len(cost), np.nan)
    rows = np.flatnonzero(known)
    for start in range(0, len(rows), _ROWS):
        some = rows[start : start + _ROWS]
        found[some] = areas_under_hulls(cost[some], quality[some], low, high) / (high - low)
    return found


def hypervolume(
    cost: npt.ArrayLike,
    quality: npt.ArrayLike,
    reference_cost: float,
    reference_quality: float,
) -> float:
    """The area that the points dominate, up to a reference (Zitzler and Thiele 1999, the S metric).

    Cost is to be low and quality high: the area, in dollars times quality, between the step curve
    of the points that no other beats and the reference, which is dearer and worse than they. Points
    beyond the reference add nothing. Raises ValueError for lengths that differ, no points, or a
    value that is not finite.
    """
    prices, values = columns_of(cost, quality)
    kept = staircase(prices, values)
    x = np.minimum(np.append(prices[kept], reference_cost), reference_cost)
    height = np.maximum(values[kept] - reference_quality, 0.0)
    return float(np.sum(np.diff(x) * height))


def cost_at(cost: npt.ArrayLike, quality: npt.ArrayLike, wanted_quality: float) -> float:
    """The least cost of a point that reaches the wanted quality; NaN where none does.

    Only points count, never the line between two. Raises ValueError for lengths that differ or no
    points; points without a known cost are passed over.
    """
    prices, values = (np.asarray(part, dtype=np.float64).ravel() for part in (cost, quality))
    if not len(prices) or prices.shape != values.shape:
        raise ValueError("every point needs a cost and a quality")
    able = (values >= wanted_quality - _ROUNDING) & np.isfinite(prices)
    return float(prices[able].min()) if able.any() else float("nan")


def _recovered(weights: Floats, gains: Floats, ends: Ints) -> Floats:
    """The eleven points of one resample; weights and gains in the order of the calls."""
    calls = np.append(0.0, np.cumsum(weights)[ends])
    gained = np.append(0.0, np.cumsum(weights * gains)[ends])
    if abs(gained[-1]) <= _ROUNDING * calls[-1]:
        return np.full(len(SHARES), np.nan)
    return np.asarray(np.interp(SHARES * calls[-1], calls, gained) / gained[-1])
