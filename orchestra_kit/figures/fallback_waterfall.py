"""What became of the requests that the first choice did not answer."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from orchestra_kit.figures.style import (
    INK,
    OKABE_ITO,
    SOFT,
    TONES,
    Picture,
    caption_of,
    drawing,
    finish,
    plain_axes,
)

__all__ = ["fallback_waterfall"]

_SAID = {
    "secondary": "answered by the secondary",
    "tertiary": "answered by the tertiary",
    "queue": "queued for later",
    "user error": "told it is unavailable",
}
_COLOUR = {
    "secondary": TONES["good"],
    "tertiary": TONES["good"],
    "queue": TONES["warn"],
    "user error": TONES["bad"],
}


def fallback_waterfall(steps: pd.DataFrame, *, source: str) -> Picture:
    """The fall from the first choice to the last resort.

    `steps` has one row a step (`step`, `reached`, `ended`, `open`, `share`), in the order of the
    fall and beginning with the primary. The primary's answers are left out of the drawing, because
    they dwarf everything else, and stand in the subtitle.
    """
    first = steps.iloc[0]
    due, missed = int(first["reached"]), int(first["open"])
    falls = steps.iloc[1:]
    rescued = int(falls.loc[falls["step"].isin(("secondary", "tertiary")), "ended"].sum())
    title = (
        f"Fallback answered {rescued:,} of the {missed:,} requests that the first choice did not"
        if missed
        else "The first choice answered every request"
    )
    with drawing(width=8.2, height=2.6) as figure:
        axes = plain_axes(figure.subplots(), grid="x")
        names = ["not answered at first", *(_SAID[step] for step in falls["step"])]
        axes.barh([0], [missed], color=OKABE_ITO[6], height=0.62)
        _count(axes, missed, missed, 0, due)
        for place, row in enumerate(falls.to_dict("records"), start=1):
            ended, start = int(row["ended"]), int(row["open"])
            axes.barh(
                [place], [ended], left=[start], height=0.62, color=_COLOUR[row["step"]],
            )  # fmt: skip
            axes.plot([start + ended] * 2, [place - 0.69, place + 0.31], color=SOFT, lw=0.8)
            _count(axes, ended, start + ended, place, due)
        axes.set_yticks(range(len(names)), names, fontsize=9.5)
        axes.invert_yaxis()
        axes.spines["left"].set_visible(False)
        axes.set_xlim(0, max(missed, 1) * 1.16)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axes.set_xlabel("requests")
        return finish(
            figure,
            title=title,
            subtitle=f"{int(first['ended']):,} of {due:,} requests were answered by the first "
            "choice and are not drawn",
            alt=_words(title, falls, due, int(first["ended"])),
            caption=caption_of(
                n=due,
                what="requests that were due an answer",
                source=source,
                drawn="counts, not estimates",
            ),
        )


def _count(axes: Axes, count: int, end: int, place: int, due: int) -> None:
    share = f"  ({100 * count / due:.2f} %)" if due else ""
    axes.text(end, place, f"  {count:,}{share}", va="center", ha="left", fontsize=9, color=INK)


def _words(title: str, falls: pd.DataFrame, due: int, at_first: int) -> str:
    told = "; ".join(
        f"{int(row['ended']):,} {_SAID[row['step']]}" for row in falls.to_dict("records")
    )
    return f"{title}. Of {due:,} requests {at_first:,} were answered at once; then {told}."
