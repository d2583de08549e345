"""How every figure looks: one canvas, one set of colours, one frame of title and subtitle.

::

    with drawing(width=7.2, height=3.4) as figure:
        axes = figure.subplots()
        ...
        return finish(figure, title=finding, subtitle=measure, alt=..., caption=...)

Categories are the eight hues of Okabe and Ito, which colour-blind readers can tell apart, and each
comes with a marker, a dash and a hatch, so that nothing is told by colour alone. Sequences use
cividis, differences PuOr.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from orchestra_kit.core.display import clean_text
from orchestra_kit.figures.picture import Picture, rendering

__all__ = [
    "BAND",
    "DIVERGING",
    "INK",
    "OKABE_ITO",
    "SEQUENTIAL",
    "SOFT",
    "TONES",
    "Mark",
    "Picture",
    "caption_of",
    "drawing",
    "finish",
    "label",
    "marks",
    "plain_axes",
]

OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#999999", "#000000")
"""Okabe and Ito (2008), without yellow, which vanishes on white; grey takes its place."""
TONES: Mapping[str, str] = {
    "good": "#009E73",
    "warn": "#E69F00",
    "bad": "#D55E00",
    "plain": "#999999",
}
INK, SOFT = "#1b2126", "#525d67"
SEQUENTIAL, DIVERGING = "cividis", "PuOr"
BAND = 0.18
"""Opacity of an interval's band."""

_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
_DASHES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)), (0, (6, 2, 2, 2)))
_HATCHES = ("", "////", "....", "\\\\\\\\", "xxxx", "----", "++++", "oooo")
_POINT = 1 / 72
_CHARACTERS_PER_INCH = {"title": 9.4, "subtitle": 14.0}
_LINE = {"title": 16.5, "subtitle": 13.5}


@dataclass(frozen=True, slots=True)
class Mark:
    """How one model, task or other category is drawn, everywhere."""

    colour: str
    marker: str
    dash: str | tuple[int, tuple[int, ...]]
    hatch: str


def marks(names: Sequence[str]) -> Mapping[str, Mark]:
    """A mark for each name, by its place in the order given.

    Pass the full, fixed order (that of the policy or of the whole table) in every figure of a
    report, so that a model keeps its colour where only some are shown. From the ninth on the
    colours repeat with other markers and hatches.
    """
    count = len(OKABE_ITO)
    found = {}
    for place, name in enumerate(dict.fromkeys(names)):
        other = (place + place // count) % count
        found[name] = Mark(
            OKABE_ITO[place % count], _MARKERS[other], _DASHES[other], _HATCHES[other]
        )
    return found


@contextmanager
def drawing(*, width: float = 7.2, height: float = 3.6) -> Iterator[Figure]:
    """A figure of so many inches, to be drawn on and finished inside; nothing else holds it."""
    with rendering():
        yield Figure(figsize=(width, height), layout="constrained")


def finish(figure: Figure, *, title: str, subtitle: str, alt: str, caption: str) -> Picture:
    """Frame the figure and render it.

    `title` states the finding and `subtitle` the measure with its unit; both are wrapped to the
    width, and the figure grows by their height. Raises ValueError where alt or caption is empty.
    """
    width, height = figure.get_size_inches()
    lines = [("title", line) for line in _wrapped(title, width, "title")]
    lines += [("subtitle", line) for line in _wrapped(subtitle, width, "subtitle")]
    header = (sum(_LINE[kind] for kind, _ in lines) + 8) * _POINT
    figure.set_size_inches(width, height + header)
    body = height / (height + header)
    figure.get_layout_engine().set(rect=(0, 0, 1, body))  # type: ignore[union-attr, call-arg]
    down = 4.0
    for kind, line in lines:
        down += _LINE[kind]
        figure.text(
            0.008,
            1 - (down - 3.5) * _POINT / (height + header),
            line,
            size=12 if kind == "title" else 9.5,
            weight="bold" if kind == "title" else "normal",
            color=INK if kind == "title" else SOFT,
            va="baseline",
        )
    return Picture.of(figure, alt=alt, caption=caption)


def plain_axes(axes: Axes, *, grid: str = "y") -> Axes:
    """Ticks without marks and a light grid along one axis (``x``, ``y``, ``both`` or ``""``)."""
    axes.tick_params(length=0)
    if grid:
        axes.grid(visible=True, axis=grid)  # type: ignore[arg-type]
    return axes


def label(text: str, *, longest: int = 28) -> str:
    """A name from elsewhere, fit for an axis: without control characters, shortened in the middle
    so that a version at the end stays readable."""
    cleaned = clean_text(" ".join(text.split()), longest=200)
    if len(cleaned) <= longest:
        return cleaned
    head = (longest - 1) // 2
    return f"{cleaned[:head]}…{cleaned[head + 1 - longest :]}"


def caption_of(
    *, n: int, what: str, source: str, drawn: str = "bars and bands are 95 % intervals"
) -> str:
    """The usual caption: n of what, how uncertainty is drawn, and where the figures come from."""
    return f"n = {n:,} {what}; {drawn}. Source: {source}."


def _wrapped(text: str, width: float, kind: str) -> list[str]:
    return textwrap.wrap(clean_text(text), max(20, int(width * _CHARACTERS_PER_INCH[kind])))
