"""What a breaker takes over from another process, or from before a restart."""

from __future__ import annotations

import pytest

from orchestra_kit.resilience.breaker import Breaker, BreakerState, Standing
from tests.resilience.breakers import fail, opened, ramping


def test_what_another_process_found_holds_here_until_its_end():
    breaker = Breaker()
    breaker.open_for(0.0, 20.0)
    assert not breaker.allow(19.0)
    breaker.open_for(5.0, 5.0)
    assert breaker.seconds_until_probe(5.0) == 15.0
    breaker.open_for(5.0, 25.0)
    assert breaker.seconds_until_probe(5.0) == 25.0
    assert [breaker.allow(30.0), breaker.allow(30.0)] == [True, False]


@pytest.mark.parametrize("seconds", [0.0, -3.0, float("nan")])
def test_an_opening_elsewhere_without_time_left_opens_nothing(seconds):
    breaker = Breaker()
    breaker.open_for(0.0, seconds)
    assert breaker.state(0.0) is BreakerState.CLOSED


def test_an_opening_elsewhere_is_no_longer_than_one_of_our_own():
    breaker = Breaker()
    breaker.open_for(0.0, float("inf"))
    assert breaker.seconds_until_probe(0.0) == 360.0


def test_an_opening_elsewhere_does_not_shorten_an_isolation():
    breaker = Breaker()
    breaker.isolate(0.0, seconds=100.0)
    breaker.open_for(0.0, 20.0)
    assert breaker.state(50.0) is BreakerState.ISOLATED


def test_a_restart_keeps_an_opening_with_what_is_left_of_it():
    before = opened()
    standing = before.standing(4.0)
    after = Breaker(seed=9)
    after.resume(1000.0, standing)
    told = after.standing(1000.0)
    assert (told.state, told.openings) == (BreakerState.OPEN, 1)
    assert told.seconds_left == pytest.approx(standing.seconds_left)
    assert not after.allow(1000.0)
    assert after.allow(1000.0 + standing.seconds_left)


def test_a_restart_keeps_the_doubling():
    now = 500.0
    after = Breaker(seed=9)
    after.resume(now, opened().standing(0.0))
    now += after.seconds_until_probe(now)
    assert after.allow(now)
    after.record(now, ok=False, sent=now)
    assert after.seconds_until_probe(now) >= 24.0


@pytest.mark.parametrize("left", [0.0, -100.0])
@pytest.mark.parametrize("state", ["open", "isolated", "half_open"])
def test_what_has_run_out_during_a_restart_begins_half_open(state, left):
    breaker = Breaker()
    breaker.resume(5.0, Standing(state=BreakerState(state), openings=3, seconds_left=left))
    assert breaker.state(5.0) is BreakerState.HALF_OPEN
    assert [breaker.allow(5.0), breaker.allow(5.0)] == [True, False]
    assert [t.after.value for t in breaker.transitions] == ["half_open"]


@pytest.mark.parametrize("seconds", [None, 3600.0])
def test_a_restart_keeps_an_isolation(seconds):
    before, after = Breaker(), Breaker()
    before.isolate(0.0, seconds=seconds)
    after.resume(7.0, before.standing(10.0))
    assert after.state(7.0) is BreakerState.ISOLATED
    assert after.seconds_until_probe(7.0) == (float("inf") if seconds is None else 3590.0)


def test_a_recovery_begins_anew_after_a_restart():
    before, now = ramping()
    after = Breaker()
    after.resume(0.0, before.standing(now + 50.0))
    assert [after.allow(0.0), after.allow(0.0)] == [True, False]


def test_a_healthy_past_leaves_a_breaker_closed():
    breaker = Breaker()
    breaker.resume(0.0, Breaker().standing(5.0))
    assert breaker.transitions == ()
    assert breaker.allow(0.0)


def test_what_is_out_here_is_not_let_in_by_what_stood_elsewhere():
    for state in (BreakerState.OPEN, BreakerState.HALF_OPEN, BreakerState.CLOSED):
        breaker = Breaker()
        breaker.isolate(0.0)
        breaker.resume(0.0, Standing(state=state, openings=1, seconds_left=1.0))
        assert breaker.seconds_until_probe(0.0) == float("inf")
    breaker = opened()
    left = breaker.seconds_until_probe(0.0)
    breaker.resume(0.0, Standing(state=BreakerState.OPEN, openings=0, seconds_left=1.0))
    assert breaker.seconds_until_probe(0.0) == left


@pytest.mark.parametrize("openings", [-5, 10**9])
def test_a_count_of_openings_that_cannot_be_does_no_harm(openings):
    breaker = Breaker()
    standing = Standing(state=BreakerState.CLOSED, openings=openings, seconds_left=0.0)
    breaker.resume(0.0, standing)
    fail(breaker, 5, at=0.0)
    assert 12.0 <= breaker.seconds_until_probe(0.0) <= 360.0


def test_what_ones_own_configuration_caused_is_found_out_anew_after_a_restart():
    before = Breaker()
    before.isolate(0.0, here_only=True)
    assert not before.allow(1e9)
    standing = before.standing(1e9)
    assert (standing.state, standing.seconds_left) == (BreakerState.ISOLATED, 0.0)
    after = Breaker()
    after.resume(5.0, standing)
    assert [after.allow(5.0), after.allow(5.0)] == [True, False]


@pytest.mark.parametrize("hand_first", [True, False])
@pytest.mark.parametrize("seconds", [None, 100.0])
def test_an_isolation_by_hand_outlives_a_restart_whatever_else_isolates(hand_first, seconds):
    before = Breaker()
    if hand_first:
        before.isolate(0.0, seconds=seconds)
    before.isolate(0.0, here_only=True)
    if not hand_first:
        before.isolate(0.0, seconds=seconds)
    after = Breaker()
    after.resume(0.0, before.standing(0.0))
    assert not after.allow(99.0)
    assert after.allow(100.0) is (seconds is not None)
    before.reconsider(99.0)
    assert not before.allow(99.0)
    assert not before.allow(100.0)


def test_what_a_configuration_caused_is_probed_once_it_has_changed():
    breaker = Breaker()
    breaker.isolate(0.0, here_only=True)
    breaker.reconsider(50.0)
    assert [breaker.allow(50.0), breaker.allow(50.0)] == [True, False]


def test_reconsidering_changes_nothing_for_what_is_out_for_other_reasons():
    for breaker in (opened(), Breaker()):
        before = breaker.state(1.0)
        breaker.reconsider(1.0)
        assert breaker.state(1.0) is before
