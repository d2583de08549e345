"""The capability matrix: what each model is like at each task, measured, with intervals.

Models are compared in pairs on the queries that both answered. A model belongs to the leaders of a
task unless another is *shown* better there; nothing is ranked where the data cannot tell. Repeated
prompts, epochs and the turns of a conversation count as one piece of evidence. The figures are
those of the queries in the table, and say nothing of other work.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, ClassVar, cast

import pandas as pd

from orchestra_kit.core.answer import Source
from orchestra_kit.core.display import Drawing, Shown, Table
from orchestra_kit.core.money import format_usd
from orchestra_kit.outcomes.clusters import clusters_of
from orchestra_kit.outcomes.evidence_age import OLDEST, EvidenceAges, ages_of
from orchestra_kit.outcomes.matrix_cell import MatrixCell, cells_of_task
from orchestra_kit.outcomes.model_profile import ModelProfile, profile_of, profile_table
from orchestra_kit.outcomes.statistics import Estimate

if TYPE_CHECKING:
    from orchestra_kit.outcomes.specification import Specification
    from orchestra_kit.outcomes.table import Outcomes
    from orchestra_kit.policy.policy import Policy

__all__ = ["Matrix"]

_HEADS = (
    "model",
    "quality (95 % interval)",
    "rank",
    "n",
    "p50",
    "p95",
    "cost a request",
    "what is shown",
)
_NEEDED = ("dataset", "query_id", "task", "model", "score", "cost_usd", "latency_s", "recorded_at",
           "cluster")  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix(Shown):
    """Model x task, measured on one table of outcomes."""

    _hidden: ClassVar[frozenset[str]] = frozenset({"cells", "_answers"})

    models: tuple[str, ...]
    """In the order of the table: no ranking."""
    tasks: tuple[str, ...]
    cells: tuple[MatrixCell, ...]
    """One for each model and task that the table has, task by task."""
    source: Source
    recorded_from_to: tuple[datetime, datetime] | None
    """When the evidence was recorded, where known."""
    files: tuple[str, ...]
    cost_source: str
    """Where costs come from, in the table's own words; ``unknown`` where it has none."""
    floor: float
    """Quality (0-1) that a usable model is not shown to be below."""
    margin: float
    """Difference in quality (0-1) that does not matter."""
    _answers: pd.DataFrame | None = field(default=None, compare=False, repr=False)
    """The rows that were measured, each with its ``cluster``, to be held against a policy."""

    @classmethod
    def measure(cls, outcomes: Outcomes, *, floor: float = 0.5, margin: float = 0.02) -> Matrix:
        """The matrix of a table of outcomes.

        `floor` is the quality (0-1) below which a model is disqualified where that is shown: half
        unless the policy asks for more. `margin` is the loss of quality that a cheaper model may
        have and still count as at least as good. Raises ValueError outside 0..1.
        """
        if not (0 <= floor <= 1 and 0 <= margin <= 1):
            raise ValueError("floor and margin lie between 0 and 1")
        frame = outcomes.frame
        answers = frame.assign(cluster=clusters_of(frame))
        # Prompts and answers are long, and no cell needs them.
        frame = _labelled(answers[[name for name in _NEEDED if name in answers]])
        groups = {str(task): part for task, part in frame.groupby("task", sort=False)}
        cells = [
            cell
            for task, part in groups.items()
            for cell in cells_of_task(task, part, outcomes.models, floor=floor, margin=margin)
        ]
        return cls(
            models=outcomes.models,
            tasks=tuple(groups),
            cells=tuple(cells),
            source=outcomes.source,
            recorded_from_to=outcomes.recorded_from_to,
            files=outcomes.files,
            cost_source=outcomes.cost_source,
            floor=floor,
            margin=margin,
            _answers=answers,
        )

    def cell(self, model: str, task: str) -> MatrixCell | None:
        """What is known of a model at a task; None where it answered nothing."""
        found = (c for c in self.cells if c.model == model and c.task == task)
        return next(found, None)

    def leaders(self, task: str) -> tuple[str, ...]:
        """The models that none is shown better than at the task."""
        return tuple(c.model for c in self.cells if c.task == task and c.best_use)

    def best_uses(self) -> Mapping[str, tuple[str, ...]]:
        """For each model the tasks at which it is among the leaders and not disqualified."""
        return {
            model: tuple(c.task for c in self.cells if c.model == model and c.best_use)
            for model in self.models
        }

    def finding(self) -> str:
        """What the matrix shows, in one sentence that it supports."""
        alone = [t for t in self.tasks if len(self.leaders(t)) == 1]
        uses = self.best_uses()
        most = max((len(tasks) for tasks in uses.values()), default=0)
        if most == 0:
            return "No model is usable by these data at any task"
        first = [model for model, tasks in uses.items() if len(tasks) == most]
        every = "all" if most == len(self.tasks) else f"{most} of"
        of = f"{every} {len(self.tasks)} tasks" if len(self.tasks) > 1 else "this task"
        if len(first) > 1:
            return (
                f"{_count(len(first))} models are among the best at {of}: the data cannot part them"
            )
        mine = [task for task in alone if task in uses[first[0]]]
        sole = f", alone at {len(mine)}" if mine and len(self.tasks) > 1 else ""
        if len(self.tasks) == 1:
            return f"{first[0]} is shown best at {self.tasks[0]}"
        return f"{first[0]} is among the best at {of}{sole}"

    def evidence(self) -> str:
        """Source, number of outcomes, date and origin of the costs, in one line."""
        when = ""
        if self.recorded_from_to:
            first, last = (f"{moment:%d %B %Y}".lstrip("0") for moment in self.recorded_from_to)
            when = f" of {first}" if first == last else f" of {first} to {last}"
        n = sum(cell.n for cell in self.cells)
        return f"{n:,} {self.source.value} outcomes{when}; costs: {self.cost_source}"

    def to_dict(self) -> dict[str, Any]:
        """The matrix as JSON knows it, with its finding and best uses."""
        fields = Shown.to_dict(self)
        del fields["_answers"]
        cells = [
            {**f, "best_use": c.best_use} for f, c in zip(fields["cells"], self.cells, strict=True)
        ]
        uses = {model: list(tasks) for model, tasks in self.best_uses().items()}
        told = {
            "finding": self.finding(),
            "best_uses": uses,
            "profiles": [self.profile(model).to_dict() for model in self.models],
        }
        return {**fields, **told, "cells": cells}

    def frame(self) -> pd.DataFrame:
        """One row a cell, with the ends of each interval in columns of their own."""
        return pd.DataFrame([_flat(cell) for cell in self.cells])

    def table(self) -> Table:
        """One row a cell, task by task."""
        rows = [(cell.task, *_row(cell)) for cell in self.cells]
        return Table(("task", *_HEADS), rows, title=self._title(), right=frozenset(_HEADS[1:-1]))

    def profile(self, model: str) -> ModelProfile:
        """What a model is for, its strengths and weaknesses; raises ValueError for another's."""
        return profile_of(self, model)

    def summary(self) -> Table:
        """One row a model: its optimal use, strengths and weaknesses, as far as they are shown."""
        return profile_table([self.profile(model) for model in self.models])

    def ages(self, on: date, *, oldest: int = OLDEST, policy: Policy | None = None) -> EvidenceAges:
        """How old the evidence of each cell is on a day; see `ages_of`."""
        return ages_of(self.cells, on, oldest=oldest, policy=policy)

    def against(self, policy: Policy) -> Specification:
        """What a policy asks for and expects, held against these outcomes; see `Specification`.

        Raises TableError where the two share no model and task.
        """
        from orchestra_kit.outcomes.specification import Specification

        assert self._answers is not None, "a matrix is made by measuring"
        return Specification.measure(self._answers, policy, self.source)

    def to_text(self) -> str:
        """The matrix for a terminal: a block for each task, then one line a model."""
        parts = [self._title(), ""]
        for task in self.tasks:
            rows = [_row(cell) for cell in self.cells if cell.task == task]
            parts += [Table(_HEADS, rows, title=task, right=frozenset(_HEADS[1:-1])).to_text(), ""]
        return "\n".join([*parts, self.summary().to_text()])

    def heatmap(self, measure: str = "quality") -> Drawing:
        """The matrix as a picture: ``quality``, ``cost`` or ``latency``.

        Raises ValueError for another measure.
        """
        # Drawing is the floor above; it is found by name, so that measuring never imports it.
        (found,) = entry_points(group="orchestra_kit.figures", name="matrix_heatmap")
        return cast(Drawing, found.load()(self, measure))

    def _title(self) -> str:
        return f"{self.finding()}. {self.evidence()}."

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        tables = (self.table(), self.summary())
        html = "".join(table.to_html() for table in tables)
        return {"text/plain": self.to_text(), "text/html": html}


