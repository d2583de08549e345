"""Breakers in the states that the tests begin from."""

from __future__ import annotations

from orchestra_kit.resilience.breaker import Breaker, BreakerState


def opened(*, seed: int = 1, at: float = 0.0) -> Breaker:
    breaker = Breaker(seed=seed)
    fail(breaker, 5, at=at)
    assert breaker.state(at) is BreakerState.OPEN
    return breaker


def fail(breaker: Breaker, times: int, *, at: float, weight: float = 1.0) -> None:
    for _ in range(times):
        breaker.record(at, ok=False, weight=weight)


def half_opened(*, seed: int = 1) -> tuple[Breaker, float]:
    """A breaker whose opening has just run out, and that moment."""
    breaker = opened(seed=seed)
    return breaker, breaker.seconds_until_probe(0.0)


def ramping(*, seed: int = 1) -> tuple[Breaker, float]:
    breaker, now = half_opened(seed=seed)
    assert breaker.allow(now)
    breaker.record(now, ok=True, sent=now)
    return breaker, now
