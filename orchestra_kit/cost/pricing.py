"""From what an attempt consumed to what it cost."""

from __future__ import annotations

from decimal import Decimal

from orchestra_kit.core.answer import Usage, UsageStatus
from orchestra_kit.policy.prices import LongPrompt, Price, TokenPrices

__all__ = ["cost_of", "dearest_cost_of"]

_MILLION = 1_000_000


def cost_of(usage: Usage, price: Price | None) -> Decimal | None:
    """Dollars of a usage; None where a unit that was used has no known price.

    Reasoning is billed as output, as every provider does that reports it; `TokenPrices` says which
    kinds are billed as input where the book does not name them. A prompt above a threshold of the
    book is billed, with its output, at that threshold's prices throughout. A usage that is itself
    unknown has no known cost. A usage of nothing costs $0, if the model has a price at all.
    """
    if price is None or usage.status is UsageStatus.UNKNOWN:
        return None
    tokens = price.tokens_of(usage.prompt_tokens) if price.above else price
    text_in = (
        ("input", usage.input_tokens),
        ("cached", usage.cached_tokens),
        ("cache_write", usage.cache_write_tokens),
        ("cache_write_1h", usage.cache_write_1h_tokens),
    )
    millionths = _millionths(usage, price, tokens, text_in)
    return None if millionths is None else millionths / _MILLION


def dearest_cost_of(usage: Usage, price: Price | None) -> Decimal | None:
    """Dollars that a usage can cost at most, whichever way its provider bills it; None as of
    `cost_of`.

    Each token of text in may turn out fresh, read from a cache or written to one. The prompt may
    turn out shorter than `usage` says, and lie below a threshold at which the prices step.
    """
    if price is None or usage.status is UsageStatus.UNKNOWN:
        return None
    text_in = usage.prompt_tokens - usage.input_audio_tokens - usage.input_image_tokens
    most = Decimal(0)
    for level in (price, *price.above):
        if isinstance(level, LongPrompt) and usage.prompt_tokens <= level.tokens:
            break
        millionths = _millionths(usage, price, level)
        if millionths is None or (text_in and level.dearest_in is None):
            return None
        most = max(most, millionths + text_in * (level.dearest_in or 0))
    return most / _MILLION


def _millionths(
    usage: Usage, price: Price, tokens: TokenPrices, text_in: tuple[tuple[str, int], ...] = ()
) -> Decimal | None:
    """Millionths of dollars of `text_in` and of all else that was used, tokens at one level of a
    price."""
    total = Decimal(0)
    for kind, count in (
        *text_in,
        ("output", usage.output_tokens + usage.reasoning_tokens),
        ("input_audio", usage.input_audio_tokens),
        ("input_image", usage.input_image_tokens),
        ("output_audio", usage.output_audio_tokens),
        ("output_image", usage.output_image_tokens),
    ):
        if count:
            amount = tokens.per_million(kind)
            if amount is None:
                return None
            total += amount * count
    for number, unit, of_a_million in (
        (usage.characters, price.characters, 1),
        (usage.images, price.image, _MILLION),
        (usage.seconds, price.second, _MILLION),
        (usage.queries, price.query, _MILLION),
    ):
        if number:
            if unit is None:
                return None
            # repr of a float is its shortest exact spelling: 1.1 seconds is billed as 1.1.
            total += unit * of_a_million * Decimal(repr(number))
    return total
