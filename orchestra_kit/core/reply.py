"""What the requester gets, and the record of every attempt that led to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar

from orchestra_kit.core.answer import Score, Source, Usage
from orchestra_kit.core.decision import Decision
from orchestra_kit.core.display import Shown, Table
from orchestra_kit.core.errors import AttemptOutcome, FailureClass
from orchestra_kit.core.money import format_usd

__all__ = ["Attempt", "Incident", "Notice", "Reply", "ReplyStatus", "Severity"]


class ReplyStatus(StrEnum):
    """How a request ended for the one who sent it."""

    ANSWERED = "answered"
    QUEUED = "queued"
    """Degraded: every tier failed, the request waits in the batch queue."""
    REVIEW = "review"
    """A person decides."""
    INCOMPLETE = "incomplete"
    """Its stream broke off after its reader had seen part of the answer."""
    REFUSED = "refused"
    """Against a content policy."""
    BLOCKED = "blocked"
    """A spend budget is used up."""
    UNAVAILABLE = "unavailable"
    """The task has no fallback and its deployment did not answer."""


class Severity(StrEnum):
    """How loudly operators are told."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt(Shown):
    """One send to one deployment, or the reason why it was not sent."""

    id: str
    request_id: str
    number: int
    """0-based, over all tiers of the request."""
    tier_of_chain: int
    """0 primary, 1 secondary, 2 tertiary."""
    deployment: str
    model: str
    outcome: AttemptOutcome
    failure: FailureClass | None
    message: str
    started: datetime
    seconds: float
    usage: Usage | None
    cost: Decimal | None
    """Dollars: what the provider reported, else what the price book makes of the usage; None where
    unknown."""
    cost_upper: Decimal | None
    """What an `unknown` attempt may have cost at most; None where `cost` is known."""
    score: Score | None = None
    cost_reported: Decimal | None = None
    """Dollars that the provider itself stated; None where it states none."""
    cost_computed: Decimal | None = None
    """Dollars by usage and price book, beside what was reported; None where unknown."""
    first_token_seconds: float | None = None
    hedge: bool = False
    """Whether it was sent beside another that was slow to answer."""
    dropped_parameters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice(Shown):
    """Something operators are told."""

    kind: str
    at: datetime
    severity: Severity
    message: str
    deployment: str = ""
    request_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident(Shown):
    """Something that goes wrong for a while: opened, counted, and closed when it is over."""

    id: str
    kind: str
    """Entry of the playbook."""
    about: str
    """The deployment or task that it happens to."""
    severity: Severity
    opened: datetime
    """UTC."""
    last: datetime
    """When it was last seen to happen, UTC."""
    closed: datetime | None
    """None while it is open."""
    requests: int
    """How many requests it has touched so far."""
    message: str
    escalated: str
    """To whom it was handed; empty for nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply(Shown):
    """The end of one request."""

    _hidden: ClassVar[frozenset[str]] = frozenset({"decision", "attempts"})

    request_id: str
    status: ReplyStatus
    text: str
    """The answer, or a plain message for the requester."""
    model: str
    """What answered; empty where nothing did."""
    deployment: str
    source: Source
    cost: Decimal | None
    """Dollars of all attempts that were answered; None where the price of one is unknown."""
    seconds: float
    score: Score
    decision: Decision
    attempts: tuple[Attempt, ...]
    incident: str = ""
    """Identifier of the incident that it belongs to; empty where all went well."""
    truncated: bool = False
    """Whether the answer was cut off at its greatest length."""
    repeats: datetime | None = None
    """When the answer was made, UTC, where one that was kept is given again and nobody was asked;
    None where it was made for this request."""
    cost_avoided: Decimal | None = None
    """Dollars that the kept answer cost when it was made; None where nothing is repeated, or the
    price was unknown."""

    @property
    def answered(self) -> bool:
        """Whether a model's answer was delivered."""
        return self.status is ReplyStatus.ANSWERED

    @property
    def cost_upper(self) -> Decimal:
        """Dollars, beside `cost`, that attempts whose answer was never seen cost at most."""
        return sum((a.cost_upper for a in self.attempts if a.cost_upper is not None), Decimal(0))

    @property
    def tier_of_chain(self) -> int | None:
        """Which tier of the chain answered: 0 primary, 1 secondary, 2 tertiary; None if none."""
        if not self.answered:
            return None
        if self.repeats is not None:
            return self.decision.tier_of(self.deployment)
        return next(a.tier_of_chain for a in self.attempts if a.deployment == self.deployment)

    def table(self) -> Table:
        """The attempts, one a row."""
        rows = [
            (
                a.number + 1,
                a.deployment,
                a.outcome.value,
                a.failure.value if a.failure else "",
                f"{a.seconds:.1f} s",
                format_usd(a.cost)
                if a.cost is not None or a.outcome != "unknown"
                else f"≤ {format_usd(a.cost_upper)}",
            )
            for a in self.attempts
        ]
        kept = f", repeated from {self.repeats:%Y-%m-%d %H:%M} UTC" if self.repeats else ""
        title = (
            f"{self.status.value} by {self.model or 'nobody'} ({self.source.value}{kept}) "
            f"in {self.seconds:.1f} s for {format_usd(self.cost)}: {self.text[:200]}"
        )
        return Table(
            ("attempt", "deployment", "outcome", "failure", "time", "cost"),
            rows,
            title=title,
            right=frozenset({"attempt", "time", "cost"}),
        )
