"""Quality against cost while thresholds are tuned: drawn once, marked anew at every move."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from orchestra_kit.figures.picture import Picture
from orchestra_kit.figures.style import (
    INK,
    OKABE_ITO,
    SOFT,
    caption_of,
    drawing,
    finish,
    label,
    marks,
    plain_axes,
)
from orchestra_kit.outcomes.tuning.session import Place, Session, View

__all__ = ["TuningMap", "tuning_map"]

Floats = npt.NDArray[np.float64]

_CURVE, _PROPOSED, _FRONTIER = OKABE_ITO[0], OKABE_ITO[1], OKABE_ITO[2]
_ACROSS = {
    "cost": "dollars per 1,000 requests",
    "latency": "mean seconds a request",
}


@dataclass(frozen=True, slots=True)
class TuningMap:
    """The drawn ground, on which a view can be marked without drawing it again."""

    picture: Picture
    today: Place
    _axes: Axes

    def marked(self, view: View) -> str:
        """The map as SVG with a view's curve, frontier and proposed point.

        Takes a few milliseconds: the marks are written into the finished drawing.
        """
        x, y = view.place.across, view.place.quality
        parts = [
            self._line(view.frontier, f'stroke="{_FRONTIER}" stroke-width="1.6"', steps=True),
            self._line(view.curve, f'stroke="{_CURVE}" stroke-width="2"'),
        ]
        if np.isfinite(x.value) and np.isfinite(y.value):
            own = np.array([[self.today.across.value, self.today.quality.value]])
            here = np.array([[x.value, y.value]])
            parts.append(
                self._line(np.concatenate([own, here]), f'stroke="{SOFT}" stroke-dasharray="3 3"')
            )
            upright = [(x.value, end) for end in y.interval or ()]
            lying = [(end, y.value) for end in x.interval or ()]
            look = f'stroke="{INK}" stroke-width="2"'
            parts += [self._line(np.array(ends), look) for ends in (upright, lying)]
            parts.append(self._disc(here))
        said = html.escape(f"Proposed: quality {y.format(3)}, {x.format(3)} across.")
        group = f'<g class="proposed-point"><title>{said}</title>{"".join(parts)}</g>'
        svg = self.picture.svg
        end = svg.rindex("</svg>")
        return f"{svg[:end]}{group}{svg[end:]}"

    def _places(self, points: Floats) -> Floats:
        """Points of the data in the SVG's own units, kept inside the axes."""
        figure, axes = self.picture.figure, self._axes
        low, high = np.array([axes.get_xlim(), axes.get_ylim()]).T
        inside = np.clip(points, low, high)
        at = figure.transFigure.inverted().transform(axes.transData.transform(inside))
        width, height = (72 * inches for inches in figure.get_size_inches())
        return np.column_stack([at[:, 0] * width, (1 - at[:, 1]) * height])

    def _line(self, points: Floats, look: str, *, steps: bool = False) -> str:
        if len(points) < 2:
            return ""
        if steps:
            # Between two settings nothing better is known than the cheaper one.
            flat = np.column_stack([points[1:, 0], points[:-1, 1]])
            mixed = np.empty((2 * len(points) - 1, 2))
            mixed[::2], mixed[1::2] = points, flat
            points = mixed
        said = " ".join(f"{x:.1f},{y:.1f}" for x, y in self._places(points))
        return f'<polyline points="{said}" fill="none" {look}/>'

    def _disc(self, at: Floats) -> str:
        (x, y) = self._places(at)[0]
        look = f'r="6" fill="{_PROPOSED}" stroke="white" stroke-width="1.8"'
        return f'<circle cx="{x:.2f}" cy="{y:.2f}" {look}/>'

    def _repr_mimebundle_(self, **_: object) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
        return self.picture._repr_mimebundle_()


