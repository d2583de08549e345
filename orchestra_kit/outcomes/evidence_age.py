"""How old the evidence of a capability matrix is on a day, and which of it has had its time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar

from orchestra_kit.core.display import Shown, Table
from orchestra_kit.outcomes.matrix_cell import MatrixCell

if TYPE_CHECKING:
    from orchestra_kit.policy.policy import Policy

__all__ = ["OLDEST", "SOON", "CellAge", "EvidenceAges", "Mark", "ages_of"]

OLDEST = 90
"""Days after which evidence counts as old, as `orchestra check` has it."""
SOON = timedelta(days=90)
"""A retirement within these days is near, as `orchestra check` has it."""


class Mark(StrEnum):
    """What is to be said of the age of evidence."""

    CURRENT = "current"
    OLD = "old"
    UNKNOWN = "date unknown"
    AHEAD = "dated after this day"
    RETIRING = "model retires soon"
    RETIRED = "model is retired"


@dataclass(frozen=True, slots=True, kw_only=True)
class CellAge(Shown):
    """One cell of the matrix on a day."""

    model: str
    task: str
    n: int
    recorded: date | None
    """The day (UTC) of the middle answer; None where it is not known."""
    days: int | None
    """Age; None where the day is not known."""
    retires: date | None
    """The model's retirement by the policy; None where there is none, or no policy."""
    mark: Mark

    def to_dict(self) -> dict[str, Any]:
        """The value as JSON knows it, days as text."""
        days = {"recorded": self.recorded, "retires": self.retires}
        text = {name: day.isoformat() if day else None for name, day in days.items()}
        return {**Shown.to_dict(self), **text}


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceAges(Shown):
    """The age of every cell on a day."""

    _hidden: ClassVar[frozenset[str]] = frozenset({"cells"})

    on: date
    oldest: int
    """Days after which evidence counts as old."""
    cells: tuple[CellAge, ...]

    @property
    def marked(self) -> tuple[CellAge, ...]:
        """The cells that are not current."""
        return tuple(cell for cell in self.cells if cell.mark is not Mark.CURRENT)

    def finding(self) -> str:
        """How old the evidence is, and how much of it is marked, in one sentence."""
        known = sorted(cell.days for cell in self.cells if cell.days is not None)
        if not known:
            age = f"When the evidence was recorded is not known for any of {len(self.cells)} cells"
        elif known[0] == known[-1]:
            age = f"The evidence is {_days(known[0])} old on {self.on}"
        else:
            age = f"The evidence is {known[0]} to {_days(known[-1])} old on {self.on}"
        counts: dict[Mark, int] = {}
        for cell in self.marked:
            counts[cell.mark] = counts.get(cell.mark, 0) + 1
        said = [
            f"{count} of {len(self.cells)} cells: {self._words(mark)}"
            for mark, count in counts.items()
            if known or mark is not Mark.UNKNOWN
        ]
        return "; ".join([age, *said])

    def table(self) -> Table:
        """One row a cell."""
        rows = [
            (c.task, c.model, f"{c.n:,}", c.recorded or "unknown", _age(c.days), c.retires or "–",
             c.mark.value)
            for c in self.cells
        ]  # fmt: skip
        columns = ("task", "model", "n", "recorded", "age", "model retires", "mark")
        return Table(columns, rows, title=f"{self.finding()}.", right=frozenset({"n", "age"}))

    def to_dict(self) -> dict[str, Any]:
        """The ages as JSON knows them, with their finding."""
        return {
            "on": self.on.isoformat(),
            "oldest": self.oldest,
            "finding": self.finding(),
            "cells": [cell.to_dict() for cell in self.cells],
        }

    def _words(self, mark: Mark) -> str:
        return f"older than {_days(self.oldest)}" if mark is Mark.OLD else mark.value


def ages_of(
    cells: Sequence[MatrixCell], on: date, *, oldest: int = OLDEST, policy: Policy | None = None
) -> EvidenceAges:
    """The age of cells on a day; `oldest` is in days, and a policy tells of retirements.

    A retirement is marked before an age, since no new measurement mends it. Raises ValueError for
    a negative `oldest`.
    """
    if oldest < 0:
        raise ValueError("evidence cannot be older than a negative number of days")
    retirements = {} if policy is None else _retirements(policy)
    return EvidenceAges(
        on=on, oldest=oldest, cells=tuple(_age_of(c, on, oldest, retirements) for c in cells)
    )


def _age_of(cell: MatrixCell, on: date, oldest: int, retirements: Mapping[str, date]) -> CellAge:
    recorded = None if cell.recorded is None else cell.recorded.date()
    days = None if recorded is None else (on - recorded).days
    retires = retirements.get(cell.model)
    return CellAge(
        model=cell.model,
        task=cell.task,
        n=cell.n,
        recorded=recorded,
        days=days,
        retires=retires,
        mark=_mark(days, oldest, retires, on),
    )


def _mark(days: int | None, oldest: int, retires: date | None, on: date) -> Mark:
    if retires is not None and retires <= on:
        return Mark.RETIRED
    if retires is not None and retires <= on + SOON:
        return Mark.RETIRING
    if days is None:
        return Mark.UNKNOWN
    if days < 0:
        return Mark.AHEAD
    return Mark.OLD if days > oldest else Mark.CURRENT


def _retirements(policy: Policy) -> dict[str, date]:
    """By the model's name in the policy, and by the names that its deployments are known under."""
    found = {name: model.retired for name, model in policy.models.items() if model.retired}
    for name, deployment in policy.deployments.items():
        if deployment.model in found:
            for known_as in (name, deployment.served_as):
                if known_as:
                    found.setdefault(known_as, found[deployment.model])
    return found


def _days(count: int) -> str:
    return f"{count} day" if count == 1 else f"{count} days"


def _age(days: int | None) -> str:
    return "unknown" if days is None else _days(days)
