"""What holds in every protocol: a stream and a plain send of one answer are read alike, and no
body and no event breaks the reading."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from orchestra_kit.core.answer import Answer
from orchestra_kit.core.clock import SystemClock
from orchestra_kit.core.errors import ProviderError
from orchestra_kit.providers.anthropic import Anthropic
from orchestra_kit.providers.gemini import Gemini
from orchestra_kit.providers.keys import BoundKey
from orchestra_kit.providers.openai_compatible import OpenAICompatible
from orchestra_kit.providers.transport import Incoming, Response
from tests.loopback import anthropic, chat, gemini
from tests.providers.calling import a_call, read_stream, read_whole

ADAPTERS = {OpenAICompatible: chat.write, Anthropic: anthropic.write, Gemini: gemini.write}


class Wired:
    """A transport that answers every call with the same bytes, and remembers what was sent."""

    def __init__(self, body: bytes, *, stream: bool) -> None:
        self._body = body
        self._kind = "text/event-stream" if stream else "application/json"
        self.url, self.headers, self.sent = "", {}, {}

    async def post(self, url, *, headers, body):
        async with self.stream(url, headers=headers, body=body) as incoming:
            return Response(200, incoming.headers, self._body)

    @asynccontextmanager
    async def stream(self, url, *, headers, body):
        async def chunks():
            for start in range(0, len(self._body), 7):
                yield self._body[start : start + 7]

        self.url, self.headers, self.sent = url, headers, json.loads(body)
        yield Incoming(200, {"content-type": self._kind}, chunks())


def calling(adapts, wired: Wired, host: str = "api.example", **options):
    return adapts(
        base_url=f"https://{host}/v1",
        key=BoundKey(host, "canary-55aa"),
        transport=wired,
        clock=SystemClock(),
        **options,
    )


def plain(adapts, body: bytes) -> Answer | ProviderError:
    return asyncio.run(read_whole(calling(adapts, Wired(body, stream=False)), a_call()))


def stream(adapts, body: bytes):
    return asyncio.run(read_stream(calling(adapts, Wired(body, stream=True)), a_call()))


def comparable(ended: Answer | ProviderError) -> object:
    if isinstance(ended, Answer):
        return replace(ended, first_token_seconds=None)
    return (ended.failure, ended.outcome, ended.code, ended.usage, str(ended))


@pytest.mark.parametrize("adapts", ADAPTERS)
@given(
    words=st.lists(st.text(min_size=1, max_size=8), max_size=5),
    refused=st.booleans(),
    usage=st.sampled_from(["usual", "nonsense", "none"]),
)
@settings(max_examples=40)
def test_a_stream_is_read_as_the_same_answer_sent_whole_is(adapts, words, refused, usage):
    written = ADAPTERS[adapts](tuple(words), refused=refused, usage=usage)
    whole = plain(adapts, written.body)
    found = stream(adapts, b"".join(written.events))
    assert comparable(found.ended) == comparable(whole)
    assert found.text == "".join(words)


KEYS = [
    "choices", "delta", "message", "content", "text", "finish_reason", "usage", "error", "code",
    "type", "candidates", "parts", "finishReason", "promptFeedback", "blockReason",
    "usageMetadata", "content_block", "stop_reason", "id", "model", "refusal", "thought",
]  # fmt: skip
WORDS = ["message_start", "message_delta", "content_block_delta", "content_block_start", "text",
         "message_stop", "stop", "STOP", "content_filter", "refusal", "error"]  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(WORDS)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner),
    max_leaves=12,
)  # fmt: skip


@pytest.mark.parametrize("adapts", ADAPTERS)
@given(body=JSON)
@settings(max_examples=80)
@example(body={"choices": [{"message": {"content": [{"text": 5}]}, "finish_reason": 7}]})
@example(body={"content": [{"type": "text", "text": None}], "stop_reason": []})
@example(body={"candidates": [{"content": {"parts": [{"text": "x"}]}, "finishReason": {}}]})
def test_no_body_breaks_the_reading(adapts, body):
    assert isinstance(plain(adapts, json.dumps(body).encode()), (Answer, ProviderError))


@pytest.mark.parametrize("adapts", ADAPTERS)
@given(events=st.lists(JSON.map(lambda data: f"data: {json.dumps(data)}\n\n".encode())
                       | st.binary(max_size=30), max_size=6))  # fmt: skip
@settings(max_examples=80)
def test_no_stream_breaks_the_reading_and_none_ends_without_a_word(adapts, events):
    found = stream(adapts, b"".join(events))
    assert isinstance(found.ended, (Answer, ProviderError))
    if found.answer is not None:
        assert found.text == found.answer.text


@pytest.mark.parametrize(
    ("host", "provider", "key", "header"),
    [
        ("api.openai.com", "openai", True, False),
        ("api.x.ai", "xai", False, True),
        ("gateway.example", "openai", False, False),
    ],
)
async def test_a_session_is_named_by_digest_and_only_to_those_who_document_it(
    host, provider, key, header
):
    wired = Wired(chat.write().body, stream=False)
    adapter = calling(OpenAICompatible, wired, host, provider=provider)
    await adapter.send(a_call(session="Ada Lovelace"))
    assert ("prompt_cache_key" in wired.sent) is key
    assert ("x-grok-conv-id" in wired.headers) is header
    assert "Ada" not in json.dumps(wired.sent) + json.dumps(dict(wired.headers))
    await adapter.send(a_call())
    assert "prompt_cache_key" not in wired.sent
    assert "x-grok-conv-id" not in wired.headers


async def test_a_model_that_rejects_the_cache_key_is_not_sent_it():
    wired = Wired(chat.write().body, stream=False)
    rejects = frozenset({"prompt_cache_key"})
    adapter = calling(OpenAICompatible, wired, "api.openai.com", rejects=rejects)
    await adapter.send(a_call(session="s"))
    assert "prompt_cache_key" not in wired.sent
