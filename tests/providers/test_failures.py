"""Error responses: what class they are of, and how long they ask to wait."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra_kit.core.errors import AttemptOutcome, FailureClass
from orchestra_kit.providers.failure_codes import CODES, SPEAKS, WORDINGS, table
from orchestra_kit.providers.failures import (
    LONGEST_RETRY_AFTER,
    ErrorBody,
    classify,
    outcome_of,
    retry_after,
    should_retry,
)

NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
DAILY = {
    "@type": "QuotaFailure",
    "violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel"}],
}
MINUTELY = {
    "@type": "QuotaFailure",
    "violations": [{"quotaId": "GenerateRequestsPerMinutePerProject"}],
}


def read(**error: object) -> ErrorBody:
    return ErrorBody.read({"error": error})


@pytest.mark.parametrize(
    ("status", "error", "expected"),
    [
        (429, {}, "rate"),
        (429, {"code": "rate_limit_exceeded", "type": "insufficient_quota"}, "rate"),
        (429, {"code": "slow_down"}, "rate"),
        (429, {"code": "something new"}, "rate"),
        (429, {"code": "credit_balance_exhausted", "type": "insufficient_quota"}, "quota"),
        (429, {"code": "organization_spend_limit_exceeded"}, "quota"),
        (429, {"code": "project_spend_limit_exceeded"}, "quota"),
        (429, {"code": "organization_usage_limit_exceeded"}, "quota"),
        (429, {"type": "insufficient_quota"}, "quota"),
        (429, {"type": "rate_limit_error", "details": {"error_code": "x"}}, "rate"),
        (
            429,
            {
                "type": "rate_limit_error",
                "details": {"error_code": "enforced_spend_limit_reached"},
            },
            "quota",
        ),
        (429, {"status": "RESOURCE_EXHAUSTED", "details": [DAILY]}, "quota"),
        (429, {"status": "RESOURCE_EXHAUSTED", "details": [MINUTELY]}, "rate"),
        (429, {"status": "RESOURCE_EXHAUSTED", "message": "limit: 0, model: x"}, "quota"),
        (429, {"code": "too_many_concurrent_requests"}, "concurrency"),
        (429, {"code": "system_busy"}, "overloaded"),
        (429, {"code": "quota_exceeded"}, "rate"),
        (429, {"message": "INSUFFICIENT QUOTA"}, "rate"),
        (429, {"type": "INSUFFICIENT QUOTA", "message": "INSUFFICIENT QUOTA: wait"}, "rate"),
        (429, {"message": "You exceeded your current quota"}, "rate"),
        (429, {"code": "1300", "type": "rate_limited"}, "rate"),
        (429, {"code": None, "message": "Service tier capacity exceeded for x."}, "overloaded"),
        (413, {"code": "rate_limit_exceeded", "type": "tokens"}, "context"),
        (498, {"code": "capacity_exceeded"}, "overloaded"),
        (498, {}, "overloaded"),
        (429, {"code": "engine_overloaded"}, "overloaded"),
        (402, {}, "quota"),
        (400, {"code": "billing_hard_limit_reached"}, "quota"),
        (401, {"status": "quota_exceeded"}, "quota"),
        (401, {"code": "invalid_api_key"}, "auth"),
        (403, {}, "content"),
        (403, {"message": "Forbidden"}, "auth"),
        (403, {"code": 403, "message": "x requires moderation. Yours was flagged."}, "content"),
        (403, {"code": 403, "metadata": {"flagged_input": "x", "reasons": ["y"]}}, "content"),
        (403, {"code": "unsupported_country_region_territory"}, "auth"),
        (400, {"code": "", "innererror": {"code": "ResponsibleAIPolicyViolation"}}, "content"),
        (400, {"type": "exceed_context_size_error"}, "context"),
        (503, {"type": "unavailable_error", "message": "Loading model"}, "overloaded"),
        (503, {"message": "server busy, please try again"}, "overloaded"),
        (404, {}, "not_found"),
        (404, {"code": "model_not_found"}, "not_found"),
        (410, {}, "not_found"),
        (400, {"code": "context_length_exceeded"}, "context"),
        (400, {"message": "prompt is too long: 9 tokens > 4 maximum"}, "context"),
        (400, {"message": "This model's maximum context length is 4096 tokens."}, "context"),
        (400, {"message": "Requested tokens (5000) exceed context window of 4096"}, "context"),
        (413, {}, "context"),
        (400, {"code": "content_policy_violation"}, "content"),
        (400, {"code": "content_filter"}, "content"),
        (400, {"message": "temperature is not supported"}, "bad_request"),
        (422, {}, "bad_request"),
        (500, {}, "server"),
        (502, {}, "server"),
        (504, {}, "server"),
        (424, {}, "server"),
        (408, {}, "server"),
        (409, {}, "server"),
        (529, {}, "overloaded"),
        (503, {"type": "overloaded_error"}, "overloaded"),
        (503, {"status": "UNAVAILABLE"}, "overloaded"),
        (503, {"code": "server_is_overloaded"}, "overloaded"),
        (503, {}, "server"),
        (301, {}, "not_found"),
        (0, {}, "malformed"),
        (-5, {}, "malformed"),
        (204, {}, "malformed"),
        (999, {}, "server"),
    ],
)
def test_each_response_has_its_class(status, error, expected):
    assert classify(status, read(**error)) is FailureClass(expected)


EXHAUSTED = {"status": "RESOURCE_EXHAUSTED", "code": 429}


@pytest.mark.parametrize(
    ("provider", "status", "body", "expected"),
    [
        # One code, several houses.
        ("openai", 429, {"error": {"type": "rate_limit_error"}}, "rate"),
        ("anthropic", 429, {"error": {"type": "insufficient_quota"}}, "rate"),
        ("stability", 403, {"name": "content_moderation", "errors": ["no"]}, "content"),
        ("openai", 403, {"error": {"type": "content_moderation"}}, "auth"),
        ("stability", 402, {"name": "payment_required"}, "quota"),
        ("stability", 429, {"name": "rate_limit_exceeded"}, "rate"),
        ("stability", 413, {"name": "payload_too_large"}, "context"),
        ("stability", 200, {"name": "CONTENT_FILTERED"}, "content"),
        # Anthropic.
        ("anthropic", 400, {"error": {"type": "invalid_request_error", "message":
            "You have reached your specified API usage limits. You will regain access."}}, "quota"),
        ("anthropic", 400, {"error": {"type": "invalid_request_error", "message":
            "You have reached your specified workspace API usage limits."}}, "quota"),
        ("openai", 400, {"error": {"message":
            "You have reached your specified API usage limits."}}, "quota"),
        ("gemini", 400, {"error": {"message":
            "You have reached your specified API usage limits."}}, "bad_request"),
        ("anthropic", 402, {"error": {"type": "billing_error"}}, "quota"),
        ("anthropic", 413, {"error": {"type": "request_too_large"}}, "context"),
        ("anthropic", 403, {"error": {"type": "permission_error"}}, "auth"),
        ("anthropic", 529, {"type": "error", "error": {"type": "overloaded_error"}}, "overloaded"),
        ("anthropic", 500, {"error": {"type": "api_error"}}, "server"),
        ("anthropic", 400, {"error": {"type": "invalid_request_error", "message":
            "prompt is too long: 213462 tokens > 200000 maximum"}}, "context"),
        # Gemini.
        ("gemini", 429, {"error": {**EXHAUSTED, "details": [DAILY]}}, "quota"),
        ("gemini", 429, {"error": {**EXHAUSTED, "details": [MINUTELY]}}, "rate"),
        ("gemini", 429, [{"error": {**EXHAUSTED, "message": "limit: 0, model: x"}}], "quota"),
        ("gemini", 400, {"error": {"status": "INVALID_ARGUMENT", "details": [
            {"@type": "ErrorInfo", "reason": "API_KEY_INVALID"}]}}, "auth"),
        ("gemini", 403, {"error": {"status": "PERMISSION_DENIED"}}, "auth"),
        ("gemini", 503, {"error": {"status": "UNAVAILABLE"}}, "overloaded"),
        ("gemini", 504, {"error": {"status": "DEADLINE_EXCEEDED"}}, "server"),
        ("gemini", 404, {"error": {"status": "NOT_FOUND"}}, "not_found"),
        # xAI says with words what others say with codes.
        ("xai", 429, {"code": "Some resource has been exhausted", "error": "Your team 1 has either "
            "used all available credits or reached its monthly spending limit."}, "quota"),
        ("xai", 403, {"code": "permission-denied", "error": "Your newly created team doesn't have "
            "any credits or licenses yet."}, "quota"),
        ("xai", 429, {"code": "Some resource has been exhausted", "error": "Too many."}, "rate"),
        ("xai", 403, {"code": "permission-denied", "error": "Access is denied."}, "auth"),
        ("xai", 403, {"error": "Content violates usage guidelines."}, "content"),
        ("openai", 429, {"error": {"message": "monthly spending limit"}}, "rate"),
        ("perplexity", 401, {"error": {"type": "insufficient_quota", "code": 401}}, "quota"),
        # ElevenLabs.
        ("elevenlabs", 401, {"detail": {"status": "quota_exceeded"}}, "quota"),
        ("elevenlabs", 401, {"detail": {"status": "invalid_api_key"}}, "auth"),
        ("elevenlabs", 429, {"detail": {"status": "too_many_concurrent_requests"}}, "concurrency"),
        ("elevenlabs", 429, {"detail": {"status": "system_busy"}}, "overloaded"),
        ("elevenlabs", 400, {"detail": {"status": "max_character_limit_exceeded"}}, "context"),
        ("elevenlabs", 422, {"detail": [{"loc": ["body"], "msg": "absent"}]}, "bad_request"),
        ("callable", 429, {}, "rate"),
    ],
)  # fmt: skip
def test_a_code_means_what_its_own_provider_says(provider, status, body, expected):
    found = classify(status, ErrorBody.read(body), provider=provider)
    assert found is FailureClass(expected)


@pytest.mark.parametrize(
    "sentence",
    [
        "This model's maximum context length is 8191 tokens, however you requested 10346 tokens",
        "Your input exceeds the context window of this model. Please adjust your input.",
        "Input tokens exceed the configured limit of 272000 tokens.",
        "prompt is too long: 213462 tokens > 200000 maximum",
        "input length and `max_tokens` exceed context limit: 143653 + 64000 > 200000",
        "The input token count (1196265) exceeds the maximum number of tokens allowed (1048575).",
        "This model's maximum prompt length is 131072 but the request contains 537812 tokens.",
        "Please reduce the length of the messages or completion.",
        "This endpoint's maximum context length is 32768 tokens. However, you requested 42832.",
        "Prompt contains 40000 tokens, too large for model with 32768 maximum context length",
        "The decoder prompt (length 9000) is longer than the maximum model length of 8192.",
        "the request exceeds the available context size, try increasing it",
        "Requested tokens (513) exceed context window of 512",
        "the input length exceeds the context length",
        "tokens to keep from the initial prompt is greater than the context length",
        "Trying to keep the first 111490 tokens when context the overflows.",
        "`inputs` tokens + `max_new_tokens` must be <= 4096",
        "too many tokens: size limit exceeded by 200 tokens",
        "Input is too long for requested model.",
        "prompt token count of 130000 exceeds the limit of 128000",
        "invalid params, context window exceeds limit",
        "Your request exceeded model token limit: 262144",
    ],
)
def test_every_server_that_says_too_long_is_understood(sentence):
    assert classify(400, read(message=sentence)) is FailureClass.CONTEXT
    assert classify(429, read(message=sentence)) is FailureClass.RATE


def test_no_code_is_told_twice_and_every_speaker_has_some():
    keys = [(row.by, row.code, row.statuses) for row in CODES]
    assert len(keys) == len(set(keys))
    assert all(row.code == row.code.lower() and row.because for row in CODES)
    speakers = {by for speaks in SPEAKS.values() for by in speaks}
    assert {row.by for row in CODES} == speakers
    assert {wording.by for wording in WORDINGS} <= speakers


@pytest.mark.parametrize("row", CODES, ids=lambda row: f"{row.by} {row.code}")
def test_each_code_of_the_table_decides_for_its_own_provider(row):
    provider = {"azure": "openai", "compatible": "openai"}.get(row.by, row.by)
    for status in row.statuses or {400, 429, 500}:
        assert classify(status, read(code=row.code), provider=provider) is row.failure
        assert classify(status, read(type=row.code.upper()), provider=provider) is row.failure


def test_the_table_prints():
    text = table().to_text()
    assert "too_many_concurrent_requests" in text
    assert "Mistral" in text


@pytest.mark.parametrize(
    ("said", "expected"), [("true", True), (" False ", False), ("", None), ("1", None)]
)
def test_what_is_said_of_sending_again_is_read(said, expected):
    assert should_retry({"x-should-retry": said}) is expected
    assert should_retry({}) is None


@pytest.mark.parametrize(
    ("data", "code", "message"),
    [
        ({"error": {"code": "x", "message": "m"}}, "x", "m"),
        ([{"error": {"code": 429, "message": "m"}}], "429", "m"),
        ({"detail": {"status": "quota_exceeded", "message": "m"}}, "", "m"),
        ({"error": "plain words"}, "", "plain words"),
        ({"code": "as xAI", "error": "plain words"}, "as xAI", "plain words"),
        ({"message": "m", "code": None}, "", "m"),
        (None, "", ""),
        ("text", "", ""),
        ([], "", ""),
        ({"error": {"code": True, "message": 5.5}}, "", ""),
    ],
)
def test_error_bodies_are_read_in_every_shape(data, code, message):
    body = ErrorBody.read(data)
    assert (body.code, body.message) == (code, message)


def test_what_the_request_itself_caused_is_refused_and_the_rest_failed():
    assert outcome_of(FailureClass.CONTENT) is AttemptOutcome.REFUSED
    assert outcome_of(FailureClass.RATE) is AttemptOutcome.FAILED


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "2"}, 2.0),
        ({"retry-after": " 1.5 "}, 1.5),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "3600"}, 3600.0),
        ({"retry-after": "1000000000"}, LONGEST_RETRY_AFTER),
        ({"retry-after-ms": "250"}, 0.25),
        ({"x-ms-retry-after-ms": "1200"}, 1.2),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after-ms": "abc", "retry-after": "9"}, 9.0),
        ({"retry-after": "Mon, 23 Nov 2026 12:00:30 GMT"}, 30.0),
        ({"retry-after": "Mon, 23 Nov 2026 11:00:00 GMT"}, 0.0),
        ({"retry-after": "Mon, 23 Nov 2026 12:00:30 -0000"}, 30.0),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "abc"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "1e9"}, None),
        ({"retry-after": "1_0"}, None),
        ({"retry-after": "1\x1f"}, None),
        ({"retry-after-ms": "٣"}, None),
        ({"retry-after": ""}, None),
        ({}, None),
    ],
)
def test_every_spelling_of_a_wait_is_understood_and_nonsense_ignored(headers, seconds):
    assert retry_after(headers, ErrorBody(), now=NOW) == seconds


def test_the_delay_in_geminis_details_is_understood():
    body = read(details=[{"@type": "RetryInfo", "retryDelay": "46s"}])
    assert retry_after({}, body, now=NOW) == 46.0


@given(st.text(max_size=60), st.text(max_size=60))
def test_no_header_makes_a_wait_that_is_negative_or_endless(plain, milliseconds):
    waited = retry_after(
        {"retry-after": plain, "retry-after-ms": milliseconds}, ErrorBody(), now=NOW
    )
    assert waited is None or 0 <= waited <= LONGEST_RETRY_AFTER


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["error", "code", "type", "message", "details", "violations", "status", "name",
                     "innererror", "metadata", "reason", "retryDelay", "detail"]
                ),
                inner,
            )
        ),
        max_leaves=10,
    ),
    st.integers() | st.sampled_from([0, 200, 403, 429, 999]),
    st.sampled_from([*SPEAKS, "callable", ""]),
)  # fmt: skip
def test_no_status_and_no_body_breaks_the_reading(data, status, provider):
    body = ErrorBody.read(data)
    assert classify(status, body, provider=provider) in FailureClass
    retry_after({}, body, now=NOW)
