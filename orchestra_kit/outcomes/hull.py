"""The best that mixtures of points of cost and quality reach: their non-decreasing convex hull."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["areas_under_hulls", "columns_of", "non_decreasing_hull", "staircase"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_PASSES = 8


def non_decreasing_hull(cost: npt.ArrayLike, quality: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Costs and qualities of the corners of the non-decreasing convex hull, by rising cost.

    The best that any random mixture of the points reaches at each cost (Hu et al. 2024,
    RouterBench), from the cheapest point to the first of the highest quality; beyond it the hull is
    level. O(p log p) for p points. Raises ValueError for lengths that differ, no
    points, or a value that is not finite.
    """
    prices, values = columns_of(cost, quality)
    kept = staircase(prices, values)
    for _ in range(_PASSES):
        # A point on or under the line between its neighbours is no corner. A few such passes leave
        # so little of a long curve that the loop below is short; it is what makes it exact.
        x, y = prices[kept], values[kept]
        if len(kept) < 3:
            break
        turn = (x[1:-1] - x[:-2]) * (y[2:] - y[:-2]) - (y[1:-1] - y[:-2]) * (x[2:] - x[:-2])
        corner = np.concatenate([[True], turn < 0, [True]])
        if corner.all():
            break
        kept = kept[corner]
    hull: list[tuple[float, float]] = []
    for x3, y3 in zip(prices[kept].tolist(), values[kept].tolist(), strict=True):
        while len(hull) > 1:
            (x1, y1), (x2, y2) = hull[-2:]
            if (x2 - x1) * (y3 - y1) < (y2 - y1) * (x3 - x1):
                break
            hull.pop()
        hull.append((x3, y3))
    corners = np.array(hull, dtype=np.float64)
    return corners[:, 0], corners[:, 1]


def areas_under_hulls(cost: Floats, quality: Floats, low: float, high: float) -> Floats:
    """The area under the hull of each row of (r, c) points, between two costs.

    All rows walk from corner to corner at once (Jarvis 1973). Above its dearest corner a hull is
    level; below its cheapest point it is the line from no cost and no quality.
    """
    rows = np.arange(len(cost))
    cheapest = cost == cost.min(axis=1, keepdims=True)
    first = np.where(cheapest, quality, -np.inf).argmax(axis=1)
    x, y = cost[rows, first], quality[rows, first]
    area = _under(np.zeros(len(x)), np.zeros(len(x)), x, y, low, high)
    walking = rows
    while len(walking):
        here, height = x[walking], y[walking]
        ahead, up = cost[walking] - here[:, None], quality[walking] - height[:, None]
        rises = (ahead > 0) & (up > 0)
        slope = np.where(rises, up / np.where(rises, ahead, 1.0), -np.inf)
        steepest = slope.argmax(axis=1)
        on = rises[np.arange(len(walking)), steepest]
        walking, steepest = walking[on], steepest[on]
        there, higher = cost[walking, steepest], quality[walking, steepest]
        area[walking] += _under(here[on], height[on], there, higher, low, high)
        x[walking], y[walking] = there, higher
    return np.asarray(area + (high - np.clip(x, low, high)) * y)


def staircase(cost: Floats, quality: Floats) -> Ints:
    """Places of the points that no other beats in quality and cost at once, by rising cost."""
    order = np.lexsort((-quality, cost))
    best = np.maximum.accumulate(quality[order])
    rises = np.append(True, best[1:] > best[:-1])
    return np.asarray(order[rises], dtype=np.int64)


def columns_of(*parts: npt.ArrayLike) -> list[Floats]:
    """The parts as columns of one length; raises ValueError where they are none."""
    columns = [np.asarray(part, dtype=np.float64).ravel() for part in parts]
    if not len(columns[0]) or len({len(column) for column in columns}) > 1:
        raise ValueError("the columns need the same length, of at least one")
    if not all(np.isfinite(column).all() for column in columns):
        raise ValueError("a missing or infinite value cannot be placed on a curve")
    return columns


def _under(x1: Floats, y1: Floats, x2: Floats, y2: Floats, low: float, high: float) -> Floats:
    """The area under lines from one point to another, as far as it lies between two costs."""
    slope = (y2 - y1) / np.where(x2 > x1, x2 - x1, 1.0)
    start, end = np.clip(x1, low, high), np.clip(x2, low, high)
    middle = (start + end) / 2
    return np.asarray((end - start) * (y1 + slope * (middle - x1)))
