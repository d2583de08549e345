"""The price book: what each model's units cost, from which day, by whose word."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field

from orchestra_kit.core.errors import PolicyError
from orchestra_kit.policy.document import read_document
from orchestra_kit.policy.reading import read_as
from orchestra_kit.policy.schema import Usd, _Strict

__all__ = ["Price", "PriceBook"]


class Price(_Strict):
    """Unit prices in dollars; a unit that is not named has no known price."""

    since: Annotated[date, BeforeValidator(lambda v: v)] = Field(alias="from")
    input: Usd | None = None
    """A million fresh input tokens."""
    cached: Usd | None = None
    """A million input tokens read from the provider's cache; as `input` where absent."""
    output: Usd | None = None
    """A million output tokens, reasoning included."""
    image: Usd | None = None
    """One image."""
    characters: Usd | None = None
    """A million characters spoken."""
    second: Usd | None = None
    """A second of audio."""
    says: str
    """Where the figure comes from, such as ``list price`` or ``fictitious``."""

    def per_token(self, kind: str) -> Decimal | None:
        """Dollars of one token of kind ``input``, ``cached`` or ``output``."""
        amount: Decimal | None = getattr(self, kind)
        if amount is None and kind == "cached":
            amount = self.input
        return None if amount is None else amount / 1_000_000


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
