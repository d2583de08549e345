"""How many retries a deployment's traffic may carry."""

from __future__ import annotations

import tracemalloc

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from orchestra_kit.resilience.retry_budget import RetryBudget


def withdrawn(budget: RetryBudget, now: float, asked: int = 1000) -> int:
    return sum(budget.withdraw(now) for _ in range(asked))


def test_three_retries_are_allowed_whatever_the_traffic():
    assert withdrawn(RetryBudget(), 0.0) == 3


def test_a_fifth_of_the_requests_may_be_retried():
    budget = RetryBudget()
    for _ in range(100):
        budget.deposit(0.0)
    assert budget.left(0.0) == 20
    assert withdrawn(budget, 0.0) == 20
    assert budget.left(0.0) == 0


def test_requests_and_retries_are_forgotten_after_a_minute():
    budget = RetryBudget()
    for _ in range(100):
        budget.deposit(0.0)
    assert withdrawn(budget, 30.0) == 20
    assert withdrawn(budget, 60.0) == 0  # the requests are gone, the retries are not
    assert budget.left(60.0) == 0
    assert withdrawn(budget, 90.0) == 3


def test_an_outage_is_multiplied_by_no_more_than_a_fifth():
    budget, retries = RetryBudget(), 0
    for i in range(20 * 600):
        budget.deposit(i / 20)
        retries += withdrawn(budget, i / 20, asked=2)
    assert retries <= 0.2 * 20 * 600 + 3


def test_months_of_quiet_traffic_are_not_remembered():
    budget = RetryBudget()
    tracemalloc.start()
    try:
        for i in range(50_000):
            budget.deposit(float(i))
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 50_000


class RetryBudgetMachine(RuleBasedStateMachine):
    """A budget beside two lists of moments."""

    @initialize()
    def begin(self) -> None:
        self.now = 0.0
        self.budget = RetryBudget()
        self.requests: list[float] = []
        self.retries: list[float] = []

    @rule(quarters=st.sampled_from([1, 4, 20, 80, 239, 240, 241, 1000]))
    def wait(self, quarters: int) -> None:
        self.now += quarters / 4

    @rule(times=st.integers(1, 60))
    def request(self, times: int) -> None:
        for _ in range(times):
            self.budget.deposit(self.now)
            self.requests.append(self.now)

    @rule(times=st.integers(1, 20))
    def retry(self, times: int) -> None:
        for _ in range(times):
            allowed = max(3, self.recent(self.requests) // 5)
            granted = self.budget.withdraw(self.now)
            assert granted is (self.recent(self.retries) < allowed)
            if granted:
                self.retries.append(self.now)

    def recent(self, moments: list[float]) -> int:
        return sum(moment > self.now - 60 for moment in moments)

    @invariant()
    def no_minute_held_more_than_it_may(self) -> None:
        for end in getattr(self, "retries", ()):
            retries = sum(end - 60 < moment <= end for moment in self.retries)
            requests = sum(end - 60 < moment <= end for moment in self.requests)
            assert retries <= max(3, requests / 5)

    @invariant()
    def what_is_left_is_never_negative(self) -> None:
        if hasattr(self, "budget"):
            assert self.budget.left(self.now) >= 0


TestRetryBudget = RetryBudgetMachine.TestCase
