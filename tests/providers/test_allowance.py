"""What headers say of the account's allowance, in every spelling, and in none."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra_kit.core.answer import Allowance
from orchestra_kit.providers.allowance import read_allowance

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def read(**headers: str) -> Allowance | None:
    return read_allowance({k.replace("_", "-"): v for k, v in headers.items()}, now=NOW)


def test_openais_headers_are_read():
    found = read(
        x_ratelimit_limit_requests="500",
        x_ratelimit_remaining_requests="499",
        x_ratelimit_reset_requests="120ms",
        x_ratelimit_limit_tokens="30000",
        x_ratelimit_remaining_tokens="0",
        x_ratelimit_reset_tokens="6m0s",
    )
    assert found == Allowance(
        requests_limit=500, requests_left=499, requests_reset=0.12,
        tokens_limit=30_000, tokens_left=0, tokens_reset=360.0,
    )  # fmt: skip


def test_anthropics_headers_are_read_and_the_tighter_count_of_tokens_holds():
    found = read(
        anthropic_ratelimit_requests_limit="50",
        anthropic_ratelimit_requests_remaining="49",
        anthropic_ratelimit_requests_reset="2026-11-23T12:00:30Z",
        anthropic_ratelimit_tokens_limit="100000",
        anthropic_ratelimit_tokens_remaining="90000",
        anthropic_ratelimit_input_tokens_limit="40000",
        anthropic_ratelimit_input_tokens_remaining="1000",
        anthropic_ratelimit_input_tokens_reset="2026-11-23T13:00:30+01:00",
    )
    assert found == Allowance(
        requests_limit=50, requests_left=49, requests_reset=30.0,
        tokens_limit=40_000, tokens_left=1000, tokens_reset=30.0,
    )  # fmt: skip


def test_elevenlabs_says_how_many_at_once():
    found = read(current_concurrent_requests="3", maximum_concurrent_requests="10")
    assert found == Allowance(concurrent_limit=10, concurrent_now=3)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1s", 1.0), ("1h2m3.5s", 3723.5), ("2", 2.0), ("20ms", 0.02), ("1d", 86_400.0),
     (" 8.64s ", 8.64), ("500µs", 0.0005), ("0s", 0.0), ("1m20ms", 60.02), ("1.s", None),
     ("1s 2s", None), ("٣s", None), ("s", None), ("1s" * 7, None), ("1" * 10 + "s", None),
     ("9999h", 86_400.0), ("", None), ("-1s", None), ("1x", None), ("soon", None), ("1s!", None)],
)  # fmt: skip
def test_resets_are_read_in_their_spelling_or_not_at_all(text, seconds):
    found = read(x_ratelimit_limit_tokens="5", x_ratelimit_reset_tokens=text)
    assert found is not None
    assert found.tokens_reset == seconds


@pytest.mark.parametrize(
    "text", ["-1", "many", "", "1e9", "nan", "½", "0x10", "9" * 40, "٣", "1,000", "+5"]
)
def test_what_is_no_count_was_not_said(text):
    assert read(x_ratelimit_remaining_requests=text) is None


@pytest.mark.parametrize("limit", ["-1", "0", "none", ""])
def test_beside_a_limit_that_is_none_nothing_was_said(limit):
    assert read(x_ratelimit_limit_tokens=limit, x_ratelimit_remaining_tokens="0") is None
    assert read(maximum_concurrent_requests=limit, current_concurrent_requests="4") is None
    found = read(
        x_ratelimit_limit_tokens=limit,
        x_ratelimit_remaining_tokens="0",
        x_ratelimit_limit_requests="60",
    )
    assert found == Allowance(requests_limit=60)


def test_what_is_left_is_read_where_the_limit_is_not_told():
    assert read(x_ratelimit_remaining_tokens="149984.0") == Allowance(tokens_left=149_984)


def test_the_tightest_is_the_one_of_which_least_is_left_be_it_nothing():
    found = read(
        anthropic_ratelimit_tokens_limit="38000",
        anthropic_ratelimit_tokens_remaining="0",
        anthropic_ratelimit_input_tokens_limit="30000",
        anthropic_ratelimit_input_tokens_remaining="5",
    )
    assert found == Allowance(tokens_limit=38_000, tokens_left=0)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("2026-11-23T12:00:30Z", 30.0), ("2026-11-23T11:59:59Z", 0.0), ("2026-11-23T12:00:01", 1.0),
     ("2026-11-23T12:00:00.250Z", 0.25), ("9999-12-31T23:59:59Z", 86_400.0), ("later", None),
     ("0001-01-01T00:00:00+23:59", 0.0), ("30", None), ("2026-11-23T12:00:30Z" + " " * 30, None)],
)  # fmt: skip
def test_a_moment_is_told_as_the_seconds_until_it(text, seconds):
    found = read(anthropic_ratelimit_requests_limit="50", anthropic_ratelimit_requests_reset=text)
    assert found == Allowance(requests_limit=50, requests_reset=seconds)


def test_headers_without_limits_say_nothing():
    assert read(content_type="application/json") is None


_NAMES = st.sampled_from(
    [
        f"x-ratelimit-{a}-{b}"
        for a in ("limit", "remaining", "reset")
        for b in ("requests", "tokens")
    ]
    + [
        f"anthropic-ratelimit-{b}-{a}"
        for a in ("limit", "remaining", "reset")
        for b in ("requests", "tokens", "input-tokens")
    ]
    + ["maximum-concurrent-requests", "current-concurrent-requests"]
)


@given(st.dictionaries(_NAMES, st.text(max_size=30) | st.from_regex(r"[0-9]{1,18}[smhTZ:.-]{0,3}")))
def test_no_header_text_whatever_raises_or_gives_a_negative_figure(headers):
    found = read_allowance(headers, now=NOW)
    if found is not None:
        assert all(value is None or value >= 0 for value in found.to_dict().values())
