"""What a provider says a call cost, kept beside what the price book says of it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from orchestra_kit.cost.budgets import SpendBudgets
from tests.engine.small import Kept, an_orchestra, told, well

COMPUTED = Decimal("0.00101")  # 10 tokens in at $1 a million, 100 out at $10


def billing(reported: Decimal | None):
    async def answer(call, clock):
        return replace(await well(call, clock), reported_cost=reported)

    return answer


def asked(small, reported: Decimal | None, times: int = 1):
    """The reply, the notices and the budgets of letters whose provider bills so much each."""
    ledger = Kept()
    with an_orchestra(small, store=ledger) as orchestra:
        told(orchestra).doings["first"] = billing(reported)
        for _ in range(times):
            reply = orchestra.run_sync("Write", tier="best", task="letter")
        budgets: SpendBudgets = orchestra.budgets
        spent = sum(s.spent for s in budgets.standings(orchestra.clock.now()))
        gaps = [notice for notice in ledger.notices if notice.kind == "price_gap"]
        return reply, gaps, spent


def test_the_providers_own_figure_is_what_counts_and_both_are_kept(small):
    reported = Decimal("0.00102")
    reply, gaps, spent = asked(small, reported)
    (attempt,) = reply.attempts
    assert (attempt.cost_reported, attempt.cost_computed) == (reported, COMPUTED)
    assert reply.cost == attempt.cost == spent == reported
    assert gaps == []  # within one per cent


@pytest.mark.parametrize(
    ("reported", "apart"), [("0.0011", "8.2%"), ("0.0009", "10.9%"), ("0", "100.0%")]
)
def test_more_than_one_per_cent_apart_is_told_once_with_both_figures(small, reported, apart):
    _, gaps, _ = asked(small, Decimal(reported), times=3)
    (notice,) = gaps
    assert notice.deployment == "first"
    assert "$0.00101" in notice.message
    assert apart in notice.message


def test_without_a_figure_of_the_providers_ours_counts_and_nothing_is_told(small):
    reply, gaps, spent = asked(small, None)
    assert reply.attempts[0].cost_reported is None
    assert reply.cost == spent == COMPUTED
    assert gaps == []
