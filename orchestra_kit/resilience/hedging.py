"""How often and when a second send may go out beside a slow first one."""

from __future__ import annotations

from collections import deque

from orchestra_kit.resilience.latencies import Latencies

__all__ = ["HedgeBudget", "hedge_after"]

WINDOW_SECONDS = 60.0
SLOW = 0.95
"""Quantile of the latencies from which a send counts as slow (Dean and Barroso, "The Tail at
Scale": a hedge after the 95th percentile costs about 5 % more calls)."""
FEWEST = 200
"""Durations from which that quantile is known well enough to pay by it."""
_ROUNDING = 1e-9
"""Hedges by which a share of the requests may seem to be less than it is."""


class HedgeBudget:
    """Second sends as a share of the requests of the last minute, so that hedges cannot double
    the load when everything is slow at once.

    Unlike retries they have no floor: a request that is not hedged is slow, not lost. The first
    hedge needs as many requests as one is the share of. Raises ValueError for a share that is not
    between 0 and 1.
    """

    def __init__(self, share: float) -> None:
        if not 0 <= share <= 1:
            raise ValueError(f"hedges are a share of the requests between 0 and 1, not {share}")
        self._share = share
        self._requests: deque[float] = deque()
        self._hedges: deque[float] = deque()

    def deposit(self, now: float) -> None:
        """Count a request."""
        self._forget(now)
        self._requests.append(now)

    def withdraw(self, now: float) -> bool:
        """Whether a hedge may go out; a True counts it."""
        self._forget(now)
        if len(self._hedges) + 1 > self._share * len(self._requests) + _ROUNDING:
            return False
        self._hedges.append(now)
        return True

    def _forget(self, now: float) -> None:
        for moments in (self._requests, self._hedges):
            while moments and moments[0] <= now - WINDOW_SECONDS:
                moments.popleft()


def hedge_after(latencies: Latencies) -> float | None:
    """Seconds after which a send counts as slow; None while fewer than `FEWEST` are known."""
    return latencies.quantile(SLOW) if latencies.count >= FEWEST else None
