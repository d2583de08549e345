"""A decision carried out: its chain walked, tier by tier, until somebody answers.

One request has one deadline and one retry layer, at most six sends, and visits each deployment
once. What may follow a failure is read from the link's `when` and from the table of retry rules;
nothing here knows a provider's codes.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal

from orchestra_kit.core.answer import Answer, Call, Usage
from orchestra_kit.core.clock import Clock
from orchestra_kit.core.errors import (
    AttemptOutcome,
    FailureClass,
    ProviderError,
    SpendLimitReached,
)
from orchestra_kit.core.reply import Attempt, Severity
from orchestra_kit.cost.budgets import SpendBudgets, Spender
from orchestra_kit.cost.estimate import billed_cost, upper_cost
from orchestra_kit.engine.course import NOTHING, OWN_REFUSALS, Course, Ended, Send
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
        while True:
            timeout = min(link.timeout, self._left(course))
            if timeout <= 0:
                course.failure = FailureClass.TIMEOUT
                return
            ended = await self._attempt(course, deployment, link, timeout, number_here=retries)
            course.failure = ended.failure
            if ended.failure is None:
                course.answer, course.score = ended.answer, ended.score
                return
            course.keep_if_best(deployment, ended)
            if course.sends >= MOST_ATTEMPTS - links_after:
                return
            wait = self._health.retry_wait(
                deployment,
                ended.failure,
                ended.outcome,
                retries_done=retries,
                retry_after=ended.retry_after,
                has_alternative=links_after > 0,
                within=self._left(course),
            )
            if wait is None:
                return
            await self._clock.sleep(wait)
            retries += 1

    async def _attempt(
        self, course: Course, deployment: str, link: Link, timeout: float, *, number_here: int
    ) -> Ended:
        """One send: admitted, reserved, intended, sent, judged, settled and recorded."""
        task, started = course.decision.task, self._clock.monotonic()
        measured = self._policy.capabilities.cell(deployment, task)
        send = Send(
            deployment=deployment,
            model=self._policy.deployments[deployment].model,
            at=self._clock.now(),
            started=started,
            timeout=timeout,
            patience=min(link.timeout, measured.p95) if measured else link.timeout,
            number_here=number_here,
        )
        if not self._health.admit(deployment, retry=number_here > 0):
            ended = Ended(AttemptOutcome.NOT_SENT, FailureClass.CIRCUIT, "the breaker is open")
            await self._record(course, send, ended)
            return ended
        upper = upper_cost(self._policy, deployment, task, course.request.text, send.at.date())
        try:
            reservation = self._budgets.reserve(Spender.of(course.request, task), upper, send.at)
        except SpendLimitReached as refusal:
            self._health.forget(deployment, sent=started)
            ended = Ended(AttemptOutcome.NOT_SENT, FailureClass.BUDGET, str(refusal))
            await self._record(course, send, ended)
            return ended
        return await self._send(course, replace(send, upper=upper, reservation=reservation))

    async def _send(self, course: Course, send: Send) -> Ended:
        """Send what was admitted and reserved; whatever happens, it is accounted for once.

        Until the intent is noted nothing leaves, so that what ends before cost nothing.
        """
        ended = Ended(AttemptOutcome.NOT_SENT, FailureClass.CANCELLED, "ended before it was sent")
        try:
            await self._ledger.begin(self._intent(course, send))
            ended = Ended(AttemptOutcome.UNKNOWN, FailureClass.CANCELLED, "cancelled", cost=None)
            ended = await self._call(course, send)
        finally:
            # Shielded: who gives up waiting must not leave a send open in the books.
            await asyncio.shield(self._account_for(course, send, ended))
        return ended

    async def _account_for(self, course: Course, send: Send, ended: Ended) -> None:
        """Settle the reservation, tell the breaker, and write the attempt down."""
        seconds = self._clock.monotonic() - send.started
        assert send.reservation is not None
        self._budgets.settle(send.reservation, ended.cost)
        try:
            if ended.of_health and ended.failure is not FailureClass.CANCELLED:
                await self._health.note(
                    send.deployment,
                    ended.failure,
                    self._notices,
                    course.request.id,
                    sent=send.started,
                )
            else:
                self._health.forget(send.deployment, sent=send.started)
        finally:
            await self._record(course, send, ended, seconds)

    async def _call(self, course: Course, send: Send) -> Ended:
        call = self._render(course, send)
        try:
            async with self._clock.timeout(send.timeout):
                answer = await self._backend.provider(send.deployment).send(call)
        except TimeoutError:
            return Ended(
                AttemptOutcome.UNKNOWN,
                FailureClass.TIMEOUT,
                f"no answer within {send.timeout:g} s",
                cost=None,
                # A sender in a hurry must not take a healthy deployment away from everybody.
                of_health=send.timeout >= send.patience,
            )
        except ProviderError as error:
            return self._failed(send.deployment, error)
        except Exception as error:  # noqa: BLE001 - a provider's own fault must not lose the request
            await self._notices.tell(
                "provider_fault",
                send.deployment,
                Severity.CRITICAL,
                f"the adapter of {send.deployment} failed with {type(error).__name__}",
                deployment=send.deployment,
                request_id=course.request.id,
            )
            message = f"the adapter failed ({type(error).__name__})"
            return Ended(AttemptOutcome.UNKNOWN, FailureClass.MALFORMED, message, cost=None)
        return self._judged(course, send.deployment, answer)

    def _failed(self, deployment: str, error: ProviderError) -> Ended:
        cost: Decimal | None = NOTHING
        if error.outcome is AttemptOutcome.UNKNOWN:
            cost = None
        elif error.usage is not None:
            cost = self._cost(deployment, error.usage, None)
        elif error.outcome is AttemptOutcome.ANSWERED:
            cost = None  # worked on and billed, but nobody says how much
        return Ended(
            error.outcome,
            error.failure,
            error.args[0],
            usage=error.usage,
            cost=cost,
            retry_after=error.retry_after,
        )

    def _judged(self, course: Course, deployment: str, answer: Answer) -> Ended:
        score = score_of(course.request, answer, self._scorer)
        verdict = judge(self._policy.tasks[course.decision.task], answer, score)
        failure, message = verdict if verdict else (None, "")
        return Ended(
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

    def _render(self, course: Course, send: Send) -> Call:
        request, decision = course.request, course.decision
        serving = self._policy.deployments[send.deployment]
        context = decision.context
        return Call(
            request_id=request.id,
            deployment=send.deployment,
            model=serving.served_as or send.model,
            text=request.text,
            task=decision.task,
            tier=request.tier,
            context={
                "words": context.words,
                "tokens": context.tokens,
                "complexity": context.complexity,
                "session_turns": context.session_turns,
            },
            attempt=send.number_here,
            max_output_tokens=self._policy.tasks[decision.task].max_output_tokens,
            parameters=serving.parameters,
            seed=decision.seed,
        )

    def _intent(self, course: Course, send: Send) -> Intent:
        number = len(course.attempts)
        return Intent(
            id=f"{course.request.id}.{number}",
            request_id=course.request.id,
            number=number,
            chain_tier=course.decision.tier_of(send.deployment),
            deployment=send.deployment,
            model=send.model,
            at=send.at,
            cost_upper=send.upper,
        )

    async def _record(self, course: Course, send: Send, ended: Ended, seconds: float = 0.0) -> None:
        number = len(course.attempts)
        attempt = Attempt(
            id=f"{course.request.id}.{number}",
            request_id=course.request.id,
            number=number,
            tier_of_chain=course.decision.tier_of(send.deployment),
            deployment=send.deployment,
            model=send.model,
            outcome=ended.outcome,
            failure=ended.failure,
            message=ended.message,
            started=send.at,
            seconds=seconds,
            usage=ended.usage,
            cost=ended.cost,
            cost_upper=send.upper if ended.cost is None else None,
            score=ended.score,
        )
        course.attempts.append(attempt)
        await self._ledger.finish(attempt)

    def _left(self, course: Course) -> float:
        return course.deadline - self._clock.monotonic()


def _goes_on(failure: FailureClass | None, link: Link) -> bool:
    if failure is None or failure in OWN_REFUSALS:
        return True
    trigger = TRIGGER_OF.get(failure)
    return trigger is not None and trigger in link.when
