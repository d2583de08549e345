"""The end of a request: the reply its sender gets, and what is queued and told besides."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from orchestra_kit.core.answer import Score, Source
from orchestra_kit.core.clock import Clock
from orchestra_kit.core.errors import AttemptOutcome
from orchestra_kit.core.reply import Reply, ReplyStatus
from orchestra_kit.engine.aftermath import Aftermath
from orchestra_kit.engine.course import NOTHING, Course
from orchestra_kit.engine.ending import Ending, ending_for, review_ending
from orchestra_kit.engine.incidents import Incidents
from orchestra_kit.engine.intake import asked_again
from orchestra_kit.engine.notices import Notices
from orchestra_kit.policy.policy import Policy
from orchestra_kit.store.answers import KeptAnswer
from orchestra_kit.store.ledger import Ledger, QueueEntry

__all__ = ["Closing"]


class Closing:
    """Turns courses that have ended into replies, for one `Orchestra`."""

    def __init__(
        self,
        *,
        policy: Policy,
        source: Source,
        clock: Clock,
        ledger: Ledger,
        notices: Notices,
        incidents: Incidents | None = None,
        digest: Callable[[str], str] = lambda _: "",
    ) -> None:
        self._policy = policy
        self._source = source
        self._clock = clock
        self._ledger = ledger
        self._notices = notices
        self.aftermath = Aftermath(
            source=source,
            clock=clock,
            incidents=incidents or Incidents(clock, ledger.incident, notices=notices),
            digest=digest,
        )
        self._best_tier = max(policy.tiers, key=lambda name: policy.tiers[name].quality)

    async def reply(self, course: Course, started: float) -> Reply:
        """The reply to a course that has come to its end; `started` is on the monotonic scale."""
        ending = self._ending(course)
        incident = await self.aftermath.incident(course, ending)
        if ending is not None:
            reply = await self._end(course, started, ending, incident)
        elif course.answer is None and course.shown:
            reply = self._incomplete(course, started, incident)
        else:
            reply = self._answered(course, started, incident)
        self.aftermath.log(course, ending, reply)
        return reply

    def repeated(self, course: Course, kept: KeptAnswer, started: float) -> Reply:
        """The reply to a request whose answer is given again: nobody was asked, nothing is paid."""
        if course.emit is not None:
            course.show(kept.text)
        return Reply(
            request_id=course.request.id,
            status=ReplyStatus.ANSWERED,
            text=kept.text,
            model=kept.model,
            deployment=kept.deployment,
            source=self._source,
            cost=NOTHING,
            seconds=self._clock.monotonic() - started,
            score=Score(value=kept.quality, scorer=kept.scorer),
            decision=course.decision,
            attempts=(),
            repeats=kept.at,
            cost_avoided=kept.cost,
        )

    def _ending(self, course: Course) -> Ending | None:
        """How a course ends that has nothing to show for it; None where it has."""
        decision = course.decision
        if decision.review:
            return review_ending(decision.because)
        if course.answer is not None or course.shown or course.fallback is not None:
            return None
        return ending_for(
            course.failure,
            self._policy.tasks[decision.task].then,
            to_person=course.request.tier == self._best_tier,
            needs_approval=course.needs_approval,
            characters=len(course.text),
        )

    def _answered(self, course: Course, started: float, incident: str) -> Reply:
        answer, score = course.answer, course.score
        if answer is None:
            assert course.fallback is not None
            answer, score = course.fallback
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
            decision=course.decision,
            attempts=tuple(course.attempts),
            incident=incident,
            truncated=answer.finish == "length",
        )

    def _incomplete(self, course: Course, started: float, incident: str) -> Reply:
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
            incident=incident,
        )

    async def _end(self, course: Course, started: float, ending: Ending, incident: str) -> Reply:
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
                    asked=asked_again(request),
                )
            )
        await self._tell(course, ending, incident)
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
            incident=incident,
        )

    async def _tell(self, course: Course, ending: Ending, incident: str) -> None:
        """Tell operators of an ending, as loudly as the playbook says."""
        entry = ending.entry
        if entry is None or entry.alert is None:
            return
        request, about = course.request, course.decision.task
        message = f"{about}: {ending.status.value} ({ending.reason})"
        if ending.tell:
            message += f", for {ending.tell}"
        audit = self.aftermath.audit(entry, request)
        if audit:  # every sender's is told, for it is they who are asked about it
            about, message = f"{about} {request.user}", f"{message}: incident {incident}, {audit}"
        await self._notices.tell(entry.kind, about, entry.alert, message, request_id=request.id)


def _cost(course: Course) -> Decimal | None:
    """Dollars of the attempts, without those whose answer was never seen; None where the price of
    an answer is unknown."""
    known = [a for a in course.attempts if a.outcome is not AttemptOutcome.UNKNOWN]
    if any(a.cost is None for a in known):
        return None
    return sum((a.cost for a in known if a.cost is not None), Decimal(0))
