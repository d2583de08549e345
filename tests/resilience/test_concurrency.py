"""How many at once: more while it goes well, fewer after an overload, never none."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra_kit.resilience.concurrency import AdaptiveConcurrency


def test_without_an_overload_only_the_ceiling_limits():
    assert AdaptiveConcurrency().limit == math.inf
    limited = AdaptiveConcurrency(ceiling=4)
    assert limited.may(3)
    assert not limited.may(4)


def test_an_overload_takes_a_tenth_of_what_was_in_flight():
    places = AdaptiveConcurrency()
    places.saw_overload(0.0, 99)
    assert places.limit == 90.0


def test_calls_that_fail_together_count_once():
    places = AdaptiveConcurrency()
    for _ in range(50):
        places.saw_overload(0.0, 99)
    assert places.limit == 90.0
    places.saw_overload(1.0, 89)
    assert places.limit == 81.0


def test_a_trickle_is_not_driven_elsewhere_by_a_late_answer():
    places = AdaptiveConcurrency()
    places.saw_overload(0.0, 0)
    assert places.may(19)


def test_an_overload_never_raises_what_was_learnt():
    places = AdaptiveConcurrency()
    places.saw_too_many(0.0, 7)
    places.saw_overload(1.0, 3)
    assert places.limit == 4.0


def test_a_decrease_is_counted_from_what_was_in_flight_and_not_from_an_idle_limit():
    places = AdaptiveConcurrency(ceiling=1000)
    places.saw_overload(0.0, 49)
    assert places.limit == 45.0


def test_a_limit_rises_from_half_of_it_in_use():
    places = AdaptiveConcurrency()
    places.saw_too_many(0.0, 39)
    places.saw_success(1.0, 8)  # nine of twenty places
    assert places.limit == 20.0
    places.saw_success(1.0, 9)
    assert places.limit == 20.05


def test_it_is_never_raised_above_its_ceiling():
    places = AdaptiveConcurrency(ceiling=3)
    places.saw_too_many(0.0, 2)
    for _ in range(20):
        places.saw_success(1.0, 1)
    assert places.limit == 3.0
    places.saw_success(300.0, 1)
    assert places.limit == 3.0


@pytest.mark.parametrize("ceiling", [0, -1])
def test_a_ceiling_below_one_call_is_refused(ceiling):
    with pytest.raises(ValueError, match="at least one call at once"):
        AdaptiveConcurrency(ceiling=ceiling)


def test_a_provider_that_names_the_number_itself_is_believed():
    places = AdaptiveConcurrency()
    places.saw_too_many(0.0, 7)
    assert places.limit == 4.0
    for second in range(1, 20):
        places.saw_too_many(float(second), 3)
    assert places.limit == 1.0
    assert places.may(0)


def test_good_calls_that_use_the_limit_raise_it_by_one_a_round():
    places = AdaptiveConcurrency()
    places.saw_too_many(0.0, 39)
    for _ in range(21):
        places.saw_success(2.0, 19)
    assert 20.9 < places.limit < 21.1


def test_good_calls_that_do_not_use_it_say_nothing():
    places = AdaptiveConcurrency()
    places.saw_too_many(0.0, 39)
    for _ in range(1000):
        places.saw_success(2.0, 3)
    assert places.limit == 20.0


def test_a_limit_is_given_up_when_nothing_has_confirmed_it_for_five_minutes():
    places = AdaptiveConcurrency()
    places.saw_too_many(0.0, 7)
    places.saw_success(299.9, 0)
    assert places.limit == 4.0
    places.saw_success(300.0, 0)
    assert places.limit == math.inf


def test_a_ceiling_is_only_ever_lowered():
    places = AdaptiveConcurrency(ceiling=10)
    places.hold_to(20)
    assert places.limit == 10
    places.hold_to(5)
    assert places.limit == 5


STEPS = st.lists(
    st.tuples(st.sampled_from(["good", "overload", "too many"]), st.integers(0, 60)), max_size=200
)


@given(STEPS, st.none() | st.integers(1, 50))
def test_it_stays_between_one_and_its_ceiling_and_moves_the_right_way(steps, ceiling):
    places = AdaptiveConcurrency(ceiling=ceiling)
    now = 0.0
    for step, in_flight in steps:
        now += 0.7
        before = places.limit
        if step == "good":
            places.saw_success(now, in_flight)
            assert before <= places.limit <= before + 1
        elif step == "overload":
            places.saw_overload(now, in_flight)
            assert places.limit <= before
        else:
            places.saw_too_many(now, in_flight)
            assert places.limit <= before
        assert 1 <= places.limit <= (ceiling or math.inf)
        assert places.may(0)
