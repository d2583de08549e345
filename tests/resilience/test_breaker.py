"""What the breaker of one deployment lets through, moment by moment."""

from __future__ import annotations

from random import Random

import pytest

from orchestra_kit.resilience.breaker import Breaker, BreakerState
from tests.resilience.breakers import fail, half_opened, opened, ramping


def test_five_failures_in_a_row_open_it_and_four_do_not():
    breaker = Breaker()
    fail(breaker, 4, at=0.0)
    assert breaker.state(0.0) is BreakerState.CLOSED
    breaker.record(0.0, ok=True)
    fail(breaker, 4, at=0.0)
    assert breaker.state(0.0) is BreakerState.CLOSED
    fail(breaker, 1, at=0.0)
    assert breaker.state(0.0) is BreakerState.OPEN
    assert not breaker.allow(0.0)


def test_five_in_a_row_count_however_far_apart_they_are():
    breaker = Breaker()
    for minute in range(5):
        breaker.record(60.0 * minute, ok=False)
    assert breaker.state(240.0) is BreakerState.OPEN


def test_half_of_ten_calls_within_thirty_seconds_open_it():
    breaker = Breaker()
    for i in range(9):
        breaker.record(2.0 * i, ok=i % 2 == 0)
    assert breaker.state(18.0) is BreakerState.CLOSED  # nine calls are too few to judge
    breaker.record(18.0, ok=False)
    assert breaker.state(18.0) is BreakerState.OPEN


def test_a_third_of_the_calls_failing_does_not_open_it():
    breaker = Breaker()
    for i in range(3000):
        breaker.record(0.1 * i, ok=i % 3 > 0)
    assert breaker.state(300.0) is BreakerState.CLOSED


@pytest.mark.parametrize(("later", "state"), [(26.9, "open"), (30.0, "closed")])
def test_what_is_older_than_the_window_is_forgotten(later, state):
    breaker = Breaker()
    for i in range(8):
        breaker.record(0.1 * i, ok=i % 2 == 0)
    breaker.record(later, ok=True)
    breaker.record(later, ok=False)
    assert breaker.state(later).value == state


def test_a_hard_outage_after_healthy_traffic_opens_it_at_the_fifth_failure():
    breaker = Breaker()
    for i in range(600):
        breaker.record(0.05 * i, ok=True)
    fail(breaker, 5, at=30.2)
    assert breaker.state(30.2) is BreakerState.OPEN


def test_an_overload_weighs_half():
    breaker = Breaker()
    fail(breaker, 9, at=0.0, weight=0.5)
    assert breaker.state(0.0) is BreakerState.CLOSED
    fail(breaker, 1, at=0.0, weight=0.5)
    assert breaker.state(0.0) is BreakerState.OPEN


def test_what_the_request_itself_caused_never_opens_it():
    breaker = Breaker()
    fail(breaker, 1000, at=0.0, weight=0.0)
    assert breaker.state(0.0) is BreakerState.CLOSED


def test_what_does_not_count_neither_hides_failures_nor_breaks_their_row():
    diluted = Breaker()
    fail(diluted, 40, at=0.0, weight=0.0)
    for i in range(5):
        diluted.record(float(i), ok=True)
        diluted.record(float(i), ok=False)
    assert diluted.state(4.0) is BreakerState.OPEN
    interrupted = Breaker()
    for _ in range(5):
        fail(interrupted, 1, at=0.0)
        fail(interrupted, 1, at=0.0, weight=0.0)
    assert interrupted.state(0.0) is BreakerState.OPEN


def test_it_stays_open_for_fifteen_seconds_give_or_take_a_fifth():
    waits = [opened(seed=seed).seconds_until_probe(0.0) for seed in range(200)]
    assert 12.0 <= min(waits) < 12.3
    assert 17.7 < max(waits) <= 18.0
    assert sum(waits) / len(waits) == pytest.approx(15.0, abs=0.4)


def test_the_open_time_doubles_up_to_five_minutes():
    breaker, now = half_opened()
    for expected in (30, 60, 120, 240, 300, 300):
        assert breaker.allow(now)
        breaker.record(now, ok=False, sent=now)
        wait = breaker.seconds_until_probe(now)
        assert expected * 0.8 <= wait <= expected * 1.2
        assert not breaker.allow(now + wait * 0.999)
        now += wait


def test_two_breakers_of_one_seed_behave_alike_and_of_two_seeds_do_not():
    assert opened(seed=3).seconds_until_probe(0.0) == opened(seed=3).seconds_until_probe(0.0)
    assert opened(seed=3).seconds_until_probe(0.0) != opened(seed=4).seconds_until_probe(0.0)


def test_of_a_thousand_calls_at_the_half_open_moment_exactly_one_goes_out():
    breaker, now = half_opened()
    assert sum(breaker.allow(now) for _ in range(1000)) == 1
    assert breaker.state(now) is BreakerState.HALF_OPEN


