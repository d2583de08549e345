"""What can go wrong, as one tree.

::

    OrchestraError                .hint (how to mend it) · .user_message (plain words, no jargon)
    ├─ ConfigError                .problems: every fault found, each with file, line, key and mend
    │  ├─ PolicyError             the policy file
    │  ├─ ConditionError          a rule's `when`
    │  ├─ SuiteError              a scenario suite
    │  ├─ TableError              a table of outcomes
    │  ├─ MissingSecret           an environment variable that a deployment needs
    │  └─ UnsafeAddress           an address that no deployment may use
    ├─ InvalidRequestError        the caller's own request (empty prompt, unknown tier)
    ├─ ProviderError              .failure .outcome .retry_after — one attempt, at one deployment
    ├─ IncompleteAnswer           .reply — a stream that broke off after words were seen
    ├─ NotSent                    we chose not to call
    │  ├─ CircuitOpen
    │  └─ SpendLimitReached
    │     └─ ApprovalNeeded       beyond what a budget hands out, unless somebody approves
    ├─ StoreError
    │  ├─ StoreBusy · StoreCorrupt · StoreFull · StoreTooNew
    ├─ BenchError
    └─ ReportError

A request whose chain is exhausted does not raise: it ends in a `Reply` that says so, because a
person is waiting for words. Errors are for the one who operates the system.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orchestra_kit.core.answer import Allowance, Usage
    from orchestra_kit.core.reply import Reply

__all__ = [
    "ApprovalNeeded",
    "AttemptOutcome",
    "BenchError",
    "CircuitOpen",
    "ConditionError",
    "ConfigError",
    "FailureClass",
    "IncompleteAnswer",
    "InvalidRequestError",
    "MissingSecret",
    "NotSent",
    "OrchestraError",
    "PolicyError",
    "Problem",
    "ProviderError",
    "ReportError",
    "SpendLimitReached",
    "StoreBusy",
    "StoreCorrupt",
    "StoreError",
    "StoreFull",
    "StoreTooNew",
    "SuiteError",
    "TableError",
    "UnsafeAddress",
]


class AttemptOutcome(StrEnum):
    """What became of one send."""

    ANSWERED = "answered"
    REFUSED = "refused"
    """The provider declined this request as such: repeating it there cannot help."""
    FAILED = "failed"
    """The provider answered that it could not; nothing was produced."""
    UNKNOWN = "unknown"
    """Sent, and the answer never seen: it may have been produced and billed."""
    NOT_SENT = "not_sent"


class FailureClass(StrEnum):
    """Why an attempt did not answer; decides retry, breaker and the next step."""

    RATE = "rate"
    CONCURRENCY = "concurrency"
    QUOTA = "quota"
    OVERLOADED = "overloaded"
    SERVER = "server"
    CONNECT = "connect"
    TIMEOUT = "timeout"
    STREAM_CUT = "stream_cut"
    STREAM_GARBLED = "stream_garbled"
    """Events of a stream that cannot be read, so that the answer cannot be trusted."""
    CONTEXT = "context"
    CONTENT = "content"
    AUTH = "auth"
    NOT_FOUND = "not_found"
    BAD_REQUEST = "bad_request"
    MALFORMED = "malformed"
    LOCAL = "local"
    """Our own fault, such as an adapter's: it says nothing of the deployment, and repeats."""
    LOW_QUALITY = "low_quality"
    LIMIT = "limit"
    """Our own limiter had no room for the call in time."""
    CIRCUIT = "circuit"
    BUDGET = "budget"
    CANCELLED = "cancelled"


