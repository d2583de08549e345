"""The end of a request: the reply its sender gets, and what is queued and told besides."""

from __future__ import annotations

from decimal import Decimal

from orchestra_kit.core.answer import Score, Source
from orchestra_kit.core.clock import Clock
from orchestra_kit.core.errors import AttemptOutcome, FailureClass
from orchestra_kit.core.reply import Reply, ReplyStatus
from orchestra_kit.engine.course import Course
from orchestra_kit.engine.ending import Ending, ending_for, review_ending
from orchestra_kit.engine.notices import Notices
from orchestra_kit.policy.policy import Policy
from orchestra_kit.store.ledger import Ledger, QueueEntry

__all__ = ["Closing"]


class Closing:
    """Turns courses that have ended into replies, for one `Orchestra`."""

    def __init__(
        self, *, policy: Policy, source: Source, clock: Clock, ledger: Ledger, notices: Notices
    ) -> None:
        self._policy = policy
        self._source = source
        self._clock = clock
        self._ledger = ledger
        self._notices = notices
        self._best_tier = max(policy.tiers, key=lambda name: policy.tiers[name].quality)

    async def reply(self, course: Course, started: float) -> Reply:
        """The reply to a course that has come to its end; `started` is on the monotonic scale."""
        decision = course.decision
        if decision.review:
            return await self._end(course, started, review_ending(decision.because))
        answer, score = course.answer, course.score
        if answer is None and course.shown:
            return self._incomplete(course, started)
        if answer is None and course.fallback is not None:
            answer, score = course.fallback
        if answer is None:
            task = self._policy.tasks[decision.task]
            to_person = course.request.tier == self._best_tier
            ending = ending_for(
                course.failure,
                task.then,
                to_person=to_person,
                needs_approval=course.needs_approval and course.failure is FailureClass.BUDGET,
            )
            return await self._end(course, started, ending)
        assert score is not None
        served = course.served if course.answer is not None else course.fallback_from
        return Reply(
            request_id=course.request.id,
            status=ReplyStatus.ANSWERED,
            text=answer.text,
            model=self._policy.deployments[served].model,
            deployment=served,
            source=self._source,
            cost=_cost(course),
            seconds=self._clock.monotonic() - started,
            score=score,
            decision=decision,
            attempts=tuple(course.attempts),
        )

    def _incomplete(self, course: Course, started: float) -> Reply:
        """Words that were seen cannot be taken back; what is missing is said."""
        last = course.attempts[-1]
        return Reply(
            request_id=course.request.id,
            status=ReplyStatus.INCOMPLETE,
            text="".join(course.shown),
            model=last.model,
            deployment=last.deployment,
            source=self._source,
            cost=_cost(course),
            seconds=self._clock.monotonic() - started,
            score=Score.unscored("none", "the answer broke off"),
            decision=course.decision,
            attempts=tuple(course.attempts),
        )

    async def _end(self, course: Course, started: float, ending: Ending) -> Reply:
        request, decision = course.request, course.decision
        if ending.queue:
            await self._ledger.enqueue(
                QueueEntry(
                    name=ending.queue,
                    request_id=request.id,
                    at=self._clock.now(),
                    task=decision.task,
                    tier=request.tier,
                    text=request.text,
                    reason=ending.reason,
                )
            )
        if ending.notice:
            await self._notices.tell(
                ending.notice,
                decision.task,
                ending.severity,
                f"{decision.task}: {ending.status.value} ({ending.reason})",
                request_id=request.id,
            )
        return Reply(
            request_id=request.id,
            status=ending.status,
            text=ending.say,
            model="",
            deployment="",
            source=self._source,
            cost=_cost(course),
            seconds=self._clock.monotonic() - started,
            score=Score.unscored("none", "nothing was delivered"),
            decision=decision,
            attempts=tuple(course.attempts),
        )


def _cost(course: Course) -> Decimal | None:
    """Dollars of the attempts, without those whose answer was never seen; None where the price of
    an answer is unknown."""
    known = [a for a in course.attempts if a.outcome is not AttemptOutcome.UNKNOWN]
    if any(a.cost is None for a in known):
        return None
    return sum((a.cost for a in known if a.cost is not None), Decimal(0))
