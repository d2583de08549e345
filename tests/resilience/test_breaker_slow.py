"""Good calls that take too long: what they count as, and what they do not."""

from __future__ import annotations

import pytest

from orchestra_kit.resilience.breaker import Breaker, BreakerState
from tests.resilience.breakers import fail, ramping


def test_calls_that_take_far_too_long_open_it_as_failures_do():
    breaker = Breaker()
    for moment in range(9):
        breaker.record(float(moment), ok=True, slow=True)
    assert breaker.state(9.0) is BreakerState.CLOSED
    breaker.record(9.0, ok=True, slow=True)
    assert breaker.state(9.0) is BreakerState.OPEN


def test_slow_calls_are_no_row_of_failures():
    breaker = Breaker()
    for moment in range(5):
        breaker.record(float(moment), ok=True, slow=True)
    for moment in range(5, 16):
        breaker.record(float(moment), ok=True)
    for moment in range(16, 20):
        breaker.record(float(moment), ok=True, slow=True)
    assert breaker.state(20.0) is BreakerState.CLOSED


@pytest.mark.parametrize(
    ("endings", "state"),
    [
        ("ssssssggg", "closed"),  # nine are too few to judge
        ("gggggsssss", "closed"),  # half of ten are slow, and not more
        ("ggggssssss", "open"),
        ("gggggfffss", "closed"),  # half of ten failed or were slow
        ("ggggffffss", "open"),
        ("ssggggffff", "open"),
        ("sssssssggg", "closed"),  # a call in good time never opens it
        ("fgfgfgfgfg", "closed"),
        ("gfgfgfgfgf", "open"),
    ],
)
def test_more_than_half_of_ten_calls_slow_or_failed_open_it(endings, state):
    breaker = Breaker()
    for ending in endings:
        breaker.record(0.0, ok=ending != "f", slow=ending == "s")
    assert breaker.state(0.0).value == state


def test_a_slow_call_ends_a_row_of_failures():
    breaker = Breaker()
    fail(breaker, 4, at=0.0)
    breaker.record(0.0, ok=True, slow=True)
    fail(breaker, 4, at=0.0)
    assert breaker.state(0.0) is BreakerState.CLOSED


def test_a_slow_call_or_two_after_the_probe_do_not_stop_the_recovery():
    breaker, now = ramping()
    for i in range(8):
        breaker.record(now + i, ok=True, slow=True)
    assert breaker.state(now + 8.0) is BreakerState.HALF_OPEN
    breaker.record(now + 8.0, ok=True, slow=True)  # the tenth, with the probe
    assert breaker.state(now + 8.0) is BreakerState.OPEN


def test_slow_calls_do_not_forget_the_doubling():
    breaker, now = ramping()
    now += 60.0
    for _ in range(4):
        breaker.record(now, ok=True, slow=True)
    fail(breaker, 5, at=now)
    assert breaker.seconds_until_probe(now) >= 24.0


def test_a_slow_probe_ends_well():
    breaker = Breaker()
    breaker.isolate(0.0, seconds=1.0)
    assert breaker.allow(2.0)
    breaker.record(30.0, ok=True, slow=True, sent=2.0)
    assert breaker.state(30.0) is BreakerState.HALF_OPEN
    assert any(breaker.allow(31.0) for _ in range(200))
