"""A request on its way through its chain, and how each of its sends ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from orchestra_kit.core.answer import Answer, Score, Usage
from orchestra_kit.core.decision import Decision
from orchestra_kit.core.errors import AttemptOutcome, FailureClass
from orchestra_kit.core.reply import Attempt
from orchestra_kit.core.request import Request
from orchestra_kit.cost.budgets import Reservation

__all__ = ["NOTHING", "OWN_REFUSALS", "Course", "Ended", "Send"]

NOTHING = Decimal(0)
"""Dollars."""
OWN_REFUSALS = frozenset({FailureClass.BUDGET, FailureClass.CIRCUIT, FailureClass.LIMIT})
"""We chose not to call: it says nothing of the request, and never ends one with another link."""


@dataclass
class Course:
    """A request on its way through its chain."""

    request: Request
    decision: Decision
    deadline: float
    """On the clock's monotonic scale, in seconds."""
    attempts: list[Attempt] = field(default_factory=list)
    answer: Answer | None = None
    score: Score | None = None
    failure: FailureClass | None = None
    """Why the last attempt did not answer."""
    fallback: tuple[Answer, Score] | None = None
    """The best answer that scored below the quality floor, kept in case nothing better comes."""
    fallback_from: str = ""
    """The deployment that gave it."""

    @property
    def sends(self) -> int:
        """Attempts to reach a deployment, without our own refusals to call."""
        return sum(a.failure not in OWN_REFUSALS for a in self.attempts)

    def keep_if_best(self, deployment: str, ended: Ended) -> None:
        """Keep an answer below the quality floor, unless a better one is kept already."""
        if ended.failure is not FailureClass.LOW_QUALITY:
            return
        if ended.answer is None or ended.score is None:
            return
        kept = self.fallback[1].value if self.fallback else None
        if kept is None or (ended.score.value or 0.0) > kept:
            self.fallback = (ended.answer, ended.score)
            self.fallback_from = deployment


@dataclass(frozen=True)
class Send:
    """One send, made or about to be."""

    deployment: str
    model: str
    at: datetime
    started: float
    """On the clock's monotonic scale, in seconds; when the breaker let it through."""
    timeout: float
    """Seconds."""
    patience: float
    """Seconds after which having no answer yet speaks against the deployment."""
    number_here: int
    """0 for the first send to this deployment in this request."""
    upper: Decimal | None = None
    """Dollars that it can cost at most; None where unknown."""
    reservation: Reservation | None = None
    """None until the spend budgets were asked."""


@dataclass(frozen=True)
class Ended:
    """How one send ended."""

    outcome: AttemptOutcome
    failure: FailureClass | None
    message: str = ""
    answer: Answer | None = None
    score: Score | None = None
    usage: Usage | None = None
    cost: Decimal | None = NOTHING
    """Dollars; None where unknown."""
    retry_after: float | None = None
    of_health: bool = True
    """Whether it says anything of the deployment's health."""
