"""`Orchestra`: a policy at work. One request in, one reply out, everything in between recorded.

::

    policy = Policy.load("examples/contentforge/orchestra.yaml")
    async with Orchestra(policy, backend="simulated", seed=7) as orchestra:
        reply = await orchestra.run("Write a 2,500-word article on tea", tier="premium")
    reply.text, reply.model, reply.cost, reply.decision

The simulated and recorded backends run on a virtual clock: their seconds cost no time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Self

from orchestra_kit.core.answer import Source
from orchestra_kit.core.clock import Clock, SystemClock, VirtualClock
from orchestra_kit.core.decision import Decision
from orchestra_kit.core.errors import InvalidRequestError
from orchestra_kit.core.ids import new_id, stable_seed
from orchestra_kit.core.reply import Reply
from orchestra_kit.core.request import Request
from orchestra_kit.cost.budgets import SpendBudgets, Spender, Spent
from orchestra_kit.engine.backends import backend_factory
from orchestra_kit.engine.cascade import Cascade, Course
from orchestra_kit.engine.closing import Closing
from orchestra_kit.engine.gate import Scorer
from orchestra_kit.engine.health import Health
from orchestra_kit.engine.journal import Journal
from orchestra_kit.engine.notices import Notices
from orchestra_kit.policy.policy import Policy
from orchestra_kit.providers.faults import FaultScript
from orchestra_kit.providers.provider import Backend
from orchestra_kit.routing.classification import Classifier
from orchestra_kit.routing.router import Router
from orchestra_kit.routing.snapshot import Snapshot
from orchestra_kit.store.ledger import Ledger
from orchestra_kit.store.store import Store

__all__ = ["LONGEST_TEXT", "Orchestra"]

LONGEST_TEXT = 10_000_000
"""Characters; a longer request is refused before anything is measured."""

_WORKING_HOUR = 9
"""UTC hour at which a virtual clock starts, so that no off-peak rule applies by accident."""


class Orchestra:
    """Runs requests through a policy.

    `backend` is ``"simulated"``, ``"recorded"``, ``"live"`` or a `Backend`. `store` is a path, an
    open `Store` or a `Ledger`; without one nothing is kept, which suits a notebook's play and
    nothing else. `spent` is what spend budgets already hold; with a store it is read from there.
    `origin` is the moment from which the simulated backend counts its outages. Without `explore`
    no request tries another deployment just to keep its figures fresh.
    """

    def __init__(
        self,
        policy: Policy,
        *,
        backend: str | Backend = "simulated",
        seed: int = 0,
        store: Store | Ledger | Path | str | None = None,
        clock: Clock | None = None,
        faults: FaultScript | None = None,
        origin: datetime | None = None,
        recording: Path | None = None,
        spent: Iterable[Spent] = (),
        scorer: Scorer | None = None,
        classifier: Classifier | None = None,
        explore: bool = True,
    ) -> None:
        self.policy = policy
        self.seed = seed
        self.classifier = classifier or Classifier.load(policy.classifier_path)
        live = backend == "live" or getattr(backend, "source", None) is Source.LIVE
        self.clock: Clock = clock or (SystemClock() if live else VirtualClock(_morning()))
        self._named_backend, self._recording, self._scorer = backend, recording, scorer
        self._backend = (
            backend_factory(backend)(
                policy,
                clock=self.clock,
                seed=seed,
                faults=faults or FaultScript(),
                origin=origin,
                recording=recording,
            )
            if isinstance(backend, str)
            else backend
        )
        self.router = Router(policy, self.classifier, seed=seed, explore=explore)
        self._random = Random(stable_seed(seed, "ids"))
        self.health = Health(policy.deployments, clock=self.clock, seed=seed)
        self._journal = Journal.open(store, policy, self.source, seed, self.clock)
        before = self._journal.spent_before(policy, self.source, self.clock.now())
        self.budgets = SpendBudgets(policy.file.budgets, (*spent, *before))
        self._budgeted_tasks = tuple(
            task
            for task in policy.tasks
            if any(b.scope == "task" and task in (b.only or (task,)) for b in policy.file.budgets)
        )
        self._notices = Notices(self.clock, self._journal.ledger.notice)
        self._closing = Closing(
            policy=policy,
            source=self.source,
            clock=self.clock,
            ledger=self._journal.ledger,
            notices=self._notices,
        )
        self._cascade = Cascade(
            policy=policy,
            router=self.router,
            backend=self._backend,
            clock=self.clock,
            ledger=self._journal.ledger,
            health=self.health,
            budgets=self.budgets,
            notices=self._notices,
            scorer=scorer,
        )

    @property
    def source(self) -> Source:
        """What every figure that comes from here is labelled with."""
        return self._backend.source

    def fresh(
        self,
        *,
        seed: int,
        faults: FaultScript | None = None,
        spent: Iterable[Spent] = (),
        store: Store | Ledger | None = None,
        explore: bool = True,
    ) -> Orchestra:
        """Another one over the same policy, clock and kind of backend, with breakers closed,
        budgets as `spent` says, and faults of its own."""
        return Orchestra(
            self.policy,
            backend=self._named_backend,
            seed=seed,
            store=store,
            clock=self.clock,
            faults=faults,
            recording=self._recording,
            spent=spent,
            scorer=self._scorer,
            classifier=self.classifier,
            explore=explore,
        )

    async def run(
        self,
        text: str,
        *,
        tier: str = "standard",
        task: str | None = None,
        user: str = "",
        feature: str = "",
        session: str = "",
        session_turns: int = 0,
        attachments: Sequence[str] = (),
        within: float | None = None,
    ) -> Reply:
        """Answer a request; `within` is seconds the sender will wait.

        Raises InvalidRequestError for an empty or far too long text, or a tier or task that the
        policy does not have. Everything else ends in a reply.
        """
        request = self.request(
            text,
            tier=tier,
            task=task,
            user=user,
            feature=feature,
            session=session,
            session_turns=session_turns,
            attachments=attachments,
            within=within,
        )
        return await self.clock.run(self.handle(request))

    def run_sync(
        self,
        text: str,
        *,
        tier: str = "standard",
        task: str | None = None,
        user: str = "",
        feature: str = "",
        session: str = "",
        within: float | None = None,
    ) -> Reply:
        """`run` for plain code, also inside a running loop such as Jupyter's."""
        request = self.request(
            text, tier=tier, task=task, user=user, feature=feature, session=session, within=within
        )
        return self.clock.run_sync(self.handle(request))

    def explain(self, text: str, *, tier: str = "standard", task: str | None = None) -> Decision:
        """The decision that `run` would make now; nothing is called and nothing is kept."""
        request = self.request(text, tier=tier, task=task)
        return self.router.decide(request, self._snapshot(request))

    def request(
        self,
        text: str,
        *,
        tier: str = "standard",
        task: str | None = None,
        user: str = "",
        feature: str = "",
        session: str = "",
        session_turns: int = 0,
        attachments: Sequence[str] = (),
        within: float | None = None,
    ) -> Request:
        """A request stamped and checked; raises InvalidRequestError as `run` does."""
        if not text.strip():
            raise InvalidRequestError("The request is empty.", hint="Write what you want made.")
        if len(text) > LONGEST_TEXT:
            raise InvalidRequestError(
                f"The request has {len(text):,} characters; at most {LONGEST_TEXT:,} are taken.",
                hint="Shorten it or attach it as a file.",
            )
        for what, name, known in (
            ("tier", tier, self.policy.tiers),
            ("task", task, self.policy.tasks),
        ):
            if name is not None and name not in known:
                raise InvalidRequestError(
                    f"There is no {what} “{name}” in policy {self.policy.name}.",
                    hint=f"Known are: {', '.join(known)}.",
                )
        now = self.clock.now()
        return Request(
            id=new_id("req", now.timestamp(), self._random),
            text=text,
            tier=tier,
            arrived=now,
            task=task,
            user=user,
            feature=feature,
            session=session,
            session_turns=session_turns,
            attachments=tuple(attachments),
            within=within,
        )

    async def handle(self, request: Request) -> Reply:
        """Answer a request that is already stamped; must run where the clock's time passes."""
        started = self.clock.monotonic()
        decision = self.router.decide(request, self._snapshot(request))
        within = min(request.within or self.policy.file.deadline, self.policy.file.deadline)
        course = Course(request=request, decision=decision, deadline=started + within)
        if not decision.review:
            await self._cascade.follow(course)
        reply = await self._closing.reply(course, started)
        await self._journal.ledger.record(request, reply)
        return reply

    async def close(self) -> None:
        """Free what was opened here; a store or backend that was handed in stays open."""
        await self._journal.close()
        if isinstance(self._named_backend, str):
            await self._backend.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.clock.run(self.close())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.clock.run_sync(self.close())

    def _snapshot(self, request: Request) -> Snapshot:
        now = self.clock.now()
        outlook = self.budgets.outlook(Spender.of(request), now)
        by_task = {
            task: self.budgets.outlook(Spender.of(request, task), now)
            for task in self._budgeted_tasks
        }
        return Snapshot(
            today=now.date(),
            unavailable=self.health.unavailable(),
            budget_left=outlook.left,
            downgrade=outlook.downgrade,
            needs_price=outlook.covered,
            task_budget_left={task: found.left for task, found in by_task.items()},
            downgraded_tasks=frozenset(t for t, found in by_task.items() if found.downgrade),
            priced_tasks=frozenset(by_task),
        )


def _morning() -> datetime:
    today = datetime.now(UTC)
    return today.replace(hour=_WORKING_HOUR, minute=0, second=0, microsecond=0)
