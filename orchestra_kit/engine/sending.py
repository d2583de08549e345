"""One send, from the leave to make it to the last line written about it.

Admitted by the breaker, reserved in the spend budgets, intended in the ledger, sent, judged,
settled and recorded: whatever happens on the way, it is accounted for once.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal

from orchestra_kit.core.answer import Answer, Call, Source, Usage
from orchestra_kit.core.clock import Clock
from orchestra_kit.core.errors import (
    ApprovalNeeded,
    AttemptOutcome,
    FailureClass,
    ProviderError,
    SpendLimitReached,
)
from orchestra_kit.core.money import format_usd
from orchestra_kit.core.reply import Severity
from orchestra_kit.cost.budgets import SpendBudgets, Spender
from orchestra_kit.cost.estimate import billed_cost, upper_cost
from orchestra_kit.cost.reconcile import GAP_ALARM, gap, preferred
from orchestra_kit.engine.capacity import Capacity, Room
from orchestra_kit.engine.course import NOTHING, Course, Ended, Send
from orchestra_kit.engine.gate import NO_PARAMETERS, Scorer, judge, score_of
from orchestra_kit.engine.health import Health
from orchestra_kit.engine.notices import Notices
from orchestra_kit.engine.recent import Recent
from orchestra_kit.engine.rejections import Rejections
from orchestra_kit.engine.rendering import attempt_of, call_for, intent_of, most_tokens
from orchestra_kit.engine.sharing import Sharing
from orchestra_kit.engine.streaming import Patience, read_pieces
from orchestra_kit.policy.policy import Policy
from orchestra_kit.policy.schema import Link
from orchestra_kit.providers.provider import Backend, StreamingProvider
from orchestra_kit.store.ledger import Ledger

__all__ = ["Sender"]


class Sender:
    """Makes the sends of one `Orchestra`."""

    def __init__(
        self,
        *,
        policy: Policy,
        backend: Backend,
        clock: Clock,
        ledger: Ledger,
        health: Health,
        capacity: Capacity,
        recent: Recent,
        budgets: SpendBudgets,
        notices: Notices,
        scorer: Scorer | None,
        sharing: Sharing | None = None,
    ) -> None:
        self._policy = policy
        self._backend = backend
        self._clock = clock
        self._ledger = ledger
        self._health = health
        self._capacity = capacity
        self._recent = recent
        self._budgets = budgets
        self._notices = notices
        self._scorer = scorer
        self._sharing = sharing
        self._rejections = Rejections(notices)

    async def send(
        self,
        course: Course,
        deployment: str,
        link: Link,
        room: Room,
        *,
        timeout: float,
        number_here: int = 0,
        hedge: bool = False,
    ) -> Ended:
        """Send to a deployment that has room, and say how it ended; `timeout` is in seconds."""
        task, started = course.decision.task, self._clock.monotonic()
        measured = self._policy.capabilities.cell(deployment, task)
        send = Send(
            number=course.number(),
            deployment=deployment,
            model=self._policy.deployments[deployment].model,
            at=self._clock.now(),
            started=started,
            timeout=timeout,
            patience=min(link.timeout, measured.p95) if measured else link.timeout,
            number_here=number_here,
            hedge=hedge,
        )
        if not await self._admitted(deployment, retry=number_here > 0, timeout=timeout):
            await room.unused(started)
            return await self.decline(course, send, FailureClass.CIRCUIT, "the breaker is open")
        upper = upper_cost(
            self._policy, deployment, task, course.text, send.at.date(),
            max_output_tokens=most_tokens(self._policy, course),
        )  # fmt: skip
        try:
            reservation = self._budgets.reserve(
                Spender.of(course.request, task), upper, send.at, approved=course.request.approved
            )
        except SpendLimitReached as refusal:
            course.needs_approval |= isinstance(refusal, ApprovalNeeded)
            await room.unused(started)
            self._health.forget(deployment, sent=started)
            await self._probed(deployment)
            return await self.decline(course, send, FailureClass.BUDGET, str(refusal))
        return await self._carry_out(
            course, replace(send, upper=upper, reservation=reservation), room
        )

    async def _admitted(self, deployment: str, *, retry: bool, timeout: float) -> bool:
        """Whether the breaker lets a call through, and of several processes' probes this one's."""
        if not self._health.admit(deployment, retry=retry):
            return False
        if self._sharing is None or not self._health.probes(deployment):
            return True
        if await self._sharing.may_probe(deployment, timeout):
            return True
        self._health.forget(deployment)
        return False

    async def _probed(self, deployment: str) -> None:
        if self._sharing is not None:
            await self._sharing.probed(deployment)

    async def pass_over(
        self, course: Course, deployment: str, failure: FailureClass, message: str
    ) -> Ended:
        """Write down that a deployment was not asked, and why."""
        send = Send(
            number=course.number(),
            deployment=deployment,
            model=self._policy.deployments[deployment].model,
            at=self._clock.now(),
            started=self._clock.monotonic(),
            timeout=0.0,
            patience=0.0,
            number_here=0,
        )
        return await self.decline(course, send, failure, message)

    async def decline(
        self, course: Course, send: Send, failure: FailureClass, message: str
    ) -> Ended:
        """Write down a send that was decided against."""
        ended = Ended(AttemptOutcome.NOT_SENT, failure, message)
        await self._write_down(course, send, ended)
        return ended

    async def _carry_out(self, course: Course, send: Send, room: Room) -> Ended:
        """Send what was admitted and reserved.

        Until the intent is noted nothing leaves, so that what ends before cost nothing.
        """
        ended = Ended(AttemptOutcome.NOT_SENT, FailureClass.CANCELLED, "ended before it was sent")
        self._recent.began(send.deployment)
        try:
            await self._ledger.begin(intent_of(course, send))
            ended = Ended(AttemptOutcome.UNKNOWN, FailureClass.CANCELLED, "cancelled", cost=None)
            ended = await self._call(course, send)
        finally:
            # Shielded: who gives up waiting must not leave a send open in the books.
            await asyncio.shield(self._account_for(course, send, ended, room))
        return ended

    async def _account_for(self, course: Course, send: Send, ended: Ended, room: Room) -> None:
        """Settle what was reserved, tell the breaker and the limits, write the attempt down."""
        now = self._clock.monotonic()
        seconds = now - send.started
        assert send.reservation is not None
        self._budgets.settle(send.reservation, ended.cost)
        await self._give_back(send, ended, room, now)
        try:
            if ended.of_health and ended.failure is not FailureClass.CANCELLED:
                slow = self._recent.ended(
                    send.deployment,
                    course.decision.task,
                    seconds,
                    ok=ended.outcome is AttemptOutcome.ANSWERED,
                    penalty=send.timeout,
                )
                await self._health.note(
                    send.deployment,
                    ended.failure,
                    self._notices,
                    course.request.id,
                    sent=send.started,
                    slow=slow,
                    whole_account=ended.whole_account,
                    retry_after=ended.retry_after,
                )
            else:
                self._recent.dropped(send.deployment)
                self._health.forget(send.deployment, sent=send.started)
            await self._probed(send.deployment)
        finally:
            await self._write_down(course, send, ended, seconds)

    async def _give_back(self, send: Send, ended: Ended, room: Room, now: float) -> None:
        if ended.outcome is AttemptOutcome.NOT_SENT:
            await room.unused(now)
        else:
            used = ended.usage
            await room.used(
                now,
                None
                if used is None
                else used.prompt_tokens - used.cached_tokens
                + used.output_tokens + used.reasoning_tokens,
            )  # fmt: skip
        self._capacity.learn(send.deployment, ended.allowance)
        if ended.of_health:
            await self._capacity.ended(send.deployment, ended.failure, ended.retry_after)

    async def _call(self, course: Course, send: Send) -> Ended:
        left_out = self._rejections.of(send.deployment).difference(course.request.requires)
        call = call_for(self._policy, course, send, left_out)
        try:
            answer = await self._answer(course, send, call)
        except TimeoutError:
            return Ended(
                AttemptOutcome.UNKNOWN,
                FailureClass.TIMEOUT,
                f"no answer within {send.timeout:g} s",
                cost=None,
                of_health=_of_health(send),
            )
        except ProviderError as error:
            rejected = "" if error.rejected in course.request.requires else error.rejected
            if rejected:
                await self._rejections.learn(send.deployment, send.model, rejected)
            return replace(self._failed(send, error), rejected=rejected)
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
            return Ended(AttemptOutcome.UNKNOWN, FailureClass.LOCAL, message, cost=None)
        return await self._judged(course, send, answer)

    async def _answer(self, course: Course, send: Send, call: Call) -> Answer:
        provider = self._backend.provider(send.deployment)
        if course.emit is not None and isinstance(provider, StreamingProvider):
            own = self._policy.model_of(send.deployment).streaming
            limits = own or self._policy.tasks[course.decision.task].streaming
            left = course.deadline - self._clock.monotonic()
            return await read_pieces(
                provider.stream(call),
                Patience(limits, timeout=send.timeout, left=left),
                clock=self._clock,
                show=course.show,
            )
        async with self._clock.timeout(send.timeout):
            return await provider.send(call)

    def _failed(self, send: Send, error: ProviderError) -> Ended:
        cost: Decimal | None = NOTHING
        computed = None
        if error.usage is not None and error.outcome is not AttemptOutcome.UNKNOWN:
            cost = computed = self._computed(send.deployment, error.usage)
        elif error.outcome in (AttemptOutcome.UNKNOWN, AttemptOutcome.ANSWERED):
            cost = None  # worked on and perhaps billed, but nobody says how much
        return Ended(
            error.outcome,
            error.failure,
            error.args[0],
            usage=error.usage,
            cost=cost,
            computed=computed,
            retry_after=error.retry_after,
            should_retry=error.should_retry,
            allowance=error.allowance,
            of_health=error.failure is not FailureClass.TIMEOUT or _of_health(send),
            # 401 and a spent quota are the account's; 403 may be one model's.
            whole_account=error.failure is FailureClass.QUOTA or error.status == 401,
        )

    async def _judged(self, course: Course, send: Send, answer: Answer) -> Ended:
        score = score_of(course.request, answer, self._scorer)
        # Words that are made up to try a policy out are no data.
        real = self._backend.source is not Source.SIMULATED
        verdict = judge(
            self._policy.tasks[course.decision.task],
            answer,
            score,
            parameters=course.request.parameters if real else NO_PARAMETERS,
            seen=bool(course.shown),
        )
        failure, message = verdict if verdict else (None, "")
        computed = self._computed(send.deployment, answer.usage)
        await self._compare(send, answer.reported_cost, computed)
        if course.emit is not None and failure is None and not course.shown:
            course.show(answer.text)  # from a provider that does not stream
        return Ended(
            AttemptOutcome.ANSWERED,
            failure,
            message,
            answer=answer,
            score=score,
            usage=answer.usage,
            cost=preferred(answer.reported_cost, computed),
            computed=computed,
            allowance=answer.allowance,
        )

    async def _write_down(
        self, course: Course, send: Send, ended: Ended, seconds: float = 0.0
    ) -> None:
        attempt = attempt_of(course, send, ended, seconds)
        course.attempts.append(attempt)
        if ended.failure is None and not course.over:
            course.unwritten.append(attempt)  # the reply follows at once, in the same commit
        else:
            await self._ledger.finish(attempt)

    def _computed(self, deployment: str, usage: Usage) -> Decimal | None:
        return billed_cost(self._policy, deployment, usage, self._clock.now().date())

    async def _compare(
        self, send: Send, reported: Decimal | None, computed: Decimal | None
    ) -> None:
        """Tell operators where a provider bills something else than the price book says."""
        difference = gap(reported, computed)
        if difference is not None and difference > GAP_ALARM:
            await self._notices.tell(
                "price_gap",
                send.deployment,
                Severity.WARNING,
                f"{send.deployment} billed {format_usd(reported)} for a call that the price book "
                f"puts at {format_usd(computed)} ({difference:.1%} apart)",
                deployment=send.deployment,
            )


def _of_health(send: Send) -> bool:
    """A sender in a hurry must not take a healthy deployment away from everybody."""
    return send.timeout >= send.patience