def _labelled(frame: pd.DataFrame) -> pd.DataFrame:
    """Tasks of the same name in several datasets are different tasks, and say so."""
    homes = frame.groupby("task", sort=False)["dataset"].nunique()
    shared = frame["task"].isin(homes[homes > 1].index)
    if not shared.any():
        return frame
    qualified = frame["dataset"].astype(str) + "/" + frame["task"].astype(str)
    return frame.assign(task=frame["task"].where(~shared, qualified))


def _row(cell: MatrixCell) -> tuple[str, ...]:
    quality = "unscored" if cell.quality is None else cell.quality.format()
    return (
        cell.model,
        quality,
        "–" if cell.rank is None else str(cell.rank),
        _counted(cell),
        _seconds(cell.latency_p50),
        _seconds(cell.latency_p95),
        "unknown" if cell.cost is None else format_usd(cell.cost.value),
        cell.words,
    )


def _counted(cell: MatrixCell) -> str:
    """n, and in how many clusters it comes where that is fewer."""
    few = f" in {cell.clusters:,}" if cell.clusters < cell.n else ""
    return f"{cell.n:,}{few}"


def _seconds(estimate: Estimate | None) -> str:
    return "unknown" if estimate is None else f"{estimate.value:.3g} s"


def _count(number: int) -> str:
    """A number as it begins a sentence."""
    words = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine")
    return words[number] if number < len(words) else str(number)


def _flat(cell: MatrixCell) -> dict[str, object]:
    row: dict[str, object] = {"model": cell.model, "task": cell.task, "n": cell.n}
    for name in ("quality", "cost", "latency_p50", "latency_p95"):
        estimate: Estimate | None = getattr(cell, name)
        low, high = estimate.bounds if estimate else (float("nan"), float("nan"))
        row |= {
            name: estimate.value if estimate else float("nan"),
            f"{name}_low": low,
            f"{name}_high": high,
        }
    rank = cell.rank
    row |= {
        "rank_first": float("nan") if rank is None else rank.first,
        "rank_last": float("nan") if rank is None else rank.last,
        "clusters": cell.clusters,
        "recorded": pd.NaT if cell.recorded is None else pd.Timestamp(cell.recorded),
    }
    evidence = "leader" if cell.model == cell.leader else cell.against_best.value
    return row | {"unscored": cell.unscored, "against_best": evidence, "best_use": cell.best_use}
