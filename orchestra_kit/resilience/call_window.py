"""The calls of the last half minute: how many there were, failed, and took too long.

The window is counted in ten parts, as Polly does: it holds ten counts, not every call, and spans
between 27 and 30 s.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

__all__ = ["CallWindow", "Tally"]

WINDOW_SECONDS = 30.0
SUB_WINDOWS = 10


@dataclass(slots=True)
class Tally:
    """Calls of a while."""

    calls: int = 0
    failed: float = 0.0
    """Weighed: an overload counts half."""
    slow: int = 0
    """Good ones that took too long."""


class CallWindow:
    """Tallies of three seconds each, the latest ten."""

    __slots__ = ("_parts",)

    def __init__(self) -> None:
        self._parts: deque[tuple[int, Tally]] = deque()

    def count(self, now: float, *, failed: float = 0.0, slow: bool = False) -> None:
        """One more call."""
        number = int(now // (WINDOW_SECONDS / SUB_WINDOWS))
        while self._parts and self._parts[0][0] <= number - SUB_WINDOWS:
            self._parts.popleft()
        if not self._parts or self._parts[-1][0] < number:
            self._parts.append((number, Tally()))
        latest = self._parts[-1][1]
        latest.calls += 1
        latest.failed += failed
        latest.slow += slow

    def total(self) -> Tally:
        """All of the window that ends with the latest call."""
        tallies = [tally for _, tally in self._parts]
        return Tally(
            calls=sum(tally.calls for tally in tallies),
            failed=sum(tally.failed for tally in tallies),
            slow=sum(tally.slow for tally in tallies),
        )

    def clear(self) -> None:
        """Forget every call."""
        self._parts.clear()
