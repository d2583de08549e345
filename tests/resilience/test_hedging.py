"""How often and when a second send may go out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

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


@pytest.mark.parametrize("share", [0.01, 0.03, 0.05, 0.07, 0.29, 1.0])
def test_the_share_is_exact_at_its_boundary(share):
    budget, hedges = HedgeBudget(share), 0
    for requests in range(1, 401):
        budget.deposit(0.0)
        hedges += budget.withdraw(0.0)
        assert hedges == requests * round(share * 100) // 100


def test_without_a_share_there_is_no_hedge():
    budget = HedgeBudget(0)
    for _ in range(1000):
        budget.deposit(0.0)
    assert not budget.withdraw(0.0)


@pytest.mark.parametrize("share", [-0.01, 1.01, float("nan")])
def test_what_is_no_share_is_refused(share):
    with pytest.raises(ValueError, match="between 0 and 1"):
        HedgeBudget(share)


STEPS = st.lists(
    st.tuples(st.sampled_from([0, 0, 1, 20, 59, 60, 61]), st.booleans()), min_size=1, max_size=200
)


@given(STEPS, st.sampled_from([5, 20, 50]))
def test_hedges_are_never_more_than_their_share_of_the_last_minute(steps, percent):
    budget, now = HedgeBudget(percent / 100), 0
    requests: list[int] = []
    hedges: list[int] = []
    for wait, is_request in steps:
        now += wait
        requests = [moment for moment in requests if moment > now - 60]
        hedges = [moment for moment in hedges if moment > now - 60]
        if is_request:
            budget.deposit(now)
            requests.append(now)
            continue
        room = (len(hedges) + 1) * 100 <= len(requests) * percent
        assert budget.withdraw(now) is room
        if room:
            hedges.append(now)


@pytest.mark.parametrize(("calls", "known"), [(199, False), (200, True)])
def test_a_send_counts_as_slow_only_when_enough_of_its_like_are_known(calls, known):
    latencies = Latencies()
    for each in range(calls):
        latencies.add(1.0 + each / 100)
    after = hedge_after(latencies)
    assert (after is not None) is known
    if known:
        assert after == pytest.approx(1.0 + 1.89)
