"""What an account may ask: by the minute, at once, and after a 429."""

from __future__ import annotations

import math

import pytest

from orchestra_kit.core.answer import Allowance
from orchestra_kit.resilience.limiter import Limiter


def taken(limiter: Limiter, now: float, tokens: int = 0, asked: int = 1000) -> int:
    """How many calls go at one moment."""
    return sum(limiter.take(now, tokens) is not None for _ in range(asked))


def test_without_limits_everything_goes():
    assert taken(Limiter(), 0.0, tokens=10**9) == 1000


def test_a_burst_holds_five_seconds_of_the_rate_and_then_it_is_the_rate():
    limiter = Limiter(requests_per_minute=60)
    assert taken(limiter, 0.0) == 5
    assert limiter.wait(0.0) == pytest.approx(1.0)
    assert taken(limiter, 0.999) == 0
    assert taken(limiter, 1.0) == 1
    assert sum(taken(limiter, 1.0 + second) for second in range(1, 61)) == 60


def test_a_slow_rate_still_lets_one_go():
    limiter = Limiter(requests_per_minute=1)
    assert taken(limiter, 0.0) == 1
    assert limiter.wait(0.0) == pytest.approx(60.0)
    assert taken(limiter, 60.0) == 1


def test_what_was_reserved_too_much_is_given_back():
    limiter = Limiter(tokens_per_minute=12_000)  # a burst of 1,000
    ticket = limiter.take(0.0, 900)
    assert limiter.take(0.0, 900) is None
    limiter.settle(0.0, ticket, 100)
    assert limiter.take(0.0, 900) is not None


def test_what_was_used_beyond_the_reservation_is_a_debt():
    limiter = Limiter(tokens_per_minute=12_000)
    ticket = limiter.take(0.0, 100)
    limiter.settle(0.0, ticket, 2_000)
    assert limiter.wait(0.0, 1) == pytest.approx(1001 / 200)


def test_a_use_that_nobody_knows_counts_as_reserved():
    limiter = Limiter(tokens_per_minute=12_000)
    limiter.settle(0.0, limiter.take(0.0, 1_000), None)
    assert limiter.wait(0.0, 1_000) == pytest.approx(5.0)


def test_a_call_that_is_larger_than_the_burst_goes_when_the_bucket_is_full():
    limiter = Limiter(tokens_per_minute=12_000)
    assert limiter.take(0.0, 5_000) is not None
    assert limiter.wait(0.0, 1) == pytest.approx(4_001 / 200)


def test_a_large_call_waits_for_a_full_bucket():
    limiter = Limiter(tokens_per_minute=12_000)
    limiter.take(0.0, 1)
    assert limiter.take(0.0, 5_000) is None
    assert limiter.wait(0.0, 5_000) == pytest.approx(1 / 200)


def test_nothing_is_taken_where_one_thing_is_lacking():
    limiter = Limiter(requests_per_minute=60, tokens_per_minute=12_000, concurrent=9)
    assert limiter.take(0.0, 600) is not None
    assert taken(limiter, 0.0, tokens=600) == 0
    assert limiter.in_flight == 1
    assert taken(limiter, 0.0) == 4  # the requests that a burst of five still holds


def test_a_count_far_too_large_is_held_against_nobody_for_more_than_a_minute():
    limiter = Limiter(tokens_per_minute=12_000)
    ticket = limiter.take(0.0, 1_000)
    limiter.settle(0.0, ticket, 10**8)
    assert limiter.wait(0.0, 1_000) == pytest.approx(65.0)


def test_settling_late_counts_from_what_has_refilled():
    limiter = Limiter(tokens_per_minute=12_000)
    ticket = limiter.take(0.0, 100)
    limiter.settle(600.0, ticket, 1_100)  # full again, and a thousand more than was reserved
    assert limiter.wait(600.0, 1) == pytest.approx(1 / 200)


def test_a_full_place_does_not_hide_how_long_a_rate_asks_to_wait():
    limiter = Limiter(requests_per_minute=12, concurrent=1)
    assert limiter.take(0.0) is not None
    assert limiter.full(0.0)
    assert limiter.wait(0.0) == pytest.approx(5.0)
    assert limiter.wait(5.0) == math.inf


def test_a_call_that_was_never_made_costs_nothing():
    limiter = Limiter(requests_per_minute=60, tokens_per_minute=12_000, concurrent=1)
    for _ in range(50):
        ticket = limiter.take(0.0, 1_000)
        assert ticket is not None
        limiter.refuse(0.0, ticket)
    assert limiter.in_flight == 0


def test_a_call_that_was_settled_is_not_refused_afterwards():
    limiter = Limiter(requests_per_minute=60, tokens_per_minute=12_000)
    assert taken(limiter, 0.0, asked=4) == 4
    ticket = limiter.take(0.0, 1_000)
    limiter.settle(0.0, ticket, None)
    for _ in range(3):
        limiter.refuse(0.0, ticket)
        limiter.settle(0.0, ticket, 0)
    assert limiter.in_flight == 4
    assert limiter.wait(0.0, 0) == pytest.approx(1.0)
    assert limiter.wait(0.0, 1_000) == pytest.approx(5.0)


def test_places_are_given_back_once():
    limiter = Limiter(concurrent=2)
    first, second = limiter.take(0.0), limiter.take(0.0)
    assert limiter.full(0.0)
    assert limiter.wait(0.0) == math.inf
    for _ in range(3):
        limiter.settle(0.0, first, 0)
        limiter.refuse(0.0, first)
    assert limiter.in_flight == 1
    assert taken(limiter, 0.0) == 1
    limiter.settle(0.0, second, 0)


