"""A run of a suite: its cells, what they say, and how that is shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from orchestra_kit.bench.cell import Cell
from orchestra_kit.bench.scenario import SuiteFile
from orchestra_kit.bench.verdicts import ScenarioResult, Verdict
from orchestra_kit.core.answer import Source
from orchestra_kit.core.display import Shown, Table
from orchestra_kit.core.money import format_usd

if TYPE_CHECKING:
    import pandas as pd

    from orchestra_kit.bench.comparison import Comparison

__all__ = ["Run", "Summary"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary(Shown):
    """A run in numbers."""

    source: Source
    scenarios: int
    epochs: int
    cells: int
    """Cells that finished; less than scenarios x epochs in a run that was cut short."""
    held: int
    """Scenarios in which everything expected happened in every epoch."""
    errors: int
    """Scenarios on which the engine broke."""
    targets: int
    targets_met: int
    targets_missed: int
    targets_unscored: int
    left_out: int = 0
    """Scenarios that the backend cannot play."""

    def sentence(self) -> str:
        """The summary in one sentence."""
        if not self.scenarios:
            return "the suite holds no scenario: nothing was checked"
        parts = [f"{self.held} of {self.scenarios} scenarios behaved as expected"]
        if self.errors:
            parts.append(f"the engine broke in {self.errors}")
        parts.append(f"{self.targets_met} of {self.targets} targets met")
        if self.targets_missed:
            parts.append(f"{self.targets_missed} missed")
        if self.targets_unscored:
            parts.append(f"{self.targets_unscored} unscored")
        if self.left_out:
            parts.append(f"{self.left_out} left out because a live backend plays no faults")
        if self.cells < self.scenarios * self.epochs:
            parts.append(f"{self.cells} of {self.scenarios * self.epochs} cells ran")
        return ", ".join(parts)


@dataclass(frozen=True, kw_only=True)
class Run:
    """What a suite found; cells are sorted by the suite's order and epoch, however they ran."""

    id: str
    suite: SuiteFile
    policy: str
    policy_hash: str
    source: Source
    seed: int
    epochs: int
    started: datetime
    cells: tuple[Cell, ...]
    reused: int = 0
    """Cells that an interrupted run had finished before."""
    left_out: tuple[str, ...] = ()
    """Scenarios that this backend cannot play, because their faults would have to be real."""

    def __post_init__(self) -> None:
        order = {scenario.id: i for i, scenario in enumerate(self.suite.scenarios)}
        cells = sorted(self.cells, key=lambda cell: (order[cell.scenario], cell.epoch))
        object.__setattr__(self, "cells", tuple(cells))

    @cached_property
    def results(self) -> tuple[ScenarioResult, ...]:
        """One result a scenario, in the order of the suite."""
        by_scenario: dict[str, list[Cell]] = {s.id: [] for s in self.suite.scenarios}
        for cell in self.cells:
            by_scenario[cell.scenario].append(cell)
        return tuple(ScenarioResult.of(s, by_scenario[s.id]) for s in self.suite.scenarios)

    def result(self, scenario: str) -> ScenarioResult:
        """The result of one scenario; raises KeyError for others."""
        for result in self.results:
            if result.scenario.id == scenario:
                return result
        raise KeyError(scenario)

    @property
    def finished(self) -> bool:
        """Whether every cell ran."""
        return len(self.cells) == len(self.suite.scenarios) * self.epochs

    @property
    def passed(self) -> bool:
        """Whether every expectation held and no target was missed.

        A target that could not be scored does not fail the run; the summary counts it. A suite
        without scenarios does not pass, because it checked nothing.
        """
        return bool(self.results) and self.finished and not self.failures

    @property
    def failures(self) -> tuple[ScenarioResult, ...]:
        """The scenarios that broke, misbehaved or missed a target."""
        bad = {Verdict.MISSED, Verdict.ERROR}
        return tuple(result for result in self.results if result.verdict in bad)

    def summary(self) -> Summary:
        """The run in numbers."""
        verdicts = [target.verdict for result in self.results for target in result.targets]
        return Summary(
            source=self.source,
            scenarios=len(self.results),
            epochs=self.epochs,
            cells=len(self.cells),
            held=sum(result.holds for result in self.results),
            errors=sum(result.verdict is Verdict.ERROR for result in self.results),
            targets=len(verdicts),
            targets_met=verdicts.count(Verdict.MET),
            targets_missed=verdicts.count(Verdict.MISSED),
            targets_unscored=verdicts.count(Verdict.UNSCORED),
            left_out=len(self.left_out),
        )

    def table(self) -> Table:
        """One row a scenario: what happened, the figures, the verdict and what was missed."""
        return Table(
            (
                "scenario",
                "task",
                "route",
                "attempts",
                "outcome",
                "held",
                "latency",
                "quality",
                "cost",
                "verdict",
                "missed",
            ),
            [_row(result) for result in self.results],
            title=(
                f"Suite {self.suite.suite} on policy {self.policy} {self.policy_hash} "
                f"({self.source.value}, seed {self.seed}, {self.epochs} "
                f"epoch{'s' if self.epochs != 1 else ''}): {self.summary().sentence()}"
            ),
            right=frozenset({"attempts", "held", "latency", "quality", "cost"}),
        )

    def cells_frame(self) -> pd.DataFrame:
        """One row a cell, as a pandas frame; cost in dollars, missing where unknown."""
        import pandas as pd

        rows = [
            {
                **cell.to_dict(),
                "route": " → ".join(cell.route),
                "failures": "; ".join(cell.failures),
                "missed": "; ".join(cell.missed),
                "cost": None if cell.cost is None else float(cell.cost),
                "cost_upper": float(cell.cost_upper),
                "holds": cell.holds,
            }
            for cell in self.cells
        ]
        columns = [*Cell.__dataclass_fields__, "holds"]
        frame = pd.DataFrame(rows, columns=columns)
        numbers = ["confidence", "seconds", "cost", "cost_upper", "score"]
        return frame.astype(dict.fromkeys(numbers, "float64"))

    def compare(self, baseline: Run) -> Comparison:
        """This run against a baseline, paired by scenario; raises BenchError where they share
        no scenario or come from different sources."""
        from orchestra_kit.bench.comparison import compare

        return compare(self, baseline)

    def to_dict(self) -> dict[str, Any]:
        """The run as JSON knows it, with its suite, so that it can be judged anew elsewhere."""
        return {
            "id": self.id,
            "suite": self.suite.model_dump(mode="json", by_alias=True),
            "suite_digest": self.suite.digest,
            "policy": self.policy,
            "policy_hash": self.policy_hash,
            "source": self.source.value,
            "seed": self.seed,
            "epochs": self.epochs,
            "started": self.started.isoformat(),
            "left_out": list(self.left_out),
            "passed": self.passed,
            "summary": self.summary().to_dict() | {"sentence": self.summary().sentence()},
            "failures": [
                {"scenario": r.scenario.id, "verdict": r.verdict.value, "why": list(r.why)}
                for r in self.failures
            ],
            "cells": [cell.to_dict() for cell in self.cells],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Run:
        """The run that `to_dict` wrote; verdicts are derived again from its cells."""
        return cls(
            id=data["id"],
            suite=SuiteFile.model_validate(data["suite"]),
            policy=data["policy"],
            policy_hash=data["policy_hash"],
            source=Source(data["source"]),
            seed=int(data["seed"]),
            epochs=int(data["epochs"]),
            started=datetime.fromisoformat(data["started"]),
            cells=tuple(Cell.from_dict(cell) for cell in data["cells"]),
            left_out=tuple(data.get("left_out", ())),
        )

    def __repr__(self) -> str:
        return f"Run({self.suite.suite!r}, {self.source.value}: {self.summary().sentence()})"

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        table = self.table()
        return {"text/plain": table.to_text(), "text/html": table.to_html()}


def _row(result: ScenarioResult) -> tuple[object, ...]:
    latency, quality, cost = (result.figure(n) for n in ("latency", "quality", "cost"))
    cells = result.cells
    return (
        result.scenario.id,
        _each(cell.task for cell in cells),
        _each(" → ".join(cell.route) or "nobody" for cell in cells),
        _each(str(cell.attempts) for cell in cells),
        _each(cell.outcome.value for cell in cells),
        f"{result.held}/{len(cells)}",
        "" if latency is None else f"{latency:.1f} s",
        "" if quality is None else f"{quality:.3f}",
        "" if not cells or all(cell.attempts == 0 for cell in cells) else format_usd(cost),
        result.verdict.value,
        "; ".join(result.why),
    )


def _each(values: Iterable[str]) -> str:
    """The value all epochs agree on, or each with its count."""
    counted: dict[str, int] = {}
    for value in values:
        counted[value] = counted.get(value, 0) + 1
    if len(counted) <= 1:
        return next(iter(counted), "")
    return ", ".join(f"{value} ({count}×)" for value, count in counted.items())
