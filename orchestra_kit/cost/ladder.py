"""The steps of a spend budget: what happens on the way to its limit and beyond.

`note_at` tells its operators, `downgrade_at` makes scoring weigh cost first, `throttle_at` hands
out what is left up to `block_at` evenly over the rest of the period, and at `block_at` nothing more
is sent.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from orchestra_kit.core.display import Shown
from orchestra_kit.policy.schema import Budget

__all__ = ["Crossing", "Ladder", "Step"]


class Step(StrEnum):
    """How far a budget is used up, from the lowest to the highest."""

    NONE = "none"
    NOTE = "note"
    DOWNGRADE = "downgrade"
    THROTTLE = "throttle"
    BLOCK = "block"

    @property
    def rank(self) -> int:
        """0 for none to 4 for block."""
        return _RANK[self]


_RANK = {step: rank for rank, step in enumerate(Step)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing(Shown):
    """A step that a budget stands at or beyond in a window: equal as long as it stands there."""

    budget: str
    of: str
    """The team, feature, user and so on; empty for a global budget."""
    starts: datetime
    ends: datetime
    time_zone: str
    limit: Decimal
    """Dollars."""
    step: Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """The dollars at which each step of a budget is reached."""

    note: Decimal
    downgrade: Decimal
    throttle: Decimal
    block: Decimal
    lowest: Decimal
    """Below which no step is reached."""

    @classmethod
    def of(cls, budget: Budget) -> Ladder:
        """The ladder of a budget; its shares are taken as they are written, 0.8 as 8/10."""
        note, downgrade, throttle, block = (
            budget.limit * Decimal(repr(share))
            for share in (budget.note_at, budget.downgrade_at, budget.throttle_at, budget.block_at)
        )
        return cls(
            note=note,
            downgrade=downgrade,
            throttle=throttle,
            block=block,
            lowest=min(note, downgrade, throttle, block),
        )

    def step(self, committed: Decimal) -> Step:
        """The highest step that an amount has reached."""
        if committed < self.lowest:
            return Step.NONE
        return max(self.reached(committed), key=_RANK.__getitem__, default=Step.NONE)

    def reached(self, committed: Decimal) -> Iterator[Step]:
        """Every step that an amount has reached, the lowest first."""
        for step, amount in (
            (Step.NOTE, self.note),
            (Step.DOWNGRADE, self.downgrade),
            (Step.THROTTLE, self.throttle),
            (Step.BLOCK, self.block),
        ):
            if committed >= amount:
                yield step

    def hands_out(self, amount: Decimal, since: datetime, now: datetime, ends: datetime) -> bool:
        """Whether `amount` may be committed in all at `now`, where the throttle began at `since`:
        no more than `throttle`, and of the rest up to `block` as large a share as of the time from
        `since` until the window `ends` has passed."""
        beyond = amount - self.throttle
        if beyond <= 0:
            return True
        passed = max(now - since, timedelta()) // _INSTANT
        # Multiplied out instead of divided, so that no rounding moves the boundary.
        return beyond * ((ends - since) // _INSTANT) <= (self.block - self.throttle) * passed

    def when(self, amount: Decimal, since: datetime, ends: datetime) -> datetime:
        """The moment from which so much may be committed; for amounts up to `block`."""
        rest = self.block - self.throttle
        share = (amount - self.throttle) / rest if rest else Decimal(1)
        return since + (ends - since) * float(min(max(share, Decimal(0)), Decimal(1)))


_INSTANT = timedelta(microseconds=1)
