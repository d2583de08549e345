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
from dataclasses import dataclass, field
from random import Random

from orchestra_kit.core.answer import Allowance
from orchestra_kit.core.clock import Clock
from orchestra_kit.core.errors import FailureClass
from orchestra_kit.core.ids import content_hash, new_id, stable_seed
from orchestra_kit.policy.schema import Deployment, Limits
from orchestra_kit.resilience.backoff import full_jitter
from orchestra_kit.resilience.limiter import Limiter, Ticket
from orchestra_kit.store.shared import SharedState

__all__ = ["Capacity", "Room"]

_UNASKED_THROTTLE = 1.0
"""Seconds, base of the backoff after a 429 that does not say how long to wait."""
_LEASE = 120.0
"""Seconds after which a place that a killed process held among several is free again."""


@dataclass
class _Account:
    """One account's limits at one model, and who waits under them."""

    bucket: str
    """Its name among several processes."""
    limits: Limits
    limiter: Limiter
    deployments: set[str] = field(default_factory=set)
    line: deque[asyncio.Event] = field(default_factory=deque)
    """Calls that wait for room, the first first."""
    unasked: int = 0
    """429s in a row that did not say how long to wait."""

    def next_turn(self) -> None:
        if self.line:
            self.line[0].set()


class Room:
    """Room that one call was given; to be given back when the call has ended."""

    __slots__ = ("_account", "_shared", "_ticket", "_ticket_of_all")

    def __init__(self, account: _Account, ticket: Ticket) -> None:
        self._account = account
        self._ticket = ticket
        self._shared: SharedState | None = None
        self._ticket_of_all = ""

    async def used(self, now: float, tokens: int | None) -> None:
        """The call has ended; None where nobody knows how many tokens it took."""
        self._account.limiter.settle(now, self._ticket, tokens)
        self._account.next_turn()
        if self._shared is not None:
            await self._shared.settle(self._account.bucket, self._ticket_of_all, tokens)

    async def unused(self, now: float) -> None:
        """The call was never made."""
        self._account.limiter.refuse(now, self._ticket)
        self._account.next_turn()
        if self._shared is not None:
            await self._shared.settle(self._account.bucket, self._ticket_of_all, 0, sent=False)

    async def claim(self, now: float, tokens: int, shared: SharedState) -> bool:
        """Whether there is room among all processes too; else this one's is given back, and its
        door closed for as long as the others' calls need."""
        self._shared, self._ticket_of_all = shared, new_id("call", now)
        limits = self._account.limits
        wait = await shared.take(
            self._account.bucket,
            self._ticket_of_all,
            requests_per_minute=limits.rpm,
            tokens_per_minute=limits.tpm,
            concurrent=limits.concurrent,
            tokens=tokens,
            lease=_LEASE,
        )
        if not wait:
            return True
        await self.unused(now)
        self._account.limiter.throttle(now, wait)
        return False