def test_a_probe_that_is_not_heard_of_gives_its_place_up_after_a_minute():
    breaker, now = half_opened()
    assert breaker.allow(now)
    assert not breaker.allow(now + 59.9)
    assert breaker.allow(now + 60.0)


def test_a_probe_replaced_by_another_no_longer_decides():
    breaker, now = half_opened()
    assert breaker.allow(now)
    assert breaker.allow(now + 60.0)
    breaker.record(now + 61.0, ok=False, sent=now)
    assert breaker.state(now + 61.0) is BreakerState.HALF_OPEN
    assert not breaker.allow(now + 61.0)


def test_only_the_call_on_which_everything_depends_is_a_probe():
    assert not Breaker().probes(0.0)
    assert not opened().probes(0.0)
    breaker, now = half_opened()
    assert breaker.probes(now)
    breaker, now = ramping()
    assert not breaker.probes(now)


def test_a_cancelled_probe_frees_its_place_at_once():
    breaker, now = half_opened()
    assert breaker.allow(now)
    breaker.release_probe(now, sent=now)
    assert breaker.allow(now)


def test_a_cancelled_call_of_before_does_not_free_the_place_of_the_probe():
    breaker, now = half_opened()
    assert breaker.allow(now)
    breaker.release_probe(now, sent=-1.0)
    assert not breaker.allow(now)


@pytest.mark.parametrize("ok", [True, False])
def test_a_call_sent_before_the_opening_is_not_taken_for_the_probe(ok):
    breaker, now = half_opened()
    breaker.record(now, ok=ok)
    assert breaker.state(now) is BreakerState.HALF_OPEN
    assert breaker.allow(now)
    breaker.record(now + 1.0, ok=ok, sent=-1.0)
    assert not breaker.allow(now + 1.0)
    breaker.record(now + 2.0, ok=True, sent=now)
    breaker.record(now + 3.0, ok=False, sent=-1.0)
    assert breaker.state(now + 3.0) is BreakerState.HALF_OPEN


def test_a_probe_that_was_answered_otherwise_than_hoped_for_ends_well():
    breaker, now = half_opened()
    assert breaker.allow(now)
    breaker.record(now, ok=False, weight=0.0, sent=now)
    assert breaker.state(now + 60.0) is BreakerState.CLOSED


@pytest.mark.parametrize(("after", "share"), [(1.0, 0.10), (16.0, 0.25), (31.0, 0.50), (46.0, 1.0)])
def test_after_a_good_probe_the_share_let_through_grows(after, share):
    breaker, now = ramping()
    admitted = sum(breaker.allow(now + after) for _ in range(4000))
    assert admitted / 4000 == pytest.approx(share, abs=0.03)  # four standard errors


def test_a_minute_after_a_good_probe_it_is_closed():
    breaker, now = ramping()
    assert breaker.state(now + 59.9) is BreakerState.HALF_OPEN
    assert breaker.state(now + 60.0) is BreakerState.CLOSED
    assert all(breaker.allow(now + 60.0) for _ in range(100))


def test_the_first_failure_after_the_probe_opens_it_again_for_longer():
    breaker, now = ramping()
    breaker.record(now + 1.0, ok=False)
    assert breaker.state(now + 1.0) is BreakerState.OPEN
    assert breaker.seconds_until_probe(now + 1.0) >= 24.0


def test_a_failure_among_good_calls_does_not_stop_the_recovery():
    breaker, now = ramping()
    for i in range(4):
        breaker.record(now + 0.1 * i, ok=True)
    breaker.record(now + 3.0, ok=False)
    assert breaker.state(now + 3.0) is BreakerState.HALF_OPEN


def test_a_busy_deployment_that_fails_once_in_a_hundred_comes_back():
    for seed in range(20):
        chance, (breaker, now) = Random(seed), ramping(seed=seed)
        for i in range(6000):
            moment = now + 0.05 * i
            if breaker.allow(moment):
                breaker.record(moment, ok=chance.random() > 0.01, sent=moment)
        assert breaker.state(now + 300.0) is BreakerState.CLOSED


def test_old_good_calls_leaving_the_window_do_not_open_it_on_a_good_call():
    breaker, now = ramping()
    for i in range(5):
        breaker.record(now + i, ok=True)
    breaker.record(now + 20.0, ok=False)
    breaker.record(now + 45.0, ok=True)
    assert breaker.state(now + 45.0) is BreakerState.HALF_OPEN


def test_three_good_calls_in_a_row_after_closing_forget_the_doubling_and_two_do_not():
    for endings, longest in (("++", 36.0), ("++-+", 36.0), ("+++", 18.0)):
        breaker, now = ramping()
        now += 60.0
        for ending in endings:
            breaker.record(now, ok=ending == "+")
        fail(breaker, 5, at=now)
        wait = breaker.seconds_until_probe(now)
        assert longest * 2 / 3 <= wait <= longest


