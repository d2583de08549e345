"""Which deployment's prompt cache still holds the beginning of a session.

A provider keeps the beginning of a prompt for some minutes after it was last used, and reads it
again at a fraction of the price. Sending a session's next turn elsewhere pays for all of it anew.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping

from orchestra_kit.core.clock import Clock
from orchestra_kit.policy.schema import Deployment

__all__ = ["Warmth"]

SESSIONS_KEPT = 20_000
"""Those used longest ago are forgotten first; some four megabytes."""


class Warmth:
    """Remembers, for each session, who answered last and until when that is worth knowing."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._sessions: OrderedDict[str, tuple[str, float]] = OrderedDict()

    def answered(
        self, session: str, deployment: str, deployments: Mapping[str, Deployment]
    ) -> None:
        """A session's turn was answered; nothing where the provider keeps no prompts."""
        kept = deployments[deployment].prompt_cache
        if not session or kept is None:
            return
        self._sessions[session] = (deployment, self._clock.monotonic() + kept)
        self._sessions.move_to_end(session)
        if len(self._sessions) > SESSIONS_KEPT:
            self._sessions.popitem(last=False)

    def of(self, session: str) -> str:
        """The deployment whose cache is warm for a session; empty for none."""
        found = self._sessions.get(session)
        if found is None or found[1] <= self._clock.monotonic():
            return ""
        return found[0]
