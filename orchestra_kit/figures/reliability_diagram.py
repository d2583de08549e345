"""What was foretold beside what came: one point a bin, with intervals, and the line of honesty."""

from __future__ import annotations

from orchestra_kit.figures.picture import Picture
from orchestra_kit.figures.style import (
    INK,
    OKABE_ITO,
    SOFT,
    caption_of,
    drawing,
    finish,
    plain_axes,
)
from orchestra_kit.outcomes.predictors.reliability import Reliability

__all__ = ["reliability_diagram"]

_POINT = OKABE_ITO[0]


def reliability_diagram(reliability: Reliability, *, source: str, what: str = "success") -> Picture:
    """The reliability diagram (DeGroot and Fienberg 1983) of a forecast.

    `source` is ``recorded``, ``simulated`` or ``live``; `what` names what was foretold. Points on
    the dashed line are honest; below it too much was promised. The size of a point says nothing:
    every bin holds the same number.
    """
    bins = reliability.bins
    with drawing(width=5.2, height=4.4) as figure:
        axes = plain_axes(figure.subplots(), grid="both")
        axes.plot([0, 1], [0, 1], color=SOFT, linestyle="--", linewidth=1.2)
        axes.vlines(bins["foretold"], bins["low"], bins["high"], color=_POINT, linewidth=1.6)
        axes.plot(bins["foretold"], bins["found"], color=_POINT, marker="o", markersize=5,
                  linewidth=1, markeredgecolor="white", markeredgewidth=0.8)  # fmt: skip
        axes.annotate("honest", (0.93, 0.93), (-4, -12), textcoords="offset points", color=INK,
                      size=9, ha="left")  # fmt: skip
        axes.set_xlim(-0.02, 1.02)
        axes.set_ylim(-0.02, 1.02)
        axes.set_aspect("equal")
        axes.set_xlabel("foretold mean score (0–1)")
        axes.set_ylabel("mean score found (0–1)")
        return finish(
            figure,
            title=_finding(reliability, what),
            subtitle=f"Brier {reliability.brier.format(3)}; of the mean alone "
            f"{reliability.of_mean.value:.3f}",
            alt=_words(reliability, what),
            caption=caption_of(
                n=reliability.error.n,
                what="queries that were not learnt from",
                source=source,
                drawn="bars are 95 % intervals of the mean score, clustered by query; bins are of "
                "equal numbers",
            ),
        )


def _finding(reliability: Reliability, what: str) -> str:
    return f"Foretold {what} is {reliability.error.format(3)} off, on average"


def _words(reliability: Reliability, what: str) -> str:
    told = "; ".join(
        f"foretold {row.foretold:.2f}, found {row.found:.2f}"
        for row in reliability.bins.itertuples()
    )
    bins = len(reliability.bins)
    return f"Reliability diagram in {bins} bins. {_finding(reliability, what)}. {told}."
