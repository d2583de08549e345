"""Links that it makes no sense to ask: too small a window, too little time beside a probe."""

from __future__ import annotations

import asyncio

import pytest

from orchestra_kit.core.errors import AttemptOutcome, FailureClass, ProviderError
from orchestra_kit.core.reply import ReplyStatus
from orchestra_kit.policy.policy import Policy
from orchestra_kit.resilience.breaker import BreakerState
from tests.engine.small import POLICY, Told, an_orchestra, never, told, well, write_policy


async def too_long(call, clock):
    raise ProviderError(
        "too long", failure=FailureClass.CONTEXT, outcome=AttemptOutcome.REFUSED, status=400
    )


def windows(folder, **sizes):
    """The small policy with context windows of these sizes; 0 for one that nobody knows."""
    write_policy(folder)
    text = POLICY
    for name, size in sizes.items():
        known = "context_window: 100000" if size == 0 else ""
        text = text.replace(
            f"{name}-1: {{context_window: 100000}}",
            f"{name}-1: {{}}" if known else f"{name}-1: {{context_window: {size}}}",
        )
    (folder / "orchestra.yaml").write_text(text, encoding="utf-8")
    return Policy.load(folder)


def asked(orchestra, **options):
    return orchestra.run_sync("Write a letter", tier="basic", task="letter", **options)


@pytest.mark.parametrize(
    ("sizes", "sends"),
    [
        ({"second": 50_000, "third": 200_000}, ["first", "third"]),
        ({"second": 100_000, "third": 150_000}, ["first", "third"]),
        ({"second": 80_000, "third": 80_000}, ["first", "second"]),
        ({"second": 0, "third": 50_000}, ["first", "second"]),
        ({"first": 0, "second": 50_000}, ["first", "second"]),
    ],
)
def test_what_was_too_long_goes_on_to_a_larger_window_and_to_no_smaller_one(tmp_path, sizes, sends):
    policy = windows(tmp_path, **sizes)
    with an_orchestra(policy, lambda clock: Told(clock, {"first": too_long})) as orchestra:
        reply = asked(orchestra)
        assert [name for name, _ in told(orchestra).sent] == sends
    assert reply.answered
    passed = [a for a in reply.attempts if a.outcome is AttemptOutcome.NOT_SENT]
    assert all("tokens is smaller than" in a.message for a in passed)


def test_where_every_other_window_is_smaller_the_sender_is_told_how_long_the_request_is(tmp_path):
    policy = windows(tmp_path, second=50_000, third=60_000)
    with an_orchestra(policy, lambda clock: Told(clock, {"first": too_long})) as orchestra:
        reply = asked(orchestra)
        assert [name for name, _ in told(orchestra).sent] == ["first"]
        assert all(orchestra.health.closed(name) for name in ("first", "second", "third"))
    assert reply.status is ReplyStatus.UNAVAILABLE
    assert "of 14 characters" in reply.text
    assert [a.failure for a in reply.attempts] == [FailureClass.CONTEXT] * 3


def half_open(orchestra):
    breaker = orchestra.health.breakers["first"]
    breaker.isolate(orchestra.clock.monotonic(), seconds=1.0)
    orchestra.clock.run_sync(asyncio.sleep(1.0))
    return breaker


def test_a_probe_that_hangs_leaves_time_for_the_next_link(small):
    with an_orchestra(small, lambda clock: Told(clock, {"first": never})) as orchestra:
        half_open(orchestra)
        reply = asked(orchestra, within=12.0)
    # 4 s, in which the second answers 95 times in 100, are kept for it.
    assert (reply.deployment, reply.seconds) == ("second", pytest.approx(10.0))


def test_without_time_for_a_probe_and_another_link_there_is_no_probe(small):
    with an_orchestra(small, lambda clock: Told(clock, {"first": never})) as orchestra:
        breaker = half_open(orchestra)
        reply = asked(orchestra, within=5.0)
        assert told(orchestra).sends_to("first") == 0
        assert breaker.state(orchestra.clock.monotonic()) is BreakerState.HALF_OPEN
        told(orchestra).doings["first"] = well
        assert asked(orchestra).deployment == "first"
    assert reply.deployment == "second"
    assert "no time for another" in reply.attempts[0].message


def test_the_only_link_is_probed_however_little_time_there_is(small):
    with an_orchestra(small) as orchestra:
        for name in ("voice",):
            orchestra.health.breakers[name].isolate(orchestra.clock.monotonic(), seconds=1.0)
        orchestra.clock.run_sync(asyncio.sleep(1.0))
        reply = orchestra.run_sync("Read", tier="basic", task="speech", within=3.0)
    assert reply.answered
