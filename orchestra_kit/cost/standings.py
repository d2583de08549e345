"""What spend budgets say: what is set aside, how they stand, what a decision may reckon with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from orchestra_kit.core.display import Shown
from orchestra_kit.cost.ladder import Step

__all__ = ["Outlook", "Reservation", "Standing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation(Shown):
    """The worst case of one send, set aside until it is settled."""

    number: int
    upper: Decimal
    """Dollars."""
    keys: tuple[tuple[str, str, datetime], ...]
    """Each budget that counts it, the name it is counted under, the start of its window."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing(Shown):
    """One budget in one window, for one of the names it counts."""

    budget: str
    of: str
    """The task, tier, team, feature, user or workflow; empty for a global budget."""
    starts: datetime
    """UTC."""
    ends: datetime
    time_zone: str
    """Whose calendar the window is of."""
    limit: Decimal
    spent: Decimal
    reserved: Decimal
    step: Step

    @property
    def committed(self) -> Decimal:
        """Dollars spent or set aside."""
        return self.spent + self.reserved

    @property
    def share(self) -> float:
        """Committed share of the limit; more than 1 beyond it."""
        return float(self.committed / self.limit) if self.limit else 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook(Shown):
    """What the budgets say to a decision."""

    left: float
    """Share of the tightest budget that is neither spent nor set aside, 0-1; 1.0 without one."""
    downgrade: bool
    """Whether a budget has come to its `downgrade_at`."""
    covered: bool
    """Whether any budget counts the spender, so that every price must be known."""
    step: Step = Step.NONE
    """The highest step that any of the budgets has reached."""
