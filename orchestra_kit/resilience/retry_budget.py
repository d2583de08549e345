"""A retry budget: retries as a share of requests, so that an outage is not multiplied.

Retries are at most 20 % of the requests of the last 60 s, and at least three are always allowed
(Envoy's and Finagle's ratio with a floor). A pure state machine on moments in seconds.
"""

from __future__ import annotations

from collections import deque

__all__ = ["RetryBudget"]

WINDOW_SECONDS = 60.0
RATIO = 0.20
FLOOR = 3


class RetryBudget:
    """Counts one deployment's requests and its retries."""

    def __init__(self) -> None:
        self._requests: deque[float] = deque()
        self._retries: deque[float] = deque()

    def deposit(self, now: float) -> None:
        """Count a request."""
        self._forget(now)
        self._requests.append(now)

    def withdraw(self, now: float) -> bool:
        """Whether a retry may go out; a True counts it."""
        if self.left(now) < 1:
            return False
        self._retries.append(now)
        return True

    def left(self, now: float) -> int:
        """Retries that the window still allows."""
        self._forget(now)
        allowed = max(FLOOR, int(RATIO * len(self._requests)))
        return max(0, allowed - len(self._retries))

    def _forget(self, now: float) -> None:
        for moments in (self._requests, self._retries):
            while moments and moments[0] <= now - WINDOW_SECONDS:
                moments.popleft()
