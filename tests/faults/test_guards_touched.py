"""The guards of what is sent and read: keys, streams, prices, what counts against a deployment.

As in `test_guards`: each promise holds with its guard, and fails without it.
"""

from __future__ import annotations

import dataclasses
import logging
from types import SimpleNamespace

import pytest

from orchestra_kit.core.answer import Piece
from orchestra_kit.core.errors import (
    AttemptOutcome,
    ConditionError,
    FailureClass,
    IncompleteAnswer,
    PolicyError,
    ProviderError,
    UnsafeAddress,
)
from orchestra_kit.engine import failure_log, health, sending, streaming
from orchestra_kit.policy import conditions, document
from orchestra_kit.policy.conditions import Condition
from orchestra_kit.policy.policy import Policy
from orchestra_kit.providers import keys
from orchestra_kit.providers.openai_compatible import OpenAICompatible
from orchestra_kit.resilience.breaker import BreakerState
from orchestra_kit.resilience.retry import RETRY_RULES
from tests.engine.small import Told, an_orchestra, never, play, write_policy
from tests.faults.test_guards import (
    Guard,
    always,
    failing,
    letter,
    many,
    over_http,
    policy_with,
    telling,
)
from tests.loopback.server import Reaction
from tests.providers.calling import a_call

SHOWN = b'data: {"choices": [{"delta": {"content": "half an answer"}}]}\n\n'


def a_key_is_for_one_host(tmp_path):
    with pytest.raises(UnsafeAddress):
        keys.BoundKey("api.openai.com", "value").headers("https://api.0penai.com/v1/chat")


def a_stream_without_its_end_is_no_answer(tmp_path):
    reaction = Reaction(headers={"content-type": "text/event-stream"}, parts=(SHOWN,))

    async def act(provider):
        with pytest.raises(ProviderError) as raised:
            async for _ in provider.stream(a_call()):
                pass
        return raised.value

    error = over_http(reaction, act)
    assert (error.failure, error.outcome) == (FailureClass.STREAM_CUT, AttemptOutcome.UNKNOWN)


class Stalling(Told):
    """Every stream falls silent after its first word."""

    def provider(self, deployment):
        class Stream:
            async def send(self, call):
                raise AssertionError("streams were asked for")

            async def stream(self, call):
                yield Piece(text="one ")
                await never(call, None)

        return Stream()


def a_silent_stream_is_not_waited_for_until_the_deadline(tmp_path):
    async def read(orchestra):
        stream = orchestra.stream("Write", tier="basic", task="letter")
        with pytest.raises(IncompleteAnswer):
            async for _ in stream:
                pass
        return stream.reply

    with an_orchestra(policy_with(tmp_path), Stalling) as orchestra:
        assert play(orchestra, read(orchestra)).seconds <= 31


def what_a_request_itself_caused_takes_nobody_out(tmp_path):
    own_fault = failing(FailureClass.BAD_REQUEST, AttemptOutcome.REFUSED, status=400)
    with an_orchestra(policy_with(tmp_path), telling(first=own_fault)) as orchestra:
        many(orchestra, 30, apart=0.5)
        breaker = orchestra.health.breakers["first"]
        assert breaker.state(orchestra.clock.monotonic()) is BreakerState.CLOSED


def nobody_sleeps_beyond_the_time_that_is_left(tmp_path):
    busy = failing(FailureClass.RATE, retry_after=50.0)
    with an_orchestra(policy_with(tmp_path), telling(voice=busy)) as orchestra:
        reply = play(orchestra, letter(orchestra, "speech", within=20.0))
        assert reply.seconds <= 1


def logged(folder, failure):
    """What one request logs while everything fails."""
    lines = []

    class Collecting(logging.Handler):
        def emit(self, record):
            lines.append(record.getMessage())

    handler, log = Collecting(), logging.getLogger("orchestra_kit")
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        down = dict.fromkeys(("first", "second", "third"), failure)
        with an_orchestra(policy_with(folder), telling(**down)) as orchestra:
            play(orchestra, letter(orchestra))
    finally:
        log.removeHandler(handler)
        log.setLevel(level)
    return lines