def test_a_throttle_holds_for_everything_until_its_later_end():
    limiter = Limiter()
    limiter.throttle(0.0, 30.0)
    limiter.throttle(1.0, 5.0)
    assert limiter.throttled_for(1.0) == 29.0
    assert taken(limiter, 29.9) == 0
    assert taken(limiter, 30.0) == 1000


@pytest.mark.parametrize("seconds", [0.0, -5.0])
def test_no_time_is_no_throttle(seconds):
    limiter = Limiter()
    limiter.throttle(0.0, seconds)
    assert taken(limiter, 0.0, asked=1) == 1


def test_what_the_provider_says_is_learnt_downwards_only():
    limiter = Limiter(requests_per_minute=600)
    limiter.learn(0.0, Allowance(requests_limit=6_000, requests_left=6_000))
    assert taken(limiter, 0.0) == 50
    limiter.learn(10.0, Allowance(requests_limit=60, requests_left=2))
    assert taken(limiter, 10.0) == 2
    assert limiter.wait(10.0) == pytest.approx(1.0)


def test_until_a_lower_limit_was_told_it_refilled_at_the_higher():
    limiter = Limiter(requests_per_minute=600)
    assert taken(limiter, 0.0) == 50
    limiter.learn(2.0, Allowance(requests_limit=60))
    assert taken(limiter, 2.0) == 5


def test_a_limit_that_nobody_configured_is_learnt_too():
    limiter = Limiter()
    limiter.learn(0.0, Allowance(tokens_limit=12_000, tokens_left=0, concurrent_limit=3))
    assert limiter.wait(0.0, 200) == pytest.approx(1.0)
    assert taken(limiter, 60.0) == 3


@pytest.mark.parametrize(
    "said",
    [
        Allowance(requests_limit=0, requests_left=0),
        Allowance(requests_limit=-1, requests_left=-1),
        Allowance(requests_left=-1),
        Allowance(concurrent_limit=0),
        Allowance(concurrent_limit=-1),
    ],
)
def test_limits_that_nobody_means_are_not_learnt(said):
    limiter = Limiter(requests_per_minute=60)
    limiter.learn(0.0, said)
    assert taken(limiter, 0.0) == 5


def test_nothing_left_is_believed_beside_a_limit_and_not_without_one():
    limiter = Limiter(tokens_per_minute=12_000)
    limiter.learn(0.0, Allowance(tokens_left=0))
    assert limiter.wait(0.0, 1_000) == 0.0
    limiter.learn(0.0, Allowance(tokens_left=1))
    assert limiter.wait(0.0, 2) == pytest.approx(1 / 200)
    limiter.learn(0.0, Allowance(tokens_limit=12_000, tokens_left=0))
    assert limiter.wait(0.0, 2) == pytest.approx(2 / 200)


def test_what_is_left_never_forgives_a_debt():
    limiter = Limiter(tokens_per_minute=12_000)
    limiter.take(0.0, 5_000)
    limiter.learn(0.0, Allowance(tokens_limit=12_000, tokens_left=11_000))
    assert limiter.wait(0.0, 1) == pytest.approx(4_001 / 200)


def test_a_wait_that_was_slept_through_is_over_however_long_the_clock_has_run():
    for start in (0.1, 1e5 / 3, 1e9 / 7):
        limiter = Limiter(requests_per_minute=7, tokens_per_minute=1_000_003)
        now = start
        for _ in range(300):
            wait = limiter.wait(now, 50_000)
            now += wait
            assert limiter.take(now, 50_000) is not None
        assert (now - start) * 7 / 60 == pytest.approx(299, abs=0.01)


@pytest.mark.parametrize("limit", ["requests_per_minute", "tokens_per_minute", "concurrent"])
def test_a_limit_below_one_is_refused(limit):
    with pytest.raises(ValueError, match="not 0"):
        Limiter(**{limit: 0})


def test_an_overload_and_a_word_of_too_many_lower_the_places():
    limiter = Limiter()
    tickets = [limiter.take(0.0) for _ in range(100)]
    limiter.settle(0.0, tickets.pop(), None)
    limiter.saw_overload(0.0)
    assert limiter.full(0.0)  # of the hundred that were in flight, ninety are left
    for _ in range(9):
        limiter.settle(0.0, tickets.pop(), None)
    assert limiter.full(0.0)
    limiter.settle(0.0, tickets.pop(), None)
    assert taken(limiter, 0.0) == 1
    limiter.saw_too_many(1.0)
    while tickets:
        limiter.settle(1.0, tickets.pop(), None)
    assert taken(limiter, 1.0) == 44  # and the one that went before


def test_good_calls_give_the_places_back():
    limiter = Limiter(concurrent=4)
    tickets = [limiter.take(0.0) for _ in range(4)]
    limiter.settle(0.0, tickets.pop(), None)
    limiter.saw_too_many(0.0)
    while tickets:
        limiter.settle(0.0, tickets.pop(), None)
    assert taken(limiter, 0.0, asked=9) == 2
    limiter.saw_success(1.0)
    limiter.saw_success(1.0)
    assert taken(limiter, 1.0, asked=9) == 0  # 2.9 places: a place is whole or none
    limiter.saw_success(1.0)
    assert taken(limiter, 1.0, asked=9) == 1


def test_a_clock_that_goes_back_refills_nothing_and_breaks_nothing():
    limiter = Limiter(requests_per_minute=60)
    assert taken(limiter, 1_000.0) == 5
    assert taken(limiter, 10.0) == 0
    assert taken(limiter, 1_001.0) == 1
