"""On whose account a request goes, and which budgets count it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from orchestra_kit.core.display import Shown
from orchestra_kit.core.request import Request
from orchestra_kit.policy.schema import Budget

__all__ = ["Spender", "Spent", "counted", "covering"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spender(Shown):
    """On whose account a request goes; empty fields are an account of their own, but for the task:
    while that is unknown, budgets by task do not cover the request."""

    task: str = ""
    tier: str = ""
    team: str = ""
    feature: str = ""
    user: str = ""
    workflow: str = ""

    @classmethod
    def of(cls, request: Request, task: str | None = None) -> Spender:
        """The accounts of a request whose task is `task`, or else what its sender declared."""
        return cls(
            task=task or request.task or "",
            tier=request.tier,
            team=request.team,
            feature=request.feature,
            user=request.user,
            workflow=request.workflow,
        )


@dataclass(frozen=True, slots=True)
class Spent(Shown):
    """An amount that was spent before: what a restart reads back from the ledger."""

    spender: Spender
    at: datetime
    amount: Decimal


def counted(budget: Budget, spender: Spender) -> str | None:
    """The name that a budget counts a spender under, empty for a global one; None where it does
    not cover the spender."""
    if budget.scope == "global":
        return ""
    name: str = getattr(spender, budget.scope)
    if budget.only and name not in budget.only:
        return None
    return None if budget.scope == "task" and not name else name


def covering(budget: Budget) -> tuple[object, ...]:
    """What a budget counts, and over which windows: alike for two that count the same."""
    return budget.scope, budget.only, budget.per, budget.time_zone