def a_failed_request_logs_little(tmp_path):
    async def talking(call, clock):
        said = "it failed because " * 10_000
        raise ProviderError(said, failure=FailureClass.SERVER, outcome=AttemptOutcome.FAILED)

    lines = logged(tmp_path, talking)
    assert lines
    assert sum(len(line.encode()) for line in lines) <= 32_000


def no_word_of_a_prompt_is_logged(tmp_path):
    async def echoing(call, clock):
        said = f"cannot do “{call.text * 10}”"
        raise ProviderError(said, failure=FailureClass.SERVER, outcome=AttemptOutcome.FAILED)

    lines = logged(tmp_path, echoing)
    assert lines
    assert not [line for line in lines if "WriteWrite" in line]


def a_condition_is_short(tmp_path):
    with pytest.raises(ConditionError):
        Condition(" || ".join(["words > 2000"] * 200))


def a_policy_is_not_read_without_end(tmp_path):
    write_policy(tmp_path)
    with (tmp_path / "orchestra.yaml").open("a", encoding="utf-8") as file:
        file.write("#" * 2_000_000)
    with pytest.raises(PolicyError, match="larger"):
        Policy.load(tmp_path)


def counting_everything(patch):
    rules = {
        failure: dataclasses.replace(rule, weight=1.0) for failure, rule in RETRY_RULES.items()
    }
    patch.setattr(health, "RETRY_RULES", rules)


def without_regard_for_time(patch):
    real = health.Health.retry_wait

    def patient(self, *what, within, **more):
        return real(self, *what, within=1e9, **more)

    patch.setattr(health.Health, "retry_wait", patient)


def without_patience(patch):
    class Endless(streaming.Patience):
        def __init__(self, limits, *, timeout, left):
            super().__init__(limits, timeout=timeout, left=left)
            self.between = left

    patch.setattr(sending, "Patience", Endless)


def with_long_lines(patch):
    for limit in ("LONGEST_LINE", "_LONGEST_VALUE"):
        patch.setattr(failure_log, limit, 10**9)


GUARDS = [
    Guard(
        "bound key",
        a_key_is_for_one_host,
        lambda patch: patch.setattr(
            keys, "urlsplit", lambda url: SimpleNamespace(netloc="api.openai.com")
        ),
    ),
    Guard(
        "last event",
        a_stream_without_its_end_is_no_answer,
        lambda patch: patch.setattr(
            OpenAICompatible, "_assembly", _finished(OpenAICompatible._assembly)
        ),
    ),
    Guard("silence", a_silent_stream_is_not_waited_for_until_the_deadline, without_patience),
    Guard("weights", what_a_request_itself_caused_takes_nobody_out, counting_everything),
    Guard("time left", nobody_sleeps_beyond_the_time_that_is_left, without_regard_for_time),
    Guard("length of the log", a_failed_request_logs_little, with_long_lines),
    Guard(
        "echoes",
        no_word_of_a_prompt_is_logged,
        lambda patch: patch.setattr(failure_log, "_repeats", always(False)),
    ),
    Guard(
        "length of conditions",
        a_condition_is_short,
        lambda patch: patch.setattr(conditions, "LONGEST", 10**9),
    ),
    Guard(
        "size of files",
        a_policy_is_not_read_without_end,
        lambda patch: patch.setattr(document, "_LARGEST", 10**9),
    ),
]


def _finished(real):
    def assembly(self):
        made = real(self)
        made.finished = True
        return made

    return assembly


@pytest.mark.parametrize("guard", GUARDS, ids=[guard.name for guard in GUARDS])
def test_with_its_guard_the_promise_holds(guard, tmp_path):
    guard.promise(tmp_path)


@pytest.mark.parametrize("guard", GUARDS, ids=[guard.name for guard in GUARDS])
def test_without_its_guard_the_promise_fails(guard, tmp_path, monkeypatch):
    guard.removed(monkeypatch)
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        guard.promise(tmp_path)
