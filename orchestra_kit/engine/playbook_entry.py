"""One scenario of the error playbook: what it is told apart by, and all that follows from it.

Whether and when a send is repeated is said by `RETRY_RULES`; the words for it are made from there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from orchestra_kit.core.display import Shown
from orchestra_kit.core.errors import FailureClass
from orchestra_kit.core.reply import ReplyStatus, Severity
from orchestra_kit.resilience.retry import RETRY_RULES, RetryRule

__all__ = ["APPROVAL_QUEUE", "AT_ONCE", "REVIEW_QUEUE", "Closes", "Detection", "Entry", "When"]

REVIEW_QUEUE = "human review"
APPROVAL_QUEUE = "spend approval"
AT_ONCE = "at once"
"""When operators are told of what need not be repeated to be told."""


class When(StrEnum):
    """At which point of a request's course a scenario shows itself."""

    SEND = "a send ends"
    APPROVAL = "a spend budget would let an approved call through"
    EXHAUSTED = "no deployment is left to ask"
    STORE = "what happened cannot be written down"


class Closes(StrEnum):
    """What ends an incident."""

    NEVER = ""
    """There is none."""
    BREAKER = "its breaker closes"
    """It was opened when the breaker opened, and not before."""
    QUIET = "10 minutes without it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection(Shown):
    """What a scenario is told apart by."""

    failures: tuple[FailureClass, ...] = ()
    """How a send ended, where that is what tells it."""
    when: When = When.SEND
    times: int = 1
    """How often it happens to one thing before operators are told."""
    within: float = 0.0
    """Seconds in which those happen."""

    def words(self) -> str:
        """The detection for people."""
        failures = " or ".join(f.value for f in self.failures)
        if self.when is When.SEND:
            return failures
        return f"{failures}: {self.when.value}" if failures else self.when.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry(Shown):
    """One scenario, and all that follows from it."""

    name: str
    detects: Detection
    ends: ReplyStatus | None = None
    """How a request ends by it; None where the request goes on to its next deployment."""
    user_message: str = ""
    """What the sender reads; empty where the request goes on, or its task has words of its own.
    ``{characters}`` stands for the length of the request."""
    queue: str = ""
    """Queue that keeps the request; of `REVIEW_QUEUE`, the best tier's requests only."""
    log_fields: tuple[str, ...]
    """What goes into the log record, by the names that `failure_log` knows."""
    alert: Severity | None = None
    """How loudly operators are told; None tells nobody."""
    escalation: str = ""
    """To whom it is handed."""
    closes_when: Closes = Closes.NEVER
    retry: str = field(init=False, default="")
    """What `RETRY_RULES` says of another send to the same deployment."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "retry", _retry(self.detects.failures))

    @property
    def kind(self) -> str:
        """The name as notices, incidents and logs carry it."""
        return self.name.replace(" ", "_")

    @property
    def incident(self) -> bool:
        """Whether it opens one."""
        return self.closes_when is not Closes.NEVER

    @property
    def told_when(self) -> str:
        """In words, when operators are told."""
        if self.alert is None:
            return ""
        if self.closes_when is Closes.BREAKER:
            return "its breaker opens"
        times, within = self.detects.times, self.detects.within
        return AT_ONCE if times == 1 else f"{times} times in {within / 60:g} minutes"


def _retry(failures: tuple[FailureClass, ...]) -> str:
    """The retry rules of these failures in words; each said once where they differ."""
    said: dict[str, list[str]] = {}
    for failure in failures:
        said.setdefault(_rule_words(RETRY_RULES[failure]), []).append(failure.value)
    if len(said) <= 1:
        return next(iter(said), "")
    return "; ".join(f"{' and '.join(names)}: {words}" for words, names in said.items())


def _rule_words(rule: RetryRule) -> str:
    if rule.same_target == 0:
        return "none"
    times = {1: "once", 2: "twice"}.get(rule.same_target, f"{rule.same_target} times")
    if rule.wait:
        least = f"{rule.least_wait:g} to" if rule.least_wait else "up to"
        doubling = ", doubling" if rule.same_target > 1 else ""
        times = f"{times} after {least} {rule.wait:g} s{doubling}"
    return f"{times}{', without alternative only' * rule.only_without_alternative}"
