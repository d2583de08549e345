"""How a request ends when no model's answer can be delivered, in words for the one who waits.

The messages here are for requesters: no model, no code, no jargon. Operators read notices.
"""

from __future__ import annotations

from dataclasses import dataclass

from orchestra_kit.core.errors import ApprovalNeeded, FailureClass, SpendLimitReached
from orchestra_kit.core.reply import ReplyStatus, Severity
from orchestra_kit.policy.schema import Degradation

__all__ = ["APPROVAL_QUEUE", "REVIEW_QUEUE", "Ending", "ending_for", "review_ending"]

REVIEW_QUEUE = "human review"
APPROVAL_QUEUE = "spend approval"

_REFUSED = (
    "We cannot fulfil this request as it is written, because it conflicts with our content rules. "
    "Please rephrase it and send it again."
)
_REVIEW = "A colleague will look at your request before it is carried out. Nothing more is needed."
_TOO_LONG = "Your request is too long for us to work on. Please shorten it and send it again."
_NOT_POSSIBLE = (
    "We cannot fulfil this request as it is written. Please change it and send it again."
)


@dataclass(frozen=True)
class Ending:
    """What is told to whom."""

    status: ReplyStatus
    say: str
    queue: str | None
    """Queue that keeps the request; None keeps it nowhere."""
    reason: str
    severity: Severity
    notice: str
    """Kind of notice; empty tells nobody."""


def review_ending(reason: str) -> Ending:
    """The request waits for a person."""
    return Ending(ReplyStatus.REVIEW, _REVIEW, REVIEW_QUEUE, reason, Severity.INFO, "")


def ending_for(
    failure: FailureClass | None,
    then: Degradation,
    *,
    to_person: bool,
    needs_approval: bool = False,
) -> Ending:
    """What follows the last failure of a chain; None means that there was nothing to call.

    A content refusal is never retried; `to_person` has somebody look at it, as the best tier does.
    `needs_approval` says that a spend budget would let an approved call through.
    """
    why = failure.value if failure else "no deployment was available"
    if failure is FailureClass.CONTENT:
        queue = REVIEW_QUEUE if to_person else None
        return Ending(
            ReplyStatus.REFUSED, _REFUSED, queue, why, Severity.WARNING, "content_refused"
        )
    if needs_approval:
        say = ApprovalNeeded.user_message
        notice = "approval_needed"
        return Ending(ReplyStatus.QUEUED, say, APPROVAL_QUEUE, why, Severity.WARNING, notice)
    if failure is FailureClass.BUDGET:
        say = SpendLimitReached.user_message
        return Ending(ReplyStatus.BLOCKED, say, None, why, Severity.CRITICAL, "spend_blocked")
    if failure in (FailureClass.BAD_REQUEST, FailureClass.CONTEXT):
        say = _TOO_LONG if failure is FailureClass.CONTEXT else _NOT_POSSIBLE
        notice = "request_impossible"
        return Ending(ReplyStatus.UNAVAILABLE, say, None, why, Severity.WARNING, notice)
    status = ReplyStatus.QUEUED if then.queue else ReplyStatus.UNAVAILABLE
    return Ending(status, then.say, then.queue, why, Severity.CRITICAL, "chain_exhausted")
