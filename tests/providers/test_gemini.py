"""Gemini's protocol: what is sent, what is read, and what its chunks add up to."""

from __future__ import annotations

import json

import pytest

from orchestra_kit.core.errors import AttemptOutcome, FailureClass
from orchestra_kit.providers.gemini import Gemini
from tests.loopback.gemini import chunk, data
from tests.loopback.server import LoopbackServer, Reaction, streamed
from tests.providers.calling import KEY, a_call, adapter, read_stream, read_whole

USAGE = {"promptTokenCount": 12, "candidatesTokenCount": 5, "totalTokenCount": 17}


async def sent(call, *, stream=False, **options):
    async with LoopbackServer() as server, adapter(server.port, Gemini, **options) as provider:
        read = read_stream if stream else read_whole
        answer = await read(provider, call)
        return server.requests[0], answer


async def told(body: object, **changes: object):
    reaction = Reaction(body=json.dumps(body).encode(), **changes)
    async with LoopbackServer(reaction) as server, adapter(server.port, Gemini) as provider:
        return await read_whole(provider, a_call())


async def stream_of(*chunks: object):
    reaction = streamed(*(data(one) for one in chunks))
    async with LoopbackServer(reaction) as server, adapter(server.port, Gemini) as provider:
        return await read_stream(provider, a_call())


async def test_the_request_is_what_the_protocol_asks_for():
    received, _ = await sent(a_call(system="Be brief.", max_output_tokens=64, model="a/b?c"))
    assert received.path == "/v1/models/a%2Fb%3Fc:generateContent"
    assert KEY not in received.path
    assert received.headers["authorization"] == f"Bearer {KEY}"
    assert received.json == {
        "contents": [{"role": "user", "parts": [{"text": "Say hello in one word."}]}],
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "generationConfig": {"maxOutputTokens": 64},
    }


async def test_a_stream_is_asked_for_by_its_address():
    received, found = await sent(a_call(), stream=True)
    assert received.path == "/v1/models/small:streamGenerateContent?alt=sse"
    assert found.texts == ["Hello", " there", ",", " friend", ".", ""]


async def test_parameters_are_renamed_or_left_out_and_named():
    asked = {"temperature": 0, "stop": "END", "seed": 7, "n": 3, "contents": "x", "top_p": 1}
    received, answer = await sent(a_call(parameters=asked), rejects=frozenset({"top_p"}))
    assert received.json["generationConfig"] == {
        "temperature": 0, "stopSequences": ["END"], "seed": 7,
    }  # fmt: skip
    assert answer.dropped_parameters == ("contents", "n", "top_p")


async def test_an_answer_is_read_without_its_thoughts():
    parts = [{"text": "hm", "thought": True}, {"text": "Hel"}, {"text": "lo"}, {"inlineData": {}}]
    body = chunk(finish="MAX_TOKENS", usageMetadata={**USAGE, "cachedContentTokenCount": 8})
    body["candidates"][0]["content"] = {"parts": parts}
    answer = await told(body)
    assert (answer.text, answer.finish, answer.model) == ("Hello", "length", "served-model")
    assert (answer.usage.input_tokens, answer.usage.cached_tokens) == (4, 8)
    assert answer.fields["response_id"] == "gem_1"


@pytest.mark.parametrize("reason", ["SAFETY", "PROHIBITED_CONTENT", "RECITATION"])
async def test_a_stop_for_the_content_is_a_refusal(reason):
    error = await told(chunk("Well", finish=reason))
    assert (error.failure, error.code) == (FailureClass.CONTENT, reason)


async def test_a_blocked_prompt_is_a_refusal_too_whole_or_streamed():
    body = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": USAGE}
    for error in (await told(body), (await stream_of(body)).error):
        assert error.failure is FailureClass.CONTENT
        assert error.outcome is AttemptOutcome.REFUSED


async def test_a_daily_quota_and_its_wait_are_understood():
    details = [
        {"@type": "QuotaFailure", "violations": [{"quotaId": "RequestsPerDayPerProject"}]},
        {"@type": "RetryInfo", "retryDelay": "46s"},
    ]
    error = {"code": 429, "message": "no", "status": "RESOURCE_EXHAUSTED", "details": details}
    found = await told({"error": error}, status=429)
    assert (found.failure, found.retry_after) == (FailureClass.QUOTA, 46)


async def test_a_count_that_comes_after_the_finish_is_read():
    found = await stream_of(
        chunk("Hel"), chunk("lo", finish="STOP"), {"usageMetadata": USAGE}, {"candidates": []}
    )
    assert found.answer.text == "Hello"
    assert found.answer.usage.output_tokens == 5


async def test_a_thought_is_a_sign_of_life():
    thinking = chunk()
    thinking["candidates"][0]["content"] = {"parts": [{"text": "hm", "thought": True}]}
    found = await stream_of(thinking, chunk("yes"), chunk(finish="STOP"))
    assert found.texts == ["", "yes", ""]
    assert found.answer.text == "yes"


async def test_a_stream_without_a_finish_is_never_a_success():
    found = await stream_of(chunk("Hello"), {"usageMetadata": USAGE})
    assert found.error.failure is FailureClass.STREAM_CUT
    assert found.error.usage.output_tokens == 5


@pytest.mark.parametrize("body", [{}, {"candidates": None}, {"candidates": [None]}, []])
async def test_what_holds_no_answer_is_malformed(body):
    assert (await told(body)).failure is FailureClass.MALFORMED
