"""How the main figures of a service moved over the last weeks: one small chart a measure."""

from __future__ import annotations

import math

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from orchestra_kit.analytics.measures import MEASURES
from orchestra_kit.analytics.wording import figure as figure_text
from orchestra_kit.figures.style import (
    BAND,
    INK,
    OKABE_ITO,
    SOFT,
    Picture,
    caption_of,
    drawing,
    finish,
    plain_axes,
)

__all__ = ["weekly_trend"]

_ACROSS = 3


def weekly_trend(trend: pd.DataFrame, *, title: str, n: int, source: str) -> Picture:
    """The measures week by week, each on its own scale, with the last week's value written out.

    `trend` has one row a measure and week: `measure`, `week`, `value`, `low`, `high`; a week
    without a value is a gap. `n` counts the requests of all weeks together.
    """
    names = list(dict.fromkeys(trend["measure"]))
    weeks = list(dict.fromkeys(trend["week"]))
    down = max(1, math.ceil(len(names) / _ACROSS))
    with drawing(width=8.6, height=1.8 * down) as figure:
        grid = figure.subplots(down, _ACROSS, squeeze=False)
        for place, axes in enumerate(grid.flat):
            if place < len(names):
                _small_chart(axes, trend[trend["measure"] == names[place]], names[place])
            else:
                axes.set_axis_off()
        return finish(
            figure,
            title=title,
            subtitle=f"Weeks {weeks[0]} to {weeks[-1]}, each measure on its own scale",
            alt=_words(trend, names, weeks),
            caption=caption_of(
                n=n, what="requests", source=source, drawn="bands are 95 % intervals"
            ),
        )


def _small_chart(axes: Axes, part: pd.DataFrame, name: str) -> None:
    unit = MEASURES[name].unit
    places = range(len(part))
    values, low, high = (part[c].to_numpy(float) for c in ("value", "low", "high"))
    blue = OKABE_ITO[0]
    axes.fill_between(places, low, high, color=blue, alpha=BAND, linewidth=0)
    axes.plot(places, values, color=blue, marker="o", markersize=3.2, linewidth=1.5)
    last = values[-1] if len(values) else math.nan
    if not math.isnan(last):
        axes.plot([len(values) - 1], [last], marker="o", markersize=6.5, color=blue)
    axes.set_title(MEASURES[name].title, loc="left", fontsize=9, color=SOFT, pad=19)
    axes.annotate(
        figure_text(float(last), unit), (0, 1), xytext=(0, 4), xycoords="axes fraction",
        textcoords="offset points", fontsize=10.5, fontweight="bold", color=INK, va="bottom",
    )  # fmt: skip
    plain_axes(axes)
    axes.set_xticks(list(places), [str(week)[-3:] for week in part["week"]])
    axes.margins(x=0.08, y=0.22)
    axes.yaxis.set_major_locator(MaxNLocator(3, min_n_ticks=2))
    low_end, high_end = axes.get_ylim()
    fine = unit == "score" and high_end - low_end < 0.01
    axes.yaxis.set_major_formatter(
        FuncFormatter(lambda v, _: f"{v:.4f}" if fine else figure_text(float(v), unit))
    )
    axes.tick_params(labelsize=8)


def _words(trend: pd.DataFrame, names: list[str], weeks: list[str]) -> str:
    told = []
    for name in names:
        part = trend[trend["measure"] == name]
        known = part.dropna(subset=["value"])
        if known.empty:
            told.append(f"{MEASURES[name].title}: no data")
            continue
        unit = MEASURES[name].unit
        first, last = known.iloc[0], known.iloc[-1]
        told.append(
            f"{MEASURES[name].title}: {figure_text(float(first['value']), unit)} in "
            f"{first['week']}, {figure_text(float(last['value']), unit)} in {last['week']}, "
            f"lowest {figure_text(float(known['value'].min()), unit)}, "
            f"highest {figure_text(float(known['value'].max()), unit)}"
        )
    return f"Lines over {len(weeks)} weeks. {'. '.join(told)}."
