"""Money that a scenario says is spent already, as the entries a ledger would hold."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from orchestra_kit.cost.budgets import Spender, Spent, window
from orchestra_kit.policy.policy import Policy

__all__ = ["spent_before"]

_LENGTH = {"day": 0, "week": 1, "month": 2}
_OTHERS = Spender(user="earlier traffic", feature="earlier traffic")
"""On nobody's account that a scenario uses: only budgets that cover everything count it."""


def spent_before(policy: Policy, share: float, now: datetime) -> tuple[Spent, ...]:
    """Entries that use up `share` of the limit of every global budget in its current window.

    What a longer window needs beyond the shorter ones is dated to the longer one's beginning.
    Where that lies inside a shorter window too, as on the first of a month, it is left out: the
    tightest budget decides, and the shorter one is already at its share.
    """
    found: list[Spent] = []
    budgets = [b for b in policy.file.budgets if b.scope == "global"]
    shorter_start: datetime | None = None
    for budget in sorted(budgets, key=lambda b: (_LENGTH[b.per], b.limit)):
        start, _ = window(budget.per, now, budget.time_zone)
        inside = sum((s.amount for s in found if s.at >= start), Decimal(0))
        missing = budget.limit * Decimal(str(share)) - inside
        at = now if shorter_start is None else start
        if missing > 0 and (shorter_start is None or start < shorter_start):
            found.append(Spent(_OTHERS, at, missing))
        shorter_start = start if shorter_start is None else min(shorter_start, start)
    return tuple(found)
