"""What a chain of three keeps up while its primary fails, and what that costs in calls and time.

Twenty requests a second of virtual time through the engine as it is. Failures are drawn from
seeds: the primary's as often as a row says, two in a hundred for the two behind it.
"""

from __future__ import annotations

import asyncio
import math
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from benchmarks.peers.measuring import ANSWER
from benchmarks.policies import TASK, chain_of_three, never_asked
from benchmarks.timing import Result, percentile
from orchestra_kit import Orchestra
from orchestra_kit.core.answer import Answer, Call, Score, Source, Usage
from orchestra_kit.core.clock import VirtualClock
from orchestra_kit.core.errors import AttemptOutcome, FailureClass, ProviderError
from orchestra_kit.core.reply import Notice, Reply
from orchestra_kit.outcomes.statistics import proportion
from orchestra_kit.policy.policy import Policy
from orchestra_kit.store.ledger import DiscardingLedger

__all__ = ["results"]

_NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)
_REQUESTS, _A_SECOND = 10_000, 20
_ENGINE_SEED, _WORLD_SEED = 7, 11
_OTHERS = 0.02
_MEDIAN, _SPREAD, _FAILING = 1.0, 0.35, 0.3
"""Seconds of an answer at the median, the deviation of their logarithm, seconds of a failure."""
_OVERLOADED = 0.2
"""Share of the failures that say so; the others are errors of the server."""

_STEADY = 60.0
"""Seconds after which what is down has been found to be."""
_OUTAGE_AT, _OUTAGE_LASTS, _OUTAGE_SEEDS = 30.0, 15.0, 10
_MOST_FAILURES = 5
_MOST_CALLS_DOWN, _MOST_TELLING = 0.1, 0.05


@dataclass(frozen=True)
class _Aim:
    """What is wanted while the primary fails so often."""

    share: float
    availability: float
    calls: float


_AIMS = (
    _Aim(0.0, 0.9995, 1.05),
    _Aim(0.05, 0.9995, 1.15),
    _Aim(0.30, 0.999, 1.35),
    _Aim(1.0, 0.999, 1.10),
)


class _World(DiscardingLedger):
    """Three deployments that fail by lot, and the ledger that hears of breakers."""

    source = Source.SIMULATED

    def __init__(
        self,
        clock: VirtualClock,
        shares: Mapping[str, float],
        *,
        seed: int,
        outage_at: float = math.inf,
    ) -> None:
        self._clock = clock
        self._shares = shares
        self._lots = {name: Random(f"{seed} {name}") for name in shares}
        self._outage_at = outage_at
        self.sent: list[float] = []
        """Moments at which a call went out."""
        self.struck = 0
        """Calls that the outage has failed."""
        self.struck_when_opened: int | None = None

    def provider(self, deployment: str) -> _World:
        """Itself: a call says whom it is for."""
        return self

    async def send(self, call: Call) -> Answer:
        """An answer after a while, or a failure sooner."""
        self.sent.append(self._clock.monotonic())
        lot = self._lots[call.deployment]
        fails, overloaded = lot.random() < self._shares[call.deployment], lot.random()
        seconds = lot.lognormvariate(math.log(_MEDIAN), _SPREAD)
        out = call.deployment == "first" and self._clock.monotonic() >= self._outage_at
        await self._clock.sleep(_FAILING if fails or out else seconds)
        # An outage fails what is on its way as well.
        if call.deployment == "first" and self._clock.monotonic() >= self._outage_at:
            self.struck += 1
            fails, overloaded = True, 1.0
        if fails:
            raise _failure(overloaded < _OVERLOADED)
        return Answer(
            text=ANSWER,
            model=call.model,
            usage=Usage(input_tokens=20, output_tokens=20),
            score=Score(value=0.9, scorer="fixed"),
        )

    async def notice(self, notice: Notice) -> None:
        """Remember how much the outage had done when the primary's breaker first opened in it."""
        opened = notice.kind == "breaker_open" and notice.deployment == "first"
        if opened and self.struck and self.struck_when_opened is None:
            self.struck_when_opened = self.struck

    async def close(self) -> None:
        """Nothing is held."""


@dataclass(frozen=True)
class _Played:
    """What came of the traffic."""

    replies: Sequence[Reply]
    told_after: Sequence[float]
    """Seconds of every request until its end: virtual ones, and those that we worked on it."""
    world: _World

    @property
    def answered(self) -> int:
        return sum(reply.answered for reply in self.replies)

    @property
    def calls(self) -> float:
        return len(self.world.sent) / len(self.replies)

    @property
    def p95(self) -> float:
        return percentile([reply.seconds for reply in self.replies], 0.95)


