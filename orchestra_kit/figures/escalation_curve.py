"""Quality against cost for every escalation threshold, with one threshold marked."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Literal

import pandas as pd
from matplotlib.axes import Axes

from orchestra_kit.core.money import format_usd
from orchestra_kit.figures.picture import Picture
from orchestra_kit.figures.style import (
    BAND,
    INK,
    OKABE_ITO,
    SOFT,
    caption_of,
    drawing,
    finish,
    label,
    plain_axes,
)
from orchestra_kit.outcomes.escalation import Escalation, OperatingPoint

__all__ = ["EscalationCurve", "escalation_curve"]

_CURVE, _POINT = OKABE_ITO[0], OKABE_ITO[1]
_THOUSAND = 1_000.0
_DRAWN = 300
"""Thresholds drawn, about; more would not be seen."""


@dataclass(frozen=True, slots=True)
class EscalationCurve:
    """The drawn curve, on which a threshold can be marked without drawing it again."""

    picture: Picture
    priced: bool
    """Whether the horizontal axis is cost; else it is the share escalated."""
    _axes: Axes

    def marked(self, point: OperatingPoint) -> str:
        """The curve as SVG with the threshold's point and its two intervals marked.

        Takes well under a millisecond: the marks are written into the finished drawing.
        """
        x, y = self._across(point), point.quality.value
        low, high = point.quality.interval or (y, y)
        left, right = (x, x)
        if self.priced and point.cost is not None and point.cost.interval:
            left, right = (_THOUSAND * end for end in point.cost.interval)
        floor, edge = self._axes.get_ylim()[0], self._axes.get_xlim()[0]
        marks = [
            self._line((x, floor), (x, y), f'stroke="{_POINT}" stroke-dasharray="3 3"'),
            self._line((edge, y), (x, y), f'stroke="{_POINT}" stroke-dasharray="3 3"'),
            self._line((x, low), (x, high), f'stroke="{INK}" stroke-width="2"'),
            self._line((left, y), (right, y), f'stroke="{INK}" stroke-width="2"'),
            self._disc((x, y)),
        ]
        said = html.escape(f"Marked: {_spoken(point)}.")
        group = f'<g class="marked-threshold"><title>{said}</title>{"".join(marks)}</g>'
        svg = self.picture.svg
        end = svg.rindex("</svg>")
        return f"{svg[:end]}{group}{svg[end:]}"

    def _across(self, point: OperatingPoint) -> float:
        if self.priced and point.cost is not None:
            return _THOUSAND * point.cost.value
        return 100 * point.share_escalated

    def _place(self, at: tuple[float, float]) -> tuple[float, float]:
        """A point of the data in the SVG's own units, which are points from the top left."""
        figure = self.picture.figure
        across, up = figure.transFigure.inverted().transform(self._axes.transData.transform(at))
        width, height = (72 * inches for inches in figure.get_size_inches())
        return float(across * width), float((1 - up) * height)

    def _line(self, start: tuple[float, float], end: tuple[float, float], look: str) -> str:
        (x1, y1), (x2, y2) = self._place(start), self._place(end)
        return f'<line x1="{x1:.2f}" y1="{y1:.2f}" x2="{x2:.2f}" y2="{y2:.2f}" {look}/>'

    def _disc(self, at: tuple[float, float]) -> str:
        x, y = self._place(at)
        look = f'r="6" fill="{_POINT}" stroke="white" stroke-width="1.8"'
        return f'<circle cx="{x:.2f}" cy="{y:.2f}" {look}/>'

    def _repr_mimebundle_(self, **_: object) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
        return self.picture._repr_mimebundle_()


def escalation_curve(escalation: Escalation) -> EscalationCurve:
    """Every threshold as a point of mean cost and mean quality, between two straight references.

    The dashed line is what spending the same on queries picked at random would give. Where a cost
    is unknown, the share escalated takes its place.
    """
    priced = escalation.cheap_cost is not None
    frame = escalation.frame.iloc[:: max(1, len(escalation.frame) // _DRAWN)]
    frame = pd.concat([frame, escalation.frame.iloc[[-1]]])
    across = frame["cost"] * _THOUSAND if priced else frame["share_escalated"] * 100
    with drawing(width=7.4, height=3.7) as figure:
        axes = plain_axes(figure.subplots(), grid="both")
        axes.fill_between(across, frame["quality_low"], frame["quality_high"], color=_CURVE,
                          alpha=BAND, linewidth=0)  # fmt: skip
        axes.plot(across, frame["quality"], color=_CURVE, linewidth=2)
        _references(axes, escalation, across.iloc[0], across.iloc[-1], priced=priced)
        axes.set_ylabel("mean score (0–1)")
        axes.set_xlabel(
            "dollars per 1,000 requests, cheap attempts included" if priced
            else "share of queries escalated (%)"
        )  # fmt: skip
        axes.margins(x=0.06, y=0.14)
        picture = finish(
            figure,
            title=escalation.finding(),
            subtitle=f"{label(escalation.cheap)} first, {label(escalation.strong)} where the "
            "predicted score is below the threshold",
            alt=_words(escalation),
            caption=_caption(escalation),
        )
    return EscalationCurve(picture, priced, axes)


def _references(
    axes: Axes, escalation: Escalation, first: float, last: float, *, priced: bool
) -> None:
    never, always = escalation.never.quality.value, escalation.always.quality.value
    axes.plot([first, last], [never, always], color=SOFT, linestyle="--", linewidth=1.2)
    _name(axes, "at random", ((first + last) / 2, (never + always) / 2), (4, -10), SOFT)
    away = 13 if always >= never else -13
    axes.plot([first], [never], marker="s", color=INK, markersize=7, linestyle="")
    _name(axes, f"always {label(escalation.cheap)}", (first, never), (6, -away), INK)
    if priced and escalation.strong_cost is not None:
        strong = _THOUSAND * escalation.strong_cost
        axes.plot([strong], [always], marker="^", color=INK, markersize=8, linestyle="")
        at = (strong, always)
        _name(axes, f"always {label(escalation.strong)}", at, (-8, away), INK, side="right")


def _name(
    axes: Axes,
    text: str,
    at: tuple[float, float],
    away: tuple[int, int],
    colour: str,
    side: Literal["left", "right"] = "left",
) -> None:
    """A name beside a point, on a pale ground that keeps it legible over a line."""
    ground = {"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 1}
    axes.annotate(text, at, away, textcoords="offset points", color=colour, size=9, ha=side,
                  va="center", bbox=ground, zorder=5)  # fmt: skip


def _spoken(point: OperatingPoint) -> str:
    cost = "" if point.cost is None else f", {format_usd(_THOUSAND * point.cost.value)} per 1,000"
    return (
        f"{point.share_escalated:.0%} escalated (threshold {point.threshold:.2f}), "
        f"quality {point.quality.format(3)}{cost}"
    )


def _words(escalation: Escalation) -> str:
    half = escalation.at_share(0.5)
    return (
        f"Curve of mean score against {'cost' if escalation.cheap_cost is not None else 'share'} "
        f"for every threshold. {escalation.finding()}. From {_spoken(escalation.never)}, through "
        f"{_spoken(half)}, to {_spoken(escalation.always)}."
    )


def _caption(escalation: Escalation) -> str:
    left = f" ({escalation.left_out:,} without both scores left out)" if escalation.left_out else ""
    return caption_of(
        n=escalation.n,
        what=f"queries answered by both models{left}",
        source=escalation.source.value,
        drawn="the band is the 95 % interval of quality, by a bootstrap of queries; the prediction "
        "of a query comes from a model that never saw it",
    )
