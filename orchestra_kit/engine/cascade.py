"""A decision carried out: its chain walked, tier by tier, until somebody answers.

One request has one deadline and one retry layer, at most six sends, and visits each deployment
once. What may follow a failure is read from the link's `when` and from the table of retry rules;
nothing here knows a provider's codes. Words that a reader has seen end the walk: nothing is put
in their place unsaid.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence

from orchestra_kit.core.clock import Clock
from orchestra_kit.core.errors import FailureClass
from orchestra_kit.engine.capacity import Capacity
from orchestra_kit.engine.course import OWN_REFUSALS, Course, Ended
from orchestra_kit.engine.health import Health
from orchestra_kit.engine.hedge import Hedges, first_good
from orchestra_kit.engine.prospects import Prospects
from orchestra_kit.engine.recent import Recent
from orchestra_kit.engine.sanitising import Sanitiser, sanitised
from orchestra_kit.engine.sending import Sender
from orchestra_kit.policy.policy import Policy
from orchestra_kit.policy.schema import TRIGGER_OF, Link
from orchestra_kit.routing.router import Router

__all__ = ["MOST_ATTEMPTS", "Cascade"]

MOST_ATTEMPTS = 6
"""Sends of one request over all tiers."""
QUEUE_SECONDS = 1.0
"""How long a call stands in line for a place while another deployment has one."""


class Cascade:
    """Walks chains for one `Orchestra`."""

    def __init__(
        self,
        *,
        policy: Policy,
        router: Router,
        sender: Sender,
        clock: Clock,
        health: Health,
        capacity: Capacity,
        recent: Recent,
        sanitiser: Sanitiser | None = None,
    ) -> None:
        self._policy = policy
        self._router = router
        self._sender = sender
        self._clock = clock
        self._health = health
        self._capacity = capacity
        self._sanitiser = sanitiser
        self._prospects = Prospects(policy, clock=clock, health=health, recent=recent)
        self._hedges = Hedges(policy, clock=clock, health=health, capacity=capacity, recent=recent)

    async def follow(self, course: Course) -> None:
        """Try the chain; afterwards the course holds an answer, or its last failure."""
        waiting = list(course.decision.chain)
        while waiting:
            deployment = await self._next(course, waiting)
            if deployment is None:
                return
            waiting.remove(deployment)
            link = self._router.link(course.decision.task, deployment)
            await self._try_link(course, deployment, link, waiting)
            if course.answer is not None or course.shown:
                return
            if not _goes_on(course.failure, link):
                return
            if course.failure is FailureClass.CONTEXT:
                await self._look_for_room(course, deployment, waiting)
            if course.sends >= MOST_ATTEMPTS or self._prospects.left(course) <= 0:
                return

    async def _look_for_room(self, course: Course, failed: str, waiting: list[str]) -> None:
        """What was too long for one goes to a larger window first, and to no smaller one."""
        waiting[:], small = self._prospects.larger_first(failed, waiting)
        for deployment in small:
            why = self._prospects.window_words(deployment, failed)
            ended = await self._sender.pass_over(course, deployment, FailureClass.CONTEXT, why)
            course.note(deployment, ended)

    async def _next(self, course: Course, waiting: list[str]) -> str | None:
        """The link to try now: the first that has room, among those that there is time for.

        Where none has room it is the one that has it soonest. Where there is time for none, the
        first is tried all the same if nothing was: a slim chance is better than none.
        """
        tokens = self._tokens(course)
        if self._prospects.fits(course, waiting[0]) and not self._capacity.wait(waiting[0], tokens):
            return waiting[0]  # as it nearly always is
        in_time = [d for d in waiting if self._prospects.fits(course, d)]
        for deployment in [d for d in waiting if d not in in_time]:
            if in_time or course.sends:
                waiting.remove(deployment)
                ended = await self._sender.pass_over(
                    course, deployment, FailureClass.TIMEOUT, "too little time is left for it"
                )
                course.note(deployment, ended)
        if not waiting:
            return None
        waits = {d: self._capacity.wait(d, tokens) for d in waiting}
        chosen = min(waiting, key=lambda d: (waits[d], waiting.index(d)))
        for deployment in waiting[: waiting.index(chosen)]:
            if deployment not in course.crowded:
                course.crowded.add(deployment)
                await self._no_room(course, deployment)
        return chosen

    async def _try_link(
        self, course: Course, deployment: str, link: Link, waiting: list[str]
    ) -> None:
        """Send to one deployment, and again where its failure's rule and the budgets allow.

        One send is left over for each link that follows: another deployment is worth more than a
        third try of the same.
        """
        retries = 0
        while True:
            timeout = self._prospects.timeout(course, deployment, link, waiting)
            if timeout <= 0:
                await self._no_time(course, deployment)
                return
            ended = await self._attempt(
                course, deployment, link, waiting, timeout=timeout, number_here=retries
            )
            if course.answer is not None or course.shown:
                return
            assert ended.failure is not None
            if ended.failure in OWN_REFUSALS or ended.should_retry is False:
                return
            if ended.failure is FailureClass.CONTENT and self._sanitise(course):
                retries += 1
                continue
            if course.sends >= MOST_ATTEMPTS - len(waiting):
                return
            if ended.rejected and not retries:  # rendered anew without it, once
                retries += 1
                continue
            wait = self._health.retry_wait(
                deployment,
                ended.failure,
                ended.outcome,
                retries_done=retries,
                retry_after=ended.retry_after,
                has_alternative=bool(waiting),
                within=self._prospects.left(course),
            )
            if wait is None:
                return
            await self._clock.sleep(wait)
            retries += 1

    async def _attempt(
        self,
        course: Course,
        deployment: str,
        link: Link,
        waiting: list[str],
        *,
        timeout: float,
        number_here: int,
    ) -> Ended:
        """One send, or two at once where the task hedges and the first is slow; noted."""
        tokens = self._tokens(course)
        room = await self._capacity.at_once(deployment, tokens)
        if room is None:
            patience = self._patience(course, deployment, waiting, tokens)
            room = await self._capacity.room(deployment, tokens, within=patience)
        if room is None:
            ended = await self._no_room(course, deployment)
            course.note(deployment, ended)
            return ended
        # The wait for room took time of its own.
        timeout = max(0.0, min(timeout, self._prospects.left(course)))
        send = self._sender.send(
            course, deployment, link, room, timeout=timeout, number_here=number_here
        )
        after = self._hedges.after(course, deployment) if waiting else None
        if after is None or after >= timeout:
            ended = await send
            course.note(deployment, ended)
            return ended
        return await self._hedged(course, deployment, asyncio.create_task(send), after, waiting)

    async def _hedged(
        self,
        course: Course,
        deployment: str,
        first: asyncio.Task[Ended],
        after: float,
        waiting: list[str],
    ) -> Ended:
        """The send, with a second one to the next link if it has not ended in time."""
        try:
            done, _ = await asyncio.wait({first}, timeout=after)
            other, tokens = waiting[0], self._tokens(course)
            room = None
            if not done and self._hedges.may(course, other, tokens):
                room = await self._capacity.room(other, tokens, within=0.0)
            if room is None:
                ended = await first
                course.note(deployment, ended)
                return ended
            waiting.remove(other)
            link = self._router.link(course.decision.task, other)
            timeout = max(0.0, min(link.timeout, self._prospects.left(course)))
            second = self._sender.send(course, other, link, room, timeout=timeout, hedge=True)
            found = zip((deployment, other), await first_good(first, second), strict=True)
            ends = [(name, ended) for name, ended in found if ended is not None]
        finally:
            first.cancel()
        for name, ended in sorted(ends, key=lambda end: end[1].failure is None):
            course.note(name, ended)
        return ends[0][1] if course.failure else ended

    async def _no_time(self, course: Course, deployment: str) -> None:
        """Not even begun: at the deadline, or so near to it that a probe would use it up."""
        if self._prospects.left(course) <= 0:
            course.failure = FailureClass.TIMEOUT
            return
        why = "a probe would leave no time for another link"
        ended = await self._sender.pass_over(course, deployment, FailureClass.CIRCUIT, why)
        course.note(deployment, ended)

    async def _no_room(self, course: Course, deployment: str) -> Ended:
        wait = self._capacity.wait(deployment, self._tokens(course))
        free = "when another call ends" if math.isinf(wait) else f"in {wait:.1f} s"
        message = f"its limits have room again {free}"
        return await self._sender.pass_over(course, deployment, FailureClass.LIMIT, message)

    def _patience(
        self, course: Course, deployment: str, waiting: Sequence[str], tokens: int
    ) -> float:
        """Seconds to wait for room: none to speak of while another link has some."""
        if not any(self._capacity.wait(other, tokens) == 0 for other in waiting):
            return self._prospects.left(course)
        return QUEUE_SECONDS if self._capacity.only_full(deployment, tokens) else 0.0

    def _tokens(self, course: Course) -> int:
        """Tokens to reserve under a limit: those of the request and of the longest answer."""
        most = self._policy.tasks[course.decision.task].max_output_tokens
        return course.decision.context.tokens + most

    def _sanitise(self, course: Course) -> bool:
        """Whether there are other words for a request that was refused; they are tried once."""
        if self._sanitiser is None or course.sanitised is not None:
            return False
        if course.sends >= MOST_ATTEMPTS:
            return False
        other = sanitised(course.request, self._sanitiser)
        if other is None:
            return False
        course.sanitised = other.text
        return True


def _goes_on(failure: FailureClass | None, link: Link) -> bool:
    if failure is None or failure in OWN_REFUSALS:
        return True
    trigger = TRIGGER_OF.get(failure)
    return trigger is not None and trigger in link.when
