"""Anthropic's Messages protocol: what is sent, what is read, and what its events add up to."""

from __future__ import annotations

import json

import pytest

from orchestra_kit.core.answer import UsageStatus
from orchestra_kit.core.errors import AttemptOutcome, FailureClass
from orchestra_kit.providers.anthropic import Anthropic
from tests.loopback.anthropic import event
from tests.loopback.server import LoopbackServer, Reaction, streamed
from tests.providers.calling import KEY, a_call, adapter, read_stream, read_whole

MESSAGE = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "served-model",
    "content": [{"type": "text", "text": "Hello"}], "stop_reason": "end_turn",
    "usage": {"input_tokens": 12, "output_tokens": 5},
}  # fmt: skip


def message(**changes: object) -> Reaction:
    return Reaction(body=json.dumps({**MESSAGE, **changes}).encode())


def delta(text: str) -> bytes:
    return event("content_block_delta", index=0, delta={"type": "text_delta", "text": text})


def start(**usage: int) -> bytes:
    return event("message_start", message={**MESSAGE, "content": [], "usage": usage})


END = (
    event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 5}),
    event("message_stop"),
)


async def sent(call, **options):
    async with LoopbackServer() as server, adapter(server.port, Anthropic, **options) as provider:
        answer = await provider.send(call)
        return server.requests[0], answer


async def told(reaction: Reaction):
    async with LoopbackServer(reaction) as server, adapter(server.port, Anthropic) as provider:
        return await read_whole(provider, a_call())


async def stream_of(*events: bytes):
    reaction = streamed(*events)
    async with LoopbackServer(reaction) as server, adapter(server.port, Anthropic) as provider:
        return await read_stream(provider, a_call())


async def test_the_request_is_what_the_protocol_asks_for():
    received, _ = await sent(a_call(system="Be brief.", max_output_tokens=64))
    assert received.path == "/v1/messages"
    assert received.headers["anthropic-version"] == "2023-06-01"
    assert received.json == {
        "model": "small",
        "max_tokens": 64,
        "system": "Be brief.",
        "messages": [{"role": "user", "content": "Say hello in one word."}],
    }


async def test_a_length_is_always_asked_for_since_the_protocol_demands_one():
    received, _ = await sent(a_call())
    assert received.json["max_tokens"] > 0
    received, _ = await sent(a_call(max_output_tokens=64, parameters={"max_tokens": 9}))
    assert received.json["max_tokens"] == 9


async def test_parameters_are_renamed_or_left_out_and_named():
    asked = {"temperature": 0, "stop": "END", "seed": 7, "n": 3, "system": "x", "top_p": 1}
    received, answer = await sent(a_call(parameters=asked), rejects=frozenset({"top_p"}))
    assert received.json["stop_sequences"] == ["END"]
    assert received.json["temperature"] == 0
    assert not {"seed", "n", "system", "top_p", "stop"} & set(received.json)
    assert answer.dropped_parameters == ("n", "seed", "system", "top_p")


@pytest.mark.parametrize(
    ("stopped", "finish"),
    [("end_turn", "stop"), ("stop_sequence", "stop"), ("max_tokens", "length"),
     ("model_context_window_exceeded", "length"), ("pause_turn", "pause_turn")],
)  # fmt: skip
async def test_the_reason_of_the_end_is_told_in_our_words(stopped, finish):
    assert (await told(message(stop_reason=stopped))).finish == finish


async def test_only_text_is_text():
    blocks = [
        {"type": "thinking", "thinking": "hm", "text": "no"},
        {"type": "text", "text": "Hel"},
        {"type": "text", "text": "lo"},
        "nonsense",
    ]
    assert (await told(message(content=blocks))).text == "Hello"


async def test_cached_and_fresh_tokens_are_told_apart():
    usage = {
        "input_tokens": 12, "output_tokens": 5, "cache_read_input_tokens": 100,
        "cache_creation_input_tokens": 30,
        "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20},
    }  # fmt: skip
    found = (await told(message(usage=usage))).usage
    assert (found.input_tokens, found.cached_tokens) == (12, 100)
    assert (found.cache_write_tokens, found.cache_write_1h_tokens) == (10, 20)


async def test_a_refusal_is_one_of_the_content():
    error = await told(message(stop_reason="refusal"))
    assert error.failure is FailureClass.CONTENT
    assert error.outcome is AttemptOutcome.REFUSED


async def test_an_error_is_told_with_its_code_and_its_wait():
    body = {"type": "error", "error": {"type": "rate_limit_error", "message": "slow"}}
    error = await told(
        Reaction(status=429, headers={"retry-after": "3"}, body=json.dumps(body).encode())
    )
    assert (error.failure, error.code, error.retry_after) == (
        FailureClass.RATE, "rate_limit_error", 3,
    )  # fmt: skip
    assert KEY not in str(error)


async def test_words_come_as_they_are_sent_with_signs_of_thought_between():
    found = await stream_of(
        start(input_tokens=12, output_tokens=1),
        event("content_block_start", index=0, content_block={"type": "thinking", "thinking": ""}),
        event("content_block_delta", index=0, delta={"type": "thinking_delta", "thinking": "hm"}),
        event("ping"),
        delta("Hel"),
        delta("lo"),
        *END,
    )
    assert found.texts == ["", "Hel", "lo", ""]
    assert found.answer.text == "Hello"
    assert found.answer.finish == "stop"
    assert (found.answer.usage.input_tokens, found.answer.usage.output_tokens) == (12, 5)


async def test_the_last_count_stands_and_the_first_is_only_a_placeholder():
    found = await stream_of(start(input_tokens=12, output_tokens=1), delta("x" * 40))
    assert found.error.failure is FailureClass.STREAM_CUT
    assert found.error.usage.status is UsageStatus.PARTIAL
    assert (found.error.usage.input_tokens, found.error.usage.output_tokens) == (12, 10)


async def test_overload_within_a_stream_is_overload_and_had_read_the_prompt():
    overloaded = event("error", error={"type": "overloaded_error", "message": "Overloaded"})
    found = await stream_of(start(input_tokens=12, output_tokens=1), overloaded)
    assert found.error.failure is FailureClass.OVERLOADED
    assert found.error.outcome is AttemptOutcome.FAILED
    assert found.error.usage.input_tokens == 12


async def test_events_that_nobody_knows_change_nothing():
    found = await stream_of(
        start(input_tokens=12, output_tokens=1),
        event("something_new", delta={"text": "no"}),
        event("content_block_delta", index=0, delta=None),
        event("message_start", message=None),
        delta("yes"),
        *END,
    )
    assert found.answer.text == "yes"
