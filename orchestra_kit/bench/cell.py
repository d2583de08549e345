"""One cell of a run: one scenario in one epoch, what came of it, and what it should have been."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any

from orchestra_kit.bench.scenario import Outcome, Scenario
from orchestra_kit.core.answer import Score, Source
from orchestra_kit.core.display import Shown, clean_text
from orchestra_kit.core.errors import AttemptOutcome
from orchestra_kit.core.reply import Attempt, Reply

__all__ = ["Cell", "cell_of", "error_cell", "rejected_cell"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell(Shown):
    """The result of one scenario in one epoch."""

    scenario: str
    epoch: int
    """0-based."""
    digest: str
    """Digest of the scenario as it was when the cell ran."""
    seed: int
    source: Source
    outcome: Outcome
    task: str = ""
    confidence: float | None = None
    rule: str = ""
    route: tuple[str, ...] = ()
    """Deployments that were sent to, in order, each named once."""
    attempts: int = 0
    """Sends, repeats on the same deployment included."""
    failures: tuple[str, ...] = ()
    """Why each send that did not answer failed, as ``deployment: class``."""
    model: str = ""
    seconds: float | None = None
    """From arrival to reply; None where there was no reply."""
    cost: Decimal | None = None
    """Dollars of answered attempts; None where unknown or where nothing was decided."""
    cost_upper: Decimal = Decimal(0)
    """Dollars that attempts whose answer was never seen may have cost beside, at most."""
    score: float | None = None
    """Quality 0-1; None where it could not be scored."""
    unscored: str = ""
    """Why there is no score."""
    missed: tuple[str, ...] = ()
    """Each expectation that did not hold, in words."""
    error: str = ""
    """What broke, in words, where the engine did not finish."""

    @property
    def holds(self) -> bool:
        """Whether everything expected of the scenario happened."""
        return not self.missed and not self.error

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Cell:
        """The cell that `to_dict` wrote."""
        known = {name: data[name] for name in (f.name for f in fields(cls)) if name in data}
        known["source"] = Source(known["source"])
        known["outcome"] = Outcome(known["outcome"])
        known["cost"] = None if known.get("cost") is None else Decimal(known["cost"])
        known["cost_upper"] = Decimal(known.get("cost_upper", "0"))
        for name in ("route", "failures", "missed"):
            known[name] = tuple(known.get(name, ()))
        return cls(**known)


def cell_of(scenario: Scenario, epoch: int, seed: int, reply: Reply) -> Cell:
    """What a reply says of its scenario."""
    sent = [a for a in reply.attempts if a.outcome is not AttemptOutcome.NOT_SENT]
    route = tuple(dict.fromkeys(attempt.deployment for attempt in sent))
    score, unscored = _checked(reply.score)
    outcome = Outcome(reply.status.value)
    found = {
        "task": reply.decision.task,
        "rule": reply.decision.rule,
        "route": route,
        "attempts": len(sent),
        "outcome": outcome.value,
    }
    return Cell(
        scenario=scenario.id,
        epoch=epoch,
        digest=scenario.digest,
        seed=seed,
        source=reply.source,
        outcome=outcome,
        task=reply.decision.task,
        confidence=reply.decision.classification.confidence,
        rule=reply.decision.rule,
        route=route,
        attempts=len(sent),
        failures=tuple(_failure(attempt) for attempt in sent if attempt.failure),
        model=reply.model,
        # Microseconds: the clock's own offset must not show in the last digits.
        seconds=round(reply.seconds, 6),
        cost=reply.cost,
        cost_upper=reply.cost_upper,
        score=score if reply.answered else None,
        unscored=unscored if reply.answered else "nothing was answered",
        missed=_missed(scenario, found),
    )


def rejected_cell(
    scenario: Scenario, epoch: int, seed: int, source: Source, error: Exception
) -> Cell:
    """The cell of a request that the engine would not take."""
    return Cell(
        scenario=scenario.id,
        epoch=epoch,
        digest=scenario.digest,
        seed=seed,
        source=source,
        outcome=Outcome.REJECTED,
        unscored="nothing was answered",
        failures=(clean_text(str(error)),),
        missed=_missed(
            scenario,
            {"task": "", "rule": "", "route": (), "attempts": 0, "outcome": Outcome.REJECTED.value},
        ),
    )


def error_cell(scenario: Scenario, epoch: int, seed: int, source: Source, error: Exception) -> Cell:
    """The cell of a request on which the engine broke."""
    reason = clean_text(str(error)).splitlines()
    return Cell(
        scenario=scenario.id,
        epoch=epoch,
        digest=scenario.digest,
        seed=seed,
        source=source,
        outcome=Outcome.ERROR,
        unscored="nothing was answered",
        error=f"the engine broke: {reason[0] if reason else 'no reason given'}"
        f" ({type(error).__name__})",
    )


def _failure(attempt: Attempt) -> str:
    return f"{attempt.deployment}: {attempt.failure.value if attempt.failure else ''}"


def _checked(score: Score) -> tuple[float | None, str]:
    """A usable score, or why there is none: off the scale is not a score."""
    value = score.value
    if value is None:
        return None, score.reason or "not scored"
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None, f"{score.scorer} gave {type(value).__name__}, not a number"
    if not math.isfinite(value) or not 0 <= value <= 1:
        return None, f"{score.scorer} gave {value:g}, which is not between 0 and 1"
    return float(value), ""


def _missed(scenario: Scenario, found: Mapping[str, object]) -> tuple[str, ...]:
    said = []
    for name, was in found.items():
        wanted = getattr(scenario.expect, name)
        if wanted is not None and wanted != was:
            said.append(f"{name}: expected {_words(wanted)}, was {_words(was)}")
    return tuple(said)


def _words(value: object) -> str:
    if isinstance(value, tuple):
        return " → ".join(value) or "nobody"
    return str(value) or "none"
