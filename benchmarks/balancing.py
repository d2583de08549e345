"""How long requests take where equal deployments share them by load, beside two usual ways.

Simulated in plain Python: deployments that answer so many at once and let the rest wait, one of
which turns slow for a third of the time, or joins late. Load balancing is the product's own; beside
it stand taking turns, and taking whoever had the lowest mean latency lately.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from statistics import fmean
from typing import Protocol

from benchmarks.timing import Result, percentile
from orchestra_kit.engine.recent import STALE_SECONDS
from orchestra_kit.resilience.latencies import PeakEwma
from orchestra_kit.routing.balancing import balanced, newcomers_load

__all__ = ["LeastMean", "LoadShared", "Scene", "TakingTurns", "Trial", "results"]

NAMES = ("one", "two", "three", "four")
SEEDS = range(5)


@dataclass(frozen=True, slots=True)
class Scene:
    """What happens, in seconds from the beginning."""

    seconds: float = 600.0
    rate: float = 12.0
    """Requests a second, at random moments."""
    service: float = 1.5
    """Median seconds of an answer, lognormal with a shape of 0.4."""
    at_once: int = 20
    """Answers that a deployment works on; further requests wait for their turn."""
    slow: tuple[str, float, float, float] | None = None
    """Who turns slower, by what factor, from when until when."""
    joins: tuple[str, float] | None = None
    """Who is not there before when."""


class Way(Protocol):
    """How a deployment is chosen, and what is learnt from its answers."""

    def choose(self, names: Sequence[str], in_flight: Mapping[str, int], now: float) -> str:
        """Who gets the next request."""
        ...

    def ended(self, name: str, seconds: float, now: float) -> None:
        """An answer took so long."""
        ...


class LoadShared:
    """The product's: power of two choices over Peak-EWMA times the calls in flight and one."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._seen: dict[str, tuple[PeakEwma, float]] = {}

    def choose(self, names: Sequence[str], in_flight: Mapping[str, int], now: float) -> str:
        """Who gets the next request."""
        loads = {
            name: load
            for name, (ewma, seen) in self._seen.items()
            if now - seen <= STALE_SECONDS and (load := ewma.load(in_flight[name])) is not None
        }
        latencies = [loads[name] / (in_flight[name] + 1) for name in loads]
        for name in set(names) - self._seen.keys():
            given = newcomers_load(latencies, in_flight[name])
            if given is not None:
                loads[name] = given
        order, _ = balanced(names, loads, {}, self._random.random())
        return order[0]

    def ended(self, name: str, seconds: float, now: float) -> None:
        """An answer took so long."""
        ewma = self._seen[name][0] if name in self._seen else PeakEwma()
        ewma.observe(now, seconds)
        self._seen[name] = (ewma, now)


class LeastMean:
    """The lowest mean of the last ten latencies; whoever has none is tried first."""

    def __init__(self) -> None:
        self._latest: dict[str, deque[float]] = {}

    def choose(self, names: Sequence[str], in_flight: Mapping[str, int], now: float) -> str:
        """Who gets the next request."""
        return min(names, key=lambda name: fmean(self._latest.get(name, (0.0,))))

    def ended(self, name: str, seconds: float, now: float) -> None:
        """An answer took so long."""
        self._latest.setdefault(name, deque(maxlen=10)).append(seconds)


class TakingTurns:
    """One after the other."""

    def __init__(self) -> None:
        self._turn = 0

    def choose(self, names: Sequence[str], in_flight: Mapping[str, int], now: float) -> str:
        """Who gets the next request."""
        self._turn += 1
        return names[self._turn % len(names)]

    def ended(self, name: str, seconds: float, now: float) -> None:
        """An answer took so long, which nothing follows from."""


@dataclass(slots=True)
class _Server:
    working: int = 0
    waiting: deque[float] = field(default_factory=deque)
    """Moments at which those that wait for their turn arrived."""


