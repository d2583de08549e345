"""`Orchestra`: a policy at work. One request in, one reply out, everything in between recorded.

::

    policy = Policy.load("examples/contentforge/orchestra.yaml")
    async with Orchestra(policy, backend="simulated", seed=7) as orchestra:
        reply = await orchestra.run("Write a 2,500-word article on tea", tier="premium")
    reply.text, reply.model, reply.cost, reply.decision

The simulated and recorded backends run on a virtual clock: their seconds cost no time.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self, Unpack

from orchestra_kit.core.answer import Source
from orchestra_kit.core.clock import Clock, SystemClock, VirtualClock
from orchestra_kit.core.decision import Change, Decision
from orchestra_kit.core.errors import ConfigError, FailureClass
from orchestra_kit.core.reply import Reply
from orchestra_kit.core.request import Request
from orchestra_kit.cost.budgets import SpendBudgets, Spent
from orchestra_kit.engine.answer_cache import AnswerCache
from orchestra_kit.engine.assembly import Assembly, World
from orchestra_kit.engine.backends import backend_factory
from orchestra_kit.engine.capacity import Capacity
from orchestra_kit.engine.changes import Rollout
from orchestra_kit.engine.gate import Scorer
from orchestra_kit.engine.health import Health
from orchestra_kit.engine.incidents import Incidents
from orchestra_kit.engine.intake import Asked, Intake, spelled_out
from orchestra_kit.engine.journal import Journal
from orchestra_kit.engine.notices import Notices
from orchestra_kit.engine.overrides import Overrides
from orchestra_kit.engine.recent import Recent
from orchestra_kit.engine.sanitising import Sanitiser
from orchestra_kit.engine.sharing import Sharing, stored
from orchestra_kit.engine.stream import Stream
from orchestra_kit.engine.versions import Versions
from orchestra_kit.engine.warmth import Warmth
from orchestra_kit.policy.policy import Policy
from orchestra_kit.providers.faults import FaultScript
from orchestra_kit.providers.provider import Backend
from orchestra_kit.routing.classification import Classifier
from orchestra_kit.routing.router import Router
from orchestra_kit.routing.success import SuccessModel
from orchestra_kit.store.ledger import Ledger
from orchestra_kit.store.shared import SharedState
from orchestra_kit.store.store import Store

__all__ = ["Orchestra"]

_WORKING_HOUR = 9
"""UTC hour at which a virtual clock starts, so that no off-peak rule applies by accident."""


class Orchestra:
    """Runs requests through a policy.

    `backend` is ``"simulated"``, ``"recorded"``, ``"live"`` or a `Backend`. `store` is a path, an
    open `Store` or a `Ledger`; without one nothing is kept, which suits a notebook's play and
    nothing else. `spent` is what spend budgets already hold; with a store it is read from there.
    `origin` is the moment from which the simulated backend counts its outages. Without `explore`
    no request tries another deployment just to keep its figures fresh. `sanitiser` gives a request
    that was refused for its content other words, to be tried once. `shared` is the address of a
    Redis, or an open `SharedState`, through which several processes keep to limits together, hear
    of each other's breakers, and share the answers that tasks with a `cache` keep.
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
        sanitiser: Sanitiser | None = None,
        shared: SharedState | str | None = None,
        classifier: Classifier | None = None,
        explore: bool = True,
    ) -> None:
        self.seed = seed
        self.classifier = classifier or Classifier.load(policy.classifier_path)
        live = backend == "live" or getattr(backend, "source", None) is Source.LIVE
        self._owns_clock = clock is None
        self.clock: Clock = clock or (SystemClock() if live else VirtualClock(_morning()))
        self._named_backend, self._recording = backend, recording
        self._scorer, self._sanitiser, self._explore = scorer, sanitiser, explore
        self._faults, self._origin = faults or FaultScript(), origin
        self._backend = self._open(policy) if isinstance(backend, str) else backend
        self._backends = [self._backend] if isinstance(backend, str) else []
        deployments = policy.deployments
        self._journal = Journal.open(store, policy, self.source, seed, self.clock)
        self.health = Health(
            deployments,
            clock=self.clock,
            seed=seed,
            accounts=_accounts(policy),
            turned=self._turned,
        )
        if not self.clock.virtual:  # a virtual past says nothing of now
            self.health.resume(self._journal.standings(self.source, self.clock.now()))
        self._shared = _shared(shared, self.clock)
        self._owns_shared = isinstance(shared, str)
        self._sharing = (
            None
            if self._shared is None
            else Sharing(self._shared, self.health, source=self.source, clock=self.clock)
        )
        self.overrides = Overrides(
            self.clock,
            self._journal.store,
            known=self._journal.overrides(self.clock.now()),
            seed=seed,
        )
        self.capacity = Capacity(deployments, clock=self.clock, seed=seed, shared=self._shared)
        before = self._journal.spent_before(policy, self.source, self.clock.now())
        self._intake = Intake(self.clock, seed=seed)
        ledger = self._journal.ledger
        self._notices = Notices(self.clock, ledger.notice)
        self._incidents = Incidents(self.clock, ledger.incident, notices=self._notices, seed=seed)
        self._answers = AnswerCache(
            self._journal.answers(self._shared), source=self.source, clock=self.clock
        )
        self._world = World(
            clock=self.clock,
            ledger=ledger,
            digest=self._journal.digest,
            notices=self._notices,
            incidents=self._incidents,
            health=self.health,
            capacity=self.capacity,
            recent=Recent(deployments, clock=self.clock),
            warmth=Warmth(clock=self.clock),
            overrides=self.overrides,
            sharing=self._sharing,
            answers=self._answers,
            scorer=scorer,
            sanitiser=sanitiser,
        )
        self._versions = Versions(
            Assembly(
                policy,
                self._world,
                backend=self._backend,
                router=_router(policy, self.classifier, seed=seed, explore=explore),
                budgets=SpendBudgets(policy.file.budgets, (*spent, *before)),
            ),
            self._world,
            assemble=self._assemble,
            keep=self._journal.keep_change,
        )

    @property
    def policy(self) -> Policy:
        """The version in force."""
        return self._versions.current.policy

    @property
    def rollout(self) -> Rollout | None:
        """The latest promotion, and how it stands; None before the first."""
        return self._versions.rollout

    @property
    def source(self) -> Source:
        """What every figure that comes from here is labelled with."""
        return self._backend.source

    @property
    def router(self) -> Router:
        """What decides, by the policy in force."""
        return self._versions.current.router

    @property
    def budgets(self) -> SpendBudgets:
        """What may still be spent, by the policy in force."""
        return self._versions.current.budgets

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
            sanitiser=self._sanitiser,
            classifier=self.classifier,
            explore=explore,
        )

    @spelled_out
    async def run(self, text: str, **asked: Unpack[Asked]) -> Reply:
        """Answer a request; what may be asked for beside its text, `Asked` says.

        Raises InvalidRequestError for an empty or far too long text, or a tier or task that the
        policy does not have. Everything else ends in a reply.
        """
        request = self.request(text, **asked)
        return await self.clock.run(self.handle(request))

    @spelled_out
    def run_sync(self, text: str, **asked: Unpack[Asked]) -> Reply:
        """`run` for plain code, also inside a running loop such as Jupyter's."""
        return self.clock.run_sync(self.handle(self.request(text, **asked)))

    @spelled_out
    def stream(self, text: str, *, buffered: bool = False, **asked: Unpack[Asked]) -> Stream:
        """Answer a request word by word; raises as `run` does, and as `Stream` says.

        Where it is `buffered` the words come together, once the answer is whole and good, so that
        whatever fails until then may be made good by another deployment.
        """
        request = self.request(text, **asked)
        if buffered:
            return Stream.buffered(self.clock, lambda: self._versions.answer(request))
        return Stream(self.clock, lambda emit: self._versions.answer(request, emit))

    @spelled_out
    def explain(self, text: str, **asked: Unpack[Asked]) -> Decision:
        """The decision that `run` would make now; nothing is called and nothing is kept."""
        request = self.request(text, **asked)
        return self.router.decide(request, self._versions.current.snapshot(request))

    @spelled_out
    def request(self, text: str, **asked: Unpack[Asked]) -> Request:
        """A request stamped and checked; raises InvalidRequestError as `run` does."""
        return self._intake.request(self.policy, text, **asked)

    async def handle(self, request: Request) -> Reply:
        """Answer a request that is already stamped; must run where the clock's time passes."""
        return await self._versions.answer(request)

    def promote(self, policy: Policy, *, because: str, by: str) -> Change:
        """Answer by another version of the policy from now on.

        Breakers, limits and what is spent stay as they are. While it is young it is watched by its
        guardrails, and where one is passed the version before comes back by itself. Raises
        ConfigError without a reason or a name, or where no backend can serve the policy; the
        version in force then stays.
        """
        return self._versions.promote(policy, because=because, by=by)

    async def isolate(self, deployment: str, *, because: str, seconds: float | None = None) -> None:
        """Let nothing through to a deployment, for so many seconds or until it is released."""
        await self.health.isolate(deployment, self._notices, because=because, seconds=seconds)

    async def release(self, deployment: str, *, because: str) -> None:
        """Let everything through to a deployment again, and forget what was held against it."""
        await self.health.release(deployment, self._notices, because=because)

    async def forget_answers(self, task: str = "") -> int:
        """Give no answer again that was kept so far, of a task or of the whole policy; returns how
        many there were."""
        return await self.clock.run(self._answers.forget(self.policy.name, task))

    async def close(self) -> None:
        """Free what was opened here; a store or backend that was handed in stays open."""
        if not self.clock.virtual:
            standings = self.health.standings().items()
            self._journal.keep_standings(
                [stored(name, standing, self.source, self.clock) for name, standing in standings]
            )
        await self._incidents.flush()
        await self._journal.close()
        if self._shared is not None and self._owns_shared:
            await self._shared.close()
        for backend in self._backends:
            await backend.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.clock.run(self.close())
        self._stop_clock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.clock.run_sync(self.close())
        self._stop_clock()

    def _assemble(self, policy: Policy) -> Assembly:
        """Another version at work, in the same world."""
        backend = self._backend
        if isinstance(self._named_backend, str):
            backend = self._open(policy)
            self._backends.append(backend)
        self.health.adopt(policy.deployments, _accounts(policy))
        self.health.reconsider()
        self.capacity.adopt(policy.deployments)
        self._world.recent.adopt(policy.deployments)
        trained = policy.classifier_path.is_file()
        classifier = Classifier.load(policy.classifier_path) if trained else self.classifier
        budgets = self._versions.current.budgets
        if policy.file.budgets != self.policy.file.budgets:
            spent = self._journal.spent_before(policy, self.source, self.clock.now())
            budgets = budgets.succeeded(policy.file.budgets, spent)
        return Assembly(
            policy,
            self._world,
            backend=backend,
            router=_router(policy, classifier, seed=self.seed, explore=self._explore),
            budgets=budgets,
        )

    def _open(self, policy: Policy) -> Backend:
        assert isinstance(self._named_backend, str)
        return backend_factory(self._named_backend)(
            policy,
            clock=self.clock,
            seed=self.seed,
            faults=self._faults,
            origin=self._origin,
            recording=self._recording,
        )

    async def _turned(self, deployment: str, out: bool, failure: FailureClass | None) -> None:
        """A deployment went out or came back: an incident, remembered beyond this process, and told
        to others."""
        if not out:
            await self._incidents.back(deployment)
        elif failure is not None:  # what a person isolated is no incident
            await self._incidents.out(deployment, failure)
        standing = self.health.standings()[deployment]
        if not self.clock.virtual:
            self._journal.keep_standings([stored(deployment, standing, self.source, self.clock)])
        if self._sharing is not None:
            await self._sharing.tell(deployment, standing)

    def _stop_clock(self) -> None:
        if self._owns_clock and isinstance(self.clock, VirtualClock):
            self.clock.close()


def _router(policy: Policy, classifier: Classifier, *, seed: int, explore: bool) -> Router:
    """A router with what was trained beside its policy."""
    success = SuccessModel.beside(policy)
    return Router(policy, classifier, seed=seed, explore=explore, success=success)


def _accounts(policy: Policy) -> dict[str, str]:
    return {n: f"{d.provider} {d.account or d.key}" for n, d in policy.deployments.items()}


def _shared(shared: SharedState | str | None, clock: Clock) -> SharedState | None:
    if shared is not None and clock.virtual:
        raise ConfigError(
            "Processes share limits and breakers in real time only.",
            hint="Use the live backend, or leave `shared` out.",
        )
    return SharedState(shared, cache=True) if isinstance(shared, str) else shared


def _morning() -> datetime:
    today = datetime.now(UTC)
    return today.replace(hour=_WORKING_HOUR, minute=0, second=0, microsecond=0)
