"""How long to wait before a retry."""

from __future__ import annotations

from random import Random

__all__ = ["full_jitter", "wait_for"]

LONGEST_BACKOFF = 8.0
"""Seconds."""
SPREAD = 0.25
"""Share of a Retry-After that is added at random, so that clients do not come back together."""


def full_jitter(retries_done: int, *, base: float, random: Random) -> float:
    """Seconds drawn from U(0, min(8, base · 2ⁿ)): AWS, "Exponential Backoff and Jitter"."""
    return random.uniform(0.0, min(LONGEST_BACKOFF, base * 2.0 ** min(retries_done, 16)))


def wait_for(retry_after: float | None, retries_done: int, *, base: float, random: Random) -> float:
    """Seconds before a retry: at least what the provider asked for, never negative.

    `base` 0 means that there is nothing to wait for.
    """
    if retry_after is not None and retry_after >= 0:
        return retry_after + random.uniform(0.0, SPREAD * retry_after)
    return full_jitter(retries_done, base=base, random=random) if base > 0 else 0.0
