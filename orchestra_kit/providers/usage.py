"""What an answer consumed, as OpenAI's protocols and their followers report it, or estimated.

Their counts overlap: `prompt_tokens` includes those read from the cache, and `completion_tokens`
those spent on reasoning. Ours are disjoint, so that each is priced once. Every reader takes a
provider's raw JSON and gives None where a count is missing, of the wrong kind, negative, or at odds
with another.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from orchestra_kit.core.answer import Usage, UsageStatus
from orchestra_kit.providers.usage_counts import (
    Counts,
    NonsenseCountError,
    input_usage,
    none_for_nonsense,
)

__all__ = [
    "CHARACTERS_A_TOKEN",
    "estimated_usage",
    "openai_chat_usage",
    "openai_images_usage",
    "openai_responses_usage",
    "openai_transcription_usage",
    "reported_cost",
    "reported_usage",
    "spoken_usage",
    "xai_usage",
]

CHARACTERS_A_TOKEN = 4
"""The providers' own rule of thumb for English."""

_TICKS_A_DOLLAR = 10_000_000_000
"""xAI states the cost of a call in ticks of 10⁻¹⁰ dollars."""
_MOST_DOLLARS = 100_000
"""No single call costs as much; a larger figure is a fault."""


def estimated_usage(prompt: str, answer: str, *, max_output_tokens: int | None = None) -> Usage:
    """Tokens guessed from characters, flagged as such; output never more than
    `max_output_tokens`, which the provider would not have passed either."""
    output = -(-len(answer) // CHARACTERS_A_TOKEN)
    return Usage(
        input_tokens=-(-len(prompt) // CHARACTERS_A_TOKEN),
        output_tokens=output if max_output_tokens is None else min(output, max_output_tokens),
        status=UsageStatus.ESTIMATED,
    )


def spoken_usage(text: str) -> Usage:
    """Characters spoken, for speech whose provider reports nothing; flagged as estimated."""
    return Usage(characters=len(text), status=UsageStatus.ESTIMATED)


@none_for_nonsense
def openai_chat_usage(raw: object) -> Usage:
    """The `usage` of a chat completion, also of those who speak the protocol after OpenAI."""
    counts = Counts(raw)
    details = counts.group("prompt_tokens_details")
    made = counts.group("completion_tokens_details")
    prompt = input_usage(
        counts.need("prompt_tokens"),
        # DeepSeek and Moonshot say it beside the prompt's count, not in its details.
        cached=details.get("cached_tokens")
        or counts.get("prompt_cache_hit_tokens", "cached_tokens"),
        written=details.get("cache_write_tokens"),
        audio=details.get("audio_tokens"),
        image=details.get("image_tokens"),
    )
    return _with_output(
        prompt,
        counts,
        output=counts.need("completion_tokens"),
        reasoning=made.get("reasoning_tokens"),
        audio=made.get("audio_tokens"),
        image=made.get("image_tokens"),
    )


reported_usage = openai_chat_usage
"""The name by which the adapter of chat completions knows it."""


def xai_usage(raw: object) -> Usage | None:
    """The `usage` of a chat completion of xAI, which counts its own searches and tools in it."""
    usage = openai_chat_usage(raw)
    if usage is None:
        return None
    try:
        queries = Counts(raw).get("num_server_side_tools_used", "num_sources_used")
    except NonsenseCountError:
        return None
    return replace(usage, queries=queries)


@none_for_nonsense
def openai_responses_usage(raw: object) -> Usage:
    """The `usage` of a response of OpenAI's Responses protocol, and of Perplexity's agent, whose
    calls of tools are counted as queries."""
    counts = Counts(raw)
    details = counts.group("input_tokens_details")
    prompt = input_usage(
        counts.need("input_tokens"),
        cached=details.get("cached_tokens", "cache_read_input_tokens"),
        written=details.get("cache_write_tokens", "cache_creation_input_tokens"),
        audio=details.get("audio_tokens"),
        image=details.get("image_tokens"),
    )
    usage = _with_output(
        prompt,
        counts,
        output=counts.need("output_tokens"),
        reasoning=counts.group("output_tokens_details").get("reasoning_tokens"),
    )
    tools = sum(tool.get("invocation") for tool in counts.groups("tool_calls_details"))
    return replace(usage, queries=tools)


@none_for_nonsense
def openai_images_usage(raw: object) -> Usage:
    """The whole body of a generation of images: they are counted from its `data`, their tokens
    from its `usage` where it has one."""
    body = Counts(raw)
    images = sum(1 for _ in body.groups("data"))
    if "usage" not in body:
        if not images:
            raise NonsenseCountError
        return Usage(images=images)
    counts = body.group("usage")
    details, made = counts.group("input_tokens_details"), counts.group("output_tokens_details")
    output = counts.need("output_tokens")
    prompt = input_usage(
        counts.need("input_tokens"),
        cached=details.get("cached_tokens"),
        image=details.get("image_tokens"),
    )
    # Where the output is not told apart, all of it is the picture.
    image = made.get("image_tokens") if "image_tokens" in made else output
    return replace(_with_output(prompt, counts, output=output, image=image), images=images)


@none_for_nonsense
def openai_transcription_usage(raw: object) -> Usage:
    """The `usage` of a transcription: tokens, or seconds of audio."""
    counts = Counts(raw)
    if counts.word("type") == "duration":
        return Usage(seconds=counts.seconds("seconds"))
    heard = counts.need("input_tokens")
    details = counts.group("input_token_details", "input_tokens_details")
    # Where the input is not told apart, all of it is what was heard.
    audio = details.get("audio_tokens") if "audio_tokens" in details else heard
    output = counts.need("output_tokens")
    return _with_output(input_usage(heard, audio=audio), counts, output=output)


def reported_cost(raw: object) -> Decimal | None:
    """Dollars that a call's `usage` says it cost: xAI's ticks, Perplexity's `cost.total_cost`;
    None where it does not say, or says nonsense."""
    if not isinstance(raw, Mapping):
        return None
    ticks, cost = raw.get("cost_in_usd_ticks"), raw.get("cost")
    if isinstance(ticks, int) and not isinstance(ticks, bool):
        amount = Decimal(ticks) / _TICKS_A_DOLLAR
    elif isinstance(cost, Mapping) and cost.get("currency", "USD") == "USD":
        total = cost.get("total_cost")
        if isinstance(total, bool) or not isinstance(total, (int, float)):
            return None
        if not math.isfinite(total):
            return None
        # repr of a float is its shortest exact spelling: a stated 0.1 is $0.1.
        amount = Decimal(repr(total))
    else:
        return None
    return amount if 0 <= amount <= _MOST_DOLLARS else None


def _with_output(
    prompt: Usage,
    counts: Counts,
    *,
    output: int,
    reasoning: int = 0,
    audio: int = 0,
    image: int = 0,
) -> Usage:
    """The prompt's usage and the output's, whose reasoning lies in `output`, or outside where only
    so the provider's total comes out right, as at xAI."""
    total = counts.get("total_tokens")
    outside = reasoning > 0 and total == prompt.prompt_tokens + output + reasoning
    visible = output - audio - image - (0 if outside else reasoning)
    if visible < 0:
        raise NonsenseCountError
    return replace(
        prompt,
        output_tokens=visible,
        reasoning_tokens=reasoning,
        output_audio_tokens=audio,
        output_image_tokens=image,
    )
