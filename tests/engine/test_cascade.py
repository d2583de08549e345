"""Walking a chain: what is tried, how often, what it says of whom, and what it costs."""

from __future__ import annotations

import asyncio

import pytest

from orchestra_kit.core.answer import Answer, Score, Usage
from orchestra_kit.core.errors import AttemptOutcome, FailureClass, ProviderError
from orchestra_kit.core.reply import ReplyStatus
from orchestra_kit.engine.cascade import MOST_ATTEMPTS
from orchestra_kit.resilience.breaker import BreakerState
from tests.engine.small import Kept, Told, an_orchestra, never, play, told, well

TEXT_CHAIN = ("first", "second", "third")


def telling(**doings):
    return lambda clock: Told(clock, doings)


def failing(failure, outcome=AttemptOutcome.FAILED, **more):
    """A deployment that fails this way after half a second."""

    async def fail(call, clock):
        await clock.sleep(0.5)
        raise ProviderError("it failed", failure=failure, outcome=outcome, **more)

    return fail


def run(orchestra, *, task="letter", **options):
    return orchestra.run_sync("Write a letter", tier="basic", task=task, **options)


def state_of(orchestra, deployment):
    return orchestra.health.breakers[deployment].state(orchestra.clock.monotonic())


def routes(reply):
    return [attempt.deployment for attempt in reply.attempts]


@pytest.mark.parametrize("failure", list(FailureClass))
@pytest.mark.parametrize("outcome", list(AttemptOutcome))
def test_however_a_chain_fails_the_request_ends_within_its_attempts(small, failure, outcome):
    with an_orchestra(small, telling(**dict.fromkeys(TEXT_CHAIN, failing(failure, outcome)))) as o:
        reply = run(o)
        assert len(told(o).sent) <= MOST_ATTEMPTS
        assert o.budgets.outstanding == 0
    assert not reply.answered
    assert reply.text
    for attempt in reply.attempts:
        maybe_billed = outcome in (AttemptOutcome.UNKNOWN, AttemptOutcome.ANSWERED)
        assert (attempt.cost is None) is maybe_billed
        assert (attempt.cost_upper is not None) is maybe_billed


def test_connections_that_fail_count_as_attempts_too(small):
    down = failing(FailureClass.CONNECT, AttemptOutcome.NOT_SENT)
    with an_orchestra(small, telling(**dict.fromkeys(TEXT_CHAIN, down))) as orchestra:
        reply = run(orchestra)
    assert len(reply.attempts) == MOST_ATTEMPTS
    assert set(routes(reply)) == set(TEXT_CHAIN)


@pytest.mark.parametrize("raised", [ValueError, KeyError, RecursionError, AttributeError])
def test_a_fault_in_an_adapter_costs_its_deployment_the_request_and_not_the_sender(small, raised):
    async def broken(call, clock):
        raise raised("a secret detail")

    kept = Kept()
    with an_orchestra(small, telling(first=broken), store=kept) as orchestra:
        reply = run(orchestra)
    assert reply.deployment == "second"
    assert routes(reply) == ["first", "second"]
    assert reply.attempts[0].outcome is AttemptOutcome.UNKNOWN
    (notice,) = kept.notices
    assert raised.__name__ in notice.message
    assert "secret" not in notice.message + reply.attempts[0].message


def test_senders_in_a_hurry_do_not_take_a_healthy_deployment_away(small):
    with an_orchestra(small) as orchestra:
        for _ in range(30):
            reply = run(orchestra, within=1.0)
            assert reply.status is ReplyStatus.QUEUED
        assert state_of(orchestra, "first") is BreakerState.CLOSED
        assert run(orchestra).deployment == "first"


def test_a_deployment_that_outstays_its_own_usual_time_is_held_to_it_even_so(small):
    with an_orchestra(small, telling(first=never)) as orchestra:
        for _ in range(5):
            run(orchestra, within=5.0)  # longer than 4 s, in which it answers 95 times in 100
        assert state_of(orchestra, "first") is BreakerState.OPEN


def test_a_timeout_of_the_links_own_counts(small):
    with an_orchestra(small, telling(first=never)) as orchestra:
        for _ in range(5):
            assert run(orchestra).deployment == "second"
        assert state_of(orchestra, "first") is BreakerState.OPEN


