"""Claims beside measurements: the claimed range as a bar, what was measured as a point."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from orchestra_kit.figures.picture import Picture
from orchestra_kit.figures.style import (
    INK,
    SOFT,
    TONES,
    drawing,
    finish,
    label,
    plain_axes,
)
from orchestra_kit.outcomes.claims.claim import Unit
from orchestra_kit.outcomes.claims.entry import Entry
from orchestra_kit.outcomes.claims.ledger import Ledger
from orchestra_kit.outcomes.claims.verdict import Verdict

__all__ = ["claims_chart"]

_LOOK = {
    Verdict.SHOWS: (TONES["good"], "o"),
    Verdict.SUGGESTS: (TONES["warn"], "s"),
    Verdict.NONE: (TONES["bad"], "X"),
    Verdict.TOO_LITTLE: (TONES["plain"], "D"),
}
"""Colour and marker of each verdict that has a figure."""
_ROW = 0.27
"""Inches."""
_BAR = 0.62
"""Height of a claimed range, of a row's."""
_SINGLE = 0.012
"""Width that a claim of one figure is drawn with, as a relative change."""


def claims_chart(ledger: Ledger) -> Picture:
    """Every claim of a relative change that was measured, table by table.

    Shares and factors have other units and stand in the ledger's table alone. Raises ValueError
    where no relative change was measured.
    """
    drawn = [
        entry
        for entry in ledger.entries
        if entry.claim.unit is Unit.CHANGE and entry.measured.value is not None
    ]
    if not drawn:
        raise ValueError("no relative change was measured that could be drawn")
    claims = list(dict.fromkeys(entry.claim for entry in drawn))
    rows: list[Entry | str] = []
    for claim in claims:
        rows.append(f"{claim.about}: {claim.words}")
        rows += [entry for entry in drawn if entry.claim == claim]
    with drawing(width=8.2, height=_ROW * len(rows) + 0.9) as figure:
        axes = plain_axes(figure.subplots(), grid="x")
        for place, row in enumerate(rows):
            if isinstance(row, Entry):
                _draw(axes, row, place)
        _name(axes, rows)
        axes.axvline(0, color=SOFT, linewidth=1, linestyle="--")
        axes.set_xlabel("change against the baseline (%)")
        _legend(figure, axes, {entry.verdict for entry in drawn})
        return finish(
            figure,
            title=_finding(drawn),
            subtitle="grey: the claimed range; points: measured, with 95 % interval",
            alt=_words(drawn),
            caption=_caption(drawn),
        )


def _draw(axes: Axes, entry: Entry, place: int) -> None:
    claim, colour, marker = entry.claim, *_LOOK[entry.verdict]
    width = max(claim.high - claim.low, _SINGLE)
    middle = (claim.high + claim.low) / 2
    axes.barh(place, 100 * width, left=100 * (middle - width / 2), height=_BAR, color="#cfd5d9")
    value, low, high = entry.measured.value, entry.measured.low, entry.measured.high
    assert value is not None
    if low is not None and high is not None:
        axes.plot([100 * low, 100 * high], [place, place], color=colour, linewidth=2)
    axes.plot([100 * value], [place], color=colour, marker=marker, markersize=6.5, linestyle="",
              markeredgecolor="white", markeredgewidth=0.8)  # fmt: skip


def _name(axes: Axes, rows: Sequence[Entry | str]) -> None:
    """Claims as headings, data as the names of their rows."""
    axes.set_yticks(
        range(len(rows)),
        [
            f"{label(str(row.data), longest=42)}, n = {row.n:,}" if isinstance(row, Entry) else row
            for row in rows
        ],
    )
    for tick, row in zip(axes.get_yticklabels(), rows, strict=True):
        if isinstance(row, str):
            tick.set_fontweight("bold")
            tick.set_color(INK)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.spines["left"].set_visible(False)


def _legend(figure: Figure, axes: Axes, verdicts: set[Verdict]) -> None:
    for verdict in (v for v in _LOOK if v in verdicts):
        colour, marker = _LOOK[verdict]
        axes.plot([], [], color=colour, marker=marker, markersize=6.5, label=verdict.value)
    figure.legend(loc="outside lower right", ncols=len(verdicts))


def _finding(drawn: Sequence[Entry]) -> str:
    shown = sum(entry.verdict is Verdict.SHOWS for entry in drawn)
    fails = sum(entry.verdict is Verdict.NONE for entry in drawn)
    return f"Of {len(drawn)} measured changes {shown} show what is claimed, {fails} do not hold"


def _words(drawn: Sequence[Entry]) -> str:
    told = [
        f"{e.claim.about}, {e.claim.words}: {e.figure()} on {e.data}, {e.verdict.value}"
        for e in drawn
    ]
    return f"{_finding(drawn)}. {'; '.join(told)}."


def _caption(drawn: Sequence[Entry]) -> str:
    sources = ", ".join(sorted({entry.data.source for entry in drawn}))
    counts = [entry.n for entry in drawn]
    return (
        f"n = {min(counts):,} to {max(counts):,} a row; lines are 95 % intervals. "
        f"Source: {sources}, row by row as the ledger says."
    )
