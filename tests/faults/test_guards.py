"""Every guard is missed when it is gone: what it promises holds with it, and fails without it.

Each case is a promise, checked through the public interface, and a way to take its guard away. A
guard whose removal changes nothing guards nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal

import pytest

from orchestra_kit.core.answer import Piece
from orchestra_kit.core.clock import SystemClock
from orchestra_kit.core.errors import (
    AttemptOutcome,
    FailureClass,
    IncompleteAnswer,
    ProviderError,
    UnsafeAddress,
)
from orchestra_kit.core.secrets import secret
from orchestra_kit.cost.budgets import SpendBudgets
from orchestra_kit.engine import capacity, cascade, course, health, prospects, sending
from orchestra_kit.policy.policy import Policy
from orchestra_kit.providers import addresses, keys, transport
from orchestra_kit.providers.openai_compatible import OpenAICompatible
from orchestra_kit.resilience.breaker import Breaker, BreakerState
from orchestra_kit.resilience.hedging import HedgeBudget
from orchestra_kit.resilience.limiter import Limiter
from orchestra_kit.resilience.retry_budget import RetryBudget
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
from tests.loopback.server import LoopbackServer, Reaction
from tests.providers.calling import a_call

CANARY = "k3y-canary-7f4b2"


@dataclass(frozen=True)
class Guard:
    """What is promised, and how its guard is taken away."""

    name: str
    promise: Callable[..., None]
    removed: Callable[[pytest.MonkeyPatch], None]


def failing(failure, outcome=AttemptOutcome.FAILED, **more):
    async def fail(call, clock):
        await clock.sleep(0.5)
        raise ProviderError("it failed", failure=failure, outcome=outcome, **more)

    return fail


def policy_with(folder, before="", after=""):
    write_policy(folder)
    assert before in POLICY
    (folder / "orchestra.yaml").write_text(POLICY.replace(before, after), encoding="utf-8")
    return Policy.load(folder)


def telling(**doings):
    return lambda clock: Told(clock, doings)


def letter(orchestra, task="letter", **options):
    return orchestra.handle(orchestra.request("Write", tier="basic", task=task, **options))


def many(orchestra, number, task="letter", apart=0.0):
    async def all_of_them():
        tasks = []
        for _ in range(number):
            tasks.append(asyncio.create_task(letter(orchestra, task)))
            await orchestra.clock.sleep(apart)
        return await asyncio.gather(*tasks)

    return play(orchestra, all_of_them())


ALL = ("first", "second", "third")


def an_outage_is_not_multiplied(tmp_path):
    down = dict.fromkeys(ALL, failing(FailureClass.SERVER))
    with an_orchestra(policy_with(tmp_path), telling(**down)) as orchestra:
        many(orchestra, 400, apart=0.05)
        assert len(told(orchestra).sent) <= 120


def retries_are_a_share_of_requests(tmp_path):
    poor = failing(FailureClass.MALFORMED, AttemptOutcome.ANSWERED)
    with an_orchestra(policy_with(tmp_path), telling(voice=poor)) as orchestra:
        many(orchestra, 100, task="speech")
        assert told(orchestra).sends_to("voice") <= 120


def what_may_have_been_answered_is_not_asked_again(tmp_path):
    lost = failing(FailureClass.SERVER, AttemptOutcome.UNKNOWN)
    with an_orchestra(policy_with(tmp_path), telling(first=lost)) as orchestra:
        many(orchestra, 1)
        assert told(orchestra).sends_to("first") == 1


def nothing_leaves_before_it_is_noted(tmp_path):
    kept, unnoted = Kept(), []

    async def looking(call, clock):
        unnoted.append(len(kept.begun) != 1)
        return await well(call, clock)

    with an_orchestra(policy_with(tmp_path), telling(first=looking), store=kept) as orchestra:
        many(orchestra, 1)
    assert unnoted == [False]


def a_request_is_sent_six_times_at_most(tmp_path):
    down = dict.fromkeys(ALL, failing(FailureClass.CONNECT, AttemptOutcome.NOT_SENT))
    with an_orchestra(policy_with(tmp_path), telling(**down)) as orchestra:
        many(orchestra, 1)
        assert len(told(orchestra).sent) <= 6


def the_deadline_is_kept(tmp_path):
    with an_orchestra(policy_with(tmp_path), telling(**dict.fromkeys(ALL, never))) as orchestra:
        reply = play(orchestra, letter(orchestra, within=12.0))
        assert reply.seconds <= 12.1


def a_spend_limit_is_not_passed_by_many_at_once(tmp_path):
    policy = policy_with(tmp_path, "limit: $300", "limit: $0.10, block_at: 1.0, throttle_at: 1.0")
    with an_orchestra(policy) as orchestra:
        replies = many(orchestra, 50)
        spent = sum((reply.cost for reply in replies), Decimal(0))
        assert Decimal(0) < spent <= Decimal("0.10")
        assert any(not reply.answered for reply in replies)


def never_more_at_once_than_the_limit(tmp_path):
    now, most = 0, 0

    async def counted(call, clock):
        nonlocal now, most
        now += 1
        most = max(most, now)
        answer = await well(call, clock)
        now -= 1
        return answer

    policy = policy_with(
        tmp_path, "voice-1, key: none", "voice-1, key: none, limits: {concurrent: 3}"
    )
    with an_orchestra(policy, telling(voice=counted)) as orchestra:
        many(orchestra, 12, task="speech")
    assert most <= 3


def a_429_closes_the_door_for_as_long_as_it_says(tmp_path):
    busy = failing(FailureClass.RATE, retry_after=30.0)
    with an_orchestra(policy_with(tmp_path), telling(first=busy)) as orchestra:
        many(orchestra, 20, apart=1.0)
        assert told(orchestra).sends_to("first") == 1


def one_probe_goes_out(tmp_path):
    with an_orchestra(policy_with(tmp_path), telling(first=never)) as orchestra:
        breaker = orchestra.health.breakers["first"]
        breaker.isolate(orchestra.clock.monotonic(), seconds=1.0)
        orchestra.clock.run_sync(orchestra.clock.sleep(2.0))
        many(orchestra, 200)
        assert told(orchestra).sends_to("first") == 1


def a_refusal_of_content_is_not_shopped_around(tmp_path):
    refused = failing(FailureClass.CONTENT, AttemptOutcome.REFUSED)
    with an_orchestra(policy_with(tmp_path), telling(first=refused)) as orchestra:
        many(orchestra, 3)
        assert {name for name, _ in told(orchestra).sent} == {"first"}


class Torn(Told):
    """Every stream breaks after its second word."""

    def provider(self, deployment):
        backend = self

        class Stream:
            async def send(self, call):
                raise AssertionError("streams were asked for")

            async def stream(self, call):
                backend.sent.append((deployment, backend.clock.monotonic()))
                yield Piece(text=f"{deployment} one ")
                yield Piece(text="two ")
                raise ProviderError(
                    "cut", failure=FailureClass.STREAM_CUT, outcome=AttemptOutcome.UNKNOWN
                )

        return Stream()


def no_two_answers_are_joined_into_one(tmp_path):
    async def read(orchestra):
        words = []
        with suppress(IncompleteAnswer):
            async for word in orchestra.stream("Write", tier="basic", task="letter"):
                words.append(word)  # noqa: PERF401 - what came before it broke counts
        return words

    with an_orchestra(policy_with(tmp_path), Torn) as orchestra:
        assert play(orchestra, read(orchestra)) == ["first one ", "two "]


def a_wrong_key_takes_out_every_deployment_that_uses_it(tmp_path):
    policy = policy_with(
        tmp_path,
        "second: {provider: anthropic, model: second-1, key: none}",
        "second: {provider: openai, model: second-1, key: none}",
    )
    wrong = failing(FailureClass.AUTH, AttemptOutcome.REFUSED, status=401)
    with an_orchestra(policy, telling(first=wrong, second=wrong)) as orchestra:
        many(orchestra, 5, apart=1.0)
        assert [name for name, _ in told(orchestra).sent[:2]] == ["first", "third"]


def an_empty_answer_is_not_delivered(tmp_path):
    async def empty(call, clock):
        answer = await well(call, clock)
        return type(answer)(text=" ", model=answer.model, usage=answer.usage)

    with an_orchestra(policy_with(tmp_path), telling(first=empty)) as orchestra:
        (reply,) = many(orchestra, 1)
        assert reply.text.strip()


def hedges_stay_few(tmp_path):
    policy = policy_with(
        tmp_path, "    is: a letter\n", "    is: a letter\n    hedge: {share: 0.05}\n"
    )

    async def slow(call, clock):
        await clock.sleep(8)
        return await well(call, clock)

    with an_orchestra(policy) as orchestra:
        many(orchestra, 220, apart=0.1)
        told(orchestra).doings.update(dict.fromkeys(ALL, slow))
        told(orchestra).sent.clear()
        many(orchestra, 300, apart=0.1)
        assert len(told(orchestra).sent) <= 300 + 0.05 * 520


def over_http(reaction, act):
    """One send to a server that answers so."""

    async def scene():
        async with LoopbackServer(reaction) as server:
            way = transport.Transport(allow_local=True, largest_body=100_000)
            provider = OpenAICompatible(
                base_url=server.url,
                key=keys.BoundKey(f"127.0.0.1:{server.port}", ""),
                transport=way,
                clock=SystemClock(),
            )
            try:
                return await act(provider)
            finally:
                await way.close()

    return asyncio.run(scene())


def what_a_provider_says_shows_no_secret(tmp_path):
    secret("env:KEY", {"KEY": CANARY})
    body = f'{{"error": {{"message": "wrong key {CANARY}", "code": "invalid_api_key"}}}}'

    async def act(provider):
        with pytest.raises(ProviderError) as raised:
            await provider.send(a_call())
        return str(raised.value)

    assert CANARY not in over_http(Reaction(status=401, body=body.encode()), act)


def a_body_without_end_is_not_read_to_its_end(tmp_path):
    reaction = Reaction(body=b'{"choices": []', filler=3_000_000)

    async def act(provider):
        with pytest.raises(ProviderError) as raised:
            await provider.send(a_call())
        return raised.value

    assert "larger than" in str(over_http(reaction, act))


def a_key_goes_to_its_own_host_only(tmp_path):
    with pytest.raises(UnsafeAddress):
        addresses.check_url("https://10.0.0.8/v1", allow_local=False)


def always(value):
    return lambda *_, **__: value


def without_breaker(patch):
    patch.setattr(Breaker, "allow", always(True))
    patch.setattr(Breaker, "state", always(BreakerState.CLOSED))


def without_memory_of_unknown(patch):
    real = health.Health.retry_wait

    def forgetful(self, deployment, failure, outcome, **more):
        return real(self, deployment, failure, AttemptOutcome.FAILED, **more)

    patch.setattr(health.Health, "retry_wait", forgetful)


def without_intent(patch):
    async def nothing(self, intent):
        return None

    patch.setattr(Kept, "begin", nothing)


def without_reservation(patch):
    real = SpendBudgets.reserve

    def nothing_aside(self, spender, upper, now, **more):
        return real(self, spender, Decimal(0), now, **more)

    patch.setattr(SpendBudgets, "reserve", nothing_aside)


def without_single_probe(patch):
    patch.setattr(Breaker, "allow", lambda self, now: self.state(now) is not BreakerState.OPEN)


def without_memory_of_words(patch):
    patch.setattr(course.Course, "show", lambda self, words: self.emit(words))


GUARDS = [
    Guard("breaker", an_outage_is_not_multiplied, without_breaker),
    Guard(
        "retry budget",
        retries_are_a_share_of_requests,
        lambda patch: patch.setattr(RetryBudget, "withdraw", always(True)),
    ),
    Guard(
        "no resend after unknown",
        what_may_have_been_answered_is_not_asked_again,
        without_memory_of_unknown,
    ),
    Guard("intent", nothing_leaves_before_it_is_noted, without_intent),
    Guard(
        "most attempts",
        a_request_is_sent_six_times_at_most,
        lambda patch: patch.setattr(cascade, "MOST_ATTEMPTS", 1000),
    ),
    Guard(
        "deadline",
        the_deadline_is_kept,
        lambda patch: patch.setattr(prospects.Prospects, "left", always(1e9)),
    ),
    Guard("reservation", a_spend_limit_is_not_passed_by_many_at_once, without_reservation),
    Guard(
        "limiter",
        never_more_at_once_than_the_limit,
        lambda patch: patch.setattr(
            capacity.Capacity,
            "__init__",
            _unlimited(capacity.Capacity.__init__),
        ),
    ),
    Guard(
        "throttle",
        a_429_closes_the_door_for_as_long_as_it_says,
        lambda patch: patch.setattr(Limiter, "throttle", always(None)),
    ),
    Guard("single probe", one_probe_goes_out, without_single_probe),
    Guard(
        "triggers",
        a_refusal_of_content_is_not_shopped_around,
        lambda patch: patch.setattr(cascade, "_goes_on", always(True)),
    ),
    Guard("no silent switch", no_two_answers_are_joined_into_one, without_memory_of_words),
    Guard(
        "whole account",
        a_wrong_key_takes_out_every_deployment_that_uses_it,
        lambda patch: patch.setattr(health.Health, "_isolate_siblings", _nothing),
    ),
    Guard(
        "quality gate",
        an_empty_answer_is_not_delivered,
        lambda patch: patch.setattr(sending, "judge", always(None)),
    ),
    Guard(
        "hedge budget",
        hedges_stay_few,
        lambda patch: patch.setattr(HedgeBudget, "withdraw", always(True)),
    ),
    Guard(
        "scrubbing",
        what_a_provider_says_shows_no_secret,
        lambda patch: patch.setattr("orchestra_kit.providers.refusal.scrub", lambda text: text),
    ),
    Guard(
        "size limit",
        a_body_without_end_is_not_read_to_its_end,
        lambda patch: patch.setattr(transport, "bounded", _unbounded),
    ),
    Guard(
        "addresses",
        a_key_goes_to_its_own_host_only,
        lambda patch: patch.setattr(addresses, "check_address", always(None)),
    ),
]


def _unlimited(original):
    def init(self, deployments, **more):
        free = {
            name: deployment.model_copy(update={"limits": type(deployment.limits)()})
            for name, deployment in deployments.items()
        }
        original(self, free, **more)

    return init


def _unbounded(pieces, largest):
    return pieces


async def _nothing(*_, **__):
    return None


@pytest.mark.parametrize("guard", GUARDS, ids=[guard.name for guard in GUARDS])
def test_with_its_guard_the_promise_holds(guard, tmp_path):
    guard.promise(tmp_path)


@pytest.mark.parametrize("guard", GUARDS, ids=[guard.name for guard in GUARDS])
def test_without_its_guard_the_promise_fails(guard, tmp_path, monkeypatch):
    guard.removed(monkeypatch)
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        guard.promise(tmp_path)
