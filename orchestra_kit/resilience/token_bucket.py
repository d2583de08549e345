"""A token bucket: what may be used now, of a limit that is stated by the minute.

It refills continuously and holds five seconds' worth, because providers that state a limit by the
minute enforce it below the minute (xAI by the second, OpenAI in quanta). What is larger than that
may go when the bucket is full, and takes it into debt; the average over minutes stays the limit.

A pure state machine: every method takes the moment, in seconds of a monotonic clock. A clock that
goes back does no harm: nothing refills until it has caught up.
"""

from __future__ import annotations

__all__ = ["TokenBucket"]

BURST_SECONDS = 5.0
"""What a full bucket holds, in seconds of its rate."""
LEAST_BURST = 1.0
"""One request must fit, however slow the rate is."""
_INSTANT = 1e-6
"""Seconds: a shorter wait is over. Whoever slept for exactly the wait would otherwise, by the
rounding of sums of moments, wake before its end and never get there."""


class TokenBucket:
    """A level that refills at so much a minute, up to its burst; below 0 it is in debt.

    Raises ValueError for a rate that is not above 0.
    """

    __slots__ = ("_at", "_burst", "_level", "_rate")

    def __init__(self, a_minute: float) -> None:
        if not a_minute > 0:
            raise ValueError(f"a limit a minute is above 0, not {a_minute}")
        self._rate = a_minute / 60.0
        self._burst = max(LEAST_BURST, self._rate * BURST_SECONDS)
        self._level = self._burst
        self._at: float | None = None

    def wait(self, now: float, amount: float) -> float:
        """Seconds until so much may be taken; 0 when it may now."""
        self._refill(now)
        seconds = (min(amount, self._burst) - self._level) / self._rate
        return seconds if seconds > _INSTANT else 0.0

    def take(self, now: float, amount: float) -> None:
        """So much is used, whether or not it is there."""
        self._refill(now)
        self._level -= amount

    def correct(self, now: float, amount: float) -> None:
        """So much less was used than had been taken; where it is negative, so much more.

        More than a minute's worth is not held against anybody: no provider looks back further,
        and a count that is far too large must not shut an account for hours.
        """
        self._refill(now)
        self._level = min(self._burst, self._level + max(amount, -60.0 * self._rate))

    def lower_to(self, now: float, left: float) -> None:
        """At most so much is left, whatever was thought; more than there is says nothing."""
        self._refill(now)
        self._level = min(self._level, left)

    def slow_to(self, now: float, a_minute: float) -> None:
        """No faster than this; a rate above ours changes nothing."""
        self._refill(now)
        self._rate = min(self._rate, a_minute / 60.0)
        self._burst = max(LEAST_BURST, self._rate * BURST_SECONDS)
        self._level = min(self._level, self._burst)

    def _refill(self, now: float) -> None:
        if self._at is None:
            self._at = now
        elif now > self._at:
            self._level = min(self._burst, self._level + (now - self._at) * self._rate)
            self._at = now
