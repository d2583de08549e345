"""Usage as OpenAI's protocols report it: disjoint counts that add up to what was reported."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra_kit.core.answer import Usage, UsageStatus
from orchestra_kit.providers.usage import (
    estimated_usage,
    openai_chat_usage,
    openai_images_usage,
    openai_responses_usage,
    openai_transcription_usage,
    reported_cost,
    reported_usage,
    spoken_usage,
    xai_usage,
)

NONSENSE = [-1, 10**18, "12", 1.5, float("nan"), float("inf"), True, [], {}, [1]]
COUNT = st.integers(0, 1_000_000)


def output_of(usage: Usage) -> int:
    return (
        usage.output_tokens
        + usage.reasoning_tokens
        + usage.output_audio_tokens
        + usage.output_image_tokens
    )


def counts_of(usage: Usage) -> list[int | float]:
    return [v for k, v in usage.to_dict().items() if k != "status"]


def test_a_chat_completion_is_told_apart_into_what_is_billed() -> None:
    raw = json.loads("""{
        "prompt_tokens": 1000, "completion_tokens": 300, "total_tokens": 1300,
        "prompt_tokens_details":
            {"cached_tokens": 400, "cache_write_tokens": 250, "audio_tokens": 100,
             "image_tokens": 50},
        "completion_tokens_details":
            {"reasoning_tokens": 120, "audio_tokens": 30, "accepted_prediction_tokens": 9,
             "rejected_prediction_tokens": 4}
    }""")
    assert openai_chat_usage(raw) == Usage(
        input_tokens=200, cached_tokens=400, cache_write_tokens=250, input_audio_tokens=100,
        input_image_tokens=50, output_tokens=150, reasoning_tokens=120, output_audio_tokens=30,
    )  # fmt: skip
    assert reported_usage(raw) == openai_chat_usage(raw)


@pytest.mark.parametrize(
    "raw",
    [
        {"prompt_tokens": 100, "completion_tokens": 5, "prompt_cache_hit_tokens": 60},
        {"prompt_tokens": 100, "completion_tokens": 5, "cached_tokens": 60},
        {"prompt_tokens": 100, "completion_tokens": 5,
         "prompt_tokens_details": {"cached_tokens": 60}, "prompt_cache_hit_tokens": 60},
        {"prompt_tokens": 100, "completion_tokens": 5, "completion_tokens_details": None,
         "prompt_tokens_details": {"cached_tokens": 60, "audio_tokens": None}},
    ],
)  # fmt: skip
def test_cached_tokens_are_found_where_its_followers_put_them(raw: object) -> None:
    assert openai_chat_usage(raw) == Usage(input_tokens=40, cached_tokens=60, output_tokens=5)


def test_reasoning_outside_the_completion_is_recognised_by_the_total() -> None:
    raw = {
        "prompt_tokens": 32, "completion_tokens": 9, "total_tokens": 135,
        "completion_tokens_details": {"reasoning_tokens": 94},
        "num_sources_used": 3, "cost_in_usd_ticks": 37_756_000,
    }  # fmt: skip
    usage = xai_usage(raw)
    assert usage == Usage(input_tokens=32, output_tokens=9, reasoning_tokens=94, queries=3)
    assert reported_cost(raw) == Decimal("0.0037756")
    inside = {**raw, "completion_tokens": 103, "num_server_side_tools_used": 2}
    assert xai_usage(inside) == Usage(
        input_tokens=32, output_tokens=9, reasoning_tokens=94, queries=2
    )
    assert xai_usage({**raw, "num_sources_used": -1}) is None
    assert xai_usage({**raw, "prompt_tokens": -1}) is None


def test_a_response_and_its_searches_are_read() -> None:
    ours = {
        "input_tokens": 125, "input_tokens_details": {"cached_tokens": 98}, "output_tokens": 48,
        "output_tokens_details": {"reasoning_tokens": 40}, "total_tokens": 173,
    }  # fmt: skip
    assert openai_responses_usage(ours) == Usage(
        input_tokens=27, cached_tokens=98, output_tokens=8, reasoning_tokens=40
    )
    perplexity = {
        "input_tokens": 900, "output_tokens": 70, "total_tokens": 970,
        "input_tokens_details": {"cache_read_input_tokens": 500,
                                 "cache_creation_input_tokens": 300},
        "tool_calls_details": {"web_search": {"invocation": 2}, "fetch_url": {"invocation": 1},
                               "sandbox": {}},
        "cost": {"currency": "USD", "input_cost": 0.001, "output_cost": 0.002,
                 "tool_calls_cost": 0.0105, "total_cost": 0.0135},
    }  # fmt: skip
    assert openai_responses_usage(perplexity) == Usage(
        input_tokens=100, cached_tokens=500, cache_write_tokens=300, output_tokens=70, queries=3
    )
    assert reported_cost(perplexity) == Decimal("0.0135")
    assert openai_responses_usage({**perplexity, "tool_calls_details": "two"}) is None


def test_images_are_counted_and_their_tokens_told_apart() -> None:
    body = {
        "data": [{"b64_json": "aGk="}, {"b64_json": "aG8="}],
        "usage": {
            "input_tokens": 250, "input_tokens_details": {"text_tokens": 50, "image_tokens": 200},
            "output_tokens": 1756, "total_tokens": 2006,
        },
    }  # fmt: skip
    assert openai_images_usage(body) == Usage(
        input_tokens=50, input_image_tokens=200, output_image_tokens=1756, images=2
    )
    body["usage"]["output_tokens_details"] = {"image_tokens": 1700, "text_tokens": 56}
    told = openai_images_usage(body)
    assert told is not None
    assert (told.output_tokens, told.output_image_tokens) == (56, 1700)
    assert openai_images_usage({"data": [{"url": "https://x"}]}) == Usage(images=1)
    assert openai_images_usage({"data": []}) is None
    assert openai_images_usage({"data": "many"}) is None


def test_a_transcription_is_billed_by_token_or_by_second() -> None:
    by_token = {
        "type": "tokens", "input_tokens": 90, "output_tokens": 30, "total_tokens": 120,
        "input_token_details": {"text_tokens": 10, "audio_tokens": 80},
    }  # fmt: skip
    assert openai_transcription_usage(by_token) == Usage(
        input_tokens=10, input_audio_tokens=80, output_tokens=30
    )
    del by_token["input_token_details"]
    assert openai_transcription_usage(by_token) == Usage(input_audio_tokens=90, output_tokens=30)
    assert openai_transcription_usage({"type": "duration", "seconds": 7.5}) == Usage(seconds=7.5)
    for wrong in (float("nan"), -1, "7", None, True):
        assert openai_transcription_usage({"type": "duration", "seconds": wrong}) is None


@given(
    fresh=COUNT, cached=COUNT, written=COUNT, audio=COUNT, image=COUNT,
    visible=COUNT, reasoning=COUNT, spoken=COUNT, outside=st.booleans(),
)  # fmt: skip
def test_what_was_told_apart_adds_up_to_what_was_reported(
    fresh: int, cached: int, written: int, audio: int, image: int,
    visible: int, reasoning: int, spoken: int, outside: bool,
) -> None:  # fmt: skip
    prompt = fresh + cached + written + audio + image
    completion = visible + spoken + (0 if outside else reasoning)
    usage = openai_chat_usage({
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion + (reasoning if outside else 0),
        "prompt_tokens_details": {"cached_tokens": cached, "cache_write_tokens": written,
                                  "audio_tokens": audio, "image_tokens": image},
        "completion_tokens_details": {"reasoning_tokens": reasoning, "audio_tokens": spoken},
    })  # fmt: skip
    assert usage == Usage(
        input_tokens=fresh, cached_tokens=cached, cache_write_tokens=written,
        input_audio_tokens=audio, input_image_tokens=image, output_tokens=visible,
        reasoning_tokens=reasoning, output_audio_tokens=spoken,
    )  # fmt: skip


@given(
    prompt=COUNT, cached=COUNT, audio=COUNT, image=COUNT, completion=COUNT, reasoning=COUNT,
    total=st.none() | COUNT,
)  # fmt: skip
def test_whatever_overlaps_the_counts_are_disjoint_and_never_negative(
    prompt: int, cached: int, audio: int, image: int, completion: int, reasoning: int,
    total: int | None,
) -> None:  # fmt: skip
    usage = openai_chat_usage({
        "prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": total,
        "prompt_tokens_details": {"cached_tokens": cached, "audio_tokens": audio,
                                  "image_tokens": image},
        "completion_tokens_details": {"reasoning_tokens": reasoning},
    })  # fmt: skip
    if usage is None:
        assert max(cached, audio, image, audio + image) > prompt or reasoning > completion
        return
    assert min(counts_of(usage)) >= 0
    assert usage.prompt_tokens == prompt
    assert output_of(usage) in {completion, completion + reasoning}


def test_tokens_that_are_both_cached_and_heard_are_counted_once_and_stay_dear() -> None:
    raw = {
        "prompt_tokens": 100, "completion_tokens": 1,
        "prompt_tokens_details": {"cached_tokens": 90, "audio_tokens": 15, "image_tokens": 5},
    }  # fmt: skip
    usage = openai_chat_usage(raw)
    assert usage is not None
    assert usage.prompt_tokens == 100
    assert (usage.input_audio_tokens, usage.input_image_tokens) == (10, 0)


@pytest.mark.parametrize("nonsense", NONSENSE)
@pytest.mark.parametrize(
    ("group", "name"),
    [
        ("", "prompt_tokens"),
        ("", "completion_tokens"),
        ("prompt_tokens_details", "cached_tokens"),
        ("prompt_tokens_details", "audio_tokens"),
        ("completion_tokens_details", "reasoning_tokens"),
    ],
)
def test_a_nonsense_count_makes_the_usage_unknown(group: str, name: str, nonsense: object) -> None:
    raw: dict[str, object] = {"prompt_tokens": 9, "completion_tokens": 9}
    raw |= {group: {name: nonsense}} if group else {name: nonsense}
    assert openai_chat_usage(raw) is None


@pytest.mark.parametrize("raw", [None, [], "12", 7, {}, {"prompt_tokens": 1}, {"prompt_tokens": 1,
    "completion_tokens": 1, "prompt_tokens_details": [1]}])  # fmt: skip
def test_what_is_no_usage_is_unknown_in_every_dialect(raw: object) -> None:
    for read in (
        openai_chat_usage, openai_responses_usage, openai_images_usage,
        openai_transcription_usage, xai_usage,
    ):  # fmt: skip
        assert read(raw) is None


@pytest.mark.parametrize(
    "raw",
    [
        None, {}, {"cost_in_usd_ticks": -1}, {"cost_in_usd_ticks": True},
        {"cost_in_usd_ticks": "5"}, {"cost_in_usd_ticks": 10**18}, {"cost": 0.5},
        {"cost": {"total_cost": float("nan")}}, {"cost": {"total_cost": float("inf")}},
        {"cost": {"total_cost": -0.1}}, {"cost": {"total_cost": "0.1"}},
        {"cost": {"total_cost": True}}, {"cost": {"total_cost": 1, "currency": "EUR"}},
        {"cost": {}},
    ],
)  # fmt: skip
def test_a_cost_that_is_none_is_unknown(raw: object) -> None:
    assert reported_cost(raw) is None


def test_a_cost_of_nothing_is_known() -> None:
    assert reported_cost({"cost_in_usd_ticks": 0}) == 0
    assert reported_cost({"cost": {"total_cost": 0}}) == 0


def test_an_estimate_is_flagged_and_never_more_than_the_provider_would_have_made() -> None:
    guessed = estimated_usage("four", "x" * 4_662_476, max_output_tokens=128_000)
    assert guessed == Usage(input_tokens=1, output_tokens=128_000, status=UsageStatus.ESTIMATED)
    assert estimated_usage("", "abcde").output_tokens == 2
    assert spoken_usage("hello") == Usage(characters=5, status=UsageStatus.ESTIMATED)
