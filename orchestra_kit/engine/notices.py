"""Telling operators, once for each thing that goes on rather than once for each request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from orchestra_kit.core.clock import Clock
from orchestra_kit.core.reply import Notice, Severity

__all__ = ["Notices"]

QUIET_SECONDS = 300.0
"""The same notice about the same thing is not repeated within five minutes."""


class Notices:
    """Writes notices to the ledger, without repeating itself."""

    def __init__(self, clock: Clock, write: Callable[[Notice], Awaitable[None]]) -> None:
        self._clock = clock
        self._write = write
        self._told: dict[tuple[str, str], float] = {}

    async def tell(
        self,
        kind: str,
        about: str,
        severity: Severity,
        message: str,
        *,
        deployment: str = "",
        request_id: str = "",
        ends: Iterable[str] = (),
    ) -> None:
        """Tell operators of `kind` about `about`, unless they were told within five minutes.

        `ends` are the kinds that are no longer true of it: when they come back, it is news.
        """
        moment = self._clock.monotonic()
        for ended in ends:
            self._told.pop((ended, about), None)
        told = self._told.get((kind, about))
        if told is not None and moment - told < QUIET_SECONDS:
            return
        self._told[kind, about] = moment
        await self._write(
            Notice(
                kind=kind,
                at=self._clock.now(),
                severity=severity,
                message=message,
                deployment=deployment,
                request_id=request_id,
            )
        )
