"""Where the money went: a bar a task, divided by the model that was paid."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from orchestra_kit.core.money import format_usd
from orchestra_kit.figures.style import (
    INK,
    OKABE_ITO,
    Picture,
    caption_of,
    drawing,
    finish,
    label,
    plain_axes,
)

__all__ = ["cost_by_task_model"]

_PARTS = 3
"""Models drawn apart in a task; the others are drawn together."""
_FILL = ((OKABE_ITO[0], "white"), (OKABE_ITO[5], INK), ("#b9c2c8", INK), ("#e3e7ea", INK))
"""Fill and lettering by rank; they differ in lightness, so that they hold in grey."""


def cost_by_task_model(costs: pd.DataFrame, *, source: str) -> Picture:
    """Known cost by task and model, the most expensive task first.

    `costs` has `task`, `model`, `cost` (dollars; missing where unknown), `attempts`, `unknown`.
    Within a task the models are ranked, and named where there is room.
    """
    priced = costs[costs["cost"] > 0]
    totals = priced.groupby("task")["cost"].sum().sort_values(ascending=False, kind="stable")
    total = float(totals.sum())
    title = (
        f"“{label(str(totals.index[0]))}” takes {100 * totals.iloc[0] / total:.0f} % of "
        f"the week's {format_usd(total)}"
        if total
        else "No cost is known"
    )
    with drawing(width=8.2, height=0.62 + 0.46 * max(len(totals), 2)) as figure:
        axes = plain_axes(figure.subplots(), grid="x")
        widest = float(totals.max()) if total else 1.0
        for place, (task, amount) in enumerate(totals.items()):
            _bar(axes, place, priced[priced["task"] == task], float(amount), widest)
        axes.set_yticks(range(len(totals)), [label(str(task)) for task in totals.index])
        axes.invert_yaxis()
        axes.spines["left"].set_visible(False)
        axes.set_xlim(0, widest * 1.14)
        axes.xaxis.set_major_formatter(
            lambda value, _: f"${value:,.3g}" if value < 10 else f"${value:,.0f}"
        )
        return finish(
            figure,
            title=title,
            subtitle="Dollars of all attempts, by task and by the model that was paid",
            alt=_words(title, priced, totals),
            caption=_caption(costs, source),
        )


def _bar(axes: Axes, place: int, part: pd.DataFrame, amount: float, widest: float) -> None:
    ranked = part.sort_values(["cost", "model"], ascending=[False, True])
    drawn = ranked.head(_PARTS)
    pieces = list(zip(drawn["model"].astype(str), drawn["cost"].astype(float), strict=True))
    rest = amount - sum(cost for _, cost in pieces)
    if rest > 0 and len(ranked) > _PARTS:
        pieces.append((f"{len(ranked) - _PARTS} more", rest))
    start = 0.0
    for (name, cost), (fill, ink) in zip(pieces, _FILL, strict=False):
        axes.barh(
            [place], [cost], left=[start], height=0.62, color=fill,
            edgecolor="white", linewidth=0.8,
        )  # fmt: skip
        shown = label(name, longest=24)
        # About 0.0105 of the widest bar a letter, at this size.
        if cost / widest > 0.0125 * (len(shown) + 1):
            axes.text(
                start + cost / 2, place, shown, ha="center", va="center", fontsize=8.5, color=ink
            )
        start += cost
    axes.text(
        amount, place, f"  {format_usd(amount)}", va="center", ha="left", fontsize=9, color=INK
    )


def _caption(costs: pd.DataFrame, source: str) -> str:
    unknown = int(costs["unknown"].sum())
    drawn = "counted, not estimated"
    if unknown:
        drawn += f"; {unknown:,} attempts without a known price are not in it"
    return caption_of(n=int(costs["attempts"].sum()), what="attempts", source=source, drawn=drawn)


def _words(title: str, priced: pd.DataFrame, totals: pd.Series[float]) -> str:
    told = []
    for task, amount in totals.items():
        part = priced[priced["task"] == task].sort_values("cost", ascending=False)
        most = part.iloc[0]
        told.append(
            f"{task} {format_usd(float(amount))}, most of it {most['model']} "
            f"({100 * float(most['cost']) / float(amount):.0f} %)"
        )
    return f"{title}. {'; '.join(told)}."
