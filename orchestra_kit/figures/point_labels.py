"""Names beside points, placed where they cover neither another name nor a point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes

from orchestra_kit.figures.style import SOFT

__all__ = ["PointLabel", "place_labels"]

_SIZE = 8.5
_REACH = 7.0
"""Points (1/72 inch) from the mark to the name."""
_SIDES: Sequence[tuple[float, float]] = (
    (1, -0.9), (1, 0.9), (-1, 0.9), (-1, -0.9), (1, 0), (-1, 0), (0, 1.6), (0, -1.6),
    (1, -2.6), (1, 2.6), (-1, 2.6), (-1, -2.6), (0, 3.4), (0, -3.4), (1, -4.4), (-1, 4.4),
)  # fmt: skip
_NEAR = 1.0
_LEADER = {"arrowstyle": "-", "color": SOFT, "linewidth": 0.6, "shrinkA": 0, "shrinkB": 3}
"""A line from a name that stands further off to its point."""
_Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class PointLabel:
    """A name for a place in data coordinates."""

    text: str
    at: tuple[float, float]
    colour: str
    weight: str = "normal"


def place_labels(
    axes: Axes, labels: Sequence[PointLabel], points: Sequence[tuple[float, float]]
) -> None:
    """Write the names, the first of them with the freest choice; limits and scales must be final.

    What finds no free place is written all the same, in the first place that leaves the axes least.
    """
    scale = 72 / axes.figure.dpi
    taken = [_around(_shown(axes, at, scale)) for at in points]
    frame = axes.get_window_extent()
    inside: _Box = (frame.x0 * scale, frame.y0 * scale, frame.x1 * scale, frame.y1 * scale)
    for label in labels:
        middle = _shown(axes, label.at, scale)
        boxes = [_box(middle, side, label.text) for side in _SIDES]
        costs = [_cost(box, taken, inside) for box in boxes]
        best = min(range(len(boxes)), key=costs.__getitem__)
        across, up = _SIDES[best]
        taken.append(boxes[best])
        axes.annotate(
            label.text, label.at, (_REACH * across, _REACH * up), textcoords="offset points",
            color=label.colour, weight=label.weight, size=_SIZE, va="center", zorder=6,
            ha="left" if across > 0 else "right" if across < 0 else "center",
            bbox={"facecolor": "white", "alpha": 0.6, "edgecolor": "none", "pad": 0.4},
            arrowprops=_LEADER if abs(up) > _NEAR else None,
        )  # fmt: skip


def _shown(axes: Axes, at: tuple[float, float], scale: float) -> tuple[float, float]:
    x, y = axes.transData.transform(at)
    return float(x) * scale, float(y) * scale


def _around(middle: tuple[float, float]) -> _Box:
    x, y = middle
    return x - 4, y - 4, x + 4, y + 4


def _box(middle: tuple[float, float], side: tuple[float, float], text: str) -> _Box:
    wide, half = 0.58 * _SIZE * len(text), 0.62 * _SIZE
    x, y = middle[0] + _REACH * side[0], middle[1] + _REACH * side[1]
    left = x if side[0] > 0 else x - wide if side[0] < 0 else x - wide / 2
    return left, y - half, left + wide, y + half


def _cost(box: _Box, taken: Sequence[_Box], inside: _Box) -> float:
    """Area covered, and area outside the axes, which is worse."""
    covered = sum(_overlap(box, other) for other in taken)
    area = (box[2] - box[0]) * (box[3] - box[1])
    return covered + 3 * (area - _overlap(box, inside))


def _overlap(one: _Box, other: _Box) -> float:
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    return max(0.0, wide) * max(0.0, high)
