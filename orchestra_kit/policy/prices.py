"""The price book: what each model's units cost, from which day, by whose word."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from orchestra_kit.core.errors import PolicyError
from orchestra_kit.policy.document import read_document
from orchestra_kit.policy.reading import read_as
from orchestra_kit.policy.schema import Usd, _Strict

__all__ = ["LongPrompt", "Price", "PriceBook", "TokenPrices"]

_MILLION = 1_000_000


def _at_most_a_dollar_each(amount: Decimal) -> Decimal:
    if amount > _MILLION:
        raise ValueError(
            "is more than $1 apiece, which no model costs; write dollars for a million"
        )
    return amount


def _list_of(value: Any) -> Any:
    return [value] if isinstance(value, dict) else value


def _rising(tiers: tuple[LongPrompt, ...]) -> tuple[LongPrompt, ...]:
    if any(one.tokens >= other.tokens for one, other in pairwise(tiers)):
        raise ValueError("must be in rising order of `tokens`, each given once")
    return tiers


PerMillion = Annotated[Usd, AfterValidator(_at_most_a_dollar_each)]


class TokenPrices(_Strict):
    """Dollars for a million tokens of each kind; a kind that is not named has no known price.

    Two kinds are billed as `input` where they are not named, because providers do so: tokens read
    from a cache by those who give no discount, and images by the chat models of OpenAI, Google and
    xAI. Writing to a cache is dearer than input where it is told apart (Anthropic: 1.25 times for
    five minutes, twice for an hour), and sound is dearer than text, so that neither is guessed.
    """

    input: PerMillion | None = None
    """Fresh text in."""
    cached: PerMillion | None = None
    """Read from the provider's cache; as `input` where absent."""
    cache_write: PerMillion | None = None
    """Written to the provider's cache for its usual few minutes."""
    cache_write_1h: PerMillion | None = None
    """Written to the provider's cache for an hour."""
    input_audio: PerMillion | None = None
    input_image: PerMillion | None = None
    """As `input` where absent."""
    output: PerMillion | None = None
    """Text out, reasoning included."""
    output_audio: PerMillion | None = None
    output_image: PerMillion | None = None

    def per_million(self, kind: str) -> Decimal | None:
        """Dollars of a million tokens of a kind, by the name of its field."""
        amount: Decimal | None = getattr(self, kind)
        return self.input if amount is None and kind in _AS_INPUT else amount

    @cached_property
    def dearest_in(self) -> Decimal | None:
        """Dollars of a million tokens of text in, billed the dearest way that is named: fresh,
        read from a cache or written to one; None where fresh ones have no known price."""
        named = (self.per_million(way) for way in _WAYS_IN)
        ways = [amount for amount in named if amount is not None]
        return None if self.input is None else max(ways)

    def per_token(self, kind: str) -> Decimal | None:
        """Dollars of one token of a kind, by the name of its field."""
        amount = self.per_million(kind)
        return None if amount is None else amount / _MILLION


_AS_INPUT = frozenset({"cached", "input_image"})
_WAYS_IN = ("input", "cached", "cache_write", "cache_write_1h")


class LongPrompt(TokenPrices):
    """What every token of a request costs whose prompt is longer than a threshold.

    The price of the whole request steps up, as providers bill it, not that of the tokens beyond.
    """

    tokens: Annotated[int, Field(ge=1)]
    """Prompts of more tokens than this, cached ones included."""


class Price(TokenPrices):
    """Unit prices in dollars; a unit that is not named has no known price."""

    since: Annotated[date, BeforeValidator(lambda v: v)] = Field(alias="from")
    above: Annotated[
        tuple[LongPrompt, ...], BeforeValidator(_list_of), AfterValidator(_rising)
    ] = ()
    """Prices of tokens for long prompts, one or several."""
    image: Usd | None = None
    """One image."""
    characters: PerMillion | None = None
    """A million characters spoken."""
    second: Usd | None = None
    """A second of audio."""
    query: Usd | None = None
    """One search, or call of another of the provider's tools."""
    says: str
    """Where the figure comes from, such as ``list price`` or ``fictitious``."""

    def tokens_of(self, prompt_tokens: int) -> TokenPrices:
        """The prices of tokens that hold for a request with a prompt of so many."""
        for tier in reversed(self.above):
            if prompt_tokens > tier.tokens:
                return tier
        return self


class PriceBook(_Strict):
    """Prices by model, each list ordered by the day from which it holds."""

    note: str = ""
    models: dict[str, tuple[Price, ...]]

    @classmethod
    def load(cls, path: Path) -> PriceBook:
        """Read the file; raises PolicyError with every fault in it."""
        return read_as(cls, read_document(path, error=PolicyError), PolicyError)

    def price(self, model: str, on: date) -> Price | None:
        """The price in force on a day; None where none is known."""
        known = [p for p in self.models.get(model, ()) if p.since <= on]
        return max(known, key=lambda p: p.since, default=None)
