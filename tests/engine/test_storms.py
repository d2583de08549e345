"""Minutes of trouble: storms of 429s, a link that flaps, a sleeping machine, a clock put back."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import pairwise

import pytest

from orchestra_kit import Orchestra
from orchestra_kit.core.clock import VirtualClock
from orchestra_kit.core.errors import AttemptOutcome, FailureClass, ProviderError
from orchestra_kit.core.reply import ReplyStatus
from orchestra_kit.resilience.breaker import BreakerState
from orchestra_kit.routing.classification import Classifier
from orchestra_kit.shipped import path
from tests.engine.small import NOON, Told, an_orchestra, play, told, well

TRAINED = path("examples/contentforge/classifier.json")


async def traffic(orchestra, requests, *, apart):
    tasks = []
    for _ in range(requests):
        request = orchestra.request("Write", tier="basic", task="letter")
        tasks.append(asyncio.create_task(orchestra.handle(request)))
        await orchestra.clock.sleep(apart)
    return await asyncio.gather(*tasks)


@pytest.mark.parametrize(("retry_after", "most"), [(None, 40), (2.0, 31), (0.0, 600)])
def test_a_storm_of_429s_slows_the_sends_and_leaves_the_breaker_closed(small, retry_after, most):
    async def busy(call, clock):
        raise ProviderError(
            "too many",
            failure=FailureClass.RATE,
            outcome=AttemptOutcome.FAILED,
            retry_after=retry_after,
        )

    with an_orchestra(small, lambda clock: Told(clock, {"first": busy})) as orchestra:
        replies = play(orchestra, traffic(orchestra, 600, apart=0.1))
        assert told(orchestra).sends_to("first") <= most
        assert orchestra.health.closed("first")
    assert {reply.deployment for reply in replies} == {"second"}
    assert max(reply.seconds for reply in replies) == pytest.approx(2.0)


def test_a_link_that_flaps_is_left_alone_for_longer_and_costs_nobody_an_answer(small):
    probing, most = 0, 0

    async def flapping(call, clock):
        nonlocal probing, most
        breaker = orchestra.health.breakers["first"]
        alone = breaker.probes(clock.monotonic())
        probing += alone
        most = max(most, probing)
        await clock.sleep(0.5)
        probing -= alone
        if clock.monotonic() % 10 < 5:
            return await well(call, clock)
        raise ProviderError("no", failure=FailureClass.SERVER, outcome=AttemptOutcome.FAILED)

    with an_orchestra(small, lambda clock: Told(clock, {"first": flapping})) as orchestra:
        replies = play(orchestra, traffic(orchestra, 3000, apart=0.2))
        sends = told(orchestra).sends_to("first")
        changes = orchestra.health.breakers["first"].transitions
    assert all(reply.answered for reply in replies)
    assert most == 1
    assert sends < 0.5 * len(replies)
    opened = [c for c in changes if BreakerState.OPEN in (c.before, c.after)]
    lengths = [b.moment - a.moment for a, b in pairwise(opened) if a.after is BreakerState.OPEN]
    assert max(lengths) > 3 * lengths[0]


def test_a_machine_that_slept_past_the_deadline_sends_nothing_more(small):
    async def sleeping(call, clock):
        clock._loop.moment += 3600.0
        raise ProviderError("no", failure=FailureClass.SERVER, outcome=AttemptOutcome.FAILED)

    with an_orchestra(small, lambda clock: Told(clock, {"first": sleeping})) as orchestra:
        reply = orchestra.run_sync("Write", tier="basic", task="letter")
        assert len(told(orchestra).sent) == 1
        assert orchestra.budgets.outstanding == 0
    assert reply.status is ReplyStatus.QUEUED


class SetBack(VirtualClock):
    """A clock whose time of day is set back by an hour while its seconds go on."""

    back = timedelta(0)

    def now(self):
        return super().now() - self.back


def test_a_clock_that_is_set_back_makes_no_time_negative(small, tmp_path):
    clock = SetBack(NOON)

    async def meanwhile(call, _):
        clock.back = timedelta(hours=1)
        return await well(call, clock)

    backend = Told(clock, {"first": meanwhile})
    options = {"store": tmp_path / "store.db", "classifier": Classifier.load(TRAINED)}
    with Orchestra(small, backend=backend, clock=clock, seed=7, **options) as orchestra:
        before, after = (orchestra.run_sync("Write", tier="basic", task="letter") for _ in range(2))
    clock.close()
    assert before.seconds == after.seconds == pytest.approx(2.0)
    assert all(a.seconds == pytest.approx(2.0) for a in (*before.attempts, *after.attempts))
