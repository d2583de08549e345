"""What an answer consumed, as the provider reports it, or estimated where it reports nonsense.

The protocol's counts overlap: `prompt_tokens` includes those read from the cache, and
`completion_tokens` those spent on reasoning. Ours are disjoint, so that each is priced once.
"""

from __future__ import annotations

from collections.abc import Mapping

from orchestra_kit.core.answer import Usage, UsageStatus

__all__ = ["CHARACTERS_A_TOKEN", "estimated_usage", "reported_usage"]

CHARACTERS_A_TOKEN = 4
"""The providers' own rule of thumb for English."""

_MOST_TOKENS = 100_000_000
"""More than any context window by two orders of magnitude; a larger count is a fault."""


def estimated_usage(prompt: str, answer: str) -> Usage:
    """Tokens guessed from characters, flagged as such."""
    return Usage(
        input_tokens=-(-len(prompt) // CHARACTERS_A_TOKEN),
        output_tokens=-(-len(answer) // CHARACTERS_A_TOKEN),
        status=UsageStatus.ESTIMATED,
    )


def reported_usage(raw: object) -> Usage | None:
    """The usage of a chat completion; None where a count is missing, of the wrong kind, negative,
    or at odds with another."""
    if not isinstance(raw, Mapping):
        return None
    prompt, completion = _count(raw.get("prompt_tokens")), _count(raw.get("completion_tokens"))
    cached = _detail(raw, "prompt_tokens_details", "cached_tokens")
    reasoning = _detail(raw, "completion_tokens_details", "reasoning_tokens")
    if prompt is None or completion is None or cached is None or reasoning is None:
        return None
    if cached > prompt:
        return None
    outside = reasoning > 0 and _count(raw.get("total_tokens")) == prompt + completion + reasoning
    visible = completion if outside else completion - reasoning
    if visible < 0:
        return None
    return Usage(
        input_tokens=prompt - cached,
        cached_tokens=cached,
        output_tokens=visible,
        reasoning_tokens=reasoning,
    )


def _count(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MOST_TOKENS:
        return None
    return value


def _detail(raw: Mapping[str, object], group: str, name: str) -> int | None:
    """A count among the details, 0 where it is left out; None where it is nonsense."""
    details = raw.get(group)
    if details is None:
        return 0
    if not isinstance(details, Mapping):
        return None
    value = details.get(name)
    return 0 if value is None else _count(value)
