"""A request that is given up: its attempt is closed, its money settled, nobody is blamed."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from orchestra_kit.core.errors import AttemptOutcome, FailureClass, ProviderError, StoreFull
from orchestra_kit.resilience.breaker import BreakerState
from orchestra_kit.store.store import Store
from tests.engine.small import Kept, Told, an_orchestra, never, play, told, well


def telling(**doings):
    return lambda clock: Told(clock, doings)


def asked(orchestra):
    return orchestra.handle(orchestra.request("Write a letter", tier="basic", task="letter"))


async def given_up(orchestra, after=5.0):
    """A request whose sender gives up after some seconds."""
    task = asyncio.create_task(asked(orchestra))
    await orchestra.clock.sleep(after)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def cancelled(kept):
    (attempt,) = kept.finished
    return attempt


def test_the_attempt_is_closed_as_unknown_at_its_worst_cost(small):
    kept = Kept()
    with an_orchestra(small, telling(first=never), store=kept) as orchestra:
        play(orchestra, given_up(orchestra))
    attempt = cancelled(kept)
    assert attempt.id == kept.begun[0].id
    assert (attempt.outcome, attempt.failure) == (AttemptOutcome.UNKNOWN, FailureClass.CANCELLED)
    assert attempt.cost is None
    assert attempt.cost_upper == kept.begun[0].cost_upper > 0
    assert attempt.seconds == 5.0
    assert kept.replies == []


def test_its_reservation_is_settled_at_the_worst_case(small):
    kept = Kept()
    with an_orchestra(small, telling(first=never), store=kept) as orchestra:
        play(orchestra, given_up(orchestra))
        assert orchestra.budgets.outstanding == 0
        (standing,) = orchestra.budgets.standings(orchestra.clock.now())
    assert standing.reserved == 0
    assert standing.spent == cancelled(kept).cost_upper


def test_a_sender_who_gives_up_says_nothing_of_the_deployments_health(small):
    with an_orchestra(small, telling(first=never)) as orchestra:
        for _ in range(20):
            play(orchestra, given_up(orchestra))
        breaker = orchestra.health.breakers["first"]
        assert breaker.state(orchestra.clock.monotonic()) is BreakerState.CLOSED
        assert breaker.transitions == ()


async def until_probed(orchestra):
    """Wait until the primary, isolated for a second, may be probed."""
    breaker = orchestra.health.breakers["first"]
    breaker.isolate(orchestra.clock.monotonic(), seconds=1.0)
    await orchestra.clock.sleep(1.5)
    return breaker


def test_a_cancelled_probe_gives_its_place_to_the_next_request(small):
    async def probed_twice(orchestra):
        breaker = await until_probed(orchestra)
        await given_up(orchestra)
        state = breaker.state(orchestra.clock.monotonic())
        told(orchestra).doings["first"] = well
        return state, await asked(orchestra)

    with an_orchestra(small, telling(first=never)) as orchestra:
        state, reply = play(orchestra, probed_twice(orchestra))
    assert state is BreakerState.HALF_OPEN
    assert reply.deployment == "first"


def test_an_older_call_that_is_cancelled_does_not_let_a_second_probe_out(small):
    async def cancelled_beside_a_probe(orchestra):
        old = asyncio.create_task(asked(orchestra))
        await orchestra.clock.sleep(0.1)
        await until_probed(orchestra)
        probe = asyncio.create_task(asked(orchestra))
        await orchestra.clock.sleep(0.1)
        old.cancel()
        await asyncio.gather(old, return_exceptions=True)
        reply = await asked(orchestra)
        probe.cancel()
        await asyncio.gather(probe, return_exceptions=True)
        return reply

    with an_orchestra(small, telling(first=never)) as orchestra:
        reply = play(orchestra, cancelled_beside_a_probe(orchestra))
        assert told(orchestra).sends_to("first") == 2
    assert reply.deployment == "second"
    assert reply.attempts[0].failure is FailureClass.CIRCUIT


def test_cancelled_before_it_was_sent_it_cost_nothing(small):
    class Slow(Kept):
        async def begin(self, intent):
            await super().begin(intent)
            await asyncio.get_running_loop().create_future()

    kept = Slow()
    with an_orchestra(small, store=kept) as orchestra:
        play(orchestra, given_up(orchestra))
        assert told(orchestra).sent == []
        assert orchestra.budgets.outstanding == 0
    attempt = cancelled(kept)
    assert (attempt.outcome, attempt.failure) == (AttemptOutcome.NOT_SENT, FailureClass.CANCELLED)
    assert attempt.cost == 0


def test_nothing_is_sent_whose_intent_cannot_be_kept(small):
    class Full(Kept):
        async def begin(self, intent):
            raise StoreFull("The disk is full.")

    with an_orchestra(small, store=Full()) as orchestra:
        with pytest.raises(StoreFull):
            play(orchestra, asked(orchestra))
        assert told(orchestra).sent == []
        assert orchestra.budgets.outstanding == 0
        standings = orchestra.budgets.standings(orchestra.clock.now())
    assert all(standing.committed == 0 for standing in standings)


def test_an_answer_that_came_is_recorded_even_if_its_sender_gives_up_while_it_is_written(small):
    class Slow(Kept):
        async def record(self, request, reply, ended=()):
            await asyncio.sleep(10.0)
            await super().record(request, reply, ended)

    async def given_up_while_writing(orchestra):
        await given_up(orchestra, after=5.0)
        await orchestra.clock.sleep(20.0)

    kept = Slow()
    with an_orchestra(small, store=kept) as orchestra:
        play(orchestra, given_up_while_writing(orchestra))
    attempt = cancelled(kept)
    assert attempt.outcome is AttemptOutcome.ANSWERED
    assert attempt.cost > 0
    assert attempt.seconds == 2.0
    assert kept.replies == []


def test_an_answer_is_in_the_books_even_if_its_reply_cannot_be_written(small):
    class Full(Kept):
        async def record(self, request, reply, ended=()):
            raise StoreFull("The disk is full.")

    kept = Full()
    with an_orchestra(small, store=kept) as orchestra, pytest.raises(StoreFull):
        play(orchestra, asked(orchestra))
    assert cancelled(kept).outcome is AttemptOutcome.ANSWERED


def test_an_answer_that_comes_when_its_sender_has_given_up_is_written_by_itself(small):
    async def late(call, clock):
        with contextlib.suppress(asyncio.CancelledError):
            await clock.sleep(30.0)
        return await well(call, clock)

    kept = Kept()
    with an_orchestra(small, telling(first=late), store=kept) as orchestra:

        async def giving_up():
            task = asyncio.create_task(asked(orchestra))
            await orchestra.clock.sleep(1.0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        play(orchestra, giving_up())
    (attempt,) = kept.finished
    assert attempt.outcome is AttemptOutcome.ANSWERED


def test_cancelled_while_waiting_for_a_retry_nothing_stays_open(small):
    async def limited(call, clock):
        raise ProviderError(
            "too many", failure=FailureClass.RATE, outcome=AttemptOutcome.FAILED, retry_after=30.0
        )

    kept = Kept()
    with an_orchestra(small, telling(voice=limited), store=kept) as orchestra:
        request = orchestra.request("Read this", tier="basic", task="speech")

        async def playing():
            task = asyncio.create_task(orchestra.handle(request))
            await orchestra.clock.sleep(5.0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        play(orchestra, playing())
        assert orchestra.budgets.outstanding == 0
    assert cancelled(kept).failure is FailureClass.RATE


def test_the_row_in_the_store_is_closed(small, tmp_path):
    with Store.open(tmp_path / "s.db") as store:
        with an_orchestra(small, telling(first=never), store=store) as orchestra:
            play(orchestra, given_up(orchestra))
        with store.connect() as connection:
            rows = connection.exec_driver_sql("SELECT outcome, failure FROM attempts").all()
    assert [tuple(row) for row in rows] == [("unknown", "cancelled")]


def test_no_task_is_left_behind(small):
    async def left(orchestra):
        await given_up(orchestra)
        await asyncio.sleep(0)
        return [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]

    with an_orchestra(small, telling(first=never)) as orchestra:
        assert play(orchestra, left(orchestra)) == []