def test_no_backoff_is_waited_out_for_a_breaker_that_has_opened(small):
    with an_orchestra(small, telling(first=failing(FailureClass.SERVER))) as orchestra:
        replies = [run(orchestra) for _ in range(2)]
        assert told(orchestra).sends_to("first") == 5
    opened = replies[1].attempts
    assert [a.failure for a in opened][:2] == [FailureClass.SERVER, FailureClass.SERVER]
    assert opened[2].deployment == "second"
    assert (opened[2].started - opened[1].started).total_seconds() == pytest.approx(0.5)


def test_of_many_requests_at_the_half_open_moment_one_is_the_probe_and_all_are_answered(small):
    async def crowd(orchestra):
        breaker = orchestra.health.breakers["first"]
        breaker.isolate(orchestra.clock.monotonic(), seconds=1.0)
        await orchestra.clock.sleep(1.0)
        requests = [
            orchestra.request("Write a letter", tier="basic", task="letter") for _ in range(200)
        ]
        return await asyncio.gather(*(orchestra.handle(request) for request in requests))

    with an_orchestra(small) as orchestra:
        replies = play(orchestra, crowd(orchestra))
        assert told(orchestra).sends_to("first") == 1
    assert all(reply.answered for reply in replies)


def test_a_probe_that_hangs_ends_with_its_timeout_and_stays_out(small):
    with an_orchestra(small, telling(first=never)) as orchestra:
        breaker = orchestra.health.breakers["first"]
        breaker.isolate(orchestra.clock.monotonic(), seconds=1.0)
        orchestra.clock.run_sync(asyncio.sleep(1.0))
        reply = run(orchestra)
        assert state_of(orchestra, "first") is BreakerState.OPEN
    assert reply.deployment == "second"


def test_when_every_breaker_is_open_the_answer_is_immediate_and_nothing_is_sent(small):
    with an_orchestra(small) as orchestra:
        for name in TEXT_CHAIN:
            orchestra.health.breakers[name].isolate(orchestra.clock.monotonic())
        reply = run(orchestra)
        assert told(orchestra).sent == []
    assert (reply.status, reply.seconds, reply.attempts) == (ReplyStatus.QUEUED, 0.0, ())


def test_an_answer_without_usage_is_charged_at_its_worst_and_not_at_nothing(small):
    spoilt = failing(FailureClass.MALFORMED, AttemptOutcome.ANSWERED)
    with an_orchestra(small, telling(first=spoilt)) as orchestra:
        reply = run(orchestra)
        (standing,) = orchestra.budgets.standings(orchestra.clock.now())
    spoilt_attempts = [a for a in reply.attempts if a.deployment == "first"]
    assert len(spoilt_attempts) == 2
    assert all(a.cost is None for a in spoilt_attempts)
    worst = sum(a.cost_upper for a in spoilt_attempts)
    assert standing.spent == worst + reply.attempts[-1].cost


def test_a_spoilt_answer_with_usage_is_charged_for_what_it_used(small):
    usage = Usage(input_tokens=10, output_tokens=100)
    spoilt = failing(FailureClass.MALFORMED, AttemptOutcome.ANSWERED, usage=usage)
    with an_orchestra(small, telling(first=spoilt)) as orchestra:
        reply = run(orchestra)
    assert reply.attempts[0].cost > 0
    assert reply.attempts[0].cost_upper is None
    assert reply.cost == sum(a.cost for a in reply.attempts)


def test_a_wait_beyond_the_deadline_is_not_begun(small):
    limited = failing(FailureClass.RATE, retry_after=30.0)
    with an_orchestra(small, telling(voice=limited)) as orchestra:
        reply = run(orchestra, task="speech", within=10.0)
    assert reply.status is ReplyStatus.UNAVAILABLE
    assert reply.seconds == 0.5


async def empty(call, clock):
    return Answer(text="  \n", model=call.model, usage=Usage(input_tokens=10, output_tokens=1))


