"""Chat completions as they come: what is yielded, when, and what the last piece carries."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from dataclasses import replace
from decimal import Decimal

import pytest

from orchestra_kit.core.answer import UsageStatus
from tests.loopback.chat import DONE, USAGE, chunk, finish_chunk, usage_chunk
from tests.loopback.server import LoopbackServer, Reaction, completion, refusal, streamed
from tests.providers.calling import KEY, a_call, adapter, read_stream, read_whole


async def stream_of(*reactions: Reaction, **options: object):
    async with LoopbackServer(*reactions) as server, adapter(server.port, **options) as provider:
        return await read_stream(provider, a_call())


async def test_words_come_as_they_are_sent_and_the_answer_last():
    found = await stream_of()
    assert found.texts == ["Hello", " there", ",", " friend", ".", ""]
    assert found.answer.text == "Hello there, friend."
    assert found.answer.model == "served-model"
    assert found.answer.finish == "stop"
    assert found.answer.fields["response_id"] == "chatcmpl-1"
    assert (found.answer.usage.input_tokens, found.answer.usage.output_tokens) == (12, 5)
    assert found.answer.usage.status is UsageStatus.REPORTED


async def test_the_request_asks_for_a_stream_and_its_usage():
    async with LoopbackServer() as server, adapter(server.port) as provider:
        await read_stream(provider, a_call(max_output_tokens=9))
        received = server.requests[0]
    assert received.headers["accept"] == "text/event-stream"
    assert received.headers["authorization"] == f"Bearer {KEY}"
    assert received.json["stream"] is True
    assert received.json["stream_options"] == {"include_usage": True}
    assert received.json["max_tokens"] == 9


async def test_a_server_that_rejects_stream_options_is_not_sent_them():
    async with LoopbackServer() as server:
        options = {"parameters": {"stream_usage": False}}
        async with adapter(server.port, **options) as provider:
            await read_stream(provider, a_call())
        assert "stream_options" not in server.requests[0].json
        assert "stream_usage" not in server.requests[0].json


async def test_the_first_piece_is_timed():
    async with LoopbackServer() as server, adapter(server.port) as provider:
        found = await read_stream(provider, a_call(text="fault=latency:0.15"))
    assert 0.15 <= found.answer.first_token_seconds < 2


async def test_words_are_handed_on_before_the_stream_has_ended():
    pace = streamed(
        chunk({"content": "one"}), chunk({"content": "two"}), finish_chunk(), DONE, pause=0.2
    )
    async with LoopbackServer(pace) as server, adapter(server.port) as provider:
        moments = []
        async for piece in provider.stream(a_call()):
            moments.append((piece.text, time.monotonic()))  # noqa: PERF401 - moments count
    assert [text for text, _ in moments] == ["", "one", "two", ""]
    assert moments[2][1] - moments[1][1] > 0.1


async def test_that_the_server_has_taken_the_call_is_told_before_it_answers():
    late = streamed(chunk({"content": "one"}), finish_chunk(), DONE, ending="stall", pause=0.2)
    async with LoopbackServer(late) as server, adapter(server.port) as provider:
        async with aclosing(provider.stream(a_call())) as pieces:
            first = await anext(pieces)
        assert (first.taken, first.text, first.answer) == (True, "", None)


async def test_a_model_that_thinks_gives_a_sign_of_life():
    found = await stream_of(
        streamed(
            chunk({"role": "assistant", "content": None}),
            chunk({"reasoning_content": "hm"}),
            chunk({"reasoning": "hm"}),
            chunk({"content": "yes"}),
            finish_chunk(),
            DONE,
        )
    )
    assert found.texts == ["", "", "yes", ""]
    assert found.answer.text == "yes"


@pytest.mark.parametrize(
    "events",
    [
        [chunk({"content": "hi"}, usage=USAGE), finish_chunk(), DONE],
        [chunk({"content": "hi"}), {**finish_chunk(), "usage": USAGE}, DONE],
        [usage_chunk(), chunk({"content": "hi"}), finish_chunk(), DONE],
        [
            chunk({"content": "hi"}, usage={"prompt_tokens": 12, "completion_tokens": 1}),
            finish_chunk(),
            usage_chunk({"completion_tokens": 5, "total_tokens": 17}),
            DONE,
        ],
        [chunk({"content": "hi"}), finish_chunk(), usage_chunk(), {"choices": []}, DONE],
        [chunk({"content": "hi"}), finish_chunk(), usage_chunk(), {"usage": None}, DONE],
    ],
    ids=["with text", "with the finish", "first", "in two parts", "before last", "then null"],
)
async def test_a_usage_on_any_chunk_is_found(events):
    usage = (await stream_of(streamed(*events))).answer.usage
    assert (usage.input_tokens, usage.output_tokens) == (12, 5)
    assert usage.status is UsageStatus.REPORTED


async def test_cached_tokens_and_a_stated_cost_are_read_in_streams_too():
    usage = {**USAGE, "prompt_tokens_details": {"cached_tokens": 8}, "cost_in_usd_ticks": 10**7}
    found = await stream_of(
        streamed(chunk({"content": "hi"}), finish_chunk(), usage_chunk(usage), DONE)
    )
    assert (found.answer.usage.input_tokens, found.answer.usage.cached_tokens) == (4, 8)
    assert found.answer.reported_cost == Decimal("0.001")


async def test_a_long_answer_may_be_larger_on_the_wire_than_a_body_may_be():
    """30,000 tokens of 300 bytes each, as long answers have them."""
    token = chunk({"content": "word "}, padding="x" * 150)
    found = await stream_of(streamed(*[token] * 30_000, finish_chunk(), DONE))
    assert len(found.answer.text) == 150_000


async def test_what_follows_the_last_event_is_not_read():
    found = await stream_of(
        streamed(chunk({"content": "hi"}), finish_chunk(), DONE, chunk({"content": "more"}), "{")
    )
    assert found.answer.text == "hi"


async def test_a_connection_that_stays_open_after_the_last_event_does_not_keep_the_answer():
    stays = streamed(chunk({"content": "hi"}), finish_chunk(), DONE, ending="stall")
    async with asyncio.timeout(2):
        found = await stream_of(stays)
    assert found.answer.text == "hi"


async def test_a_server_that_streams_nothing_but_answers_whole_is_understood():
    found = await stream_of(completion("all at once"))
    assert found.texts == ["all at once", ""]
    assert found.answer.text == "all at once"


async def test_connections_of_whole_streams_are_used_again():
    async with LoopbackServer() as server, adapter(server.port) as provider:
        for _ in range(3):
            await read_stream(provider, a_call())
        assert (len(server.requests), server.connections) == (3, 1)


async def test_each_attempt_names_itself_to_the_server():
    async with LoopbackServer() as server, adapter(server.port) as provider:
        await read_stream(provider, a_call(attempt=1))
        await provider.send(a_call(request_id="req\r\nx: y", deployment="a b"))
        ids = [received.id for received in server.requests]
    assert ids == ["req_1.here.1", "req__x:_y.a_b.0"]


LIMITS = {
    "x-ratelimit-limit-requests": "60",
    "x-ratelimit-remaining-requests": "59",
    "x-ratelimit-remaining-tokens": "7000",
}


@pytest.mark.parametrize(
    "reaction",
    [
        replace(completion(), headers=LIMITS),
        replace(refusal(429, code="rate_limit_exceeded"), headers=LIMITS),
        streamed(
            chunk({"content": "hi"}), finish_chunk(), DONE,
            headers={"content-type": "text/event-stream", **LIMITS},
        ),
        streamed(
            {"error": {"type": "overloaded_error"}},
            headers={"content-type": "text/event-stream", **LIMITS},
        ),
    ],
    ids=["whole", "refused", "streamed", "refused within a stream"],
)  # fmt: skip
async def test_what_the_account_may_still_do_is_passed_on(reaction):
    async with LoopbackServer(reaction) as server, adapter(server.port) as provider:
        found = [(await read_stream(provider, a_call())).ended]
        if reaction.parts is None:
            found.append(await read_whole(provider, a_call()))
    for ended in found:
        allowance = ended.allowance
        assert (allowance.requests_limit, allowance.requests_left) == (60, 59)
        assert allowance.tokens_left == 7000
