"""Why a spend budget refuses a send, in words for those who run it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from orchestra_kit.core.errors import ApprovalNeeded, SpendLimitReached
from orchestra_kit.core.money import format_usd
from orchestra_kit.cost.tally import Account, Tally
from orchestra_kit.cost.windows import zone_of

__all__ = ["blocked", "throttled", "unpriced"]


def unpriced(tally: Tally, account: Account) -> SpendLimitReached:
    """A budget covers a send whose worst case is unknown."""
    return SpendLimitReached(
        f"{_named(tally, account)} covers this call, whose price is not known.",
        hint="Add the model's price to the price book.",
    )


def blocked(tally: Tally, account: Account, amount: Decimal) -> SpendLimitReached:
    """A send of at most `amount` dollars would pass the block."""
    return SpendLimitReached(
        f"{_named(tally, account)} blocks at {format_usd(tally.ladder.block)} a "
        f"{tally.budget.per}; {_counts(account, amount)}.",
        hint=f"Raise its limit, or wait until {_shown(tally, account.ends)}.",
    )


def throttled(tally: Tally, account: Account, amount: Decimal) -> ApprovalNeeded:
    """A send of at most `amount` dollars would pass what the throttle hands out by now."""
    fits = tally.fits_at(account, amount)
    return ApprovalNeeded(
        f"{_named(tally, account)} has come to {format_usd(tally.ladder.throttle)} and hands out "
        f"the rest of its {tally.budget.per} by and by; {_counts(account, amount)}.",
        hint=f"Have it approved, raise the limit, or wait until {_shown(tally, fits)}.",
    )


def _named(tally: Tally, account: Account) -> str:
    scope = tally.budget.scope
    of = f" for {scope} {account.of or '(unnamed)'}" if scope != "global" else ""
    return f"The spend budget “{tally.budget.name}”{of}"


def _counts(account: Account, amount: Decimal) -> str:
    committed = format_usd(account.spent + account.reserved)
    return f"{committed} is spent or set aside, and this call may cost {format_usd(amount)}"


def _shown(tally: Tally, moment: datetime) -> str:
    zone = tally.budget.time_zone
    return f"{moment.astimezone(zone_of(zone)):%Y-%m-%d %H:%M} {zone}"
