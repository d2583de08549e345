"""A second send beside a slow one: the first good answer is taken, both are paid for.

Off unless a task asks for it, and then kept to calls that it can help without harm: text without
tools, in one piece, while every breaker of the chain is closed and the other deployment has room. A
hedge waits until the first send has taken longer than 95 % of its like, and hedges are a small
share of the requests; when everything is slow at once, they stop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from orchestra_kit.core.clock import Clock
from orchestra_kit.core.request import Request
from orchestra_kit.engine.capacity import Capacity
from orchestra_kit.engine.course import Course, Ended
from orchestra_kit.engine.health import Health
from orchestra_kit.engine.recent import Recent
from orchestra_kit.policy.policy import Policy
from orchestra_kit.resilience.hedging import HedgeBudget, hedge_after

__all__ = ["Hedges", "first_good"]


class Hedges:
    """Says whether and when a send may have a second one beside it."""

    def __init__(
        self, policy: Policy, *, clock: Clock, health: Health, capacity: Capacity, recent: Recent
    ) -> None:
        self._clock = clock
        self._health = health
        self._capacity = capacity
        self._recent = recent
        self._budgets = {
            name: HedgeBudget(task.hedge.share)
            for name, task in policy.tasks.items()
            if task.hedge is not None and task.makes == "text"
        }

    def after(self, course: Course, deployment: str) -> float | None:
        """Seconds after which a send may get a second one; None for never. Counts the request."""
        task = course.decision.task
        budget = self._budgets.get(task)
        if budget is None or course.emit is not None or _acts(course.request):
            return None
        if not course.attempts:
            budget.deposit(self._clock.monotonic())
        return hedge_after(self._recent.latencies(deployment, task))

    def may(self, course: Course, other: str, tokens: int) -> bool:
        """Whether the second send may go out now; a True counts it."""
        planned = course.decision.planned or course.decision.chain
        if not all(self._health.closed(deployment) for deployment in planned):
            return False
        if self._capacity.wait(other, tokens) > 0:
            return False
        return self._budgets[course.decision.task].withdraw(self._clock.monotonic())


def _acts(request: Request) -> bool:
    """Whether an answer may call tools, whose effects nobody wants twice."""
    return any("tool" in name or "function" in name for name in
               (*request.parameters, *request.requires))  # fmt: skip


async def first_good(
    first: asyncio.Task[Ended], second: Coroutine[Any, Any, Ended]
) -> tuple[Ended | None, Ended | None]:
    """How each of two sends ended; None for one that was overtaken by the other's answer.

    That one is cancelled, and has been accounted for when this returns.
    """
    both = (first, asyncio.create_task(second))
    try:
        pending = set(both)
        while pending:
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            if any(task.result().failure is None for task in done):
                break
        one, two = (task.result() if task.done() else None for task in both)
        return one, two
    finally:
        for task in both:
            task.cancel()
        await asyncio.gather(*both, return_exceptions=True)