def tuning_map(session: Session) -> TuningMap:
    """The ground of a session: every model alone, and the policy as it is today.

    What moves is marked on it: the curve of the threshold in hand, the best seen so far as steps,
    and the proposed point with its intervals.
    """
    policy, view = session.policy, session.view()
    with drawing(width=7.4, height=3.9) as figure:
        axes = plain_axes(figure.subplots(), grid="both")
        limits = _limits(session, view.frontier)
        near, far = _near(session.singles, limits)
        every = marks([place.name for place in session.singles])
        for place in near:
            mark = every[place.name]
            axes.plot([place.across.value], [place.quality.value], linestyle="", color=SOFT,
                      marker=mark.marker, markersize=6)  # fmt: skip
            _name(axes, label(place.name), place, below=True)
        axes.plot([session.today.across.value], [session.today.quality.value], linestyle="",
                  marker="o", markersize=10, markerfacecolor="none", markeredgecolor=INK,
                  markeredgewidth=1.8)  # fmt: skip
        _name(axes, "today", session.today, below=False)
        axes.set_xlabel(_ACROSS[session.measure])
        axes.set_ylabel("mean score (0–1)")
        axes.set_xlim(*limits[:, 0])
        axes.set_ylim(*limits[:, 1])
        picture = finish(
            figure,
            title=f"What the thresholds of policy {label(policy.name)} can reach",
            subtitle="green: the best seen so far; blue: every value of the threshold in hand; "
            "orange: as proposed",
            alt=_words(session),
            caption=caption_of(
                n=session.today.quality.n,
                what="queries of the tuning part",
                source=session.parts.tuning.grid.source.value,
                drawn="the cross is the 95 % interval over prompts; settings chosen here look "
                f"better here than elsewhere, and are judged on prompts kept apart{_far(far)}",
            ),
        )
    return TuningMap(picture, session.today, axes)


def _limits(session: Session, frontier: Floats) -> Floats:
    """Limits that hold all that can be reached, and the models near it: low and high of both
    sides. Nothing jumps while it is tuned."""
    today = session.today
    across, up = (e.interval or (e.value, e.value) for e in (today.across, today.quality))
    own = np.concatenate([np.array([across, up]).T, frontier])
    wide = _around(own, 1.0)
    near = np.array([[p.across.value, p.quality.value] for p in _near(session.singles, wide)[0]])
    return _around(np.concatenate([own, near.reshape(-1, 2)]), 0.1)


def _around(points: Floats, room: float) -> Floats:
    low, high = points.min(axis=0), points.max(axis=0)
    away = np.where(high > low, high - low, 0.1 * np.abs(high) + 1e-9) * room
    return np.stack([low - away, high + away])


def _near(places: Sequence[Place], limits: Floats) -> tuple[list[Place], list[Place]]:
    """Those within limits, and the others."""
    points = [np.array([place.across.value, place.quality.value]) for place in places]
    inside = [bool(((p >= limits[0]) & (p <= limits[1])).all()) for p in points]
    near = [place for place, held in zip(places, inside, strict=True) if held]
    return near, [place for place, held in zip(places, inside, strict=True) if not held]


def _far(places: Sequence[Place]) -> str:
    said = "; ".join(
        f"{label(p.name)} alone lies outside, {p.quality.value:.2f} at {p.across.value:.3g}"
        for p in places
    )
    return f". {said}" if said else ""


def _name(axes: Axes, text: str, place: Place, *, below: bool) -> None:
    ground = {"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 1}
    axes.annotate(text, (place.across.value, place.quality.value), (0, -12 if below else 12),
                  textcoords="offset points", color=SOFT if below else INK, size=9, ha="center",
                  va="center", bbox=ground, zorder=5)  # fmt: skip


def _words(session: Session) -> str:
    today = session.today
    alone = "; ".join(
        f"{label(p.name)} {p.quality.value:.3f} at {p.across.value:.3g}" for p in session.singles
    )
    return (
        f"Mean score against {_ACROSS[session.measure]}. Today: {today.quality.format(3)} at "
        f"{today.across.value:.3g}. Each model alone: {alone}."
    )