class Trial:
    """One way in one scene: the latencies of all answers, and who was chosen when."""

    def __init__(self, scene: Scene, way: Way, *, seed: int) -> None:
        self.latencies: list[float] = []
        self.chosen: list[tuple[float, str]] = []
        self._scene = scene
        self._way = way
        self._random = Random(f"service {seed}")
        self._servers = {name: _Server() for name in NAMES}
        self._ends: list[tuple[float, int, str, float]] = []
        arrivals, now = Random(f"arrivals {seed}"), 0.0
        while (now := now + arrivals.expovariate(scene.rate)) < scene.seconds:
            self._until(now)
            self._arrive(now)
        self._until(float("inf"))

    @property
    def p95(self) -> float:
        """Seconds within which 19 of 20 requests were answered."""
        return percentile(self.latencies, 0.95)

    def share(self, name: str, start: float, end: float) -> float:
        """Of the requests between two moments, those that one deployment got."""
        between = [chosen for at, chosen in self.chosen if start <= at < end]
        return between.count(name) / len(between)

    def _there(self, now: float) -> tuple[str, ...]:
        joins = self._scene.joins
        if joins is None or now >= joins[1]:
            return NAMES
        return tuple(name for name in NAMES if name != joins[0])

    def _arrive(self, now: float) -> None:
        in_flight = {n: s.working + len(s.waiting) for n, s in self._servers.items()}
        name = self._way.choose(self._there(now), in_flight, now)
        self.chosen.append((now, name))
        self._servers[name].waiting.append(now)
        self._begin(name, now)

    def _begin(self, name: str, now: float) -> None:
        server = self._servers[name]
        if not server.waiting or server.working >= self._scene.at_once:
            return
        arrived = server.waiting.popleft()
        server.working += 1
        seconds = self._scene.service * self._random.lognormvariate(0.0, 0.4)
        slow = self._scene.slow
        if slow is not None and name == slow[0] and slow[2] <= now < slow[3]:
            seconds *= slow[1]
        heapq.heappush(self._ends, (now + seconds, len(self.chosen), name, arrived))

    def _until(self, moment: float) -> None:
        while self._ends and self._ends[0][0] <= moment:
            now, _, name, arrived = heapq.heappop(self._ends)
            self._servers[name].working -= 1
            self.latencies.append(now - arrived)
            self._way.ended(name, now - arrived, now)
            self._begin(name, now)


SHIFT = Scene(slow=("two", 6.0, 200.0, 400.0))
JOINING = Scene(joins=("four", 300.0))


def results() -> list[Result]:
    """The slowest twentieth where one turns slow and where one joins, and what the new one gets."""
    found = []
    for what, scene in (("one turns slow", SHIFT), ("one joins late", JOINING)):
        ours = fmean(Trial(scene, LoadShared(seed), seed=seed).p95 for seed in SEEDS)
        least = fmean(Trial(scene, LeastMean(), seed=seed).p95 for seed in SEEDS)
        turns = fmean(Trial(scene, TakingTurns(), seed=seed).p95 for seed in SEEDS)
        found.append(
            Result(
                f"p95 where {what}",
                f"{ours:.2f} s",
                f"least mean latency, {least:.2f} s; turns, {turns:.2f} s",
                ours / least,
                "<= least mean latency",
                ours <= least,
                f"{len(SEEDS)} times {SHIFT.seconds * SHIFT.rate:,.0f} requests",
            )
        )
    fair = 1.0 / len(NAMES)
    trials = [Trial(JOINING, LoadShared(seed), seed=seed) for seed in SEEDS]
    share = fmean(trial.share("four", 300.0, 360.0) for trial in trials)
    found.append(
        Result(
            "share of a new deployment, first minute",
            f"{share:.1%}",
            f"an even one, {fair:.0%}",
            share / fair,
            "<= 1.1 of an even one",
            share <= 1.1 * fair,
            f"{len(SEEDS)} times {60 * JOINING.rate:,.0f} requests",
        )
    )
    return found
