"""The chat completions adapter against a server on this machine that answers by script."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal

import pytest

from orchestra_kit.core.answer import Answer, Call, UsageStatus
from orchestra_kit.core.clock import SystemClock
from orchestra_kit.core.errors import AttemptOutcome, FailureClass, ProviderError, UnsafeAddress
from orchestra_kit.providers.openai_compatible import EMPTY_MESSAGE, BoundKey, OpenAICompatible
from orchestra_kit.providers.transport import Transport
from tests.loopback.server import LoopbackServer, Reaction, completion, refusal
from tests.providers.calling import KEY, PROMPT, a_call


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    opened = Transport(allow_local=True)
    yield opened
    await opened.close()


@pytest.fixture
def send(transport: Transport) -> Callable[..., Awaitable[Answer]]:
    async def call(server: LoopbackServer, asked: Call | None = None, **options: object) -> Answer:
        provider = OpenAICompatible(
            base_url=server.url,
            key=BoundKey(f"127.0.0.1:{server.port}", KEY),
            transport=transport,
            clock=SystemClock(),
            **options,
        )
        return await provider.send(asked or a_call())

    return call


async def failure_of(send, *reactions: Reaction, **options: object) -> ProviderError:
    async with LoopbackServer(*reactions) as server:
        with pytest.raises(ProviderError) as caught:
            await send(server, **options)
    assert KEY not in str(caught.value) + repr(caught.value)
    return caught.value


async def test_a_completion_becomes_an_answer_with_its_usage(send):
    async with LoopbackServer(completion("Hello!")) as server:
        answer = await send(server)
    assert answer.text == "Hello!"
    assert answer.model == "served-model"
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (12, 5)
    assert answer.usage.status is UsageStatus.REPORTED
    assert answer.fields["response_id"] == "chatcmpl-1"


async def test_the_request_is_what_the_protocol_asks_for(send):
    async with LoopbackServer(completion()) as server:
        await send(
            server,
            a_call(system="Be brief.", max_output_tokens=64, parameters={"temperature": 0}),
            parameters={"seed": 7, "temperature": 1},
        )
        received = server.requests[0]
    assert (received.method, received.path) == ("POST", "/v1/chat/completions")
    assert received.headers["authorization"] == f"Bearer {KEY}"
    assert received.json == {
        "model": "small",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": PROMPT},
        ],
        "max_tokens": 64,
        "temperature": 0,
        "seed": 7,
    }


async def test_without_a_key_no_authorization_is_sent(transport):
    async with LoopbackServer(completion()) as server:
        provider = OpenAICompatible(
            base_url=server.url, key=BoundKey(f"127.0.0.1:{server.port}", ""),
            transport=transport, clock=SystemClock(),
        )  # fmt: skip
        await provider.send(a_call())
        assert "authorization" not in server.requests[0].headers


async def test_parameters_that_the_model_rejects_are_left_out_and_named(send):
    async with LoopbackServer(completion()) as server:
        answer = await send(
            server,
            a_call(parameters={"temperature": 0, "top_p": 1, "stop": "x"}),
            rejects=frozenset({"temperature", "top_p", "never_asked"}),
        )
        assert set(server.requests[0].json) == {"model", "messages", "stop"}
    assert answer.dropped_parameters == ("temperature", "top_p")


async def test_a_deployment_may_choose_the_name_of_the_length(send):
    async with LoopbackServer(completion()) as server:
        await send(
            server,
            a_call(max_output_tokens=99),
            parameters={"max_tokens_parameter": "max_completion_tokens"},
        )
        sent = server.requests[0].json
    assert sent["max_completion_tokens"] == 99
    assert "max_tokens" not in sent
    assert "max_tokens_parameter" not in sent


async def test_a_parameter_cannot_turn_on_what_the_adapter_does_not_read(send):
    async with LoopbackServer(completion()) as server:
        answer = await send(server, a_call(parameters={"stream": True, "n": 4, "model": "other"}))
        assert "stream" not in server.requests[0].json
        assert server.requests[0].json["model"] == "small"
    assert answer.dropped_parameters == ("model", "n", "stream")


def test_a_key_is_not_given_to_another_host():
    key = BoundKey("api.example", KEY)
    assert key.headers("https://api.example/v1/chat/completions")
    with pytest.raises(UnsafeAddress, match=r"api\.example"):
        key.headers("https://elsewhere.example/v1/chat/completions")
    assert KEY not in repr(key)


@pytest.mark.parametrize(
    ("reaction", "failure", "outcome"),
    [
        (refusal(429, code="rate_limit_exceeded"), "rate", "failed"),
        (refusal(429, code="insufficient_quota", kind="insufficient_quota"), "quota", "failed"),
        (refusal(429, code="too_many_concurrent_requests"), "concurrency", "failed"),
        (refusal(400, code="context_length_exceeded"), "context", "refused"),
        (refusal(400, code="content_policy_violation"), "content", "refused"),
        (refusal(401, code="invalid_api_key"), "auth", "failed"),
        (refusal(404, code="model_not_found"), "not_found", "failed"),
        (refusal(400, message="unknown field"), "bad_request", "refused"),
        (refusal(503, kind="overloaded_error"), "overloaded", "failed"),
        (refusal(500), "server", "failed"),
        (Reaction(status=502, body=b"<html>Bad Gateway</html>"), "server", "failed"),
        (Reaction(status=302, headers={"location": "http://127.0.0.1:1/"}), "not_found", "failed"),
    ],
)
async def test_error_responses_get_their_class(send, reaction, failure, outcome):
    error = await failure_of(send, reaction)
    assert error.failure == FailureClass(failure)
    assert error.outcome == AttemptOutcome(outcome)
    assert error.status == reaction.status


async def test_nothing_is_retried_and_no_redirect_followed(send):
    async with LoopbackServer(Reaction(status=307, headers={"location": "/v1/else"})) as server:
        with pytest.raises(ProviderError):
            await send(server)
        assert len(server.requests) == 1


async def test_what_the_provider_asks_to_wait_is_passed_on(send):
    error = await failure_of(send, refusal(429, code="slow_down", retry_after_ms="1500"))
    assert error.retry_after == 1.5
    assert error.code == "slow_down"


async def test_a_key_that_the_provider_echoes_is_hidden(send, monkeypatch):
    from orchestra_kit.core.secrets import secret

    secret("env:A_KEY", {"A_KEY": KEY})
    error = await failure_of(send, refusal(401, message=f"Incorrect key {KEY} provided"))
    assert "[hidden]" in str(error)


@pytest.mark.parametrize(
    "reaction",
    [
        Reaction(body=b"<html><body>Welcome to our wireless network</body></html>"),
        Reaction(body=b""),
        Reaction(body=completion().body[:-30]),
        Reaction(body=b"[1, 2]"),
        Reaction(body=b"[" * 100_000),
        Reaction(body=b'{"choices": []}'),
        Reaction(body=b'{"choices": [{"message": null}]}'),
        Reaction(body=b'{"choices": "none"}'),
        completion(None),
        completion(""),
        completion(" \n"),
    ],
)
async def test_an_answer_that_is_none_is_malformed_and_its_usage_estimated(send, reaction):
    error = await failure_of(send, reaction)
    assert error.failure is FailureClass.MALFORMED
    assert error.outcome is AttemptOutcome.ANSWERED
    assert error.usage is not None
    assert error.usage.input_tokens > 0


async def test_an_empty_message_is_told_apart_from_a_broken_body(send):
    assert (await failure_of(send, completion(""))).code == EMPTY_MESSAGE
    assert (await failure_of(send, Reaction(body=b"{}"))).code == ""


async def test_a_200_that_holds_an_error_is_that_error(send):
    body = json.dumps({"error": {"code": 429, "message": "upstream is busy"}}).encode()
    assert (await failure_of(send, Reaction(body=body))).failure is FailureClass.RATE


@pytest.mark.parametrize(
    "change",
    [
        {"finish_reason": "content_filter", "message": {"content": ""}},
        {"finish_reason": "stop", "message": {"content": None, "refusal": "I cannot help."}},
    ],
)
async def test_a_declined_answer_is_a_content_refusal(send, change):
    error = await failure_of(send, completion(choices=[change]))
    assert error.failure is FailureClass.CONTENT
    assert error.outcome is AttemptOutcome.REFUSED
    assert error.usage is not None


async def test_content_in_parts_is_joined(send):
    parts = [{"type": "text", "text": "Hel"}, {"type": "thinking"}, {"type": "text", "text": "lo"}]
    async with LoopbackServer(
        completion(choices=[{"message": {"content": parts}, "finish_reason": "length"}])
    ) as server:
        answer = await send(server)
    assert (answer.text, answer.finish) == ("Hello", "length")


@pytest.mark.parametrize(
    "usage",
    [
        None,
        {},
        {"prompt_tokens": -1, "completion_tokens": 5},
        {"prompt_tokens": 12, "completion_tokens": 10**18},
        {"prompt_tokens": "12", "completion_tokens": 5},
        {"prompt_tokens": 12.5, "completion_tokens": 5},
        {"prompt_tokens": True, "completion_tokens": 5},
        {"prompt_tokens": float("nan"), "completion_tokens": 5},
        {"prompt_tokens": 1, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 2}},
        [12, 5],
    ],
)
async def test_a_usage_that_cannot_be_is_estimated_and_flagged(send, usage):
    async with LoopbackServer(completion("x" * 40, usage=usage)) as server:
        answer = await send(server)
    assert answer.usage.status is UsageStatus.ESTIMATED
    assert answer.usage.output_tokens == 10
    assert answer.usage.input_tokens == -(-len(PROMPT) // 4)


async def test_cached_and_reasoning_tokens_are_counted_once(send):
    usage = {
        "prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150,
        "prompt_tokens_details": {"cached_tokens": 60},
        "completion_tokens_details": {"reasoning_tokens": 30},
    }  # fmt: skip
    outside = {**usage, "total_tokens": 180}
    async with LoopbackServer(completion(usage=usage), completion(usage=outside)) as server:
        inside, beside = (await send(server)).usage, (await send(server)).usage
    assert (inside.input_tokens, inside.cached_tokens) == (40, 60)
    assert (inside.output_tokens, inside.reasoning_tokens) == (20, 30)
    assert (beside.output_tokens, beside.reasoning_tokens) == (50, 30)


async def test_a_cost_that_the_provider_states_is_kept(send):
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "cost_in_usd_ticks": 12_500_000}
    async with LoopbackServer(completion(usage=usage)) as server:
        assert (await send(server)).reported_cost == Decimal("0.00125")


async def test_a_refused_connection_was_not_sent(transport):
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{held.getsockname()[1]}"
    provider = OpenAICompatible(
        base_url=f"http://{host}/v1", key=BoundKey(host, KEY),
        transport=transport, clock=SystemClock(),
    )  # fmt: skip
    with pytest.raises(ProviderError) as caught:
        await provider.send(a_call())
    assert caught.value.failure is FailureClass.CONNECT
    assert caught.value.outcome is AttemptOutcome.NOT_SENT


@pytest.mark.parametrize("sent", [0, 20, 150])
async def test_a_connection_that_breaks_after_the_send_has_an_unknown_outcome(send, sent):
    error = await failure_of(send, Reaction(body=completion().body, reset_after=sent))
    assert error.failure is FailureClass.STREAM_CUT
    assert error.outcome is AttemptOutcome.UNKNOWN


async def test_a_body_shorter_than_declared_has_an_unknown_outcome(send):
    error = await failure_of(send, Reaction(body=completion().body, declared_length=5_000))
    assert error.outcome is AttemptOutcome.UNKNOWN


async def test_what_is_not_http_has_an_unknown_outcome(send):
    error = await failure_of(send, Reaction(raw=b"SSH-2.0-OpenSSH_9.2\r\n\r\n"))
    assert error.failure is FailureClass.MALFORMED
    assert error.outcome is AttemptOutcome.UNKNOWN


async def test_a_compressed_answer_is_read(send):
    packed = gzip.compress(completion("packed").body)
    async with LoopbackServer(Reaction(body=packed, headers={"content-encoding": "gzip"})) as s:
        assert (await send(s)).text == "packed"


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({}, b" " * 9_000_000),
        ({"content-encoding": "gzip"}, gzip.compress(b" " * 60_000_000)),
        ({"content-encoding": "gzip"}, b"this is not gzip"),
        ({"content-encoding": "br"}, b"anything"),
    ],
    ids=["large", "bomb", "not gzip", "not asked for"],
)
async def test_a_body_too_large_or_wrongly_packed_is_malformed(send, headers, body):
    error = await failure_of(send, Reaction(body=body, headers=headers))
    assert error.failure is FailureClass.MALFORMED
    assert error.outcome is AttemptOutcome.ANSWERED
    assert error.usage is not None
    assert error.usage.status is UsageStatus.ESTIMATED


async def test_a_cancelled_send_closes_its_connection(send):
    async with LoopbackServer(Reaction(silent=True)) as server:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await send(server)
        async with asyncio.timeout(2):
            while not server.gone:
                await asyncio.sleep(0)


async def test_connections_are_used_again(send):
    async with LoopbackServer(completion()) as server:
        for _ in range(3):
            await send(server)
        assert (len(server.requests), server.connections) == (3, 1)


async def test_a_proxy_in_the_environment_is_ignored(send, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    async with LoopbackServer(completion()) as server:
        assert (await send(server)).text == "hello"


def test_one_adapter_serves_several_event_loops():
    async def once(transport: Transport) -> str:
        async with LoopbackServer(completion()) as server:
            provider = OpenAICompatible(
                base_url=server.url, key=BoundKey(f"127.0.0.1:{server.port}", ""),
                transport=transport, clock=SystemClock(),
            )  # fmt: skip
            text = (await provider.send(a_call())).text
            await transport.close()
            return text

    transport = Transport(allow_local=True)
    assert [asyncio.run(once(transport)) for _ in range(2)] == ["hello", "hello"]
