"""What is known of each deployment's health, and what it allows now."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Iterable, Mapping
from random import Random
from types import MappingProxyType
from typing import TypeAlias

from orchestra_kit.core.clock import Clock
from orchestra_kit.core.errors import AttemptOutcome, FailureClass
from orchestra_kit.core.ids import stable_seed
from orchestra_kit.core.reply import Severity
from orchestra_kit.engine.notices import Notices
from orchestra_kit.resilience.backoff import wait_for
from orchestra_kit.resilience.breaker import Breaker, BreakerState, Standing
from orchestra_kit.resilience.retry import RETRY_RULES
from orchestra_kit.resilience.retry_budget import RetryBudget

__all__ = ["Health"]

LONGEST_WAIT = 60.0
"""Seconds; a provider that asks for more is left for the next deployment."""


Turned: TypeAlias = Callable[[str, bool, FailureClass | None], Awaitable[None]]
"""Told of a deployment that went out (True) or came back, and by which failure, if by one."""


class Health:
    """A breaker and a retry budget for every deployment, and who is told when they act.

    `sent` is the clock's monotonic moment at which a call was admitted. It keeps an answer that
    was sent for before the breaker opened from being taken for the probe's.
    """

    def __init__(
        self,
        deployments: Iterable[str],
        *,
        clock: Clock,
        seed: int,
        accounts: Mapping[str, str] = MappingProxyType({}),
        turned: Turned | None = None,
    ) -> None:
        self._clock = clock
        self._seed = seed
        self._accounts = dict(accounts)
        """The account that each deployment is called on; empty or absent for one of its own."""
        self._turned = turned
        self._breakers: dict[str, Breaker] = {}
        self._retry_budgets: dict[str, RetryBudget] = {}
        self.adopt(deployments, accounts)
        self._random = Random(stable_seed(seed, "backoff"))
        self._out: set[str] = set()
        """Deployments of which operators were told that they are out."""

    def adopt(self, deployments: Iterable[str], accounts: Mapping[str, str]) -> None:
        """Know these deployments from now on; of those that are known, what is known stays."""
        self._accounts.update(accounts)
        for name in deployments:
            if name not in self._breakers:
                self._breakers[name] = Breaker(seed=stable_seed(self._seed, name))
                self._retry_budgets[name] = RetryBudget()

    @property
    def breakers(self) -> Mapping[str, Breaker]:
        """The breakers, for whoever wants to look or to isolate by hand."""
        return self._breakers

    def standings(self) -> dict[str, Standing]:
        """How each breaker stands, to be resumed by another process."""
        moment = self._clock.monotonic()
        return {name: breaker.standing(moment) for name, breaker in self._breakers.items()}

    def resume(self, standings: Mapping[str, Standing]) -> None:
        """Go on from how breakers stood; of a deployment that is not named nothing is known."""
        moment = self._clock.monotonic()
        for name, standing in standings.items():
            if name in self._breakers:
                self._breakers[name].resume(moment, standing)
                if standing.state is not BreakerState.CLOSED:
                    self._out.add(name)

    def reconsider(self) -> None:
        """The configuration has changed: of what it had caused, one call each finds out whether it
        is mended."""
        moment = self._clock.monotonic()
        for breaker in self._breakers.values():
            breaker.reconsider(moment)

    def heard(self, deployment: str, seconds: float) -> None:
        """Another process found a deployment to be out, for so many seconds more."""
        if deployment in self._breakers:
            self._breakers[deployment].open_for(self._clock.monotonic(), seconds)

    def probes(self, deployment: str) -> bool:
        """Whether a call that was just admitted is the probe on which everything depends."""
        return self._breakers[deployment].probes(self._clock.monotonic())

    def unavailable(self) -> dict[str, str]:
        """Deployments that may not be called at this moment, each with the reason."""
        moment = self._clock.monotonic()
        found: dict[str, str] = {}
        for name, breaker in self._breakers.items():
            state = breaker.state(moment)
            if state is BreakerState.OPEN:
                found[name] = f"breaker open for {breaker.seconds_until_probe(moment):.0f} s more"
            elif state is BreakerState.ISOLATED:
                left = breaker.seconds_until_probe(moment)
                found[name] = (
                    "isolated until somebody closes its breaker"
                    if math.isinf(left)
                    else f"isolated for {left:.0f} s more"
                )
        return found

    def admit(self, deployment: str, *, retry: bool = False) -> bool:
        """Claim a call: False when the breaker does not let this one through.

        A `retry` is no request of its own: it earns no further retries.
        """
        moment = self._clock.monotonic()
        admitted = self._breakers[deployment].allow(moment)
        if admitted and not retry:
            self._retry_budgets[deployment].deposit(moment)
        return admitted

    def closed(self, deployment: str) -> bool:
        """Whether nothing is known against a deployment."""
        return self._breakers[deployment].state(self._clock.monotonic()) is BreakerState.CLOSED

    async def isolate(
        self, deployment: str, notices: Notices, *, because: str, seconds: float | None = None
    ) -> None:
        """Let nothing through to a deployment, for so many seconds or until `release`."""
        self._breakers[deployment].isolate(self._clock.monotonic(), seconds=seconds)
        self._out.add(deployment)
        await self._tell_out(deployment, BreakerState.ISOLATED, because, notices, "")

    async def release(self, deployment: str, notices: Notices, *, because: str) -> None:
        """Let everything through again, and forget what was."""
        self._breakers[deployment].close(self._clock.monotonic())
        await self._tell_back(deployment, f"{deployment} was released: {because}", notices, "")

    def forget(self, deployment: str, *, sent: float | None = None) -> None:
        """Give a claim back whose call neither succeeded nor failed, such as a cancelled one."""
        self._breakers[deployment].release_probe(self._clock.monotonic(), sent=sent)

    async def note(
        self,
        deployment: str,
        failure: FailureClass | None,
        notices: Notices,
        request_id: str,
        *,
        sent: float | None = None,
        slow: bool = False,
        whole_account: bool = False,
        retry_after: float | None = None,
    ) -> None:
        """Count the end of a call; tells operators when the deployment goes out or is back.

        `slow` says of a good call that it took far longer than its like; `whole_account`, of a
        failure that isolates, that it befalls every deployment on the same account; `retry_after`
        when a spent quota is renewed, in seconds, where the provider said so.
        """
        moment = self._clock.monotonic()
        breaker = self._breakers[deployment]
        before = breaker.state(moment)
        if failure is None:
            breaker.record(moment, ok=True, sent=sent, slow=slow)
        else:
            self._count_failure(breaker, failure, moment, sent, retry_after)
        if failure is not None and whole_account:
            await self._isolate_siblings(deployment, failure, notices, request_id, retry_after)
        after = breaker.state(moment)
        if after in (BreakerState.OPEN, BreakerState.ISOLATED):
            if after is before:
                return
            self._out.add(deployment)
            why = f"after {failure.value if failure else 'calls that took too long'}"
            await self._tell_out(deployment, after, why, notices, request_id, failure)
        elif after is BreakerState.CLOSED and failure is None and deployment in self._out:
            await self._tell_back(deployment, f"{deployment} answers again", notices, request_id)

    async def _isolate_siblings(
        self,
        deployment: str,
        failure: FailureClass,
        notices: Notices,
        request_id: str,
        retry_after: float | None,
    ) -> None:
        account, moment = self._accounts.get(deployment, ""), self._clock.monotonic()
        for name, breaker in self._breakers.items():
            shares = account and name != deployment and self._accounts.get(name) == account
            if not shares or breaker.state(moment) is BreakerState.ISOLATED:
                continue
            self._count_failure(breaker, failure, moment, None, retry_after)
            self._out.add(name)
            why = f"its account is that of {deployment}, which ended with {failure.value}"
            state = BreakerState.ISOLATED
            await self._tell_out(name, state, why, notices, request_id, failure)

    async def _tell_out(
        self,
        deployment: str,
        state: BreakerState,
        why: str,
        notices: Notices,
        request_id: str,
        failure: FailureClass | None = None,
    ) -> None:
        await notices.tell(
            f"breaker_{state.value}",
            deployment,
            Severity.CRITICAL if state is BreakerState.ISOLATED else Severity.WARNING,
            f"{deployment} is {state.value}: {why}",
            deployment=deployment,
            request_id=request_id,
            ends=("breaker_closed",),
        )
        if self._turned is not None:
            await self._turned(deployment, True, failure)

    async def _tell_back(
        self, deployment: str, message: str, notices: Notices, request_id: str
    ) -> None:
        self._out.discard(deployment)
        await notices.tell(
            "breaker_closed",
            deployment,
            Severity.INFO,
            message,
            deployment=deployment,
            request_id=request_id,
            ends=("breaker_open", "breaker_isolated"),
        )
        if self._turned is not None:
            await self._turned(deployment, False, None)

    def retry_wait(
        self,
        deployment: str,
        failure: FailureClass,
        outcome: AttemptOutcome,
        *,
        retries_done: int,
        retry_after: float | None,
        has_alternative: bool,
        within: float = math.inf,
    ) -> float | None:
        """Seconds to wait before another send to the same deployment; None when there is none.

        An `unknown` attempt is never repeated; a retry needs the rule's leave, a wait shorter than
        `within` seconds, a breaker that has not opened meanwhile, and a token of the retry budget,
        which is asked last so that none is spent on a retry that is not made.
        """
        rule = RETRY_RULES[failure]
        allowed = rule.retries(has_alternative=has_alternative)
        if outcome is AttemptOutcome.UNKNOWN or retries_done >= allowed:
            return None
        wait = wait_for(
            retry_after,
            retries_done,
            base=rule.wait,
            least=rule.least_wait,
            random=self._random,
        )
        moment = self._clock.monotonic()
        if wait > LONGEST_WAIT or wait >= within:
            return None
        if self._breakers[deployment].seconds_until_probe(moment) > wait:
            return None
        return wait if self._retry_budgets[deployment].withdraw(moment) else None

    @staticmethod
    def _count_failure(
        breaker: Breaker,
        failure: FailureClass,
        moment: float,
        sent: float | None,
        retry_after: float | None,
    ) -> None:
        rule = RETRY_RULES[failure]
        if rule.isolates is None:
            breaker.record(moment, ok=False, weight=rule.weight, sent=sent)
        elif math.isinf(rule.isolates):
            breaker.isolate(moment, here_only=True)
        else:
            breaker.isolate(moment, seconds=retry_after or rule.isolates)
