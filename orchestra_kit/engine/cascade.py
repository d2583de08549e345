"""A decision carried out: its chain walked, tier by tier, until somebody answers.

One request has one deadline and one retry layer, at most six sends, and visits each deployment
once. What may follow a failure is read from the link's `when` and from the table of retry rules;
nothing here knows a provider's codes.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from orchestra_kit.core.answer import Answer, Call, Score, Usage
from orchestra_kit.core.clock import Clock
from orchestra_kit.core.decision import Decision
from orchestra_kit.core.errors import (
    AttemptOutcome,
    FailureClass,
    ProviderError,
    SpendLimitReached,
)
from orchestra_kit.core.reply import Attempt, Severity
from orchestra_kit.core.request import Request
from orchestra_kit.cost.budgets import Reservation, SpendBudgets, Spender
from orchestra_kit.cost.estimate import billed_cost, upper_cost
from orchestra_kit.engine.gate import Scorer, judge, score_of
from orchestra_kit.engine.health import Health
from orchestra_kit.engine.notices import Notices
from orchestra_kit.policy.policy import Policy
from orchestra_kit.policy.schema import TRIGGER_OF, Link
from orchestra_kit.providers.provider import Backend
from orchestra_kit.routing.router import Router
from orchestra_kit.store.ledger import Intent, Ledger

__all__ = ["MOST_ATTEMPTS", "Cascade", "Course"]

MOST_ATTEMPTS = 6
"""Sends of one request over all tiers."""

_NOTHING = Decimal(0)
_GOES_ON = frozenset({FailureClass.BUDGET, FailureClass.CIRCUIT})
"""Our own refusals to call: they never end a request that has another link."""


@dataclass
class Course:
    """A request on its way through its chain."""

    request: Request
    decision: Decision
    deadline: float
    """On the clock's monotonic scale, in seconds."""
    attempts: list[Attempt] = field(default_factory=list)
    answer: Answer | None = None
    score: Score | None = None
    failure: FailureClass | None = None
    """Why the last attempt did not answer."""
    fallback: tuple[Answer, Score] | None = None
    """The best answer that scored below the quality floor, kept in case nothing better comes."""

    @property
    def sends(self) -> int:
        """Attempts that left this process."""
        return sum(a.outcome is not AttemptOutcome.NOT_SENT for a in self.attempts)


@dataclass(frozen=True)
class _Ended:
    """How one send ended."""

    outcome: AttemptOutcome
    failure: FailureClass | None
    message: str
    answer: Answer | None = None
    score: Score | None = None
    usage: Usage | None = None
    cost: Decimal | None = _NOTHING
    retry_after: float | None = None


