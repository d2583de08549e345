"""A request on its way through its chain, and how each of its sends ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TypeAlias

from orchestra_kit.core.answer import Allowance, Answer, Score, Usage
from orchestra_kit.core.decision import Decision
from orchestra_kit.core.errors import AttemptOutcome, FailureClass
from orchestra_kit.core.reply import Attempt
from orchestra_kit.core.request import Request
from orchestra_kit.cost.budgets import Reservation
from orchestra_kit.engine.gate import CUT_OFF

__all__ = ["NOTHING", "OWN_REFUSALS", "Course", "Emit", "Ended", "Send"]

NOTHING = Decimal(0)
"""Dollars."""
OWN_REFUSALS = frozenset({FailureClass.BUDGET, FailureClass.CIRCUIT, FailureClass.LIMIT})
"""We chose not to call: it says nothing of the request, and never ends one with another link."""
_PASSED_OVER = frozenset({FailureClass.TIMEOUT, FailureClass.CONTEXT})
"""There was no point in asking: too little time, or too small a window."""

Emit: TypeAlias = Callable[[str], None]
"""Takes the next words of a streamed answer."""


@dataclass
class Course:
    """A request on its way through its chain."""

    request: Request
    decision: Decision
    deadline: float
    """On the clock's monotonic scale, in seconds."""
    emit: Emit | None = None
    """Where the words go as they come; None for an answer in one piece."""
    attempts: list[Attempt] = field(default_factory=list)
    """In the order in which they ended."""
    unwritten: list[Attempt] = field(default_factory=list)
    """Those that answered, whose ending is written in one commit with the reply."""
    over: bool = False
    """Whether no reply follows any more with which an ending could be written."""
    answer: Answer | None = None
    score: Score | None = None
    served: str = ""
    """The deployment that gave `answer`."""
    failure: FailureClass | None = None
    """Why the last attempt did not answer."""
    fallback: tuple[Answer, Score] | None = None
    """The best answer that scored below the quality floor, or was cut off, kept in case nothing
    better comes."""
    fallback_from: str = ""
    """The deployment that gave it."""
    shown: list[str] = field(default_factory=list)
    """Words of a streamed answer that its reader has seen: they cannot be taken back."""
    sanitised: str | None = None
    """The text that is sent in place of one that was refused."""
    repair: str = ""
    """What was wrong with the last answer, for the model to mend."""
    wants_more_room: bool = False
    """Whether the last answer was cut off at its greatest length."""
    crowded: set[str] = field(default_factory=set)
    """Deployments that were passed over because their limits had no room."""
    needs_approval: bool = False
    """Whether a spend budget would have let a call through that somebody approved."""
    _begun: int = 0

    @property
    def text(self) -> str:
        """What is sent."""
        return self.request.text if self.sanitised is None else self.sanitised

    @property
    def sends(self) -> int:
        """Attempts to reach a deployment, without our own refusals to call."""
        return sum(
            a.failure not in OWN_REFUSALS
            and not (a.outcome is AttemptOutcome.NOT_SENT and a.failure in _PASSED_OVER)
            for a in self.attempts
        )

    def number(self) -> int:
        """The number of the next attempt; each is given once."""
        self._begun += 1
        return self._begun - 1

    def show(self, words: str) -> None:
        """Pass on words of a streamed answer."""
        assert self.emit is not None
        if words:
            self.shown.append(words)
            self.emit(words)

    def note(self, deployment: str, ended: Ended) -> None:
        """Take over how a send ended."""
        self.failure = ended.failure
        self.repair, self.wants_more_room = "", False
        if ended.failure is None:
            self.answer, self.score, self.served = ended.answer, ended.score, deployment
        elif ended.failure is FailureClass.MALFORMED:
            self.repair = ended.message
            self.wants_more_room = ended.answer is not None and ended.answer.finish == "length"
            if ended.message == CUT_OFF and self.fallback is None:
                self._keep_if_best(deployment, ended)
        elif ended.failure is FailureClass.LOW_QUALITY:
            self._keep_if_best(deployment, ended)

    def _keep_if_best(self, deployment: str, ended: Ended) -> None:
        """Keep an answer that is poor or incomplete, unless a better one is kept already."""
        if ended.answer is None or ended.score is None or not ended.answer.text.strip():
            return
        kept = self.fallback[1].value if self.fallback else None
        if kept is None or (ended.score.value or 0.0) > kept:
            self.fallback = (ended.answer, ended.score)
            self.fallback_from = deployment


@dataclass(frozen=True)
class Send:
    """One send, made or about to be."""

    number: int
    """0-based, over all tiers of the request."""
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
    hedge: bool = False
    """Whether another send of the same request is still on its way."""
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
    computed: Decimal | None = None
    """Dollars by usage and price book, where there is a usage with a price."""
    retry_after: float | None = None
    should_retry: bool | None = None
    """What the provider itself says of another try; None where it says nothing."""
    rejected: str = ""
    """A parameter that the model does not take, and that may be left out."""
    allowance: Allowance | None = None
    of_health: bool = True
    """Whether it says anything of the deployment's health."""
    whole_account: bool = False
    """Whether what went wrong befalls every deployment on the same account."""