def test_an_empty_answer_is_repaired_once_and_then_passed_on(small):
    with an_orchestra(small, telling(first=empty)) as orchestra:
        reply = run(orchestra)
    assert routes(reply) == ["first", "first", "second"]
    assert reply.attempts[0].failure is FailureClass.MALFORMED
    assert reply.attempts[0].cost > 0


def test_of_a_hundred_requests_that_all_want_a_retry_twenty_get_one(small):
    async def crowd(orchestra):
        requests = [
            orchestra.request("Write a letter", tier="basic", task="letter") for _ in range(100)
        ]
        return await asyncio.gather(*(orchestra.handle(request) for request in requests))

    with an_orchestra(small, telling(first=empty)) as orchestra:
        replies = play(orchestra, crowd(orchestra))
        assert told(orchestra).sends_to("first") == 120
    assert {reply.deployment for reply in replies} == {"second"}


# ── Scorers ─────────────────────────────────────────────────────────────────────────────────────


def raising(request, answer):
    raise ZeroDivisionError


def scoring(value):
    def score(request, answer):
        return Score(value=value, scorer="mine")

    return score


@pytest.mark.parametrize(
    "scorer",
    [
        raising,
        scoring(float("nan")),
        scoring(float("inf")),
        scoring(2.0),
        scoring(-0.1),
        scoring("good"),
        scoring(True),
        lambda request, answer: 0.9,
        lambda request, answer: None,
    ],
)
def test_a_scorer_that_fails_leaves_the_answer_unscored_and_delivered(small, scorer):
    with an_orchestra(small, scorer=scorer) as orchestra:
        reply = run(orchestra)
    assert reply.deployment == "first"
    assert reply.score.value is None
    assert reply.score.reason
    assert len(reply.attempts) == 1


@pytest.mark.parametrize("value", [None, 0.5, 1.0, 1])
def test_a_score_is_taken_as_it_is(small, value):
    with an_orchestra(small, scorer=scoring(value)) as orchestra:
        reply = run(orchestra)
    assert reply.score == Score(value=value, scorer="mine")


def test_the_better_of_two_poor_answers_is_delivered_and_named(small):
    def by_model(request, answer):
        quality = {"first-1": 0.2, "second-1": 0.4, "third-1": 0.3}[answer.model]
        return Score(value=quality, scorer="mine")

    with an_orchestra(small, scorer=by_model) as orchestra:
        reply = run(orchestra)
    assert routes(reply) == ["first", "second", "third"]
    assert reply.deployment == "second"
    assert reply.text == "by second"


def test_of_equally_poor_answers_the_first_is_delivered_under_its_own_name(small):
    same = Score(value=0.2, scorer="mine")
    with an_orchestra(small, scorer=lambda request, answer: same) as orchestra:
        reply = run(orchestra)
    assert (reply.text, reply.deployment) == ("by first", "first")


def test_a_late_link_gets_only_the_time_that_is_left(small):
    with an_orchestra(small, telling(first=never, second=never, third=never)) as orchestra:
        reply = run(orchestra, within=38.0)
    assert reply.status is ReplyStatus.QUEUED
    assert [a.seconds for a in reply.attempts] == [20.0, 15.0, 3.0]
    assert reply.seconds == 38.0


def test_a_link_that_could_not_answer_in_time_is_not_asked(small):
    with an_orchestra(small, telling(first=never, second=never, third=well)) as orchestra:
        reply = run(orchestra, within=36.0)  # leaves 1 s for what usually takes two
        assert told(orchestra).sends_to("third") == 0
    assert reply.status is ReplyStatus.QUEUED
    last = reply.attempts[-1]
    assert (last.outcome, last.deployment) == (AttemptOutcome.NOT_SENT, "third")
    assert "too little time" in last.message
    assert reply.seconds == 35.0


def test_a_slow_primary_is_passed_over_by_a_sender_who_cannot_wait_for_it(small):
    with an_orchestra(small) as orchestra:

        async def slow(call, clock):
            await clock.sleep(15)
            return await well(call, clock)

        told(orchestra).doings["first"] = slow
        for _ in range(20):
            assert run(orchestra).deployment == "first"
        reply = run(orchestra, within=9.0)
        assert reply.deployment == "second"
        assert reply.seconds == 2.0
