"""A second send beside a slow one: when it goes out, who wins, and what both cost."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from orchestra_kit.core.errors import AttemptOutcome, FailureClass, ProviderError
from orchestra_kit.policy.policy import Policy
from tests.engine.small import (
    POLICY,
    Kept,
    Told,
    an_orchestra,
    never,
    play,
    told,
    well,
    write_policy,
)


@pytest.fixture
def hedging(tmp_path):
    """The small policy with letters hedged in one request of twenty."""
    write_policy(tmp_path)
    text = POLICY.replace(
        "  letter:\n    is: a letter\n", "  letter:\n    is: a letter\n    hedge: {share: 0.05}\n"
    )
    (tmp_path / "orchestra.yaml").write_text(text, encoding="utf-8")
    return Policy.load(tmp_path)


class Turning(Told):
    """Does well until it is told otherwise."""


async def one(orchestra):
    return await orchestra.handle(orchestra.request("Write", tier="basic", task="letter"))


async def warmed_up(orchestra, requests=220):
    """So many good calls, spread over virtual time so that no budget of the last minute is full."""
    tasks = []
    for _ in range(requests):
        tasks.append(asyncio.create_task(one(orchestra)))
        await orchestra.clock.sleep(0.1)
    await asyncio.gather(*tasks)


def test_a_slow_send_gets_a_second_one_and_the_first_good_answer_is_taken(hedging):
    kept = Kept()
    with an_orchestra(hedging, Turning, store=kept) as orchestra:

        async def scene():
            await warmed_up(orchestra)
            told(orchestra).doings["first"] = never
            return await one(orchestra)

        reply = play(orchestra, scene())
        assert reply.deployment == "second"
        assert reply.seconds == pytest.approx(4.0, abs=0.1)
        by_deployment = {attempt.deployment: attempt for attempt in reply.attempts}
        assert by_deployment["second"].hedge
        loser = by_deployment["first"]
        assert (loser.outcome, loser.failure) == (AttemptOutcome.UNKNOWN, FailureClass.CANCELLED)
        assert loser.cost is None
        assert loser.cost_upper > 0
        assert orchestra.budgets.outstanding == 0
        assert orchestra.capacity.limiter("first").in_flight == 0


def test_the_first_send_may_still_win(hedging):
    async def slow(call, clock):
        await clock.sleep(1.5)
        return await well(call, clock)

    with an_orchestra(hedging, Turning) as orchestra:

        async def scene():
            await warmed_up(orchestra)
            told(orchestra).doings["first"] = slow
            return await one(orchestra)

        reply = play(orchestra, scene())
        assert reply.deployment == "first"
        assert reply.seconds == pytest.approx(3.5, abs=0.1)
        assert len(reply.attempts) == 2
        assert reply.cost == Decimal("0.00101")


def test_when_both_fail_the_third_answers_and_each_was_asked_once(hedging):
    async def late_failure(call, clock):
        await clock.sleep(3)
        raise ProviderError("no", failure=FailureClass.TIMEOUT, outcome=AttemptOutcome.UNKNOWN)

    with an_orchestra(hedging, Turning) as orchestra:

        async def scene():
            await warmed_up(orchestra)
            told(orchestra).doings.update(first=late_failure, second=late_failure)
            told(orchestra).sent.clear()
            return await one(orchestra)

        reply = play(orchestra, scene())
        assert reply.deployment == "third"
        assert [name for name, _ in told(orchestra).sent] == ["first", "second", "third"]
        assert len({attempt.id for attempt in reply.attempts}) == 3


def test_hedges_stay_a_small_share_when_everything_turns_slow(hedging):
    async def slow(call, clock):
        await clock.sleep(8)
        return await well(call, clock)

    with an_orchestra(hedging, Turning) as orchestra:

        async def scene():
            await warmed_up(orchestra)
            told(orchestra).doings.update(first=slow, second=slow, third=slow)
            told(orchestra).sent.clear()
            await warmed_up(orchestra, 600)

        play(orchestra, scene())
        # The window of a minute counts the 220 requests before as well.
        assert 600 < len(told(orchestra).sent) <= 600 + 0.05 * 820


def test_without_the_policys_word_nothing_is_hedged(small):
    with an_orchestra(small, Turning) as orchestra:

        async def scene():
            await warmed_up(orchestra)
            told(orchestra).doings["first"] = never
            return await one(orchestra)

        reply = play(orchestra, scene())
        assert [attempt.deployment for attempt in reply.attempts] == ["first", "second"]
        assert reply.attempts[0].failure is FailureClass.TIMEOUT


def test_with_a_breaker_open_nothing_is_hedged(hedging):
    with an_orchestra(hedging, Turning) as orchestra:

        async def scene():
            await warmed_up(orchestra)
            orchestra.health.breakers["third"].isolate(orchestra.clock.monotonic())
            told(orchestra).doings["first"] = never
            request = orchestra.request("Write", tier="basic", task="letter")
            return await orchestra.handle(request)

        reply = play(orchestra, scene())
        assert not any(attempt.hedge for attempt in reply.attempts)


def test_whoever_gives_up_ends_both_sends(hedging):
    kept = Kept()
    with an_orchestra(hedging, Turning, store=kept) as orchestra:

        async def scene():
            await warmed_up(orchestra)
            told(orchestra).doings.update(first=never, second=never)
            task = asyncio.create_task(one(orchestra))
            await asyncio.sleep(3)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await asyncio.sleep(0)

        play(orchestra, scene())
        assert len(kept.begun) == len(kept.finished)
        assert [a.failure for a in kept.finished[-2:]] == [FailureClass.CANCELLED] * 2
        assert orchestra.budgets.outstanding == 0


def test_what_may_call_tools_is_never_hedged(hedging):
    with an_orchestra(hedging, Turning) as orchestra:

        async def scene():
            await warmed_up(orchestra)
            told(orchestra).doings["first"] = never
            request = orchestra.request(
                "Write", tier="basic", task="letter", parameters={"tools": [{"name": "send"}]}
            )
            return await orchestra.handle(request)

        reply = play(orchestra, scene())
        assert reply.deployment == "second"
        assert not any(attempt.hedge for attempt in reply.attempts)
