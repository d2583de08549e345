"""Limits at work: who goes on to another deployment, who waits, and how long."""

from __future__ import annotations

import asyncio

import pytest

from orchestra_kit.core.errors import AttemptOutcome, FailureClass, ProviderError
from orchestra_kit.core.reply import ReplyStatus
from orchestra_kit.policy.policy import Policy
from orchestra_kit.resilience.breaker import BreakerState
from tests.engine.small import POLICY, Told, an_orchestra, play, told, well, write_policy


@pytest.fixture
def limited(tmp_path):
    """The small policy with limits, written as `first={rpm: 60}`."""

    def write(**limits: str) -> Policy:
        text = POLICY
        for name, limit in limits.items():
            text = text.replace(
                f"model: {name}-1, key: none", f"model: {name}-1, key: none, limits: {limit}"
            )
        write_policy(tmp_path)
        (tmp_path / "orchestra.yaml").write_text(text, encoding="utf-8")
        return Policy.load(tmp_path)

    return write


def letters(orchestra, number, **options):
    """So many requests at once, and their replies."""

    async def all_at_once():
        return await asyncio.gather(
            *(
                orchestra.handle(
                    orchestra.request("Write a letter", tier="basic", task="letter", **options)
                )
                for _ in range(number)
            )
        )

    return play(orchestra, all_at_once())


def speeches(orchestra, number):
    async def all_at_once():
        asked = [orchestra.request("Read", tier="basic", task="speech") for _ in range(number)]
        return await asyncio.gather(*(orchestra.handle(request) for request in asked))

    return play(orchestra, all_at_once())


def test_a_full_limit_sends_the_request_elsewhere_at_once(limited):
    with an_orchestra(limited(first="{rpm: 12}")) as orchestra:
        replies = letters(orchestra, 3)
        assert sorted(reply.deployment for reply in replies) == ["first", "second", "second"]
        assert {reply.seconds for reply in replies} == {2.0}


def test_where_nobody_can_stand_in_the_request_waits_for_its_turn(limited):
    with an_orchestra(limited(voice="{rpm: 12}")) as orchestra:
        replies = speeches(orchestra, 3)
        assert [reply.answered for reply in replies] == [True] * 3
        assert sorted(round(reply.seconds) for reply in replies) == [2, 7, 12]


def test_a_wait_beyond_the_deadline_is_not_begun(limited):
    with an_orchestra(limited(voice="{rpm: 1}")) as orchestra:
        first, second, third = speeches(orchestra, 3)
        assert first.answered
        assert {second.status, third.status} == {ReplyStatus.UNAVAILABLE}
        assert third.attempts[-1].failure is FailureClass.LIMIT
        assert third.attempts[-1].outcome is AttemptOutcome.NOT_SENT
        assert third.cost == 0


def test_places_are_taken_in_the_order_in_which_they_were_asked_for(limited):
    with an_orchestra(limited(voice="{concurrent: 2}")) as orchestra:
        replies = speeches(orchestra, 6)
        assert [reply.seconds for reply in replies] == [2.0, 2.0, 4.0, 4.0, 6.0, 6.0]


def test_never_more_calls_at_once_than_the_limit(limited):
    now, most = 0, 0

    async def counted(call, clock):
        nonlocal now, most
        now += 1
        most = max(most, now)
        answer = await well(call, clock)
        now -= 1
        return answer

    with an_orchestra(
        limited(voice="{concurrent: 3}"), lambda clock: Told(clock, {"voice": counted})
    ) as orchestra:
        assert all(reply.answered for reply in speeches(orchestra, 20))
    assert most == 3


def test_a_place_is_given_back_by_whoever_gives_up(limited):
    with an_orchestra(limited(voice="{concurrent: 1}")) as orchestra:

        async def scene():
            request = orchestra.request("Read", tier="basic", task="speech")
            task = asyncio.create_task(orchestra.handle(request))
            await asyncio.sleep(1)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            return await orchestra.handle(orchestra.request("Read", tier="basic", task="speech"))

        reply = play(orchestra, scene())
        assert reply.answered
        assert reply.seconds == 2.0
        assert orchestra.capacity.limiter("voice").in_flight == 0


def test_whoever_gives_up_waiting_leaves_the_line(limited):
    with an_orchestra(limited(voice="{concurrent: 1}")) as orchestra:

        async def scene():
            ask = lambda: orchestra.handle(orchestra.request("Read", tier="basic", task="speech"))  # noqa: E731
            first, second, third = (asyncio.create_task(ask()) for _ in range(3))
            await asyncio.sleep(1)
            second.cancel()
            await asyncio.gather(second, return_exceptions=True)
            return await first, await third

        replies = play(orchestra, scene())
        assert [reply.seconds for reply in replies] == [2.0, 4.0]


def throttling(retry_after, times=1):
    """Answers 429 so often, then well."""
    left = times

    async def doing(call, clock):
        nonlocal left
        if left:
            left -= 1
            await clock.sleep(0.1)
            raise ProviderError(
                "too many",
                failure=FailureClass.RATE,
                outcome=AttemptOutcome.FAILED,
                retry_after=retry_after,
            )
        return await well(call, clock)

    return doing


def test_after_a_429_the_next_requests_go_elsewhere_until_the_time_is_over(small):
    with an_orchestra(small, lambda clock: Told(clock, {"first": throttling(30.0)})) as orchestra:
        assert letters(orchestra, 1)[0].deployment == "second"
        before = told(orchestra).sends_to("first")
        assert {reply.deployment for reply in letters(orchestra, 5)} == {"second"}
        assert told(orchestra).sends_to("first") == before
        orchestra.clock.run_sync(orchestra.clock.sleep(31))
        assert letters(orchestra, 1)[0].deployment == "first"
        breaker = orchestra.health.breakers["first"]
        assert breaker.transitions == ()
        assert breaker.state(orchestra.clock.monotonic()) is BreakerState.CLOSED


def test_when_all_are_throttled_the_first_to_be_free_is_waited_for(small):
    doings = {"first": throttling(40.0), "second": throttling(5.0), "third": throttling(30.0)}
    with an_orchestra(small, lambda clock: Told(clock, doings)) as orchestra:
        letters(orchestra, 1)
        reply = letters(orchestra, 1)[0]
        assert reply.deployment == "second"
        assert reply.seconds < 8


def test_two_deployments_on_one_account_share_its_limits(tmp_path):
    text = POLICY.replace(
        "second: {provider: anthropic, model: second-1, key: none}",
        "second: {provider: openai, model: first-1, key: none}",
    ).replace(
        "first: {provider: openai, model: first-1, key: none}",
        "first: {provider: openai, model: first-1, key: none, limits: {rpm: 12}}",
    )
    write_policy(tmp_path)
    (tmp_path / "orchestra.yaml").write_text(text, encoding="utf-8")
    with an_orchestra(Policy.load(tmp_path)) as orchestra:
        deployments = [reply.deployment for reply in letters(orchestra, 2)]
        assert deployments == ["first", "third"]
