"""A spend budget over a whole period, at any limit, from one replay of each of its phases.

Requests are taken to come evenly and to cost what they cost on average. Up to the first step the
policy decides as it is; from there on scoring weighs cost double; from the next one on what is left
is handed out evenly, and what does not fit waits for somebody's approval. Rules that read
`budget_left` change their minds on the way, which makes further phases. Each phase costs a known
amount a request, so that its length at any limit is a division.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from orchestra_kit.core.display import Shown, Table
from orchestra_kit.core.errors import TableError
from orchestra_kit.core.money import format_usd
from orchestra_kit.outcomes.tuning.policy_replay import PolicyReplay
from orchestra_kit.policy.editing import Settings
from orchestra_kit.policy.schema import Budget
from orchestra_kit.policy.thresholds import cuts

__all__ = ["Phase", "SpendCourse", "spend_course"]

_WEEKS = {"day": 1 / 7, "week": 1.0, "month": 365.25 / 12 / 7}


@dataclass(frozen=True, slots=True)
class Phase(Shown):
    """What a request gets and costs while the budget stands between two shares of its limit."""

    begins: float
    """Share of the limit that is spent."""
    ends: float
    downgrade: bool
    quality: float
    """Mean score of what is known."""
    cost: float
    """Mean dollars a request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpendCourse(Shown):
    """One period under a budget."""

    limit: float
    requests: float
    """That come in the period."""
    shares: tuple[float, ...]
    """Of the requests that come, those that each phase answers."""
    waiting: float
    """Share that waits for approval."""
    quality: float
    """Mean score of what is answered."""
    spent: float
    """Dollars in the period."""
    phases: tuple[Phase, ...]

    def table(self) -> Table:
        """The phases, and what waits at their end."""
        rows = [
            (f"{p.begins:.0%} to {p.ends:.0%}", "cheaper" if p.downgrade else "as the rules say",
             f"{share:.1%}", f"{p.quality:.3f}", format_usd(1000 * p.cost))
            for p, share in zip(self.phases, self.shares, strict=True)
        ]  # fmt: skip
        rows.append(("beyond", "waits for approval", f"{self.waiting:.1%}", "", ""))
        columns = ("of the limit", "choices", "of the requests", "quality", "$ per 1,000")
        title = (
            f"{format_usd(self.limit)} for {self.requests:,.0f} requests: "
            f"{format_usd(self.spent)} spent, quality {self.quality:.3f}"
        )
        return Table(columns, rows, title=title, right=frozenset(columns[2:]))


def spend_course(
    replay: PolicyReplay, budget: str, *, requests_per_week: float, settings: Settings | None = None
) -> BudgetReplay:
    """The replay of one of the policy's global spend budgets, to be asked for any limit.

    Raises TableError for a budget that the policy does not have or that does not cover everything,
    and where the cost of what the policy does is not known.
    """
    known = {found.name: found for found in replay.policy.file.budgets}
    if budget not in known or known[budget].scope != "global":
        every = ", ".join(n for n, b in known.items() if b.scope == "global") or "none"
        raise TableError(
            f"Policy “{replay.policy.name}” has no spend budget “{budget}” over everything; it has "
            f"{every}."
        )
    found = known[budget]
    phases = tuple(_phases(replay, found, settings or {}))
    return BudgetReplay(found, phases, requests_per_week * _WEEKS[found.per])


@dataclass(frozen=True, slots=True)
class BudgetReplay:
    """A budget whose phases are known."""

    budget: Budget
    phases: tuple[Phase, ...]
    requests: float
    """In a period."""

    def at(self, limit: float | None = None) -> SpendCourse:
        """The period under a limit in dollars; under the policy's own where left out."""
        dollars = float(self.budget.limit) if limit is None else limit
        left, answered = self.requests, []
        for phase in self.phases:
            room = (phase.ends - phase.begins) * dollars
            fits = math.inf if phase.cost == 0 else room / phase.cost
            answered.append(min(left, fits))
            left -= answered[-1]
        total = sum(answered)
        good = sum(n * p.quality for n, p in zip(answered, self.phases, strict=True) if n)
        return SpendCourse(
            limit=dollars,
            requests=self.requests,
            shares=tuple(n / self.requests for n in answered),
            waiting=max(left, 0.0) / self.requests,
            quality=good / total if total else math.nan,
            spent=sum(n * p.cost for n, p in zip(answered, self.phases, strict=True)),
            phases=self.phases,
        )


def _phases(replay: PolicyReplay, budget: Budget, settings: Settings) -> Iterator[Phase]:
    """Between any two shares of the limit at which something changes."""
    turns = {0.0, budget.downgrade_at, budget.throttle_at, budget.block_at}
    for number, rule in enumerate(replay.policy.rules):
        for place, cut in enumerate(cuts(rule.when)):
            if cut.field == "budget_left":
                value = settings.get(f"rules.{number}.when.{place}", cut.value)
                turns.add(round(1.0 - value, 9))
    ends = sorted(turn for turn in turns if 0 <= turn <= budget.block_at)
    for begins, stop in pairwise(ends):
        middle = (begins + stop) / 2
        downgrade = middle >= budget.downgrade_at
        there = replay.under(budget_left=max(0.0, 1.0 - middle), downgrade=downgrade)
        fates = there.at(settings)
        score, cost = (there.per_query(values) for values in (fates.score, fates.cost))
        known = ~np.isnan(score)
        if not known.any() or np.isnan(cost[known]).any():
            raise TableError("What the policy does under this budget is not known in full.")
        yield Phase(begins, stop, downgrade, float(score[known].mean()), float(cost[known].mean()))
