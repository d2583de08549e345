"""Recorded answers as arrays of query x model, with what a judge would say of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from orchestra_kit.core.errors import TableError
from orchestra_kit.outcomes.grid import Grid
from orchestra_kit.outcomes.success_signal import success_signal

__all__ = ["Judge", "Recorded", "recorded_answers"]

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Judge: TypeAlias = Literal["recorded", "signal", "none"]
"""Who says how good an answer is before it is delivered: the recorded score, a score predicted from
other prompts' outcomes, or nobody."""


@dataclass(frozen=True, eq=False)
class Recorded:
    """Recorded answers of n queries x m models."""

    scores: Floats
    costs: Floats
    latencies: Floats
    judged: Floats
    """What a judge says of each answer before it is delivered; infinite where nobody judges."""
    empty: Mask


def recorded_answers(grid: Grid, judge: Judge, learn_from: Grid | None = None) -> Recorded:
    """The answers of a grid, judged.

    A judge by signal learns from `learn_from`, or else judges each prompt by what the others teach.
    Raises TableError where there is too little to learn from.
    """
    empty = np.zeros(grid.scores.shape, dtype=np.bool_)
    if grid.responses is not None:
        known = grid.responses != ""
        # A model none of whose answers was kept has no empty ones.
        blank = np.vectorize(lambda text: not str(text).strip(), otypes=[np.bool_])
        empty = blank(grid.responses) & known.any(axis=0)
    if judge == "recorded":
        judged = grid.scores
    elif judge == "none":
        judged = np.full(grid.scores.shape, np.inf)
    else:
        judged = np.column_stack(
            [_signal(grid, column, learn_from) for column in range(len(grid.models))]
        )
    return Recorded(grid.scores, grid.costs, grid.latencies, judged, empty)


def _signal(grid: Grid, column: int, learn_from: Grid | None) -> Floats:
    other = None if learn_from is None else _rows_of(learn_from, column)
    try:
        return success_signal(_rows_of(grid, column), learn_from=other)
    except ValueError as error:
        raise TableError(f"No judge can be learnt for {grid.models[column]}: {error}.") from None


def _rows_of(grid: Grid, column: int) -> pd.DataFrame:
    """One model's outcomes as a signal learns from them."""
    frame = pd.DataFrame(
        {
            "prompt": grid.prompts, "task": grid.tasks, "score": grid.scores[:, column],
            "output_tokens": grid.lengths[:, column],
        }
    )  # fmt: skip
    return frame if grid.responses is None else frame.assign(response=grid.responses[:, column])
