"""The frontier: quality against cost or latency, for models, mixtures and routers, with bands."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from orchestra_kit.core.money import format_usd
from orchestra_kit.figures.point_labels import PointLabel, place_labels
from orchestra_kit.figures.style import (
    BAND,
    INK,
    SOFT,
    Mark,
    Picture,
    caption_of,
    drawing,
    finish,
    label,
    marks,
    plain_axes,
)
from orchestra_kit.outcomes.frontier import Frontier
from orchestra_kit.outcomes.frontier_point import FrontierPoint
from orchestra_kit.outcomes.statistics import Estimate
from orchestra_kit.outcomes.swept_curve import SweptCurve

__all__ = ["frontier_curve"]

_DRAWN = 300
"""Thresholds of a curve that are drawn, about."""
_MARKED = 60
"""Places of a curve that names should not cover."""
_NAMED = 12
"""Models above which only those that none beats are named."""
_STEPS = (1, 2, 5, 10)
_MIXTURE = "random mixture"
_NARROW, _WIDE = 1.0, 3.0
"""Decades below which ticks are as on a linear axis, and above which they are powers of ten."""


@dataclass(frozen=True, slots=True)
class _Axis:
    """What lies across, as it is scaled and written."""

    column: str
    words: str
    unit: float
    text: Callable[[float], str]
    of: Callable[[FrontierPoint], Estimate | None]

    def ends(self, point: FrontierPoint) -> tuple[float, float, float] | None:
        """Value and interval, scaled; None where unknown."""
        found = self.of(point)
        if found is None:
            return None
        low, high = found.interval or (found.value, found.value)
        return self.unit * found.value, self.unit * low, self.unit * high


_AXES = {
    "cost": _Axis("cost", "mean dollars per 1,000 queries", 1_000.0,
                  lambda dollars: format_usd(dollars, digits=2), lambda p: p.cost),
    "latency": _Axis("latency", "mean seconds a query", 1.0,
                     lambda seconds: f"{seconds:.3g} s", lambda p: p.latency),
}  # fmt: skip


def frontier_curve(frontier: Frontier, across: str = "cost") -> Picture:
    """Each model as a point with both intervals, each router as a curve with its band of quality.

    Filled points are beaten by none in quality and cost at once. The axis is logarithmic. Raises
    ValueError for another axis than ``cost`` or ``latency``, and where nothing is known of it.
    """
    if across not in _AXES:
        raise ValueError(f"there is no frontier across {across}; there are {', '.join(_AXES)}")
    axis = _AXES[across]
    points = [point for point in frontier.points if axis.of(point) is not None]
    if not points:
        raise ValueError(f"no {across} is known of any model; draw another axis")
    curves = [curve for curve in frontier.curves if curve.frame[axis.column].notna().all()]
    names = [point.name for point in frontier.points if not point.single]
    looks = marks([*names, *(c.name for c in curves if c.name not in (*names, _MIXTURE))])
    with drawing(width=7.6, height=4.4) as figure:
        axes = plain_axes(figure.subplots(), grid="both")
        for curve in curves:
            _curve(axes, curve, axis, looks.get(curve.name))
        for point in points:
            _point(axes, point, axis, looks.get(point.name))
        axes.margins(x=0.06, y=0.09)
        _scale(axes, axis, points, curves)
        axes.set_ylabel("mean score (0–1)")
        if curves or names:
            axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=4)
        figure.get_layout_engine().execute(figure)  # type: ignore[union-attr]
        place_labels(axes, _labels(frontier, points, axis), _obstacles(points, curves, axis))
        return finish(
            figure,
            title=frontier.finding(),
            subtitle=f"Quality against {across}. Filled: no other point has as much quality for as "
            "little cost",
            alt=_words(frontier, points, axis),
            caption=_caption(frontier, axis),
        )


def _curve(axes: Axes, curve: SweptCurve, axis: _Axis, look: Mark | None) -> None:
    frame = curve.frame.iloc[:: max(1, len(curve.frame) // _DRAWN)]
    frame = pd.concat([frame, curve.frame.iloc[[-1]]])
    x = axis.unit * frame[axis.column].to_numpy()
    colour = SOFT if look is None else look.colour
    axes.fill_between(x, frame["quality_low"], frame["quality_high"], color=colour,
                      alpha=BAND, linewidth=0, zorder=1)  # fmt: skip
    name = curve.name if look is None else f"{curve.name}, all thresholds"
    axes.plot(x, frame["quality"], color=colour, linewidth=1.4 if look is None else 2,
              linestyle="--" if look is None else "-", label=label(name, longest=40),
              zorder=2)  # fmt: skip


def _point(axes: Axes, point: FrontierPoint, axis: _Axis, look: Mark | None) -> None:
    ends = axis.ends(point)
    if ends is None:
        return
    x, left, right = ends
    y = point.quality.value
    low, high = point.quality.interval or (y, y)
    colour = (INK if point.unbeaten else "#8a949c") if look is None else look.colour
    axes.plot([left, right], [y, y], color=colour, linewidth=1, zorder=3)
    axes.plot([x, x], [low, high], color=colour, linewidth=1, zorder=3)
    axes.plot([x], [y], linestyle="", marker="o" if look is None else look.marker,
              markersize=6 if look is None else 9, markeredgecolor=colour, zorder=4,
              markerfacecolor=colour if point.unbeaten else "white",
              label=None if look is None else _name(point))  # fmt: skip


def _name(point: FrontierPoint) -> str:
    part = "" if point.whole else f" ({point.quality.n:,} queries)"
    return label(point.name, longest=30) + part


def _at(point: FrontierPoint, axis: _Axis) -> tuple[float, float]:
    ends = axis.ends(point)
    return (math.nan if ends is None else ends[0]), point.quality.value


def _obstacles(
    points: Sequence[FrontierPoint], curves: Sequence[SweptCurve], axis: _Axis
) -> Sequence[tuple[float, float]]:
    """What names should not cover."""
    found = [_at(point, axis) for point in points]
    for curve in curves:
        frame = curve.frame.iloc[np.linspace(0, len(curve.frame) - 1, _MARKED).astype(int)]
        found += list(zip(axis.unit * frame[axis.column], frame["quality"], strict=True))
    return found


def _scale(
    axes: Axes, axis: _Axis, points: Sequence[FrontierPoint], curves: Sequence[SweptCurve]
) -> None:
    """A logarithmic axis, where all that is drawn is above zero."""
    ends = [end for point in points for end in (axis.ends(point) or ())]
    least = min([*ends, *(axis.unit * float(c.frame[axis.column].min()) for c in curves)])
    if least > 0:
        axes.set_xscale("log")
        low, high = axes.get_xlim()
        decades = math.log10(high / low)
        subs = (1.0, 2.0, 5.0) if decades < _WIDE else (1.0,)
        even = MaxNLocator(7, steps=_STEPS)
        axes.xaxis.set_major_locator(even if decades < _NARROW else LogLocator(subs=subs))
        axes.xaxis.set_minor_locator(NullLocator())
    else:
        axes.xaxis.set_major_locator(MaxNLocator(7, steps=_STEPS))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: axis.text(float(value))))
    axes.set_xlabel(axis.words + (" (log axis)" if least > 0 else ""))


def _labels(
    frontier: Frontier, points: Sequence[FrontierPoint], axis: _Axis
) -> Sequence[PointLabel]:
    """Names of models, the best first: those that nothing beats, and all where they are few."""
    singles = [point for point in points if point.single]
    best = frontier.best_single
    if len(singles) > _NAMED:
        singles = [point for point in singles if point.unbeaten or point.name == best]
    singles.sort(key=lambda point: (not point.unbeaten, -point.quality.value))
    return [
        PointLabel(label(point.name), _at(point, axis), INK if point.unbeaten else SOFT)
        for point in singles
    ]


def _words(frontier: Frontier, points: Sequence[FrontierPoint], axis: _Axis) -> str:
    def told(point: FrontierPoint) -> str:
        across, up = _at(point, axis)
        return f"{label(point.name)} at {axis.text(across)} with {up:.3f}"

    cheap, dear = (pick(points, key=lambda p: _at(p, axis)[0]) for pick in (min, max))
    good = max(points, key=lambda p: p.quality.value)
    poor = min(points, key=lambda p: p.quality.value)
    kept = ", ".join(label(point.name) for point in frontier.unbeaten[:8])
    return (
        f"Mean score against {axis.words} for {len(points)} points and {len(frontier.curves)} "
        f"curves. {frontier.finding()}. Lowest {axis.column}: {told(cheap)}; highest: "
        f"{told(dear)}. Highest quality: {told(good)}; lowest: {told(poor)}. "
        f"Beaten by none: {kept}."
    )


def _caption(frontier: Frontier, axis: _Axis) -> str:
    unknown = [label(point.name) for point in frontier.points if axis.of(point) is None]
    left = f"; not drawn, {axis.column} unknown: {', '.join(unknown)}" if unknown else ""
    costs = f"; costs: {frontier.cost_source}" if axis.column == "cost" else ""
    return caption_of(
        n=frontier.n,
        what="queries answered by every model",
        source=frontier.source.value + costs,
        drawn="lines through points and bands are 95 % intervals, by a bootstrap of queries" + left,
    )