class Cascade:
    """Walks chains for one `Orchestra`."""

    def __init__(
        self,
        *,
        policy: Policy,
        router: Router,
        backend: Backend,
        clock: Clock,
        ledger: Ledger,
        health: Health,
        budgets: SpendBudgets,
        notices: Notices,
        scorer: Scorer | None,
    ) -> None:
        self._policy = policy
        self._router = router
        self._backend = backend
        self._clock = clock
        self._ledger = ledger
        self._health = health
        self._budgets = budgets
        self._notices = notices
        self._scorer = scorer

    async def follow(self, course: Course) -> None:
        """Try the chain in order; afterwards the course holds an answer, or its last failure."""
        chain = course.decision.chain
        for position, deployment in enumerate(chain):
            link = self._router.link(course.decision.task, deployment)
            await self._try_link(course, deployment, link, links_after=len(chain) - position - 1)
            if course.answer is not None:
                return
            if not _goes_on(course.failure, link):
                return
            if course.sends >= MOST_ATTEMPTS or self._left(course) <= 0:
                return

    async def _try_link(
        self, course: Course, deployment: str, link: Link, *, links_after: int
    ) -> None:
        """Send to one deployment, and again where its failure's rule and the budgets allow.

        One send is left over for each link that follows: another deployment is worth more than a
        third try of the same.
        """
        retries = 0
        while course.sends < MOST_ATTEMPTS - links_after:
            timeout = min(link.timeout, self._left(course))
            if timeout <= 0:
                course.failure = FailureClass.TIMEOUT
                return
            ended = await self._attempt(course, deployment, timeout, number_here=retries)
            course.failure = ended.failure
            if ended.failure is None:
                course.answer, course.score = ended.answer, ended.score
                return
            self._keep_if_best(course, ended)
            wait = self._health.retry_wait(
                deployment,
                ended.failure,
                ended.outcome,
                retries_done=retries,
                retry_after=ended.retry_after,
                has_alternative=links_after > 0,
            )
            if wait is None or wait >= self._left(course):
                return
            await self._clock.sleep(wait)
            retries += 1

    async def _attempt(
        self, course: Course, deployment: str, timeout: float, *, number_here: int
    ) -> _Ended:
        """One send: admitted, reserved, intended, sent, judged, settled and recorded."""
        now = self._clock.now()
        model = self._policy.deployments[deployment].model
        if not self._health.admit(deployment):
            ended = _Ended(AttemptOutcome.NOT_SENT, FailureClass.CIRCUIT, "the breaker is open")
            await self._record(course, deployment, model, now, 0.0, ended, None)
            return ended
        upper = upper_cost(
            self._policy, deployment, course.decision.task, course.request.text, now.date()
        )
        try:
            reservation = self._budgets.reserve(
                Spender.of(course.request, course.decision.task), upper, now
            )
        except SpendLimitReached as refusal:
            self._health.forget(deployment)
            ended = _Ended(AttemptOutcome.NOT_SENT, FailureClass.BUDGET, str(refusal))
            await self._record(course, deployment, model, now, 0.0, ended, None)
            return ended
        return await self._send(
            course, deployment, model, timeout, number_here, now, upper, reservation
        )

    async def _send(
        self,
        course: Course,
        deployment: str,
        model: str,
        timeout: float,
        number_here: int,
        now: datetime,
        upper: Decimal | None,
        reservation: Reservation,
    ) -> _Ended:
        started = self._clock.monotonic()
        ended = _Ended(AttemptOutcome.UNKNOWN, FailureClass.CANCELLED, "cancelled", cost=None)
        try:
            await self._ledger.begin(self._intent(course, deployment, model, now, upper))
            ended = await self._call(course, deployment, model, timeout, number_here)
        finally:
            seconds = self._clock.monotonic() - started
            self._budgets.settle(reservation, ended.cost)
            if ended.failure is FailureClass.CANCELLED:
                self._health.forget(deployment)
            else:
                await self._health.note(deployment, ended.failure, self._notices, course.request.id)
            recording = self._record(course, deployment, model, now, seconds, ended, upper)
            if ended.failure is FailureClass.CANCELLED:
                await asyncio.shield(recording)
            else:
                await recording
        return ended

    async def _call(
        self, course: Course, deployment: str, model: str, timeout: float, number_here: int
    ) -> _Ended:
        call = self._render(course, deployment, model, number_here)
        try:
            async with self._clock.timeout(timeout):
                answer = await self._backend.provider(deployment).send(call)
        except TimeoutError:
            message = f"no answer within {timeout:g} s"
            return _Ended(AttemptOutcome.UNKNOWN, FailureClass.TIMEOUT, message, cost=None)
        except ProviderError as error:
            return self._failed(deployment, error)
        except Exception as error:  # noqa: BLE001 - a provider's own fault must not lose the request
            await self._notices.tell(
                "provider_fault",
                deployment,
                Severity.CRITICAL,
                f"the adapter of {deployment} failed with {type(error).__name__}",
                deployment=deployment,
                request_id=course.request.id,
            )
            message = f"the adapter failed ({type(error).__name__})"
            return _Ended(AttemptOutcome.UNKNOWN, FailureClass.BAD_REQUEST, message, cost=None)
        return self._judged(course, deployment, answer)

    def _failed(self, deployment: str, error: ProviderError) -> _Ended:
        if error.outcome is AttemptOutcome.UNKNOWN:
            cost = None
        elif error.usage is not None:
            cost = self._cost(deployment, error.usage, None)
        else:
            cost = _NOTHING
        return _Ended(
            error.outcome,
            error.failure,
            error.args[0],
            usage=error.usage,
            cost=cost,
            retry_after=error.retry_after,
        )

    def _judged(self, course: Course, deployment: str, answer: Answer) -> _Ended:
        score = score_of(course.request, answer, self._scorer)
        verdict = judge(self._policy.tasks[course.decision.task], answer, score)
        failure, message = verdict if verdict else (None, "")
        return _Ended(
            AttemptOutcome.ANSWERED,
            failure,
            message,
            answer=answer,
            score=score,
            usage=answer.usage,
            cost=self._cost(deployment, answer.usage, answer.reported_cost),
        )

    def _cost(self, deployment: str, usage: Usage, reported: Decimal | None) -> Decimal | None:
        if reported is not None:
            return reported
        return billed_cost(self._policy, deployment, usage, self._clock.now().date())

    def _render(self, course: Course, deployment: str, model: str, number_here: int) -> Call:
        request, decision = course.request, course.decision
        serving = self._policy.deployments[deployment]
        context = decision.context
        return Call(
            request_id=request.id,
            deployment=deployment,
            model=serving.served_as or model,
            text=request.text,
            task=decision.task,
            tier=request.tier,
            context={
                "words": context.words,
                "tokens": context.tokens,
                "complexity": context.complexity,
                "session_turns": context.session_turns,
            },
            attempt=number_here,
            max_output_tokens=self._policy.tasks[decision.task].max_output_tokens,
            parameters=serving.parameters,
            seed=decision.seed,
        )

    def _intent(
        self, course: Course, deployment: str, model: str, now: datetime, upper: Decimal | None
    ) -> Intent:
        number = len(course.attempts)
        return Intent(
            id=f"{course.request.id}.{number}",
            request_id=course.request.id,
            number=number,
            chain_tier=course.decision.tier_of(deployment),
            deployment=deployment,
            model=model,
            at=now,
            cost_upper=upper,
        )

    async def _record(
        self,
        course: Course,
        deployment: str,
        model: str,
        started: datetime,
        seconds: float,
        ended: _Ended,
        upper: Decimal | None,
    ) -> None:
        number = len(course.attempts)
        attempt = Attempt(
            id=f"{course.request.id}.{number}",
            request_id=course.request.id,
            number=number,
            tier_of_chain=course.decision.tier_of(deployment),
            deployment=deployment,
            model=model,
            outcome=ended.outcome,
            failure=ended.failure,
            message=ended.message,
            started=started,
            seconds=seconds,
            usage=ended.usage,
            cost=ended.cost,
            cost_upper=upper if ended.cost is None else None,
            score=ended.score,
        )
        course.attempts.append(attempt)
        await self._ledger.finish(attempt)

    def _left(self, course: Course) -> float:
        return course.deadline - self._clock.monotonic()

    @staticmethod
    def _keep_if_best(course: Course, ended: _Ended) -> None:
        if ended.failure is not FailureClass.LOW_QUALITY:
            return
        assert ended.answer is not None
        assert ended.score is not None
        kept = course.fallback[1].value if course.fallback else None
        if kept is None or (ended.score.value or 0.0) > kept:
            course.fallback = (ended.answer, ended.score)


def _goes_on(failure: FailureClass | None, link: Link) -> bool:
    if failure is None or failure in _GOES_ON:
        return True
    trigger = TRIGGER_OF.get(failure)
    return trigger is not None and trigger in link.when
