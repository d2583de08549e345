"""The error playbook: twenty scenarios as data, by which the engine ends requests and tells people.

What a scenario is told apart by, what its sender reads, what is logged of it, who is told and when
that is over stand here and nowhere else; `ending`, `incidents` and `failure_log` carry it out.
"""

from __future__ import annotations

from orchestra_kit.core.display import Table
from orchestra_kit.core.errors import (
    ApprovalNeeded,
    FailureClass,
    OrchestraError,
    SpendLimitReached,
)
from orchestra_kit.core.reply import ReplyStatus, Severity
from orchestra_kit.engine.playbook_entry import (
    APPROVAL_QUEUE,
    REVIEW_QUEUE,
    Closes,
    Detection,
    Entry,
    When,
)

__all__ = ["PLAYBOOK", "ending_entry", "entry_for", "table"]

_REQUEST = ("at", "request_id", "task", "tier", "policy_hash", "source")
_SEND = (*_REQUEST, "number", "deployment", "model", "outcome", "failure", "seconds", "message")
_PAID = (*_SEND, "cost", "cost_upper")
_END = (*_REQUEST, "failure", "status", "queue", "incident", "sends", "total_seconds")
_WHO = ("user", "team", "feature", "workflow")

PLAYBOOK: tuple[Entry, ...] = (
    Entry(
        name="rate limit",
        detects=Detection(failures=(FailureClass.RATE,), times=20, within=300.0),
        log_fields=_SEND,
        alert=Severity.WARNING,
        escalation="ops",
        closes_when=Closes.QUIET,
    ),
    Entry(
        name="takes no call now",
        detects=Detection(
            failures=(FailureClass.CONCURRENCY, FailureClass.LIMIT, FailureClass.CIRCUIT)
        ),
        log_fields=_SEND,
    ),
    Entry(
        name="quota spent",
        detects=Detection(failures=(FailureClass.QUOTA,)),
        log_fields=_SEND,
        alert=Severity.CRITICAL,
        escalation="billing owner",
        closes_when=Closes.BREAKER,
    ),
    Entry(
        name="overload",
        detects=Detection(failures=(FailureClass.OVERLOADED,)),
        log_fields=_SEND,
        alert=Severity.WARNING,
        escalation="ops",
        closes_when=Closes.BREAKER,
    ),
    Entry(
        name="server error",
        detects=Detection(failures=(FailureClass.SERVER,)),
        log_fields=_SEND,
        alert=Severity.WARNING,
        escalation="provider support",
        closes_when=Closes.BREAKER,
    ),
    Entry(
        name="no connection",
        detects=Detection(failures=(FailureClass.CONNECT,)),
        log_fields=_SEND,
        alert=Severity.WARNING,
        escalation="ops",
        closes_when=Closes.BREAKER,
    ),
    Entry(
        name="no answer in time",
        detects=Detection(failures=(FailureClass.TIMEOUT, FailureClass.CANCELLED)),
        log_fields=_PAID,
        alert=Severity.WARNING,
        escalation="provider support",
        closes_when=Closes.BREAKER,
    ),
    Entry(
        name="broken stream",
        detects=Detection(failures=(FailureClass.STREAM_CUT, FailureClass.STREAM_GARBLED)),
        log_fields=_PAID,
        alert=Severity.WARNING,
        escalation="provider support",
        closes_when=Closes.BREAKER,
    ),
    Entry(
        name="request too long",
        detects=Detection(failures=(FailureClass.CONTEXT,)),
        ends=ReplyStatus.UNAVAILABLE,
        user_message=(
            "Your request, of {characters} characters, is too long for us to work on. Please "
            "shorten it and send it again."
        ),
        log_fields=(*_SEND, "tokens"),
        alert=Severity.INFO,
    ),
    Entry(
        name="content refused",
        detects=Detection(failures=(FailureClass.CONTENT,)),
        ends=ReplyStatus.REFUSED,
        user_message=(
            "We cannot fulfil this request as it is written, because it conflicts with our "
            "content rules. Please rephrase it and send it again."
        ),
        queue=REVIEW_QUEUE,
        log_fields=("at", "incident", "user", "prompt_hash", "request_id", "task", "tier",
                    "policy_hash", "source", "deployment", "model", "status", "queue"),
        alert=Severity.WARNING,
        escalation="human review",
        closes_when=Closes.QUIET,
    ),
    Entry(
        name="wrong key",
        detects=Detection(failures=(FailureClass.AUTH,)),
        log_fields=_SEND,
        alert=Severity.CRITICAL,
        escalation="security",
        closes_when=Closes.BREAKER,
    ),
    Entry(
        name="model gone",
        detects=Detection(failures=(FailureClass.NOT_FOUND,)),
        log_fields=_SEND,
        alert=Severity.CRITICAL,
        escalation="ops",
        closes_when=Closes.BREAKER,
    ),
    Entry(
        name="request impossible",
        detects=Detection(failures=(FailureClass.BAD_REQUEST,), times=5, within=600.0),
        ends=ReplyStatus.UNAVAILABLE,
        user_message=(
            "We cannot fulfil this request as it is written. Please change it and send it again."
        ),
        log_fields=(*_SEND, "tokens", "feature"),
        alert=Severity.WARNING,
        escalation="ops",
        closes_when=Closes.QUIET,
    ),
    Entry(
        name="unusable answer",
        detects=Detection(failures=(FailureClass.MALFORMED,), times=10, within=600.0),
        log_fields=_PAID,
        alert=Severity.WARNING,
        escalation="ops",
        closes_when=Closes.QUIET,
    ),
    Entry(
        name="low quality",
        detects=Detection(failures=(FailureClass.LOW_QUALITY,), times=20, within=600.0),
        log_fields=(*_PAID, "score"),
        alert=Severity.INFO,
        escalation="human review",
        closes_when=Closes.QUIET,
    ),
    Entry(
        name="our own fault",
        detects=Detection(failures=(FailureClass.LOCAL,)),
        log_fields=_PAID,
        alert=Severity.CRITICAL,
        escalation="ops",
        closes_when=Closes.QUIET,
    ),
    Entry(
        name="chain exhausted",
        detects=Detection(when=When.EXHAUSTED),
        ends=ReplyStatus.UNAVAILABLE,
        log_fields=_END,
        alert=Severity.CRITICAL,
        escalation="ops",
        closes_when=Closes.QUIET,
    ),
    Entry(
        name="approval needed",
        detects=Detection(failures=(FailureClass.BUDGET,), when=When.APPROVAL),
        ends=ReplyStatus.QUEUED,
        user_message=ApprovalNeeded.user_message,
        queue=APPROVAL_QUEUE,
        log_fields=(*_END, *_WHO),
        alert=Severity.WARNING,
        escalation="billing owner",
    ),
    Entry(
        name="spend blocked",
        detects=Detection(failures=(FailureClass.BUDGET,)),
        ends=ReplyStatus.BLOCKED,
        user_message=SpendLimitReached.user_message,
        log_fields=(*_END, *_WHO),
        alert=Severity.CRITICAL,
        escalation="billing owner",
        closes_when=Closes.QUIET,
    ),
    Entry(
        name="store failing",
        detects=Detection(when=When.STORE),
        ends=ReplyStatus.UNAVAILABLE,
        user_message=OrchestraError.user_message,
        log_fields=("at", "request_id", "policy_hash", "source", "message"),
        alert=Severity.CRITICAL,
        escalation="ops",
        closes_when=Closes.QUIET,
    ),
)  # fmt: skip
"""Twenty, and every class of failure is in exactly one, but for BUDGET: whether somebody may
approve of the call tells its two apart."""

