"""What one process tells the others of its breakers, and hears from them.

Each second or so the standings of all are read; an opening that another process found holds here
as well, and of all processes one sends the probe.
"""

from __future__ import annotations

import math
from datetime import timedelta

from orchestra_kit.core.answer import Source
from orchestra_kit.core.clock import Clock
from orchestra_kit.engine.health import Health
from orchestra_kit.resilience.breaker import BreakerState, Standing
from orchestra_kit.store.routing_changes import StoredBreaker
from orchestra_kit.store.shared import SharedState

__all__ = ["Sharing", "stored"]

_EVERY = 1.0
"""Seconds between two looks at what others found."""


class Sharing:
    """The breakers of this process among those of the others."""

    def __init__(
        self, shared: SharedState, health: Health, *, source: Source, clock: Clock
    ) -> None:
        self._shared = shared
        self._health = health
        self._source = source
        self._clock = clock
        self._looked = -math.inf
        self._probing: set[str] = set()
        """Deployments whose probe this process has claimed."""

    async def listen(self) -> None:
        """Take over the openings that others found, unless that was done a moment ago."""
        moment = self._clock.monotonic()
        if moment - self._looked < _EVERY:
            return
        self._looked = moment
        now = self._clock.now()
        for name, row in (await self._shared.breakers(self._source)).items():
            if row.until is not None and row.state == BreakerState.OPEN and row.until > now:
                self._health.heard(name, (row.until - now).total_seconds())

    async def tell(self, deployment: str, standing: Standing) -> None:
        """Tell others how a breaker stands."""
        await self._shared.publish_breaker(stored(deployment, standing, self._source, self._clock))

    async def may_probe(self, deployment: str, seconds: float) -> bool:
        """Whether this process is the one to send a probe that takes so long at most."""
        claimed = await self._shared.claim_probe(deployment, seconds)
        if claimed:
            self._probing.add(deployment)
        return claimed

    async def probed(self, deployment: str) -> None:
        """A call has ended: if it was the probe, another process may send the next."""
        if deployment in self._probing:
            self._probing.discard(deployment)
            await self._shared.release_probe(deployment)


def stored(deployment: str, standing: Standing, source: Source, clock: Clock) -> StoredBreaker:
    """A standing with the time of day instead of seconds, as others can read it."""
    now, left = clock.now(), standing.seconds_left
    out = standing.state in (BreakerState.OPEN, BreakerState.ISOLATED)
    return StoredBreaker(
        deployment=deployment,
        source=source,
        state=standing.state.value,
        openings=standing.openings,
        until=now + timedelta(seconds=left) if out and left < math.inf else None,
        at=now,
    )
