"""How a request ends when no model's answer can be delivered, in words for the one who waits.

What follows is read from the playbook. Its messages are for requesters: no model, no code, no
jargon. Operators read notices.
"""

from __future__ import annotations

from dataclasses import dataclass

from orchestra_kit.core.errors import FailureClass
from orchestra_kit.core.reply import ReplyStatus
from orchestra_kit.engine.playbook import ending_entry
from orchestra_kit.engine.playbook_entry import APPROVAL_QUEUE, REVIEW_QUEUE, Entry, When
from orchestra_kit.policy.schema import Degradation

__all__ = ["APPROVAL_QUEUE", "REVIEW_QUEUE", "Ending", "ending_for", "review_ending"]

_REVIEW = "A colleague will look at your request before it is carried out. Nothing more is needed."


@dataclass(frozen=True, slots=True)
class Ending:
    """What is told to whom."""

    status: ReplyStatus
    say: str
    queue: str | None
    """Queue that keeps the request; None keeps it nowhere."""
    reason: str
    entry: Entry | None
    """What the playbook says of it; None where nothing went wrong and nobody is told."""
    tell: str = ""
    """To whom it is handed."""


def review_ending(reason: str) -> Ending:
    """The request waits for a person."""
    return Ending(ReplyStatus.REVIEW, _REVIEW, REVIEW_QUEUE, reason, None)


def ending_for(
    failure: FailureClass | None,
    then: Degradation,
    *,
    to_person: bool,
    needs_approval: bool = False,
    characters: int = 0,
) -> Ending:
    """What follows the last failure of a chain; None means that there was nothing to call.

    `then` is the task's own word for an exhausted chain. A content refusal is never retried;
    `to_person` has somebody look at it, as the best tier does. `needs_approval` says that a spend
    budget would let an approved call through; `characters` how long the request is.
    """
    why = failure.value if failure else "no deployment was available"
    entry = ending_entry(failure, needs_approval=needs_approval)
    if entry.detects.when is When.EXHAUSTED:
        status = ReplyStatus.QUEUED if then.queue else ReplyStatus.UNAVAILABLE
        return Ending(status, then.say, then.queue, why, entry, then.tell or entry.escalation)
    assert entry.ends is not None
    kept = entry.queue if entry.queue != REVIEW_QUEUE or to_person else ""
    say = entry.user_message.replace("{characters}", f"{characters:,}")
    return Ending(entry.ends, say, kept or None, why, entry, entry.escalation)
