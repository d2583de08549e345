"""How long to wait before a retry."""

from __future__ import annotations

from random import Random

__all__ = ["full_jitter", "wait_for"]

LONGEST_BACKOFF = 8.0
"""Seconds."""
SPREAD = 0.25
"""Share of a Retry-After that is added at random, so that clients do not come back together."""


def full_jitter(retries_done: int, *, base: float, random: Random, least: float = 0.0) -> float:
    """Seconds drawn from U(least, min(8, base · 2ⁿ)): AWS, "Exponential Backoff and Jitter"."""
    most = min(LONGEST_BACKOFF, base * 2.0 ** min(retries_done, 16))
    return random.uniform(min(least, most), most)


def wait_for(
    retry_after: float | None,
    retries_done: int,
    *,
    base: float,
    random: Random,
    least: float = 0.0,
) -> float:
    """Seconds before a retry: the longer of the backoff and what the provider asked for.

    The backoff is no shorter than `least`; `base` 0 means that there is none. What is no time to
    wait, negative or not a number, is taken as not said; an infinite one stays infinite, for the
    caller to turn down.
    """
    backoff = full_jitter(retries_done, base=base, random=random, least=least)
    if retry_after is None or not retry_after >= 0:  # `not >=` holds for NaN, where `<` does not
        return backoff
    return max(backoff, retry_after * random.uniform(1.0, 1.0 + SPREAD))
