"""Answers given again to whoever asks for exactly the same, where a task's policy says so.

The key of an answer is a digest of everything that would be sent, of the policy's version, and of
who may share it: what differs in any of these is another question. Requests whose meaning is not
all in what is known here are never answered so: those with attachments, of which only the kind is
known, and those with a class of data, which is not for keeping.

Of several equal requests at once one asks, and the others wait for what it brings.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, fields
from datetime import timedelta

from orchestra_kit.core.answer import Call, Source
from orchestra_kit.core.clock import Clock
from orchestra_kit.core.decision import Decision
from orchestra_kit.core.errors import StoreError
from orchestra_kit.core.reply import Reply
from orchestra_kit.core.request import Request
from orchestra_kit.engine.course import Course
from orchestra_kit.engine.rendering import first_call
from orchestra_kit.policy.policy import Policy
from orchestra_kit.policy.schema import Caching
from orchestra_kit.store.answers import AnswerStore, KeptAnswer

__all__ = ["AnswerCache", "Flight", "key_of"]

NOT_ASKED_BY = frozenset({"request_id", "deployment", "attempt", "context", "seed", "left_out"})
"""Parts of a call on which its answer does not depend, or no more than on its text: what a model
does not take has no part in what it says."""


def key_of(policy: Policy, source: Source, request: Request, decision: Decision) -> str | None:
    """Under which key the answer to a request is kept: ``policy:task:digest``.

    None where it must not be: the task has no `cache`, the request has attachments or a class of
    data, nobody may be called, or a parameter cannot be written down.
    """
    caching = policy.tasks[decision.task].cache
    if caching is None or decision.review or decision.choice is None:
        return None
    if request.attachments or request.data:
        return None
    call = first_call(policy, request, decision)
    asked: dict[str, object] = {
        f.name: getattr(call, f.name) for f in fields(Call) if f.name not in NOT_ASKED_BY
    }
    asked |= {
        "policy": policy.hash,
        "source": source.value,
        "provider": policy.deployments[decision.choice].provider,
        "requires": sorted(request.requires),
        "region": request.region,
        "session turns": request.session_turns,
        "sharing": _sharing(caching, request),
        "parameters": dict(call.parameters),
    }
    try:
        text = json.dumps(asked, sort_keys=True)
    except (TypeError, ValueError, RecursionError):
        return None
    return f"{policy.name}:{decision.task}:{hashlib.sha256(text.encode()).hexdigest()}"


def _sharing(caching: Caching, request: Request) -> list[str]:
    """Who may share an answer, beside whoever asks for the same. A user is one of a team."""
    if caching.shared_by == "everyone":
        return []
    return [request.team] if caching.shared_by == "team" else [request.team, request.user]


@dataclass
class Flight:
    """A question on its way to an answer that may be given again."""

    found: KeptAnswer | None = None
    """What is kept already, or was brought by an equal request; afterwards, what this one brings
    to those that wait for it."""


class AnswerCache:
    """Keeps answers in one or several places, the nearest last; for one `Orchestra`."""

    def __init__(self, places: Sequence[AnswerStore], *, source: Source, clock: Clock) -> None:
        self._places = places
        self._source = source
        self._clock = clock
        self._flights: dict[str, asyncio.Future[KeptAnswer | None]] = {}

    def key(self, policy: Policy, request: Request, decision: Decision) -> str | None:
        """Under which key the answer to a request is kept; None where it must not be."""
        return key_of(policy, self._source, request, decision)

    @asynccontextmanager
    async def flight(self, key: str, patience: float) -> AsyncIterator[Flight]:
        """What is known of an answer; equal requests that come meanwhile wait for what it brings.

        Who has waited for `patience` seconds, or in vain, asks for itself.
        """
        under_way = self._flights.get(key)
        if under_way is not None and under_way.get_loop() is asyncio.get_running_loop():
            yield Flight(await self._brought(under_way, patience))
            return
        mine: asyncio.Future[KeptAnswer | None] = asyncio.get_running_loop().create_future()
        self._flights[key] = mine
        flight = Flight()
        try:
            flight.found = await self._get(key)
            yield flight
        finally:
            if self._flights.get(key) is mine:
                del self._flights[key]
            mine.set_result(flight.found)

    async def keep(
        self, key: str, policy: Policy, course: Course, reply: Reply
    ) -> KeptAnswer | None:
        """Keep a reply, if it is whole and from the deployment that was to be asked first."""
        if not _worth_keeping(course, reply):
            return None
        caching = policy.tasks[course.decision.task].cache
        assert caching is not None
        now = self._clock.now()
        kept = KeptAnswer(
            key=key,
            source=reply.source.value,
            policy=policy.name,
            task=course.decision.task,
            deployment=reply.deployment,
            model=reply.model,
            at=now,
            until=now + timedelta(seconds=caching.ttl),
            text=reply.text,
            quality=reply.score.value,
            scorer=reply.score.scorer,
            cost=reply.cost,
        )
        for place in self._places:
            with suppress(StoreError):  # the answer is there; whether it is kept is a lesser thing
                await place.put(kept, now)
        return kept

    async def forget(self, policy: str, task: str = "") -> int:
        """Drop the answers of a task, or of a whole policy, everywhere; returns how many there
        were where there were most."""
        return max([await place.forget(policy, task) for place in self._places], default=0)

    async def _get(self, key: str) -> KeptAnswer | None:
        now = self._clock.now()
        for place in self._places:
            with suppress(StoreError):
                found = await place.get(key, now)
                if found is not None and found.fresh(now):
                    return found
        return None

    async def _brought(
        self, flight: asyncio.Future[KeptAnswer | None], patience: float
    ) -> KeptAnswer | None:
        try:
            async with self._clock.timeout(patience):
                return await asyncio.shield(flight)
        except TimeoutError:
            return None


def _worth_keeping(course: Course, reply: Reply) -> bool:
    """Whole, good enough, to the very words that were asked, and by whom the key names: what
    another deployment said in its place is not to outlive the hour in which it was needed."""
    answer = course.answer
    return (
        reply.answered
        and answer is not None
        and answer.finish == "stop"
        and answer.media_type.startswith("text/")
        and course.sanitised is None
        and reply.deployment == course.decision.choice
    )
