"""Usage as Anthropic, Gemini, Stability and ElevenLabs report it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra_kit.core.answer import Usage, UsageStatus
from orchestra_kit.providers.usage_dialects import (
    anthropic_usage,
    elevenlabs_usage,
    gemini_usage,
    stability_usage,
)
from tests.providers.test_usage import NONSENSE, counts_of, output_of

COUNT = st.integers(0, 1_000_000)


def test_a_message_of_anthropic_excludes_its_cache_from_the_input() -> None:
    raw = json.loads("""{
        "input_tokens": 21, "cache_read_input_tokens": 5000, "cache_creation_input_tokens": 900,
        "cache_creation": {"ephemeral_5m_input_tokens": 200, "ephemeral_1h_input_tokens": 700},
        "output_tokens": 350, "output_tokens_details": {"thinking_tokens": 300},
        "server_tool_use": {"web_search_requests": 2, "web_fetch_requests": 5},
        "service_tier": "standard", "inference_geo": null
    }""")
    usage = anthropic_usage(raw)
    assert usage == Usage(
        input_tokens=21, cached_tokens=5000, cache_write_tokens=200, cache_write_1h_tokens=700,
        output_tokens=50, reasoning_tokens=300, queries=2,
    )  # fmt: skip
    assert usage.prompt_tokens == 5921


def test_cache_writes_without_a_lifetime_are_of_the_five_minute_kind() -> None:
    raw = {
        "input_tokens": 1, "output_tokens": 1, "cache_creation_input_tokens": 5000,
        "cache_creation": {"ephemeral_5m_input_tokens": 1000, "ephemeral_1h_input_tokens": 500},
    }  # fmt: skip
    usage = anthropic_usage(raw)
    assert usage is not None
    assert (usage.cache_write_tokens, usage.cache_write_1h_tokens) == (4500, 500)
    del raw["cache_creation_input_tokens"]
    usage = anthropic_usage(raw)
    assert usage is not None
    assert (usage.cache_write_tokens, usage.cache_write_1h_tokens) == (1000, 500)


@pytest.mark.parametrize(
    "change",
    [
        {"cache_creation_input_tokens": 1, "cache_creation": {"ephemeral_1h_input_tokens": 2}},
        {"output_tokens": 1, "output_tokens_details": {"thinking_tokens": 2}},
        {"cache_creation": 5},
        {"output_tokens": None},
    ],
)
def test_a_message_whose_counts_are_at_odds_is_unknown(change: dict[str, object]) -> None:
    assert anthropic_usage({"input_tokens": 9, "output_tokens": 9, **change}) is None


@given(COUNT, COUNT, COUNT, COUNT, COUNT, COUNT)
def test_the_counts_of_a_message_add_up(
    fresh: int, read: int, minutes: int, hour: int, visible: int, thinking: int
) -> None:
    usage = anthropic_usage({
        "input_tokens": fresh, "cache_read_input_tokens": read,
        "cache_creation_input_tokens": minutes + hour,
        "cache_creation": {"ephemeral_1h_input_tokens": hour},
        "output_tokens": visible + thinking, "output_tokens_details": {"thinking_tokens": thinking},
    })  # fmt: skip
    assert usage is not None
    assert usage.prompt_tokens == fresh + read + minutes + hour
    assert usage.cache_write_tokens == minutes
    assert output_of(usage) == visible + thinking
    assert min(counts_of(usage)) >= 0


def test_a_generation_of_gemini_includes_its_cache_in_the_prompt() -> None:
    raw = json.loads("""{
        "promptTokenCount": 1200, "cachedContentTokenCount": 700, "candidatesTokenCount": 80,
        "thoughtsTokenCount": 300, "toolUsePromptTokenCount": 40, "totalTokenCount": 1620,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 800},
                                {"modality": "AUDIO", "tokenCount": 100},
                                {"modality": "VIDEO", "tokenCount": 50},
                                {"modality": "IMAGE", "tokenCount": 250}],
        "cacheTokensDetails": [{"modality": "TEXT", "tokenCount": 690},
                               {"modality": "AUDIO", "tokenCount": 10}],
        "candidatesTokensDetails": [{"modality": "TEXT", "tokenCount": 80}]
    }""")
    assert gemini_usage(raw) == Usage(
        input_tokens=150, cached_tokens=700, input_audio_tokens=90, input_image_tokens=300,
        output_tokens=80, reasoning_tokens=300,
    )  # fmt: skip


@given(prompt=COUNT, tool=COUNT, visible=COUNT, thoughts=COUNT, cached=COUNT, inside=st.booleans())
def test_thoughts_are_counted_once_whether_they_lie_inside_or_outside(
    prompt: int, tool: int, visible: int, thoughts: int, cached: int, inside: bool
) -> None:
    made = visible + (thoughts if inside else 0)
    cached = min(cached, prompt)
    usage = gemini_usage({
        "promptTokenCount": prompt, "toolUsePromptTokenCount": tool,
        "cachedContentTokenCount": cached, "candidatesTokenCount": made,
        "thoughtsTokenCount": thoughts,
        "totalTokenCount": prompt + tool + visible + thoughts,
    })  # fmt: skip
    assert usage == Usage(
        input_tokens=prompt + tool - cached, cached_tokens=cached, output_tokens=visible,
        reasoning_tokens=thoughts,
    )  # fmt: skip


def test_pictures_and_sound_out_are_told_apart_and_a_left_out_nought_is_nought() -> None:
    raw = {
        "promptTokenCount": 9, "candidatesTokenCount": 1400, "totalTokenCount": 1409,
        "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1290},
                                    {"modality": "AUDIO", "tokenCount": 60}],
    }  # fmt: skip
    assert gemini_usage(raw) == Usage(
        input_tokens=9, output_tokens=50, output_image_tokens=1290, output_audio_tokens=60
    )
    assert gemini_usage({"promptTokenCount": 9, "totalTokenCount": 9}) == Usage(input_tokens=9)


@pytest.mark.parametrize(
    "change",
    [
        {"promptTokenCount": None},
        {"cachedContentTokenCount": 10},
        {"cacheTokensDetails": [{"modality": "AUDIO", "tokenCount": 1}]},
        {"candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 10}]},
        {"candidatesTokensDetails": "IMAGE"},
        {"promptTokensDetails": ["AUDIO"]},
        {"thoughtsTokenCount": 99, "candidatesTokenCount": 9, "totalTokenCount": 18},
    ],
)
def test_a_generation_whose_counts_are_at_odds_is_unknown(change: dict[str, object]) -> None:
    assert gemini_usage({"promptTokenCount": 9, "candidatesTokenCount": 9, **change}) is None


@pytest.mark.parametrize("nonsense", NONSENSE)
def test_a_nonsense_count_makes_the_usage_unknown(nonsense: object) -> None:
    message = {"input_tokens": 9, "output_tokens": 9}
    for name in (*message, "cache_read_input_tokens", "cache_creation_input_tokens"):
        assert anthropic_usage({**message, name: nonsense}) is None
    generation = {"promptTokenCount": 9, "candidatesTokenCount": 9}
    for name in (*generation, "cachedContentTokenCount", "thoughtsTokenCount"):
        assert gemini_usage({**generation, name: nonsense}) is None


def test_a_picture_without_any_usage_is_counted() -> None:
    assert stability_usage({"image": "aGk=", "finish_reason": "SUCCESS", "seed": 4}) == Usage(
        images=1
    )
    assert stability_usage({"artifacts": [{"base64": "aGk="}, {"base64": "aG8="}]}) == Usage(
        images=2
    )
    for nothing in (None, {}, {"image": None}, {"artifacts": []}, {"artifacts": 3}, []):
        assert stability_usage(nothing) is None


def test_characters_are_those_the_header_bills_or_else_estimated() -> None:
    assert elevenlabs_usage({"Character-Cost": " 42 "}, "hello") == Usage(characters=42)
    guess = Usage(characters=5, status=UsageStatus.ESTIMATED)
    for header in ("", "-4", "4.2", "many", "9" * 30, "٤"):
        assert elevenlabs_usage({"character-cost": header}, "hello") == guess
    assert elevenlabs_usage({}, "hello") == guess
