"""Money: dollars as `Decimal`, stored as integer nano-dollars.

A token of a cheap model costs less than a micro-dollar, so the stored unit is the nano-dollar;
`docs/decisions/003-nano-dollars.md` has the reasoning. An unknown amount is ``None`` everywhere,
and is shown as "unknown": it is never 0.
"""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, ROUND_HALF_EVEN, Decimal, InvalidOperation

__all__ = ["NANOS", "format_usd", "from_nanos", "parse_usd", "to_nanos"]

NANOS = 1_000_000_000
_AMOUNT = re.compile(r"^\$?\s*(?P<number>\d[\d,_]*(\.\d+)?|\.\d+)$")


def parse_usd(text: str | int | float | Decimal) -> Decimal:
    """Dollars from ``"$0.12"``, ``"0.12"`` or a number.

    Raises ValueError for anything that is not a finite amount of at least 0.
    """
    if isinstance(text, str):
        match = _AMOUNT.match(text.strip())
        if match is None:
            raise ValueError("is not an amount of dollars; write it as $0.12")
        return Decimal(match["number"].replace(",", "").replace("_", ""))
    if isinstance(text, bool):
        raise ValueError("is not an amount of dollars; write it as $0.12")
    try:
        amount = Decimal(str(text))
    except InvalidOperation as error:
        raise ValueError("is not an amount of dollars; write it as $0.12") from error
    if not amount.is_finite() or amount < 0:
        raise ValueError("must be a finite amount of at least $0")
    return amount


def to_nanos(amount: Decimal | None, *, up: bool = False) -> int | None:
    """Nano-dollars of an amount; `up` rounds towards the larger amount, for reservations."""
    if amount is None:
        return None
    rounding = ROUND_CEILING if up else ROUND_HALF_EVEN
    return int((amount * NANOS).to_integral_value(rounding))


def from_nanos(nanos: int | None) -> Decimal | None:
    """The amount that so many nano-dollars are."""
    return None if nanos is None else Decimal(nanos) / NANOS


def format_usd(amount: Decimal | float | None, *, digits: int = 3) -> str:
    """An amount for people: ``$1,204``, ``$0.0391``, ``unknown``.

    `digits` significant figures below one dollar, cents up to $100, whole dollars above.
    """
    if amount is None:
        return "unknown"
    value = Decimal(str(amount))
    if value.is_nan():
        return "unknown"
    sign, value = ("−" if value < 0 else ""), abs(value)
    if value == 0:
        return f"{sign}$0"
    if value >= 100:
        return f"{sign}${value:,.0f}"
    if value >= 1:
        return f"{sign}${value:,.2f}"
    places = -value.adjusted() + digits - 1
    return f"{sign}${value:.{places}f}"