class Capacity:
    """The limits of a policy's deployments, learnt downwards from what providers say.

    With `shared`, they hold for all processes that share it together.
    """

    def __init__(
        self,
        deployments: Mapping[str, Deployment],
        *,
        clock: Clock,
        seed: int = 0,
        shared: SharedState | None = None,
    ) -> None:
        self._clock = clock
        self._random = Random(stable_seed(seed, "throttle"))
        self._shared = shared
        self._accounts: dict[str, _Account] = {}
        self._stirring: set[str] = set()
        """Deployments that may be without room: called or turned away since they last were idle."""
        self.adopt(deployments)

    def adopt(self, deployments: Mapping[str, Deployment]) -> None:
        """Know these deployments from now on; of those that are known with the same limits, go on
        with what was learnt."""
        known = {account.bucket: account for account in self._accounts.values()}
        together: dict[tuple[str, ...], list[str]] = {}
        for name, deployment in deployments.items():
            together.setdefault(_account_of(deployment), []).append(name)
        for account, names in together.items():
            limits = _tightest(deployments[name].limits for name in names)
            found = known.get(content_hash(account))
            if found is None or found.limits != limits:
                found = _Account(
                    bucket=content_hash(account),
                    limits=limits,
                    limiter=Limiter(
                        requests_per_minute=limits.rpm,
                        tokens_per_minute=limits.tpm,
                        concurrent=limits.concurrent,
                    ),
                )
            found.deployments.update(names)
            self._accounts.update(dict.fromkeys(names, found))

    def limiter(self, deployment: str) -> Limiter:
        """The limits that a deployment is under, for whoever wants to look."""
        return self._accounts[deployment].limiter

    def wait(self, deployment: str, tokens: int = 0) -> float:
        """Seconds until a call may go; 0 now, infinite where only another call's end can help."""
        return self._accounts[deployment].limiter.wait(self._clock.monotonic(), tokens)

    def only_full(self, deployment: str, tokens: int = 0) -> bool:
        """Whether a call waits for nothing but another one's end."""
        return self.wait(deployment, tokens) == math.inf

    def busy(self) -> dict[str, float]:
        """Deployments without room now, each with the seconds until there is some."""
        found = {}
        for name in tuple(self._stirring):
            wait = self.wait(name)
            if wait:
                found[name] = wait
            elif not self.limiter(name).in_flight:
                self._stirring.discard(name)
        return found

    async def at_once(self, deployment: str, tokens: int) -> Room | None:
        """Room for a call of so many tokens, if there is some now and nobody stands in line."""
        account = self._accounts[deployment]
        return None if account.line else await self._taken(account, tokens)

    async def room(self, deployment: str, tokens: int, *, within: float) -> Room | None:
        """Room for a call of so many tokens; None where there is none within so many seconds.

        Whoever waits stands in line: a call that came later does not overtake.
        """
        room = await self.at_once(deployment, tokens)
        if room is not None or within <= 0:
            return room
        account = self._accounts[deployment]
        until = self._clock.monotonic() + within
        turn = asyncio.Event()
        account.line.append(turn)
        try:
            while True:
                wait = math.inf
                if account.line[0] is turn:
                    room = await self._taken(account, tokens)
                    if room is not None:
                        return room
                    wait = self.wait(deployment, tokens) or math.inf
                now = self._clock.monotonic()
                if now >= until or until < now + wait < math.inf:
                    return None
                turn.clear()
                with contextlib.suppress(TimeoutError):
                    async with self._clock.timeout(min(wait, until - now)):
                        await turn.wait()
        finally:
            account.line.remove(turn)
            account.next_turn()

    def learn(self, deployment: str, allowance: Allowance | None) -> None:
        """Take over what the provider says is left, where that is less than we thought."""
        if allowance is not None:
            self.limiter(deployment).learn(self._clock.monotonic(), allowance)

    async def ended(
        self, deployment: str, failure: FailureClass | None, retry_after: float | None
    ) -> None:
        """Learn from the end of a call: a 429 closes the account's door for as long as asked."""
        account, now = self._accounts[deployment], self._clock.monotonic()
        self._stirring.update(account.deployments)
        if failure is None:
            account.limiter.saw_success(now)
            account.unasked = 0
        elif failure is FailureClass.RATE:
            account.limiter.saw_overload(now)
            await self._throttle(account, now, self._asked(account, retry_after))
        elif failure is FailureClass.CONCURRENCY:
            account.limiter.saw_too_many(now)
        elif failure in (FailureClass.OVERLOADED, FailureClass.TIMEOUT):
            account.limiter.saw_overload(now)
            if retry_after:
                await self._throttle(account, now, retry_after)

    async def _taken(self, account: _Account, tokens: int) -> Room | None:
        now = self._clock.monotonic()
        ticket = account.limiter.take(now, tokens)
        if ticket is None:
            return None
        self._stirring.update(account.deployments)
        room = Room(account, ticket)
        if self._shared is not None and not await room.claim(now, tokens, self._shared):
            return None
        return room

    async def _throttle(self, account: _Account, now: float, seconds: float) -> None:
        account.limiter.throttle(now, seconds)
        if self._shared is not None:
            await self._shared.throttle(account.bucket, seconds)

    def _asked(self, account: _Account, retry_after: float | None) -> float:
        if retry_after is not None:
            return retry_after
        account.unasked += 1
        return full_jitter(account.unasked - 1, base=_UNASKED_THROTTLE, random=self._random)


def _tightest(limits: Iterable[Limits]) -> Limits:
    every = list(limits)

    def least(name: str) -> int | None:
        known = [limit for each in every if (limit := getattr(each, name)) is not None]
        return min(known, default=None)

    return Limits(rpm=least("rpm"), tpm=least("tpm"), concurrent=least("concurrent"))


def _account_of(deployment: Deployment) -> tuple[str, ...]:
    return (
        deployment.provider,
        deployment.base_url,
        deployment.account or deployment.key,
        deployment.region,
        deployment.model,
    )
