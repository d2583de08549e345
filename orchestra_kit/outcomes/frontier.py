"""The frontier: what quality can be had at what cost and latency, on one table of outcomes.

Single models are points, routers are curves over their thresholds, each with a 95 % interval from
one paired bootstrap of queries. The random mixture is the reference that costs no thought: a router
that does not rise above it knows nothing of the queries.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from orchestra_kit.core.answer import Source
from orchestra_kit.core.display import Drawing, Shown, Table
from orchestra_kit.outcomes.frontier_point import FrontierPoint, measured_points
from orchestra_kit.outcomes.frontier_words import COLUMNS, flat, row, sentence
from orchestra_kit.outcomes.grid import Grid
from orchestra_kit.outcomes.steps import Steps
from orchestra_kit.outcomes.swept_curve import SweptCurve, random_mixture

if TYPE_CHECKING:
    from orchestra_kit.outcomes.table import Outcomes
    from orchestra_kit.policy.policy import Policy

__all__ = ["Frontier"]

Ints = npt.NDArray[np.int64]

RESAMPLES = 1_000
_LOOKUP, _TODAY = "task lookup", "today's routing"
_LOOKUP_NOTE = (
    "The task lookup asks for each query the model that did best at its task on other prompts."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frontier(Shown):
    """Points and curves of quality, cost and latency.

    ::

        outcomes.frontier(policy).finding()
    """

    points: tuple[FrontierPoint, ...]
    """The single models in the order of the table, then routers with fixed thresholds."""
    curves: tuple[SweptCurve, ...]
    """The random mixture, where costs are known, and then routers over all thresholds."""
    best_single: str
    """The model with the highest mean score; the data it is best on are these."""
    n: int
    """Queries that every model answered and was scored on."""
    source: Source
    cost_source: str
    notes: tuple[str, ...] = ()
    """How routers were made, what was left out and what is not known, one sentence each."""

    @classmethod
    def of(
        cls,
        grid: Grid,
        *,
        picks: Mapping[str, Ints] | None = None,
        curves: Mapping[str, Steps] | None = None,
        waits: Mapping[str, Steps] | None = None,
        cost_source: str = "unknown",
        notes: Sequence[str] = (),
        resamples: int = RESAMPLES,
        seed: int = 0,
    ) -> Frontier:
        """The frontier of a grid's models and mixture, and of any routers over the same queries.

        ``picks``: by name (n,) columns of the grid, -1 for a query that none of its models gets.
        ``curves``: by name the exact sweep of a router's threshold, with dollars as its cost;
        ``waits``: the same with seconds. Raises ValueError where one is of other queries.
        """
        curves, waits = curves or {}, waits or {}
        for name, steps in (*curves.items(), *waits.items()):
            if steps.n != grid.n:
                raise ValueError(f"{name} was swept over other queries than the grid's")
        span = _span(grid)
        swept = [random_mixture(grid, span=span, resamples=resamples, seed=seed)] + [
            SweptCurve.of_steps(
                name, steps, waits.get(name), span=span, resamples=resamples, seed=seed
            )
            for name, steps in curves.items()
        ]
        return cls(
            points=tuple(measured_points(grid, picks or {}, resamples=resamples, seed=seed)),
            curves=tuple(curve for curve in swept if curve is not None),
            best_single=grid.models[grid.best_single],
            n=grid.n,
            source=grid.source,
            cost_source=cost_source,
            notes=(*grid.notes, *notes),
        )

    @classmethod
    def measure(
        cls,
        outcomes: Outcomes,
        policy: Policy | None = None,
        *,
        models: Sequence[str] | None = None,
        today: date | None = None,
        seed: int = 0,
    ) -> Frontier:
        """Single models, their random mixture, the lookup by task, and a policy's routing.

        The lookup is out of fold. ``today`` is the day of the policy's prices and retirements. A
        policy whose models the table lacks has no point, and `notes` name them. Raises TableError
        for an unknown model and where no query was answered by all.
        """
        from orchestra_kit.outcomes.task_lookup import TaskLookup

        grid = Grid.of(outcomes, models, responses=False)
        picks: dict[str, Ints] = {}
        curves: dict[str, Steps] = {}
        waits: dict[str, Steps] = {}
        notes: list[str] = []
        lookup = TaskLookup.of(grid, seed=seed)
        if lookup is not None:
            picks[_LOOKUP] = lookup.picks
            notes.append(_LOOKUP_NOTE)
            curves |= {_LOOKUP: lookup.steps} if lookup.steps else {}
            waits |= {_LOOKUP: lookup.waits} if lookup.waits else {}
        if policy is not None:
            from orchestra_kit.outcomes.policy_picks import policy_picks

            routed = policy_picks(policy, grid, today=today or datetime.now(UTC).date())
            picks[_TODAY] = routed.picks
            notes += routed.notes
        return cls.of(grid, picks=picks, curves=curves, waits=waits, notes=notes, seed=seed,
                      cost_source=outcomes.cost_source)  # fmt: skip

    def point(self, name: str) -> FrontierPoint | None:
        """A model or a router by its name; None where there is none."""
        return next((point for point in self.points if point.name == name), None)

    def curve(self, name: str) -> SweptCurve | None:
        """A curve by its name; None where there is none."""
        return next((curve for curve in self.curves if curve.name == name), None)

    @property
    def unbeaten(self) -> tuple[FrontierPoint, ...]:
        """The points that no other beats in quality and cost at once, by these estimates, the
        dearest last."""
        kept = [point for point in self.points if point.unbeaten]
        return tuple(sorted(kept, key=lambda p: (p.cost.value if p.cost else 0, p.quality.value)))

    def non_dominated(self) -> pd.DataFrame:
        """Points and thresholds of curves that nothing here beats, by rising cost: ``name``,
        ``at`` (NaN for a point), and the figures with their intervals. Empty where no cost is
        known."""
        parts = [curve.frame.assign(name=curve.name) for curve in self.curves]
        rows = [flat(point) for point in self.points if point.whole and point.cost is not None]
        frame = pd.concat([pd.DataFrame(rows), *parts], ignore_index=True)
        frame = frame[frame["cost"].notna()] if "cost" in frame else frame
        if frame.empty:
            return pd.DataFrame()
        frame = frame.sort_values(["cost", "quality"], ascending=[True, False], kind="stable")
        best = frame["quality"].cummax().shift(fill_value=-np.inf)
        kept = frame[frame["quality"] > best + 1e-12].reset_index(drop=True)
        return kept[["name", "at", *(c for c in kept.columns if c not in ("name", "at"))]]

    def finding(self) -> str:
        """What the frontier shows, in one sentence that the data support."""
        routed = self.point(_TODAY) or next((p for p in self.points if not p.single), None)
        if routed is not None:
            return sentence(routed, self.best_single, self.n)
        kept = [point.name for point in self.unbeaten]
        more = f" and {len(kept) - 3} more" if len(kept) > 4 else ""
        named = ", ".join(kept[:3] if more else kept) + more
        if not any(point.cost for point in self.points):
            return f"{self.best_single} has the highest mean score; costs are unknown"
        of = f"{len(kept)} of {len(self.points)} models"
        return f"By these estimates {of} are beaten by none in quality and cost: {named}"

    def evidence(self) -> str:
        """n, source and origin of the costs, in one line."""
        return f"{self.n:,} {self.source.value} queries; costs: {self.cost_source}"

    def table(self) -> Table:
        """One row a point; then one a curve, with its mean height over the costs of the models."""
        rows = [row(point, self.best_single) for point in self.points]
        rows += [
            (f"{curve.name}, all thresholds", f"mean height {curve.aiq.format(3)}", *[""] * 5)
            for curve in self.curves
            if curve.aiq is not None
        ]
        columns = ("", *(column.format(self.best_single) for column in COLUMNS))
        title = f"{self.finding()}. {self.evidence()}."
        return Table(columns, rows, title=title, right=frozenset(columns[1:-2]))

    def to_dict(self) -> dict[str, Any]:
        """The frontier as JSON knows it, with its finding; curves at some of their thresholds."""
        return {
            "finding": self.finding(),
            "n": self.n,
            "source": self.source.value,
            "cost_source": self.cost_source,
            "best_single": self.best_single,
            "points": [point.to_dict() for point in self.points],
            "curves": [curve.to_dict() for curve in self.curves],
            "notes": list(self.notes),
        }

    def draw(self, across: str = "cost") -> Drawing:
        """Quality against ``cost`` or ``latency`` as a picture.

        Raises ValueError for another axis, or one of which nothing is known.
        """
        # Drawing is the floor above; it is found by name, so that measuring never imports it.
        (found,) = entry_points(group="orchestra_kit.figures", name="frontier_curve")
        return cast(Drawing, found.load()(self, across))

    def to_text(self) -> str:
        """The table and the notes."""
        return "\n".join([self.table().to_text(), *self.notes])

    def __repr__(self) -> str:
        return (
            f"frontier of {len(self.points)} points, {len(self.curves)} curves, {self.evidence()}"
        )

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        notes = [Table(("notes",), [(note,) for note in self.notes])]
        tables = [self.table(), *(notes if self.notes else [])]
        return {"text/plain": self.to_text(), "text/html": "".join(t.to_html() for t in tables)}


def _span(grid: Grid) -> tuple[float, float] | None:
    """The costs of the cheapest and the dearest model; None where unknown or all the same."""
    if not grid.priced:
        return None
    means = grid.costs.mean(axis=0)
    low, high = float(means.min()), float(means.max())
    return (low, high) if 0 <= low < high else None
