"""Our price book beside that of genai-prices, a public collection of list prices.

It is a second opinion and not the authority: a contract of one's own may well differ from a list.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING

from orchestra_kit.core.errors import ConfigError
from orchestra_kit.core.money import format_usd
from orchestra_kit.policy.findings import Finding, Severity, Subject
from orchestra_kit.policy.policy import Policy
from orchestra_kit.policy.prices import Price, TokenPrices

if TYPE_CHECKING:
    from genai_prices.types import ModelPrice

__all__ = ["crosscheck"]

_THEIRS = {
    "input": "input_mtok",
    "cached": "cache_read_mtok",
    "cache_write": "cache_write_mtok",
    "cache_write_1h": "cache_write_1h_mtok",
    "input_audio": "input_audio_mtok",
    "output": "output_mtok",
    "output_audio": "output_audio_mtok",
}
"""Our units and their names for them: those that both count in tokens."""
_MAKERS = {"gemini": "google", "xai": "x-ai"}
"""Providers that they know by another name; the others by ours."""


def crosscheck(policy: Policy, on: date) -> tuple[Finding, ...]:
    """How each price in force on a day differs from genai-prices' data for that day.

    A warning for a unit that both name and price differently, with the difference in per cent of
    theirs; a note for a unit that only they name, and for a model that they do not know. Models of
    which nothing is billed by the token are passed over. Raises ConfigError where the package is
    not installed.
    """
    return tuple(_findings(Subject(policy), on))


def _findings(subject: Subject, on: date) -> Iterator[Finding]:
    policy = subject.policy
    providers = {d.model: d.provider for d in policy.deployments.values()}
    for model in policy.prices.models:
        price = policy.prices.price(model, on)
        if price is None or price.input is None or not price.input:
            continue
        theirs = _their_price(model, providers.get(model), on)
        if theirs is None:
            at = f" at {providers[model]}" if model in providers else ""
            yield _finding(subject, "note", model, f"genai-prices does not know this model{at}.")
            continue
        yield from _differences(subject, model, price, theirs)


def _differences(
    subject: Subject, model: str, price: Price, theirs: ModelPrice
) -> Iterator[Finding]:
    thresholds = {0, *(tier.tokens for tier in price.above), *_thresholds(theirs)}
    for threshold in sorted(thresholds):
        ours = price.tokens_of(threshold + 1)
        above = f" above {threshold:,} tokens" if threshold else ""
        for unit, listed in _at(theirs, threshold + 1).items():
            yield from _unit(subject, model, price, ours, unit, listed, above)


def _unit(
    subject: Subject,
    model: str,
    price: Price,
    ours: TokenPrices,
    unit: str,
    listed: Decimal,
    above: str,
) -> Iterator[Finding]:
    mine = ours.per_million(unit)
    if mine is None:
        # A picture or a voice may be billed by the piece instead.
        by_piece = price.image is not None or price.characters is not None
        if not (by_piece and unit.startswith("output")):
            yield _finding(
                subject,
                "note",
                model,
                f"has no price for {unit}{above}, genai-prices lists {format_usd(listed)}.",
                "Add it, or calls that use it cost an unknown amount.",
            )
    elif mine != listed:
        apart = f"{float((mine - listed) / listed):+.1%}" if listed else "theirs is $0"
        yield _finding(
            subject,
            "warning",
            model,
            f"{unit}{above} is {format_usd(mine)} a million, genai-prices lists "
            f"{format_usd(listed)} ({apart}).",
            "Look it up at the provider; keep ours if a contract says so.",
        )


def _finding(
    subject: Subject, severity: Severity, model: str, message: str, hint: str = ""
) -> Finding:
    file = subject.policy.file.prices
    return subject.beside(severity, "price cross-check", file, f"models.{model}", message, hint)


def _their_price(model: str, provider: str | None, on: date) -> ModelPrice | None:
    """The list price of a model on a day; of a model of any provider where ours is none."""
    try:
        from genai_prices.data_snapshot import get_snapshot
    except ImportError:
        raise ConfigError(
            "The package genai-prices is not installed, so that prices cannot be compared.",
            hint="Install it with `pip install 'orchestra_kit[prices]'`.",
        ) from None
    known = None if provider in {None, "callable"} else _MAKERS.get(str(provider), provider)
    try:
        _, found = get_snapshot().find_provider_model(model, None, known, None)
    except LookupError:
        return None
    return found.get_prices(datetime.combine(on, time(12), UTC))


def _thresholds(theirs: ModelPrice) -> Iterator[int]:
    for name in _THEIRS.values():
        for tier in getattr(getattr(theirs, name), "tiers", ()):
            yield tier.start


def _at(theirs: ModelPrice, prompt_tokens: int) -> Mapping[str, Decimal]:
    """Their prices by our units, for a prompt of so many tokens."""
    found: dict[str, Decimal] = {}
    for unit, name in _THEIRS.items():
        amount = getattr(theirs, name)
        for tier in getattr(amount, "tiers", ()):
            if prompt_tokens > tier.start:
                amount = tier.price
        amount = getattr(amount, "base", amount)
        if amount is not None:
            found[unit] = amount
    return found
