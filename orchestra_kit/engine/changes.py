"""A new version of a policy put in the place of the one before, and watched while it is young.

Where a guardrail is passed, the version before comes back. What was changed about routing, and
back, is a journal of `Change`: by whom, and for what reason.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from orchestra_kit.core.decision import Change
from orchestra_kit.core.errors import ConfigError
from orchestra_kit.core.reply import Reply
from orchestra_kit.engine.guard import Breach, Guard
from orchestra_kit.policy.policy import Policy

__all__ = ["SETTLES_AFTER", "Rollout", "RolloutState", "adaptation_off", "said"]

SETTLES_AFTER = 2000
"""Requests by the new version after which it is no longer young, and no longer watched: evidence
gathered over a longer time tells less of the change than of what happened since."""


class RolloutState(StrEnum):
    """How a promotion stands."""

    WATCHED = "watched"
    SETTLED = "settled"
    """Young no longer; nothing undoes it by itself."""
    UNDONE = "undone"


class Rollout:
    """The promotion of a policy, watched while it is young.

    Says what to do and keeps the record of it; who holds the policies does it. The guardrails are
    those of the new version, or of the one before where the new one has none.
    """

    def __init__(
        self, previous: Policy, current: Policy, *, because: str, by: str, at: datetime
    ) -> None:
        self.previous = previous
        self.current = current
        self.state = RolloutState.WATCHED
        self.breach: Breach | None = None
        self.promotion = Change(
            at=at,
            kind="promotion",
            what=current.name,
            before=previous.hash,
            after=current.hash,
            because=said(because, "a reason"),
            by=said(by, "a name of who asks for it"),
        )
        version = current.hash
        self._guard = Guard(
            current.file.guardrails or previous.file.guardrails,
            current.tasks,
            concerns=lambda reply: reply.decision.policy_hash == version,
        )

    def observe(self, reply: Reply, now: datetime) -> Change | None:
        """Take a reply into account; the change back to the policy before, when that is due.

        Replies that were decided by another version say nothing of this one.
        """
        if self.state is not RolloutState.WATCHED:
            return None
        self.breach = self._guard.observe(reply)
        if self.breach is not None:
            self.state = RolloutState.UNDONE
            return Change(
                at=now,
                kind="rollback",
                what=self.current.name,
                before=self.current.hash,
                after=self.previous.hash,
                because=self.breach.sentence(),
                by=self.breach.by,
            )
        if self._guard.requests >= SETTLES_AFTER:
            self.state = RolloutState.SETTLED
        return None


def adaptation_off(task: str, breach: Breach, at: datetime) -> Change:
    """The record of adaptation that its guard has switched off for a task."""
    return Change(
        at=at,
        kind="adaptation_off",
        what=task,
        before="adaptation",
        after="the policy's own scores",
        because=breach.sentence(),
        by=breach.by,
    )


def said(text: str, what: str) -> str:
    """The text without spaces around it; raises ConfigError where there is none."""
    if not text.strip():
        raise ConfigError(f"A change of routing needs {what}.", hint="The journal will hold it.")
    return text.strip()