def results(
    *, requests: int = _REQUESTS, steady: float = _STEADY, outages: int = _OUTAGE_SEEDS
) -> list[Result]:
    """Availability, calls and time by how often the primary fails; then outages."""
    with tempfile.TemporaryDirectory() as folder:
        policy = chain_of_three(Path(folder))
        played = {aim: _play(policy, requests, aim.share) for aim in _AIMS}
        healthy = played[_AIMS[0]].p95
        return [
            *(line for aim, found in played.items() for line in _lines(aim, found, healthy)),
            *_everything_down(policy, requests, steady),
            _opening(policy, outages),
        ]


def _lines(aim: _Aim, found: _Played, healthy: float) -> list[Result]:
    n = len(found.replies)
    share = proportion(found.answered, n)
    lowest = share.low or 0.0
    seeds = f"{n:,} requests, seeds {_ENGINE_SEED} and {_WORLD_SEED}"
    what = f"primary fails {aim.share:.0%}"
    return [
        Result(
            f"{what}: answered",
            f"{share.value:.3%}, at least {lowest:.3%}",
            f"primary alone, {1 - aim.share:.0%}",
            None,
            f">= {aim.availability:.2%}",
            lowest >= aim.availability,
            seeds,
        ),
        Result(
            f"{what}: calls a request",
            f"{found.calls:.3f}",
            "one each",
            found.calls,
            f"<= {aim.calls:g}",
            found.calls <= aim.calls,
            seeds,
        ),
        Result(
            f"{what}: p95 added",
            f"{found.p95 - healthy:+.2f} s",
            f"healthy primary, {healthy:.2f} s",
            found.p95 / healthy,
            n=seeds,
        ),
    ]


def _everything_down(policy: Policy, requests: int, steady: float) -> list[Result]:
    found = _play(policy, requests, 1.0, others=1.0)
    first = int(steady * _A_SECOND)
    later = found.replies[first:]
    calls = sum(moment >= steady for moment in found.world.sent) / len(later)
    told_after = found.told_after[first:]
    p99, longest = percentile(told_after, 0.99), max(told_after)
    n = f"{len(later):,} requests after {steady:.0f} s"
    return [
        Result(
            "everything down: calls a request",
            f"{calls:.4f}",
            "one each",
            calls,
            f"<= {_MOST_CALLS_DOWN:g}",
            calls <= _MOST_CALLS_DOWN,
            n,
        ),
        Result(
            "everything down: told after, p99",
            f"{p99 * 1e3:.1f} ms (longest, a probe, {longest * 1e3:.0f})",
            f"a failing call, {_FAILING * 1e3:.0f} ms",
            p99 / _FAILING,
            f"<= {_MOST_TELLING * 1e3:.0f} ms",
            p99 <= _MOST_TELLING,
            n,
        ),
    ]


def _opening(policy: Policy, outages: int) -> Result:
    """How many failed calls it takes until nothing more is sent into an outage."""
    requests = int((_OUTAGE_AT + _OUTAGE_LASTS) * _A_SECOND)
    taken = []
    for number in range(outages):
        world = _play(policy, requests, 0.0, seed=_WORLD_SEED + number, outage_at=_OUTAGE_AT).world
        taken.append(world.struck_when_opened or math.inf)
    return Result(
        "hard outage: failures until the breaker opens",
        f"at most {max(taken):g} (fewest {min(taken):g})",
        "",
        None,
        f"<= {_MOST_FAILURES}",
        max(taken) <= _MOST_FAILURES,
        f"{outages} outages, seeds from {_WORLD_SEED}",
    )


def _play(
    policy: Policy,
    requests: int,
    share: float,
    *,
    others: float = _OTHERS,
    seed: int = _WORLD_SEED,
    outage_at: float = math.inf,
) -> _Played:
    clock = VirtualClock(_NOON)
    shares = {"first": share, "second": others, "third": others}
    world = _World(clock, shares, seed=seed, outage_at=outage_at)
    try:
        with Orchestra(
            policy,
            backend=world,
            clock=clock,
            store=world,
            seed=_ENGINE_SEED,
            classifier=never_asked(),
        ) as orchestra:
            ended = clock.run_sync(_traffic(orchestra, requests))
    finally:
        clock.close()
    return _Played([reply for reply, _ in ended], [seconds for _, seconds in ended], world)


async def _traffic(orchestra: Orchestra, requests: int) -> list[tuple[Reply, float]]:
    async def one() -> tuple[Reply, float]:
        began = time.perf_counter()
        reply = await orchestra.run("Write a letter about tea", task=TASK)
        return reply, reply.seconds + time.perf_counter() - began

    async with asyncio.TaskGroup() as group:
        tasks = []
        for _ in range(requests):
            tasks.append(group.create_task(one()))
            await orchestra.clock.sleep(1 / _A_SECOND)
    return [task.result() for task in tasks]


def _failure(overloaded: bool) -> ProviderError:
    return ProviderError(
        "the model is overloaded" if overloaded else "the provider failed",
        failure=FailureClass.OVERLOADED if overloaded else FailureClass.SERVER,
        outcome=AttemptOutcome.FAILED,
        status=529 if overloaded else 500,
    )
