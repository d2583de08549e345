"""How often and when a second send may go out."""

from __future__ import annotations

import pytest

from orchestra_kit.resilience.hedging import HedgeBudget, hedge_after
from orchestra_kit.resilience.latencies import Latencies


def test_the_first_hedge_needs_as_many_requests_as_its_share_says():
    budget = HedgeBudget(0.05)
    for _ in range(19):
        budget.deposit(0.0)
    assert not budget.withdraw(0.0)
    budget.deposit(0.0)
    assert budget.withdraw(0.0)
    assert not budget.withdraw(0.0)


def test_requests_and_hedges_are_forgotten_after_a_minute():
    budget = HedgeBudget(0.05)
    for _ in range(100):
        budget.deposit(0.0)
    assert sum(budget.withdraw(30.0) for _ in range(50)) == 5
    for _ in range(100):
        budget.deposit(60.0)
    assert not budget.withdraw(60.0)
    assert sum(budget.withdraw(90.0) for _ in range(50)) == 5


@pytest.mark.parametrize(("calls", "known"), [(199, False), (200, True)])
def test_a_send_counts_as_slow_only_when_enough_of_its_like_are_known(calls, known):
    latencies = Latencies()
    for each in range(calls):
        latencies.add(1.0 + each / 100)
    after = hedge_after(latencies)
    assert (after is not None) is known
    if known:
        assert after == pytest.approx(1.0 + 1.89)
