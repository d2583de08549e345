"""Error responses: what class they are of, and how long they ask to wait."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra_kit.core.errors import AttemptOutcome, FailureClass
from orchestra_kit.providers.failures import (
    LONGEST_RETRY_AFTER,
    ErrorBody,
    classify,
    outcome_of,
    retry_after,
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
        (429, {"code": "system_busy"}, "rate"),
        (429, {"code": "engine_overloaded"}, "overloaded"),
        (402, {}, "quota"),
        (400, {"code": "billing_hard_limit_reached"}, "quota"),
        (401, {"status": "quota_exceeded"}, "quota"),
        (401, {"code": "invalid_api_key"}, "auth"),
        (403, {}, "auth"),
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
    ],
)
def test_each_response_has_its_class(status, error, expected):
    assert classify(status, read(**error)) is FailureClass(expected)


@pytest.mark.parametrize(
    ("data", "code", "message"),
    [
        ({"error": {"code": "x", "message": "m"}}, "x", "m"),
        ([{"error": {"code": 429, "message": "m"}}], "429", "m"),
        ({"detail": {"status": "quota_exceeded", "message": "m"}}, "", "m"),
        ({"error": "plain words"}, "", "plain words"),
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
                st.sampled_from(["error", "code", "type", "message", "details", "violations"]),
                inner,
            )
        ),
        max_leaves=10,
    ),
    st.integers(300, 599),
)
def test_no_error_body_breaks_the_reading(data, status):
    body = ErrorBody.read(data)
    assert classify(status, body) in FailureClass
    retry_after({}, body, now=NOW)
