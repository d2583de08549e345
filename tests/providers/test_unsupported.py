"""Parameters that a model does not take: named by the provider, found in what was sent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra_kit.core.errors import FailureClass, ProviderError
from orchestra_kit.providers.anthropic import Anthropic
from orchestra_kit.providers.failures import ErrorBody
from orchestra_kit.providers.gemini import Gemini
from orchestra_kit.providers.openai_compatible import OpenAICompatible
from orchestra_kit.providers.unsupported import rejected_parameter
from tests.loopback.server import LoopbackServer, Reaction, refusal
from tests.providers.calling import a_call, adapter, read_whole

SENT = {"temperature": "temperature", "top_p": "top_p", "topK": "top_k", "max_tokens": "max_tokens"}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        # OpenAI
        ({"error": {"message": "Unsupported value: 'temperature' does not support 0.2 with this "
            "model. Only the default (1) value is supported.", "param": "temperature",
            "code": "unsupported_value"}}, "temperature"),
        ({"error": {"message": "Unsupported parameter: 'max_tokens' is not supported with this "
            "model. Use 'max_completion_tokens' instead.", "param": "max_tokens",
            "code": "unsupported_parameter"}}, "max_tokens"),
        ({"error": {"message": "Unrecognized request argument supplied: top_p", "param": None}},
            "top_p"),
        # Anthropic
        ({"error": {"type": "invalid_request_error",
            "message": "`temperature` is deprecated for this model."}}, "temperature"),
        ({"error": {"type": "invalid_request_error",
            "message": "top_p: Extra inputs are not permitted"}}, "top_p"),
        # Gemini
        ({"error": {"status": "INVALID_ARGUMENT", "message": "Invalid JSON payload received. "
            "Unknown name \"topK\" at 'generation_config': Cannot find field."}}, "top_k"),
        # xAI, and what validates with pydantic
        ({"code": "Client specified an invalid argument",
            "error": "Argument not supported on this model: top_p"}, "top_p"),
        ({"detail": [{"type": "extra_forbidden", "loc": ["body", "top_p"],
            "msg": "Extra inputs are not permitted"}]}, "top_p"),
        # Another fault of it, or of something that was not sent, or cannot be left out.
        ({"error": {"message": "temperature must be between 0 and 2", "param": "temperature"}}, ""),
        ({"error": {"message": "Unsupported parameter: 'logit_bias'", "param": "logit_bias"}}, ""),
        ({"error": {"message": "Images are not supported by this model."}}, ""),
        ({"error": {"message": "Unsupported value: 'low_temperature'"}}, ""),
        ({"detail": []}, ""),
        ({}, ""),
    ],
)  # fmt: skip
def test_a_parameter_that_is_not_taken_is_named_as_the_call_named_it(body, expected):
    assert rejected_parameter(ErrorBody.read(body), SENT) == expected


@given(st.text(), st.text(), st.lists(st.one_of(st.text(), st.none(), st.integers())))
def test_nothing_that_a_provider_says_breaks_the_search(message, param, place):
    for body in (
        {"error": {"message": message, "param": param, "code": "unsupported_parameter"}},
        {"detail": [{"type": "extra_forbidden", "loc": place, "msg": message}]},
    ):
        assert rejected_parameter(ErrorBody.read(body), SENT) in {"", *SENT.values()}


@pytest.mark.parametrize(
    ("adapts", "asked", "in_protocol"),
    [
        (OpenAICompatible, "temperature", "temperature"),
        (Anthropic, "stop", "stop_sequences"),
        (Gemini, "top_k", "topK"),
    ],
)
async def test_each_protocol_tells_what_was_rejected_and_leaves_it_out(adapts, asked, in_protocol):
    refused = refusal(400, message=f"'{in_protocol}' is not supported with this model")
    async with LoopbackServer(refused) as server, adapter(server.port, adapts) as provider:
        call = a_call(parameters={asked: 1, "seed": 7})
        ended = await read_whole(provider, call)
        assert isinstance(ended, ProviderError)
        assert (ended.failure, ended.rejected) == (FailureClass.BAD_REQUEST, asked)
        await read_whole(provider, a_call(parameters=call.parameters, left_out=frozenset({asked})))
        first, second = (str(received.json) for received in server.requests)
        assert in_protocol in first
        assert in_protocol not in second


async def test_the_length_is_asked_for_under_its_other_name_and_never_left_out():
    server = LoopbackServer(Reaction(body=b'{"choices": [{"message": {"content": "Hi"}}]}'))
    async with server, adapter(server.port) as provider:
        for left_out in (frozenset(), frozenset({"max_tokens"})):
            await read_whole(provider, a_call(max_output_tokens=50, left_out=left_out))
        first, second = (received.json for received in server.requests)
    assert (first["max_tokens"], "max_completion_tokens" in first) == (50, False)
    assert (second["max_completion_tokens"], "max_tokens" in second) == (50, False)
