"""The guard of a change of routing: whether, since it was made, something got worse than agreed.

A guardrail names a mean that must not pass a limit: a share of requests, or dollars a request. Its
guard bets against that after each request, at odds that are fair if the mean lies at the limit and
bad if it lies below. Starting from 1, its capital then comes to 20 with a probability of at most
5 %, however long and however often somebody looks (Ville's inequality): a capital of 20 is a
breach. The bets are those of Waudby-Smith and Ramdas, “Estimating means of bounded random variables
by betting” (2024), with a few fixed stakes in equal parts in place of their adaptive one. Several
guardrails share the 5 %: with four of them the capital has to come to 80.

A guard sees that something is worse, not why: an outage beside a change is held against it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from operator import mul

from orchestra_kit.core.display import Shown
from orchestra_kit.core.errors import FailureClass
from orchestra_kit.core.money import format_usd
from orchestra_kit.core.reply import Reply, ReplyStatus
from orchestra_kit.policy.schema import Guardrail, Task

__all__ = ["Breach", "Guard"]

FALSE_ALARMS = 0.05
"""Probability, at most, with which a change that keeps within all of its guardrails is undone."""
COST_CAP = 10.0
"""Times the limit; what a request costs beyond it is not held against a change."""
_WORSE = (1.5, 2.0, 4.0)
"""Times the limit: the means that the stakes are best for."""
_LARGEST_STAKE = 0.5
_FAILED = frozenset({ReplyStatus.QUEUED, ReplyStatus.UNAVAILABLE, ReplyStatus.INCOMPLETE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach(Shown):
    """A guardrail that was passed."""

    watch: str
    task: str
    """Empty for all tasks."""
    over: Decimal
    """The limit: a share, or dollars."""
    seen: float
    """The mean over the requests that were counted, likewise."""
    requests: int
    evidence: float
    """The capital; its inverse bounds the probability of a false alarm of this guardrail."""

    @property
    def by(self) -> str:
        """The guard's name, as the journal of changes holds it."""
        return f"guard of {self.watch}{f' of {self.task}' if self.task else ''}"

    def sentence(self) -> str:
        """The breach in one sentence."""
        what = self.watch.replace("_", " ")
        if self.watch == "cost":
            seen, over = format_usd(Decimal(repr(self.seen))), format_usd(self.over)
            said = f"a request costs {seen}, more than {over}"
        else:
            said = f"{what}: {self.seen:.1%} of the requests, more than {float(self.over):.1%}"
        where = f"{self.task}: " if self.task else ""
        return f"{where}{said}, over {self.requests} requests (evidence {self.evidence:.3g})"


class Guard:
    """Watches the replies that follow a change; breached once, it stays so.

    `tasks` are the policy's, for their floors and criteria; `concerns` says which replies came of
    the change, such as those decided by one version of a policy.
    """

    def __init__(
        self,
        guardrails: Iterable[Guardrail],
        tasks: Mapping[str, Task],
        *,
        concerns: Callable[[Reply], bool] = lambda _: True,
    ) -> None:
        rails = tuple(guardrails)
        enough = len(rails) / FALSE_ALARMS
        self._watches = tuple(_Watch(rail, enough) for rail in rails)
        self._tasks = tasks
        self._concerns = concerns
        self.breach: Breach | None = None
        self.requests = 0
        """How many came of the change."""

    def observe(self, reply: Reply) -> Breach | None:
        """Take a reply into account; the breach if it is the one that makes it."""
        if self.breach is not None or not self._concerns(reply):
            return None
        self.requests += 1
        name = reply.decision.task
        task = self._tasks.get(name)
        if task is None:
            return None
        for watch in self._watches:
            if watch.task is not None and watch.task != name:
                continue
            value = watch.measure(reply, task)
            if value is not None and watch.bet(value):
                self.breach = watch.breach()
                return self.breach
        return None


class _Watch:
    """One guardrail's bets."""

    __slots__ = (
        *("_capital", "_count", "_enough", "_lost", "_most", "_rail", "_stakes", "_sum"),
        *("measure", "task", "_limit"),
    )

    def __init__(self, rail: Guardrail, enough: float) -> None:
        self._rail = rail
        self._enough = enough
        self._limit = float(rail.over)
        self.task = rail.task
        self.measure: Callable[[Reply, Task], float | None] = _MEASURES[rail.watch]
        costs = rail.watch == "cost"
        self._most = COST_CAP if costs else math.inf
        limit = 1 / COST_CAP if costs else min(self._limit, 0.99)
        # Kelly's stake on a mean m at odds that are fair at the limit is (m - limit)/(1 - limit).
        best = {(worse - 1) * limit / (1 - limit) for worse in _WORSE}
        self._stakes = tuple(sorted({min(b, _LARGEST_STAKE) for b in best} | {_LARGEST_STAKE}))
        self._lost = tuple(1.0 - stake for stake in self._stakes)
        self._capital = [1.0 / len(self._stakes)] * len(self._stakes)
        self._count = 0
        self._sum = 0.0

    @property
    def evidence(self) -> float:
        """The capital, of 1 at the start."""
        return sum(self._capital)

    def bet(self, value: float) -> bool:
        """Take a value into account; whether the limit is passed by all evidence.

        Each stake is lost, and pays itself times value over limit.
        """
        self._count += 1
        self._sum += value
        if value <= 0:
            self._capital = list(map(mul, self._capital, self._lost))
            return False
        if self._limit <= 0:  # what must never happen has happened
            self._capital = [math.inf]
            return True
        paid = min(value / self._limit, self._most)
        self._capital = [
            capital * (lost + stake * paid)
            for capital, lost, stake in zip(self._capital, self._lost, self._stakes, strict=True)
        ]
        return sum(self._capital) >= self._enough

    def breach(self) -> Breach:
        """What there is to say of a limit that was passed."""
        return Breach(
            watch=self._rail.watch,
            task=self.task or "",
            over=Decimal(str(self._rail.over)),
            seen=self._sum / self._count,
            requests=self._count,
            evidence=self.evidence,
        )


def _failure(reply: Reply, _: Task) -> float | None:
    """1 for a request that nobody answered to the end; what only money held back is not counted,
    nor what a person decides or no model may answer."""
    if reply.answered:
        return 0.0
    if reply.status not in _FAILED:
        return None
    last = reply.attempts[-1].failure if reply.attempts else None
    return None if last is FailureClass.BUDGET else 1.0


def _low_quality(reply: Reply, task: Task) -> float | None:
    value = reply.score.value
    if not reply.answered or value is None:
        return None
    return 1.0 if value < task.quality_floor else 0.0


def _slow(reply: Reply, task: Task) -> float | None:
    if not reply.answered:
        return None
    return 1.0 if reply.seconds > task.must.p90_latency else 0.0


def _cost(reply: Reply, _: Task) -> float | None:
    """Dollars; a price that is not known says nothing."""
    return None if reply.cost is None else float(reply.cost)


_MEASURES: Mapping[str, Callable[[Reply, Task], float | None]] = {
    "failures": _failure,
    "low_quality": _low_quality,
    "slow": _slow,
    "cost": _cost,
}