class OrchestraError(Exception):
    """Base of everything this package raises on purpose."""

    user_message = "Something went wrong on our side. Please try again in a few minutes."

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint

    def __str__(self) -> str:
        message = super().__str__()
        return f"{message} {self.hint}".strip() if self.hint else message


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One fault in a file that a person wrote: where it is, what it is, how to mend it."""

    file: str
    line: int
    """1-based; 0 where the fault belongs to the file as a whole."""
    path: str
    """Dotted key, such as ``tasks.article.chain.0.use``; empty for the whole file."""
    message: str
    hint: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        key = f" {self.path}:" if self.path else ""
        return f"{place}:{key} {self.message}{' ' + self.hint if self.hint else ''}"


class ConfigError(OrchestraError):
    """A file or setting is wrong; carries every problem found, not only the first."""

    def __init__(self, problems: Problem | Iterable[Problem] | str, *, hint: str = "") -> None:
        if isinstance(problems, str):
            problems = Problem(file="", line=0, path="", message=problems)
        self.problems: tuple[Problem, ...] = (
            (problems,) if isinstance(problems, Problem) else tuple(sorted(problems))
        )
        lines = [str(p) if p.file else p.message for p in self.problems]
        super().__init__("\n".join(lines), hint=hint)


class PolicyError(ConfigError):
    """The policy file does not load."""


class ConditionError(ConfigError):
    """A condition does not compile, or names a field that requests do not have."""


class SuiteError(ConfigError):
    """The scenario suite does not load."""


class TableError(ConfigError):
    """A table of outcomes lacks a column, or holds values of the wrong kind."""


class MissingSecret(ConfigError):
    """A deployment's key is not in the environment."""


class UnsafeAddress(ConfigError):
    """A base URL that would send a key or a prompt where it must not go."""


class InvalidRequestError(OrchestraError):
    """The request itself cannot be served as it stands."""

    user_message = "The request could not be understood. Please check it and send it again."


class ProviderError(OrchestraError):
    """One attempt at one deployment did not answer.

    `outcome` decides what may follow: an attempt whose answer was never seen (`unknown`) is not
    repeated on the same deployment, because it may have been produced and billed.
    """

    def __init__(
        self,
        message: str,
        *,
        failure: FailureClass,
        outcome: AttemptOutcome,
        status: int | None = None,
        code: str = "",
        retry_after: float | None = None,
        usage: Usage | None = None,
        allowance: Allowance | None = None,
        should_retry: bool | None = None,
        rejected: str = "",
        hint: str = "",
    ) -> None:
        super().__init__(message, hint=hint)
        self.failure = failure
        self.outcome = outcome
        self.status = status
        """HTTP status where there was one."""
        self.code = code
        """The provider's own error code, verbatim."""
        self.retry_after = retry_after
        """Seconds the provider asked to wait; None where it did not say."""
        self.usage = usage
        """What was consumed all the same, as by an answer that was none; None for nothing."""
        self.allowance = allowance
        """What the account may still do, where the provider says so."""
        self.should_retry = should_retry
        """What the provider said of sending the same again (`x-should-retry`): False overrules
        what the failure's class would allow; None where it did not say."""
        self.rejected = rejected
        """The parameter that it does not take, as the call named it; empty where it names none."""


class IncompleteAnswer(OrchestraError):
    """A streamed answer broke off after words of it were handed out; `reply` holds them."""

    user_message = "The answer broke off. What you see of it is incomplete; please ask again."

    def __init__(self, reply: Reply) -> None:
        super().__init__("The answer broke off before its end.", hint="Ask again.")
        self.reply = reply


class NotSent(OrchestraError):
    """We chose not to call."""


class CircuitOpen(NotSent):
    """The deployment's breaker is open."""


class SpendLimitReached(NotSent):
    """A spend budget forbids the call."""

    user_message = "The budget for this work is used up. Please ask the team that runs it."


class ApprovalNeeded(SpendLimitReached):
    """A spend budget hands out no more at present; an approved call may still be made."""

    user_message = (
        "Your request waits for somebody's approval, because this period's budget is used up."
    )


class StoreError(OrchestraError):
    """The store cannot do what was asked."""


class StoreBusy(StoreError):
    """Another process holds the store for writing."""


class StoreCorrupt(StoreError):
    """The store's file is damaged."""


class StoreFull(StoreError):
    """The disk is full."""


class StoreTooNew(StoreError):
    """The store was written by a newer version of this package."""


class BenchError(OrchestraError):
    """A suite run cannot go on, resume or be compared."""


class ReportError(OrchestraError):
    """A report could not be rendered; the last good one is untouched."""
