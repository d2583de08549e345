"""What was seen lately of each deployment: how long it takes, and how loaded it is.

Counted from the calls that ended, whatever they were for. A call that failed counts in the load
as if it had taken until its timeout, so that a deployment which fails fast draws no traffic.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from orchestra_kit.core.clock import Clock
from orchestra_kit.resilience.latencies import Latencies, PeakEwma
from orchestra_kit.routing.balancing import newcomers_load

__all__ = ["Recent"]

SLOW_FACTOR = 3.0
"""Times the 95th percentile from which a call counts as slow; resilience4j leaves the figure to
its user, three times the usual worst is slow for anybody."""
SLOW_FROM = 20
"""Calls from which that percentile means anything."""
TYPICAL_FROM = 20
STALE_SECONDS = 60.0
"""After so long without a call what is known of a load says nothing of now."""


class _Load:
    __slots__ = ("ewma", "in_flight", "seen")

    def __init__(self) -> None:
        self.ewma = PeakEwma()
        self.in_flight = 0
        self.seen = float("-inf")


class Recent:
    """Latencies by deployment and task, loads by deployment."""

    def __init__(self, deployments: Iterable[str], *, clock: Clock) -> None:
        self._clock = clock
        self._loads: dict[str, _Load] = {}
        self._latencies: dict[tuple[str, str], Latencies] = {}
        self.adopt(deployments)

    def adopt(self, deployments: Iterable[str]) -> None:
        """Know these deployments from now on; of those that are known, what is known stays."""
        for name in deployments:
            self._loads.setdefault(name, _Load())

    def began(self, deployment: str) -> None:
        """A call went out."""
        self._loads[deployment].in_flight += 1

    def ended(
        self, deployment: str, task: str, seconds: float, *, ok: bool, penalty: float
    ) -> bool:
        """A call ended after so many seconds; whether it answered, but far slower than usual.

        `penalty` is what a failure counts as, in seconds.
        """
        load, now = self._loads[deployment], self._clock.monotonic()
        load.in_flight -= 1
        load.seen = now
        load.ewma.observe(now, seconds if ok else max(seconds, penalty))
        if not ok:
            return False
        latencies = self.latencies(deployment, task)
        usual = latencies.quantile(0.95) if latencies.count >= SLOW_FROM else None
        latencies.add(seconds)
        return usual is not None and seconds > SLOW_FACTOR * usual

    def dropped(self, deployment: str) -> None:
        """A call ended that says nothing of the deployment, such as a cancelled one."""
        self._loads[deployment].in_flight -= 1

    def latencies(self, deployment: str, task: str) -> Latencies:
        """The latest durations of good calls."""
        key = (deployment, task)
        if key not in self._latencies:
            self._latencies[key] = Latencies()
        return self._latencies[key]

    def typical(self, deployment: str, task: str) -> float | None:
        """Median seconds of the latest good calls; None while there are too few."""
        found = self._latencies.get((deployment, task))
        if found is None or found.count < TYPICAL_FROM:
            return None
        return found.quantile(0.5)

    def loads(self, equals: Iterable[Sequence[str]]) -> dict[str, float]:
        """Load in seconds of deployments of which some stand in for each other: of those that were
        called within the last minute, and of those that never were by what the others take."""
        now, found = self._clock.monotonic(), {}
        for names in equals:
            latencies = []
            for name in names:
                load = self._loads[name]
                seconds = load.ewma.value()
                if seconds is not None and now - load.seen <= STALE_SECONDS:
                    latencies.append(seconds)
                    found[name] = seconds * (load.in_flight + 1)
            if len(latencies) < len(names):
                for name in names:
                    load = self._loads[name]
                    if load.ewma.value() is None:
                        given = newcomers_load(latencies, load.in_flight)
                        if given is not None:
                            found[name] = given
        return found
