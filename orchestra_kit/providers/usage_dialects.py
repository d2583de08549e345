"""What an answer consumed, as the providers with protocols of their own report it.

As in OpenAI's dialect, every reader gives None where a count is nonsense; its counts are disjoint.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from orchestra_kit.core.answer import Usage
from orchestra_kit.providers.usage import spoken_usage
from orchestra_kit.providers.usage_counts import (
    Counts,
    NonsenseCountError,
    input_usage,
    none_for_nonsense,
)

__all__ = ["anthropic_usage", "elevenlabs_usage", "gemini_usage", "stability_usage"]

_CHARACTERS_HEADER = "character-cost"
_MOST_CHARACTERS = 10_000_000


@none_for_nonsense
def anthropic_usage(raw: object) -> Usage:
    """The `usage` of a message, whose `input_tokens` exclude what the cache read and wrote.

    Writes that the split by lifetime does not account for are of the five-minute kind, which is
    what a request gets that asks for no other. Thinking lies inside `output_tokens`.
    """
    counts = Counts(raw)
    split = counts.group("cache_creation")
    for_minutes = split.get("ephemeral_5m_input_tokens")
    for_an_hour = split.get("ephemeral_1h_input_tokens")
    written = for_minutes + for_an_hour
    if "cache_creation_input_tokens" in counts:
        if written > counts.need("cache_creation_input_tokens"):
            raise NonsenseCountError
        written = counts.need("cache_creation_input_tokens")
    output = counts.need("output_tokens")
    thinking = counts.group("output_tokens_details").get("thinking_tokens")
    if thinking > output:
        raise NonsenseCountError
    return Usage(
        input_tokens=counts.need("input_tokens"),
        cached_tokens=counts.get("cache_read_input_tokens"),
        cache_write_tokens=written - for_an_hour,
        cache_write_1h_tokens=for_an_hour,
        output_tokens=output - thinking,
        reasoning_tokens=thinking,
        queries=counts.group("server_tool_use").get("web_search_requests"),
    )


@none_for_nonsense
def gemini_usage(raw: object) -> Usage:
    """The `usageMetadata` of a generation, whose `promptTokenCount` includes what was cached.

    Thoughts lie beside the candidates' count, or inside it where only so the total comes out
    right. Frames of a video count as images, as they are billed; what tools read, as text.
    """
    counts = Counts(raw)
    prompt, tools = counts.need("promptTokenCount"), counts.get("toolUsePromptTokenCount")
    heard, cached = _kinds(counts, "promptTokensDetails"), _kinds(counts, "cacheTokensDetails")
    usage = input_usage(
        prompt + tools,
        cached=counts.get("cachedContentTokenCount"),
        audio=_fresh(heard, cached, "AUDIO"),
        image=_fresh(heard, cached, "IMAGE") + _fresh(heard, cached, "VIDEO"),
    )
    made, thoughts = counts.get("candidatesTokenCount"), counts.get("thoughtsTokenCount")
    inside = thoughts > 0 and counts.get("totalTokenCount") == prompt + tools + made
    kinds = _kinds(counts, "candidatesTokensDetails")
    audio, image = kinds.get("AUDIO", 0), kinds.get("IMAGE", 0)
    visible = made - audio - image - (thoughts if inside else 0)
    if visible < 0:
        raise NonsenseCountError
    return replace(
        usage,
        output_tokens=visible,
        reasoning_tokens=thoughts,
        output_audio_tokens=audio,
        output_image_tokens=image,
    )


@none_for_nonsense
def stability_usage(raw: object) -> Usage:
    """The whole body of a generation, which reports no usage: its pictures are counted."""
    body = Counts(raw)
    images = 1 if body.word("image") else sum(1 for _ in body.groups("artifacts"))
    if not images:
        raise NonsenseCountError
    return Usage(images=images)


def elevenlabs_usage(headers: Mapping[str, str], text: str) -> Usage:
    """Characters that the response's headers say were billed; those of the text, flagged as
    estimated, where they do not say."""
    stated = next((v for k, v in headers.items() if k.lower() == _CHARACTERS_HEADER), "")
    digits = stated.strip()
    if not (digits.isascii() and digits.isdigit()) or len(digits) > len(str(_MOST_CHARACTERS)):
        return spoken_usage(text)
    return Usage(characters=int(digits))


def _kinds(counts: Counts, name: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for entry in counts.groups(name):
        kind = entry.word("modality")
        found[kind] = found.get(kind, 0) + entry.get("tokenCount")
    return found


def _fresh(heard: Mapping[str, int], cached: Mapping[str, int], kind: str) -> int:
    fresh = heard.get(kind, 0) - cached.get(kind, 0)
    if fresh < 0:
        raise NonsenseCountError(kind)
    return fresh
