"""The capability matrix as a heat map: a cell for each model and task, with its interval."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import matplotlib
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LogNorm, Normalize
from matplotlib.patches import Rectangle

from orchestra_kit.core.money import format_usd
from orchestra_kit.figures.style import (
    INK,
    SEQUENTIAL,
    SOFT,
    Picture,
    caption_of,
    drawing,
    finish,
    label,
)
from orchestra_kit.outcomes.matrix import Matrix
from orchestra_kit.outcomes.matrix_cell import MatrixCell
from orchestra_kit.outcomes.statistics import Estimate

__all__ = ["matrix_heatmap"]

_COLUMN, _ROW = 1.18, 0.52
"""Inches of a cell."""


@dataclass(frozen=True, slots=True)
class _Measure:
    """How one measure is taken from a cell, written and coloured."""

    name: str
    of: Callable[[MatrixCell], Estimate | None]
    text: Callable[[float], str]
    unit: str
    """What `text` writes that need not be written twice in an interval."""
    logarithmic: bool

    def interval(self, estimate: Estimate) -> str:
        """The interval in small print, or n where there is none."""
        if estimate.low is None or estimate.high is None:
            return f"n={estimate.n}"
        ends = (self.text(end).replace(self.unit, "") for end in (estimate.low, estimate.high))
        return "–".join(ends)


_MEASURES = {
    "quality": _Measure("Mean score (0-1)", lambda c: c.quality, "{:.2f}".format, " ", False),
    "cost": _Measure(
        "Mean dollars per 1,000 requests",
        lambda c: c.cost,
        lambda dollars: format_usd(1_000 * dollars, digits=2),
        "$",
        True,
    ),
    "latency": _Measure(
        "Median seconds to the whole answer",
        lambda c: c.latency_p50,
        lambda seconds: f"{seconds:.{2 if seconds < 0.995 else 1 if seconds < 99.5 else 0}f} s",
        " s",
        True,
    ),
}


def matrix_heatmap(matrix: Matrix, measure: str = "quality") -> Picture:
    """Model x task in cividis, lighter for more; the frame of a cell marks the leaders' quality.

    Raises ValueError for another measure than ``quality``, ``cost`` or ``latency``.
    """
    if measure not in _MEASURES:
        raise ValueError(f"there is no map of {measure}; there are {', '.join(_MEASURES)}")
    how = _MEASURES[measure]
    values = _values(matrix, how)
    columns, rows = len(matrix.tasks), len(matrix.models)
    names = [label(model) for model in matrix.models]
    left = 0.085 * max(map(len, names)) + 0.3
    size = max(5.4, left + _COLUMN * columns), 0.55 + _ROW * rows
    title = matrix.finding() if measure == "quality" else _spread(matrix, how, values)
    with drawing(width=size[0], height=size[1]) as figure:
        axes = figure.subplots()
        _draw(axes, matrix, how, values)
        axes.set_yticks(range(rows), names)
        tasks = [label(task, longest=24) for task in matrix.tasks]
        longest = max(map(len, tasks))
        axes.set_xticks(range(columns), tasks, rotation=0 if longest < 14 else 30,
                        ha="center" if longest < 14 else "right")  # fmt: skip
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        framed = ""
        if measure == "quality":
            framed = (
                ", # the ranks that paired tests allow; framed: none is shown better, "
                "or as good and cheaper"
            )
        return finish(
            figure,
            title=title,
            subtitle=f"{how.name}, in small figures its 95 % interval{framed}",
            alt=_words(matrix, how, values, title),
            caption=_caption(matrix),
        )


def _values(matrix: Matrix, how: _Measure) -> npt.NDArray[np.float64]:
    """Model x task, NaN where nothing is known."""
    grid = np.full((len(matrix.models), len(matrix.tasks)), np.nan)
    for cell in matrix.cells:
        estimate = how.of(cell)
        if estimate is not None:
            place = matrix.models.index(cell.model), matrix.tasks.index(cell.task)
            grid[place] = estimate.value
    return grid


def _draw(axes: Axes, matrix: Matrix, how: _Measure, values: npt.NDArray[np.float64]) -> None:
    colours = matplotlib.colormaps[SEQUENTIAL]
    scale = _scale(how, values)
    axes.imshow(np.ma.masked_invalid(values), cmap=colours, norm=scale, aspect="auto")
    axes.set_xticks(np.arange(values.shape[1] + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(values.shape[0] + 1) - 0.5, minor=True)
    axes.grid(visible=True, which="minor", color="white", linewidth=2)
    axes.tick_params(which="minor", length=0)
    for y, model in enumerate(matrix.models):
        for x, task in enumerate(matrix.tasks):
            cell = matrix.cell(model, task)
            estimate = how.of(cell) if cell else None
            if cell is None or estimate is None:
                _empty(axes, x, y, "no data" if cell is None else "unknown")
            else:
                ink = _ink(colours, scale, estimate.value)
                ranks = _ranks(cell) if how is _MEASURES["quality"] else ""
                # A rank takes the right of the cell, and the figures make room.
                _fill(axes, x - 0.13 * bool(ranks), y, estimate, how, ink)
                axes.text(x + 0.405, y - 0.12, ranks, ha="right", va="center", size=7.6, color=ink)
                if how is _MEASURES["quality"] and cell.best_use:
                    _frame(axes, x, y)


def _scale(how: _Measure, values: npt.NDArray[np.float64]) -> Normalize:
    known = values[np.isfinite(values)]
    if how.logarithmic and len(known) and known.min() > 0:
        low, high = float(known.min()), float(known.max())
        return LogNorm(low, high if high > low else low * 1.01)
    return Normalize(0.0, 1.0 if not how.logarithmic else float(known.max(initial=1.0)))


def _ink(colours: Colormap, scale: Normalize, value: float) -> str:
    """Black or white, whichever stands out more from the cell (relative luminance, WCAG 2)."""
    rgb = np.asarray(colours(float(scale(value)))[:3])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return "white" if float(linear @ (0.2126, 0.7152, 0.0722)) < 0.18 else INK


def _fill(axes: Axes, x: float, y: int, estimate: Estimate, how: _Measure, ink: str) -> None:
    axes.text(x, y - 0.12, how.text(estimate.value), ha="center", va="center", size=10.5,
              color=ink, weight="bold")  # fmt: skip
    below = how.interval(estimate)
    axes.text(x, y + 0.22, below, ha="center", va="center", size=7.6, color=ink)


def _ranks(cell: MatrixCell) -> str:
    """The ranks that the data allow; nothing where there is nobody to be ranked with."""
    return "" if cell.rank is None or cell.rank.of < 2 else f"#{cell.rank}"


def _empty(axes: Axes, x: int, y: int, word: str) -> None:
    box = Rectangle((x - 0.48, y - 0.46), 0.96, 0.92, fill=False, hatch="////", edgecolor="#d5dade",
                    linewidth=0)  # fmt: skip
    axes.add_patch(box)
    axes.text(x, y, word, ha="center", va="center", size=8, color=SOFT,
              bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5})  # fmt: skip


def _frame(axes: Axes, x: int, y: int) -> None:
    for colour, width in (("white", 3.6), (INK, 1.7)):
        axes.add_patch(
            Rectangle((x - 0.455, y - 0.43), 0.91, 0.86, fill=False, edgecolor=colour,
                      linewidth=width)
        )  # fmt: skip


def _spread(matrix: Matrix, how: _Measure, values: npt.NDArray[np.float64]) -> str:
    """The range of the measure, which claims nothing of any model being better."""
    if not np.isfinite(values).any():
        return "Nothing is known of this measure"
    (low, lower), (high, higher) = _extremes(matrix, values)
    return f"{how.name} run from {how.text(low)} ({lower}) to {how.text(high)} ({higher})"


def _extremes(
    matrix: Matrix, values: npt.NDArray[np.float64]
) -> tuple[tuple[float, str], tuple[float, str]]:
    found = []
    for pick in (np.nanargmin, np.nanargmax):
        y, x = np.unravel_index(int(pick(values)), values.shape)
        name = f"{label(matrix.models[int(y)])} at {label(matrix.tasks[int(x)])}"
        found.append((float(values[y, x]), name))
    return found[0], found[1]


def _words(matrix: Matrix, how: _Measure, values: npt.NDArray[np.float64], title: str) -> str:
    size = f"{len(matrix.models)} models by {len(matrix.tasks)} tasks"
    if not np.isfinite(values).any():
        return f"Heat map of {size}. {title}."
    (low, lower), (high, higher) = _extremes(matrix, values)
    unknown = int(np.isnan(values).sum())
    gaps = f" {unknown} cells are empty." if unknown else ""
    finding = "" if title.startswith(how.name) else f" {title}."
    return (
        f"Heat map of {size}.{finding} {how.name}: lowest {how.text(low)} "
        f"({lower}), highest {how.text(high)} ({higher}).{gaps}{_ordered(matrix, how)}"
    )


def _ordered(matrix: Matrix, how: _Measure) -> str:
    """How many ranks the data settle, where ranks are drawn."""
    ranked = [cell.rank for cell in matrix.cells if _ranks(cell)]
    if how is not _MEASURES["quality"] or not ranked:
        return ""
    settled = sum(rank is not None and rank.known for rank in ranked)
    return f" {settled} of {len(ranked)} cells have a single rank; the others share several."


def _caption(matrix: Matrix) -> str:
    sizes = sorted(cell.n for cell in matrix.cells)
    span = f"{sizes[0]:,}" if sizes[0] == sizes[-1] else f"{sizes[0]:,} to {sizes[-1]:,}"
    return caption_of(
        n=sum(sizes),
        what=f"answers, {span} a cell",
        source=matrix.source.value + _dated(matrix),
        drawn="models stand in the order of the table, which is no rank",
    )


def _dated(matrix: Matrix) -> str:
    return f" on {matrix.recorded_from_to[0]:%Y-%m-%d}" if matrix.recorded_from_to else ""
