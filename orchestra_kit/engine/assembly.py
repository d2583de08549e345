"""One policy at work: everything that answers requests by it, put together.

An `Orchestra` holds one, and another when a new version of its policy is promoted. What is known
of the world outlives the change: breakers, limits and latencies are of deployments, and what is
spent is spent.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, replace

from orchestra_kit.core.answer import Source
from orchestra_kit.core.clock import Clock
from orchestra_kit.core.errors import StoreError
from orchestra_kit.core.reply import Reply
from orchestra_kit.core.request import Request
from orchestra_kit.cost.budgets import SpendBudgets, Spender
from orchestra_kit.engine.adapting import Adapting
from orchestra_kit.engine.answer_cache import AnswerCache
from orchestra_kit.engine.budget_news import BudgetNews
from orchestra_kit.engine.capacity import Capacity
from orchestra_kit.engine.cascade import Cascade
from orchestra_kit.engine.closing import Closing
from orchestra_kit.engine.course import Course, Emit
from orchestra_kit.engine.gate import Scorer
from orchestra_kit.engine.health import Health
from orchestra_kit.engine.incidents import Incidents
from orchestra_kit.engine.notices import Notices
from orchestra_kit.engine.overrides import Overrides
from orchestra_kit.engine.recent import Recent
from orchestra_kit.engine.sanitising import Sanitiser
from orchestra_kit.engine.sending import Sender
from orchestra_kit.engine.sharing import Sharing
from orchestra_kit.engine.warmth import Warmth
from orchestra_kit.policy.policy import Policy
from orchestra_kit.providers.provider import Backend
from orchestra_kit.routing.router import Router
from orchestra_kit.routing.snapshot import Snapshot
from orchestra_kit.store.ledger import Ledger

__all__ = ["Assembly", "World"]


@dataclass(frozen=True, slots=True)
class World:
    """What does not change with the policy."""

    clock: Clock
    ledger: Ledger
    digest: Callable[[str], str]
    """Of a prompt, by which equal ones are told to be equal."""
    notices: Notices
    incidents: Incidents
    health: Health
    capacity: Capacity
    recent: Recent
    warmth: Warmth
    overrides: Overrides
    sharing: Sharing | None
    answers: AnswerCache
    scorer: Scorer | None
    sanitiser: Sanitiser | None


class Assembly:
    """Answers requests by one policy."""

    def __init__(
        self,
        policy: Policy,
        world: World,
        *,
        backend: Backend,
        router: Router,
        budgets: SpendBudgets,
    ) -> None:
        self.policy = policy
        self.router = router
        self.backend = backend
        self.budgets = budgets
        self._world = world
        self._tasks_with_budgets = tuple(
            task
            for task in policy.tasks
            if any(b.scope == "task" and task in (b.only or (task,)) for b in policy.file.budgets)
        )
        self._balanced = _balanced(policy)
        self.adapting = Adapting(policy)
        self._budget_news = BudgetNews(budgets, world.notices, world.clock)
        self._closing = Closing(
            policy=policy,
            source=self.source,
            clock=world.clock,
            ledger=world.ledger,
            notices=world.notices,
            incidents=world.incidents,
            digest=world.digest,
        )
        sender = Sender(
            policy=policy,
            backend=backend,
            clock=world.clock,
            ledger=world.ledger,
            health=world.health,
            capacity=world.capacity,
            recent=world.recent,
            budgets=budgets,
            notices=world.notices,
            scorer=world.scorer,
            sharing=world.sharing,
        )
        self._cascade = Cascade(
            policy=policy,
            router=router,
            sender=sender,
            clock=world.clock,
            health=world.health,
            capacity=world.capacity,
            recent=world.recent,
            sanitiser=world.sanitiser,
        )

    @property
    def source(self) -> Source:
        """What every figure that comes from here is labelled with."""
        return self.backend.source

    async def answer(self, request: Request, emit: Emit | None = None) -> Reply:
        """The reply to a request, written down before it is returned."""
        clock = self._world.clock
        started = clock.monotonic()
        if self._world.sharing is not None:
            await self._world.sharing.listen()
        decision = self.router.decide(request, self.snapshot(request))
        if request.mended:
            decision = replace(decision, because=f"{decision.because} ({request.mended})")
        within = min(request.within or self.policy.file.deadline, self.policy.file.deadline)
        course = Course(request=request, decision=decision, deadline=started + within, emit=emit)
        try:
            reply = await self._kept_or_asked(course, started)
            if reply.answered and reply.repeats is None:
                deployments = self.policy.deployments
                self._world.warmth.answered(request.session, reply.deployment, deployments)
            await self._budget_news.tell()
            await self._record(course, reply)
        finally:
            course.over = True
            if course.unwritten:
                # Shielded: who gives up waiting must not leave a send open in the books.
                await asyncio.shield(self._write_endings(course))
        return reply

    async def _record(self, course: Course, reply: Reply) -> None:
        try:
            await self._world.ledger.record(course.request, reply, tuple(course.unwritten))
        except StoreError as error:
            await self._closing.aftermath.store_failed(course.request, error)
            raise
        course.unwritten.clear()

    async def _write_endings(self, course: Course) -> None:
        """Write the endings whose reply was not written; why it was not is told already."""
        with contextlib.suppress(StoreError):
            for attempt in course.unwritten:
                await self._world.ledger.finish(attempt)

    async def _kept_or_asked(self, course: Course, started: float) -> Reply:
        """The answer that is kept of just this question, else the one that its chain gives."""
        answers = self._world.answers
        key = answers.key(self.policy, course.request, course.decision)
        if key is None:
            return await self._asked(course, started)
        patience = (course.deadline - started) / 2  # enough is left to ask after all
        async with answers.flight(key, patience) as flight:
            if flight.found is not None:
                return self._closing.repeated(course, flight.found, started)
            reply = await self._asked(course, started)
            flight.found = await answers.keep(key, self.policy, course, reply)
            return reply

    async def _asked(self, course: Course, started: float) -> Reply:
        if not course.decision.review:
            await self._cascade.follow(course)
        return await self._closing.reply(course, started)

    def snapshot(self, request: Request) -> Snapshot:
        """What the router may know of the world at this moment."""
        world, now = self._world, self._world.clock.now()
        outlook = self.budgets.outlook(Spender.of(request), now)
        by_task = {
            task: self.budgets.outlook(Spender.of(request, task), now)
            for task in self._tasks_with_budgets
        }
        return Snapshot(
            today=now.date(),
            unavailable=world.health.unavailable(),
            busy=world.capacity.busy(),
            loads=world.recent.loads(self._balanced) if self._balanced else {},
            warm=world.warmth.of(request.session),
            overrides=world.overrides.in_force(now),
            arms=self.adapting.seen(world.clock.monotonic()),
            unadapted=self.adapting.off,
            budget_left=outlook.left,
            downgrade=outlook.downgrade,
            needs_price=outlook.covered,
            task_budget_left={task: found.left for task, found in by_task.items()},
            downgraded_tasks=frozenset(t for t, found in by_task.items() if found.downgrade),
            priced_tasks=frozenset(by_task),
        )


def _balanced(policy: Policy) -> tuple[tuple[str, ...], ...]:
    """Deployments of one model, where it has several: the only ones whose loads are compared."""
    served = (policy.serving(model) for model in policy.models)
    return tuple(names for names in served if len(names) > 1)
