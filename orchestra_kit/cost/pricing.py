"""From what an attempt consumed to what it cost."""

from __future__ import annotations

from decimal import Decimal

from orchestra_kit.core.answer import Usage, UsageStatus
from orchestra_kit.policy.prices import Price

__all__ = ["cost_of"]


def cost_of(usage: Usage, price: Price | None) -> Decimal | None:
    """Dollars of a usage; None where a unit that was used has no known price.

    Reasoning is billed as output, as every provider does that reports it; cached input at its own
    price, or as fresh input where the book names none. A usage that is itself unknown has no known
    cost. A usage of nothing costs $0, if the model has a price at all.
    """
    if price is None or usage.status is UsageStatus.UNKNOWN:
        return None
    total = Decimal(0)
    for count, unit in (
        (usage.input_tokens, price.per_token("input")),
        (usage.cached_tokens, price.per_token("cached")),
        (usage.output_tokens + usage.reasoning_tokens, price.per_token("output")),
        (usage.images, price.image),
        (usage.characters, None if price.characters is None else price.characters / 1_000_000),
        (usage.seconds, price.second),
    ):
        if not count:
            continue
        if unit is None:
            return None
        # repr of a float is its shortest exact spelling: 1.1 seconds is billed as 1.1.
        total += unit * (count if isinstance(count, int) else Decimal(repr(count)))
    return total
