"""Room for one more call: the limits of every account and model, and the wait for a place.

A provider limits what an account may ask of a model, however many deployments we call that; so
the limits belong to the account and the model, and deployments that share both share them.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections import deque
from collections.abc import Iterable, Mapping
from random import Random

from orchestra_kit.core.answer import Allowance
from orchestra_kit.core.clock import Clock
from orchestra_kit.core.errors import FailureClass
from orchestra_kit.core.ids import stable_seed
from orchestra_kit.policy.schema import Deployment
from orchestra_kit.resilience.backoff import full_jitter
from orchestra_kit.resilience.limiter import Limiter, Ticket

__all__ = ["Capacity", "Room"]

_UNASKED_THROTTLE = 1.0
"""Seconds, base of the backoff after a 429 that does not say how long to wait."""


class Room:
    """Room that one call was given; to be given back when the call has ended."""

    __slots__ = ("_limiter", "_line", "_ticket")

    def __init__(self, limiter: Limiter, ticket: Ticket, line: deque[asyncio.Event]) -> None:
        self._limiter = limiter
        self._ticket = ticket
        self._line = line

    def used(self, now: float, tokens: int | None) -> None:
        """The call has ended; None where nobody knows how many tokens it took."""
        self._limiter.settle(now, self._ticket, tokens)
        _next_turn(self._line)

    def unused(self, now: float) -> None:
        """The call was never made."""
        self._limiter.refuse(now, self._ticket)
        _next_turn(self._line)


class Capacity:
    """The limits of a policy's deployments, learnt downwards from what providers say."""

    def __init__(
        self, deployments: Mapping[str, Deployment], *, clock: Clock, seed: int = 0
    ) -> None:
        self._clock = clock
        self._random = Random(stable_seed(seed, "throttle"))
        self._limiters: dict[str, Limiter] = {}
        self._sharing: dict[int, tuple[str, ...]] = {}
        """The deployments that share a limiter."""
        self._lines: dict[int, deque[asyncio.Event]] = {}
        """Calls that wait for room, by limiter, the first first."""
        self._stirring: set[str] = set()
        """Deployments that may be without room: called or turned away since they last were idle."""
        self._throttles: dict[int, int] = {}
        """429s in a row that did not say how long to wait, by limiter."""
        sharing: dict[tuple[str, ...], list[str]] = {}
        for name, deployment in deployments.items():
            sharing.setdefault(_account(deployment), []).append(name)
        for names in sharing.values():
            limits = [deployments[name].limits for name in names]
            limiter = Limiter(
                requests_per_minute=_least(each.rpm for each in limits),
                tokens_per_minute=_least(each.tpm for each in limits),
                concurrent=_least(each.concurrent for each in limits),
            )
            self._limiters.update(dict.fromkeys(names, limiter))
            self._sharing[id(limiter)] = tuple(names)
            self._lines[id(limiter)] = deque()

    def limiter(self, deployment: str) -> Limiter:
        """The limits that a deployment is under, for whoever wants to look."""
        return self._limiters[deployment]

    def wait(self, deployment: str, tokens: int = 0) -> float:
        """Seconds until a call may go; 0 now, infinite where only another call's end can help."""
        limiter, now = self._limiters[deployment], self._clock.monotonic()
        wait = limiter.wait(now, tokens)
        return math.inf if not wait and limiter.full(now) else wait

    def only_full(self, deployment: str, tokens: int = 0) -> bool:
        """Whether a call waits for nothing but another one's end."""
        limiter, now = self._limiters[deployment], self._clock.monotonic()
        return limiter.full(now) and not 0 < limiter.wait(now, tokens) < math.inf

    def busy(self) -> dict[str, float]:
        """Deployments without room now, each with the seconds until there is some."""
        found = {}
        for name in tuple(self._stirring):
            wait = self.wait(name)
            if wait:
                found[name] = wait
            elif not self._limiters[name].in_flight:
                self._stirring.discard(name)
        return found

    def at_once(self, deployment: str, tokens: int) -> Room | None:
        """Room for a call of so many tokens, if there is some now and nobody stands in line."""
        limiter = self._limiters[deployment]
        line = self._lines[id(limiter)]
        ticket = None if line else limiter.take(self._clock.monotonic(), tokens)
        if ticket is None:
            return None
        self._stirring.update(self._sharing[id(limiter)])
        return Room(limiter, ticket, line)

    async def room(self, deployment: str, tokens: int, *, within: float) -> Room | None:
        """Room for a call of so many tokens; None where there is none within so many seconds.

        Whoever waits stands in line: a call that came later does not overtake.
        """
        room = self.at_once(deployment, tokens)
        if room is not None or within <= 0:
            return room
        limiter = self._limiters[deployment]
        line = self._lines[id(limiter)]
        until = self._clock.monotonic() + within
        turn = asyncio.Event()
        line.append(turn)
        try:
            while True:
                now, wait = self._clock.monotonic(), math.inf
                if line[0] is turn:
                    ticket = limiter.take(now, tokens)
                    if ticket is not None:
                        return Room(limiter, ticket, line)
                    wait = limiter.wait(now, tokens) or math.inf
                if now >= until or until < now + wait < math.inf:
                    return None
                turn.clear()
                with contextlib.suppress(TimeoutError):
                    async with self._clock.timeout(min(wait, until - now)):
                        await turn.wait()
        finally:
            line.remove(turn)
            _next_turn(line)

    def learn(self, deployment: str, allowance: Allowance | None) -> None:
        """Take over what the provider says is left, where that is less than we thought."""
        if allowance is not None:
            self._limiters[deployment].learn(self._clock.monotonic(), allowance)

    def ended(
        self, deployment: str, failure: FailureClass | None, retry_after: float | None
    ) -> None:
        """Learn from the end of a call: a 429 closes the account's door for as long as asked."""
        limiter, now = self._limiters[deployment], self._clock.monotonic()
        self._stirring.update(self._sharing[id(limiter)])
        if failure is None:
            limiter.saw_success(now)
            self._throttles.pop(id(limiter), None)
        elif failure is FailureClass.RATE:
            limiter.saw_overload(now)
            limiter.throttle(now, self._asked(limiter, retry_after))
        elif failure is FailureClass.CONCURRENCY:
            limiter.saw_too_many(now)
        elif failure in (FailureClass.OVERLOADED, FailureClass.TIMEOUT):
            limiter.saw_overload(now)
            if retry_after:
                limiter.throttle(now, retry_after)

    def _asked(self, limiter: Limiter, retry_after: float | None) -> float:
        if retry_after is not None:
            return retry_after
        before = self._throttles.get(id(limiter), 0)
        self._throttles[id(limiter)] = before + 1
        return full_jitter(before, base=_UNASKED_THROTTLE, random=self._random)


def _next_turn(line: deque[asyncio.Event]) -> None:
    if line:
        line[0].set()


def _least(limits: Iterable[int | None]) -> int | None:
    return min((limit for limit in limits if limit is not None), default=None)


def _account(deployment: Deployment) -> tuple[str, ...]:
    return (
        deployment.provider,
        deployment.base_url,
        deployment.account or deployment.key,
        deployment.region,
        deployment.model,
    )
