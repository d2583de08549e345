"""Limits that processes share follow the rules of a single process's, on whatever clock."""

from __future__ import annotations

import pytest

NOW = 1_000_000.0


async def test_a_full_bucket_gives_five_seconds_worth_and_then_its_rate(shared):
    limit = {"requests_per_minute": 120}
    for number in range(10):
        assert await shared.take("a", f"t{number}", **limit, now=NOW) == 0
    assert await shared.take("a", "t10", **limit, now=NOW) == pytest.approx(0.5)
    assert await shared.take("a", "t10", **limit, now=NOW + 0.25) == pytest.approx(0.25)
    assert await shared.take("a", "t10", **limit, now=NOW + 0.5) == 0
    assert await shared.take("a", "t11", **limit, now=NOW + 0.5) == pytest.approx(0.5)
    assert await shared.take("b", "t11", **limit, now=NOW) == 0, "another account"


async def test_what_was_not_used_is_given_back_and_what_was_used_beyond_is_owed(shared):
    limit = {"tokens_per_minute": 1200, "now": NOW}  # a burst of 100
    assert await shared.take("a", "one", **limit, tokens=100) == 0
    assert await shared.take("a", "two", **limit, tokens=20) == pytest.approx(1.0)
    await shared.settle("a", "one", 60)
    assert await shared.take("a", "two", **limit, tokens=20) == 0
    await shared.settle("a", "two", 120)
    assert await shared.take("a", "three", **limit, tokens=1) == pytest.approx(81 / 20)


async def test_a_call_larger_than_the_burst_goes_when_the_bucket_is_full(shared):
    limit = {"tokens_per_minute": 1200}
    assert await shared.take("a", "huge", **limit, tokens=300, now=NOW) == 0
    assert await shared.take("a", "next", **limit, tokens=1, now=NOW) == pytest.approx(201 / 20)
    assert await shared.take("a", "next", **limit, tokens=1, now=NOW + 201 / 20) == 0


async def test_a_call_takes_all_or_nothing(shared):
    limit = {"requests_per_minute": 60, "tokens_per_minute": 1200, "now": NOW}
    assert await shared.take("a", "one", **limit, tokens=100) == 0
    assert await shared.take("a", "two", **limit, tokens=100) > 0
    for number in range(4):  # the refusal above took none of the five requests
        assert await shared.take("a", f"small{number}", **limit, tokens=0) == 0
    assert await shared.take("a", "last", **limit, tokens=0) == pytest.approx(1.0)


async def test_what_was_never_sent_gives_its_request_back(shared):
    limit = {"requests_per_minute": 12, "tokens_per_minute": 12, "now": NOW}  # a burst of one
    assert await shared.take("a", "one", **limit, tokens=1) == 0
    await shared.settle("a", "one", None, sent=False)
    assert await shared.take("a", "two", **limit, tokens=1) == 0
    await shared.settle("a", "two", None)
    assert await shared.take("a", "three", **limit, tokens=1) > 0, "what is not known counts"


async def test_asking_twice_for_one_call_takes_once_and_settling_twice_does_nothing(shared):
    limit = {"tokens_per_minute": 1200, "now": NOW}
    assert await shared.take("a", "one", **limit, tokens=60) == 0
    assert await shared.take("a", "one", **limit, tokens=60) == 0
    assert await shared.take("a", "two", **limit, tokens=40) == 0
    await shared.settle("a", "one", 50)
    await shared.settle("a", "one", 0)
    await shared.settle("a", "nobody's", 0)
    assert await shared.take("a", "three", **limit, tokens=10) == 0
    assert await shared.take("a", "four", **limit, tokens=1) > 0


async def test_of_two_throttles_the_later_end_stands(shared):
    await shared.throttle("a", 5, now=NOW)
    await shared.throttle("a", 2, now=NOW)
    await shared.throttle("a", 0, now=NOW)
    assert await shared.take("a", "t", now=NOW) == pytest.approx(5.0)
    assert await shared.take("a", "t", now=NOW + 4.5) == pytest.approx(0.5)
    await shared.throttle("a", 3, now=NOW + 4.5)
    assert await shared.take("a", "t", now=NOW + 5) == pytest.approx(2.5)
    assert await shared.take("a", "t", now=NOW + 7.5) == 0


async def test_a_clock_that_is_behind_refills_nothing(shared):
    limit = {"requests_per_minute": 12}
    assert await shared.take("a", "one", **limit, now=NOW) == 0
    assert await shared.take("a", "two", **limit, now=NOW - 3600) > 0
    assert await shared.take("a", "two", **limit, now=NOW + 5) == 0


async def test_a_place_that_was_never_settled_comes_back_with_its_lease(shared):
    assert await shared.take("a", "one", concurrent=1, lease=10, now=NOW) == 0
    assert await shared.take("a", "two", concurrent=1, now=NOW + 9.9) > 0
    assert await shared.take("a", "two", concurrent=1, now=NOW + 10) == 0