_BY_DETECTION = {
    (failure, entry.detects.when): entry
    for entry in PLAYBOOK
    for failure in (entry.detects.failures or (None,))
}


def entry_for(failure: FailureClass | None = None, when: When = When.SEND) -> Entry:
    """The scenario of a failed send, or of another moment; raises KeyError where there is none."""
    return _BY_DETECTION[failure, when]


def ending_entry(failure: FailureClass | None, *, needs_approval: bool = False) -> Entry:
    """The scenario by which a request ends whose last failure is given; None: nobody to ask.

    A failure from which a request goes on ends it only because no deployment is left.
    """
    if failure is FailureClass.BUDGET and needs_approval:
        return entry_for(failure, When.APPROVAL)
    entry = entry_for(failure) if failure else None
    return entry if entry and entry.ends else entry_for(when=When.EXHAUSTED)


def table() -> Table:
    """The playbook, one scenario a row."""
    rows = [
        (
            entry.name,
            entry.detects.words(),
            entry.retry,
            _told_sender(entry),
            entry.alert.value if entry.alert else "",
            entry.told_when,
            entry.escalation,
            entry.closes_when.value,
        )
        for entry in PLAYBOOK
    ]
    columns = (
        *("scenario", "detected by", "retries", "the sender reads"),
        *("alert", "told when", "handed to", "incident ends after"),
    )
    return Table(columns, rows, title="The error playbook")


def _told_sender(entry: Entry) -> str:
    if entry.ends is None:
        return "nothing: the request goes on"
    return entry.user_message or "the words of the task"
