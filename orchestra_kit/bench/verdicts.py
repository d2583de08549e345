"""What a run says of one scenario: whether it behaved, and whether it reached its targets.

An expectation must hold in every epoch. A target is judged on the mean over the epochs whose
request ended as it should; a figure that could not be had leaves its target `unscored`, never met
and never counted as 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from orchestra_kit.bench.cell import Cell
from orchestra_kit.bench.scenario import Outcome, Scenario
from orchestra_kit.core.display import Shown
from orchestra_kit.core.money import format_usd
from orchestra_kit.outcomes.statistics import Estimate, mean_estimate, mean_score

__all__ = ["ScenarioResult", "TargetResult", "Verdict"]


class Verdict(StrEnum):
    """How something ended that had a goal."""

    MET = "met"
    MISSED = "missed"
    UNSCORED = "unscored"
    """The figure could not be had."""
    ERROR = "error"
    """The engine broke."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetResult(Shown):
    """One figure against its target."""

    name: str
    """``latency``, ``quality`` or ``cost``."""
    target: float
    """Seconds, 0-1 or dollars."""
    estimate: Estimate | None
    """The mean over epochs; None where it is unscored."""
    verdict: Verdict
    reason: str = ""
    """Why it is unscored."""

    @property
    def words(self) -> str:
        """The figure, its interval and its target, such as ``9.1 s (8.2 to 10.0, n=3) ≤ 40 s``."""
        show = _SHOW[self.name]
        sign = "≥" if self.name == "quality" else "≤"
        if self.estimate is None:
            return f"unscored ({self.reason}), {sign} {show(self.target)}"
        relation = sign if self.verdict is Verdict.MET else f"not {sign}"
        return f"{show(self.estimate.value)} ({self._interval()}) {relation} {show(self.target)}"

    def _interval(self) -> str:
        assert self.estimate is not None
        low, high, n = self.estimate.low, self.estimate.high, self.estimate.n
        if n < 2 or low is None or high is None:
            return f"n={n}, not enough data for an interval"
        show = _SHOW[self.name]
        return f"{show(low)} to {show(high)}, n={n}"


def _seconds(value: float) -> str:
    return f"{value:.3g} s"


def _quality(value: float) -> str:
    return f"{value:.3f}"


_SHOW: dict[str, Callable[[float], str]] = {
    "latency": _seconds,
    "quality": _quality,
    "cost": lambda value: format_usd(value),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioResult(Shown):
    """A scenario with its cells and its verdict."""

    scenario: Scenario
    cells: tuple[Cell, ...]
    targets: tuple[TargetResult, ...]

    @classmethod
    def of(cls, scenario: Scenario, cells: Sequence[Cell]) -> ScenarioResult:
        """Judges the cells of one scenario."""
        wanted = Outcome(scenario.expect.outcome or Outcome.ANSWERED)
        ended = [cell for cell in cells if cell.outcome is wanted]
        return cls(scenario=scenario, cells=tuple(cells), targets=_targets(scenario, ended))

    @property
    def held(self) -> int:
        """In how many epochs everything expected happened."""
        return sum(cell.holds for cell in self.cells)

    @property
    def holds(self) -> bool:
        """Whether it happened in every epoch; false for a scenario that never ran."""
        return bool(self.cells) and self.held == len(self.cells)

    @property
    def verdict(self) -> Verdict:
        """The worst of the expectation and the targets."""
        if any(cell.error for cell in self.cells):
            return Verdict.ERROR
        verdicts = {target.verdict for target in self.targets}
        if not self.holds or Verdict.MISSED in verdicts:
            return Verdict.MISSED
        return Verdict.UNSCORED if Verdict.UNSCORED in verdicts else Verdict.MET

    @property
    def why(self) -> tuple[str, ...]:
        """What was missed, in words, each once, with the number of epochs."""
        if not self.cells:
            return ("never ran",)
        said = [
            text for cell in self.cells for text in ((cell.error,) if cell.error else cell.missed)
        ]
        n = len(self.cells)
        lines = [
            text if n == 1 else f"{text} ({said.count(text)} of {n} epochs)"
            for text in dict.fromkeys(said)
        ]
        return (
            *lines,
            *(f"{t.name}: {t.words}" for t in self.targets if t.verdict is not Verdict.MET),
        )

    def __str__(self) -> str:
        """The scenario, its verdict and what was missed, in one line."""
        said = f": {'; '.join(self.why)}" if self.why else ""
        return f"{self.scenario.id} {self.verdict.value}{said}"

    def figure(self, name: str) -> float | None:
        """Mean of ``latency`` (s), ``quality`` or ``cost`` ($) over the epochs that have it."""
        values = _values(name, self.cells)
        known = [value for value in values if value is not None]
        if not known or (name == "cost" and len(known) < len(values)):
            return None
        return sum(known) / len(known)


def _values(name: str, cells: Sequence[Cell]) -> list[float | None]:
    if name == "latency":
        return [cell.seconds for cell in cells]
    if name == "quality":
        return [cell.score for cell in cells]
    return [None if cell.cost is None else float(cell.cost) for cell in cells]


def _targets(scenario: Scenario, ended: Sequence[Cell]) -> tuple[TargetResult, ...]:
    wanted = (
        ("latency", scenario.targets.latency),
        ("quality", scenario.targets.quality),
        ("cost", scenario.targets.cost),
    )
    return tuple(_judge(name, target, ended) for name, target in wanted if target is not None)


def _judge(name: str, target: float | Decimal, cells: Sequence[Cell]) -> TargetResult:
    goal = float(target)
    reason = _unusable(name, cells)
    if reason:
        return TargetResult(
            name=name, target=goal, estimate=None, verdict=Verdict.UNSCORED, reason=reason
        )
    values = [value for value in _values(name, cells) if value is not None]
    estimate = mean_score(values) if name == "quality" else mean_estimate(values)
    reached = estimate.value >= goal if name == "quality" else estimate.value <= goal
    return TargetResult(
        name=name,
        target=goal,
        estimate=estimate,
        verdict=Verdict.MET if reached else Verdict.MISSED,
    )


def _unusable(name: str, cells: Sequence[Cell]) -> str:
    """Why a mean of these cells would mislead; empty where it would not."""
    if not cells:
        return "no epoch ended as expected"
    values = _values(name, cells)
    absent = values.count(None)
    if name == "cost" and absent:
        return f"the price is unknown in {absent} of {len(cells)} epochs"
    if absent == len(values):
        return cells[0].unscored if name == "quality" else "no figure"
    return ""
