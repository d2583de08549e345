"""How long requests took, by task, against what the policy allows."""

from __future__ import annotations

import math

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullLocator

from orchestra_kit.figures.style import (
    INK,
    OKABE_ITO,
    SOFT,
    Picture,
    caption_of,
    drawing,
    finish,
    label,
    plain_axes,
)

__all__ = ["latency_by_task"]

_TICKS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500)


def latency_by_task(latency: pd.DataFrame, *, source: str) -> Picture:
    """p50 and p90 of each task with their intervals, and the target for the p90.

    `latency` has a row a task and quantile: `task`, `quantile` (``p50`` or ``p90``), `value`,
    `low`, `high` (seconds), `n`, `target`.
    """
    tasks = list(dict.fromkeys(latency["task"]))
    wide = latency.pivot(index="task", columns="quantile").loc[tasks]
    late = [
        task
        for task in tasks
        if wide.loc[task, ("value", "p90")] > wide.loc[task, ("target", "p90")]
    ]
    title = (
        f"{len(late)} of {len(tasks)} tasks take longer than allowed at p90"
        if late
        else f"All {len(tasks)} tasks keep their p90 target"
    )
    with drawing(width=8.2, height=0.8 + 0.46 * max(len(tasks), 2)) as figure:
        axes = plain_axes(figure.subplots(), grid="x")
        for place, task in enumerate(tasks):
            _task(axes, place, wide.loc[task])
        _scale(axes, latency)
        axes.set_yticks(range(len(tasks)), [label(str(task)) for task in tasks])
        axes.set_ylim(len(tasks) - 0.5, -0.6)
        axes.spines["left"].set_visible(False)
        axes.legend(*_key(axes), loc="lower right", bbox_to_anchor=(1, 1), ncols=3)
        return finish(
            figure,
            title=title,
            subtitle="Seconds from arrival to reply of answered requests, logarithmic scale",
            alt=_words(title, latency, late),
            caption=caption_of(
                n=int(latency.loc[latency["quantile"] == "p90", "n"].sum()),
                what="answered requests",
                source=source,
                drawn="bars are 95 % intervals",
            ),
        )


def _task(axes: Axes, place: int, row: pd.Series[float]) -> None:
    found = {name: float(row["value", name]) for name in ("p50", "p90")}
    target = float(row["target", "p90"])
    axes.plot([target] * 2, [place - 0.34, place + 0.34], color=INK, lw=2.2, label="target for p90")
    if math.isnan(found["p90"]):
        axes.text(target, place, "  no data", va="center", fontsize=9, color=SOFT)
        return
    late = found["p90"] > target
    axes.plot([found["p50"], found["p90"]], [place] * 2, color="#c3cace", lw=3, zorder=1)
    looks = {
        "p50": (OKABE_ITO[5], "o", "p50"),
        "p90": (OKABE_ITO[1] if late else OKABE_ITO[0], "D" if late else "s", "p90"),
    }
    for name, (colour, marker, said) in looks.items():
        low, high = float(row["low", name]), float(row["high", name])
        reach = [[found[name] - low], [high - found[name]]]
        axes.errorbar(
            [found[name]], [place], xerr=None if math.isnan(low) else reach, color=colour,
            marker=marker, markersize=7, capsize=3, lw=1.3, label=said,
        )  # fmt: skip


def _scale(axes: Axes, latency: pd.DataFrame) -> None:
    known = pd.concat([latency["value"], latency["target"]]).dropna()
    low, high = float(known.min()) / 1.5, float(known.max()) * 1.5
    axes.set_xscale("log")
    axes.set_xlim(max(low, 1e-3), high)
    axes.set_xticks([tick for tick in _TICKS if low <= tick <= high])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} s"))


def _key(axes: Axes) -> tuple[list[Artist], list[str]]:
    handles, labels = axes.get_legend_handles_labels()
    kept = {name: handle for handle, name in zip(handles, labels, strict=True)}
    names = [name for name in ("p50", "p90", "target for p90") if name in kept]
    return [kept[name] for name in names], names


def _words(title: str, latency: pd.DataFrame, late: list[str]) -> str:
    told = []
    for row in latency[latency["quantile"] == "p90"].to_dict("records"):
        if math.isnan(row["value"]):
            told.append(f"{row['task']}: no data")
            continue
        beyond = " (too slow)" if row["task"] in late else ""
        told.append(
            f"{row['task']}: p90 {row['value']:.3g} s against {row['target']:.3g} s{beyond}"
        )
    return f"{title}. {'; '.join(told)}."
