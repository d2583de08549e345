"""What a model is for, where it is strong and where weak: sentences that the tests support.

Every statement of order rests on a paired test that is corrected for all pairs of models at its
task; where the data cannot tell, nothing is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestra_kit.core.display import Shown, Table
from orchestra_kit.outcomes.matrix_cell import MatrixCell

if TYPE_CHECKING:
    from orchestra_kit.outcomes.matrix import Matrix

__all__ = ["ModelProfile", "listed", "profile_of", "profile_table"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelProfile(Shown):
    """A model over all tasks of a matrix."""

    model: str
    optimal_use: tuple[str, ...]
    """Tasks at which none is shown better, nothing disqualifies it, and none that is also among
    the best is shown cheaper."""
    strengths: tuple[str, ...]
    weaknesses: tuple[str, ...]

    def sentence(self) -> str:
        """What to use it for, in one sentence."""
        if not self.optimal_use:
            return f"{self.model} is no first choice at any task by these data"
        return f"{self.model} is a first choice at {listed(self.optimal_use)}"


def profile_of(matrix: Matrix, model: str) -> ModelProfile:
    """The profile of a model of the matrix; raises ValueError for another."""
    if model not in matrix.models:
        raise ValueError(f"the matrix has no model “{model}”")
    mine = [cell for cell in matrix.cells if cell.model == model]
    return ModelProfile(
        model=model,
        optimal_use=tuple(cell.task for cell in mine if _optimal(matrix, cell)),
        strengths=tuple(_strengths(matrix, mine)),
        weaknesses=tuple(_weaknesses(mine)),
    )


def profile_table(profiles: Sequence[ModelProfile]) -> Table:
    """One row a model."""
    rows = [
        (p.model, listed(p.optimal_use), "; ".join(p.strengths) or "–",
         "; ".join(p.weaknesses) or "–")
        for p in profiles
    ]  # fmt: skip
    return Table(("model", "optimal use", "strengths", "weaknesses"), rows)


def _optimal(matrix: Matrix, cell: MatrixCell) -> bool:
    best = set(matrix.leaders(cell.task))
    rivals = (c for c in matrix.cells if c.task == cell.task and c.model in best)
    return cell.best_use and not any(cell.model in rival.cheaper for rival in rivals)


def _strengths(matrix: Matrix, cells: Sequence[MatrixCell]) -> Iterable[str]:
    ranked = [c for c in cells if c.rank is not None and c.rank.of > 1 and c.best_use]
    others = {task: len([c for c in matrix.cells if c.task == task]) - 1 for task in matrix.tasks}
    yield from _told(
        (
            ("shown best", [c.task for c in ranked if c.rank and c.rank.last == 1]),
            (
                "none is shown better",
                [c.task for c in ranked if c.rank and c.rank.first == 1 and c.rank.last > 1],
            ),
            (
                "shown cheaper than all others",
                [c.task for c in cells if c.cheaper and len(c.cheaper) == others[c.task]],
            ),
            (
                "shown faster than all others",
                [c.task for c in cells if c.faster and len(c.faster) == others[c.task]],
            ),
        )
    )


def _weaknesses(cells: Sequence[MatrixCell]) -> Iterable[str]:
    better: dict[str, list[str]] = {}
    for cell in cells:
        if cell.better and cell.rank is not None:
            every = len(cell.better) == cell.rank.of - 1 > 1
            who = "all others" if every else listed(cell.better, longest=2)
            verb = "is" if len(cell.better) == 1 else "are"
            better.setdefault(f"{who} {verb} shown better", []).append(cell.task)
    yield from _told(better.items())
    limits: dict[str, list[str]] = {}
    for cell in cells:
        for reason in cell.disqualifiers:
            limits.setdefault(reason, []).append(cell.task)
    yield from _told(limits.items())
    few = [
        c.task for c in cells if c.rank is not None and c.against_best.value == "not enough data"
    ]
    yield from _told([("too few data to tell", few)])


def _told(groups: Iterable[tuple[str, Sequence[str]]]) -> Iterable[str]:
    for words, tasks in groups:
        if tasks:
            yield f"{words} at {listed(tasks)}"


def listed(names: Sequence[str], *, longest: int = 6) -> str:
    """Names with commas, the end of a long list as a number."""
    left = len(names) - longest
    more = f" and {left} more" if left > 0 else ""
    return ", ".join(names[:longest]) + more if names else "–"