def test_a_flapping_deployment_is_left_alone_for_longer_and_longer():
    breaker, waits = Breaker(seed=5), []
    for i in range(20 * 600):
        now = i / 20
        before = breaker.state(now)
        if breaker.allow(now):
            breaker.record(now, ok=int(now) % 10 < 5, sent=now)
        if breaker.state(now) is BreakerState.OPEN and before is not BreakerState.OPEN:
            waits.append(breaker.seconds_until_probe(now))
    assert 4 <= len(waits) <= 12
    assert waits[3] > 4 * waits[0]


def test_an_outage_costs_a_call_at_each_opening_and_no_more():
    breaker, calls = Breaker(seed=2), 0
    for i in range(20 * 300):
        now = i / 20
        if breaker.allow(now):
            calls += 1
            breaker.record(now, ok=False, sent=now)
    assert calls <= 5 + 5  # five to open it; probes after 15, 45, 105, 225 s and their jitter


def test_steady_failures_of_one_in_twenty_do_not_open_it():
    breaker, chance = Breaker(), Random(11)
    for i in range(200_000):
        breaker.record(0.05 * i, ok=chance.random() > 0.05)
    assert len(breaker.transitions) == 0  # five in a row are expected once in 3.4 million calls


def test_isolated_by_hand_it_stays_so_until_closed_by_hand():
    breaker = Breaker()
    breaker.isolate(0.0)
    assert breaker.seconds_until_probe(0.0) == float("inf")
    assert not breaker.allow(1e9)
    assert breaker.state(1e9) is BreakerState.ISOLATED
    breaker.close(1e9)
    assert breaker.allow(1e9)


def test_isolated_until_a_moment_it_is_probed_from_then_on():
    breaker = Breaker()
    breaker.isolate(0.0, seconds=3600.0)
    assert breaker.seconds_until_probe(600.0) == 3000.0
    assert not breaker.allow(3599.0)
    assert breaker.state(3600.0) is BreakerState.HALF_OPEN
    assert [breaker.allow(3600.0), breaker.allow(3600.0)] == [True, False]


def test_a_shorter_isolation_does_not_shorten_a_longer_one():
    breaker = Breaker()
    breaker.isolate(0.0)
    breaker.isolate(1.0, seconds=3600.0)
    assert breaker.seconds_until_probe(1.0) == float("inf")
    assert len(breaker.transitions) == 1


def test_nothing_that_ends_while_isolated_changes_anything():
    breaker = Breaker()
    breaker.isolate(0.0)
    breaker.record(1.0, ok=True)
    fail(breaker, 20, at=1.0)
    assert breaker.state(1.0) is BreakerState.ISOLATED
    breaker.close(2.0)
    fail(breaker, 4, at=2.0)
    assert breaker.state(2.0) is BreakerState.CLOSED


def test_closed_by_hand_it_starts_anew():
    breaker = Breaker()
    fail(breaker, 4, at=0.0)
    breaker.close(0.0)
    fail(breaker, 4, at=0.0)
    assert breaker.state(0.0) is BreakerState.CLOSED


def test_every_change_of_state_is_kept_with_its_moment():
    breaker, now = ramping()
    breaker.state(now + 60.0)
    told = [(t.moment, t.before.value, t.after.value) for t in breaker.transitions]
    assert told == [
        (0.0, "closed", "open"),
        (now, "open", "half_open"),
        (now + 60.0, "half_open", "closed"),
    ]


def test_the_list_of_changes_does_not_grow_for_ever():
    breaker = Breaker()
    for i in range(1000):
        breaker.isolate(float(i))
        breaker.close(float(i))
    assert len(breaker.transitions) == 200
    assert breaker.transitions[-1].moment == 999.0


def test_good_calls_from_before_an_isolation_do_not_count_after_it():
    breaker, now = ramping()
    now += 61.0
    for _ in range(2):
        breaker.record(now, ok=True)
    breaker.isolate(now, seconds=1.0)
    now += 2.0
    assert breaker.allow(now)
    breaker.record(now, ok=True, sent=now)
    now += 61.0
    assert breaker.state(now) is BreakerState.CLOSED
    for _ in range(2):  # with those of before there would be four, and three are enough
        breaker.record(now, ok=True)
    fail(breaker, 5, at=now)
    assert breaker.seconds_until_probe(now) >= 24.0


def test_the_doubling_is_remembered_through_an_isolation_by_hand():
    breaker = Breaker(seed=3)
    for _ in range(5):
        breaker.record(0.0, ok=False)
    first = breaker.seconds_until_probe(0.0)
    breaker.isolate(1.0, seconds=1.0)
    assert breaker.allow(3.0)
    breaker.record(3.0, ok=True, sent=3.0)
    now = 64.0  # the ramp is over, and only two good calls have been counted since
    assert breaker.state(now) is BreakerState.CLOSED
    for _ in range(2):
        breaker.record(now, ok=True)
    for _ in range(5):
        breaker.record(now, ok=False)
    assert breaker.seconds_until_probe(now) > 1.3 * first
