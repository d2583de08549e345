"""How long calls took lately: their quantiles, and a load that remembers peaks.

Both are asked at every request, so that what is asked most costs least: a quantile is one look into
a list that is kept sorted.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections import deque

__all__ = ["Latencies", "PeakEwma"]

KEPT = 200
"""Durations, the latest; the 95th percentile of 200 has a standard error of 1.5 points."""
DECAY_SECONDS = 10.0
"""Time constant of the moving average, as in Finagle's balancer."""
_ROUNDING = 1e-9
"""Durations by which a share of them may seem to be more than it is."""


class Latencies:
    """The latest durations of good calls of one deployment at one task, in seconds."""

    __slots__ = ("_latest", "_sorted")

    def __init__(self) -> None:
        self._latest: deque[float] = deque()
        self._sorted: list[float] = []

    @property
    def count(self) -> int:
        """Durations held, at most `KEPT`."""
        return len(self._latest)

    def add(self, seconds: float) -> None:
        """Hold one more, and let go of the oldest beyond `KEPT`."""
        if len(self._latest) >= KEPT:
            del self._sorted[bisect_left(self._sorted, self._latest.popleft())]
        self._latest.append(seconds)
        insort(self._sorted, seconds)

    def quantile(self, share: float) -> float | None:
        """The least duration that at least `share` (0 to 1) of them do not exceed; None for
        none."""
        if not self._sorted:
            return None
        return self._sorted[max(0, math.ceil(share * len(self._sorted) - _ROUNDING) - 1)]


class PeakEwma:
    """An exponentially weighted mean that jumps to a peak at once and forgets it slowly.

    Finagle's cost of a node: a deployment that has turned slow loses traffic with its first slow
    call, not when its mean has followed. Unlike there, silence does not lower it: answers of models
    are seconds apart, and a slow deployment must not seem fast for want of calls. A failure is
    observed as the time that it was given, since failing fast is not being fast.
    """

    __slots__ = ("_at", "_value")

    def __init__(self) -> None:
        self._value: float | None = None
        self._at = -math.inf

    def observe(self, now: float, seconds: float) -> None:
        """A call took so long."""
        if self._value is None or seconds > self._value:
            self._value = seconds
        else:
            weight = math.exp(-max(0.0, now - self._at) / DECAY_SECONDS)
            self._value = self._value * weight + seconds * (1.0 - weight)
        self._at = now

    def value(self) -> float | None:
        """Seconds; None before the first call."""
        return self._value

    def load(self, in_flight: int) -> float | None:
        """Seconds times the calls that one more would stand beside; None before the first call."""
        return None if self._value is None else self._value * (in_flight + 1)
