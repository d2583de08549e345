"""What deciding costs: classification, rules and scores, by the shipped policy."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime

from benchmarks.timing import Result, cpu_each, percentile
from orchestra_kit.bench.demand import Demand
from orchestra_kit.core.clock import VirtualClock
from orchestra_kit.core.request import Request
from orchestra_kit.engine.orchestra import Orchestra
from orchestra_kit.policy.conditions import Fields
from orchestra_kit.policy.policy import Policy
from orchestra_kit.routing.snapshot import Snapshot
from orchestra_kit.shipped import path

__all__ = ["results"]

_NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)
_REQUESTS = 2000
_MOST_P50, _MOST_P99 = 0.3e-3, 1e-3
"""Seconds: what a decision may take of a request that is answered in two."""


def results(*, requests: int = _REQUESTS) -> list[Result]:
    """The median and the slowest hundredth."""
    policy = Policy.load(path("examples/contentforge/orchestra.yaml"))
    drawn = _drawn(requests)
    with Orchestra(policy, clock=VirtualClock(_NOON)) as orchestra:
        router, snapshot = orchestra.router, Snapshot(today=_NOON.date())
        contexts = [router.decide(request, snapshot).context for request in drawn]
        taken = []
        for request in drawn:
            began = time.perf_counter()
            router.decide(request, snapshot)
            taken.append(time.perf_counter() - began)
    conditions = policy.conditions
    every = iter(contexts * 6)

    def bare() -> None:
        fields = Fields.of(next(every))
        for condition in conditions:
            condition.holds(fields)

    floor = cpu_each(bare, len(drawn))
    p50, p99 = percentile(taken, 0.5), percentile(taken, 0.99)
    n = f"{len(drawn):,} requests"
    return [
        Result(
            f"decision, p50 ({len(conditions)} rules)",
            f"{p50 * 1e6:.0f} us",
            f"all conditions alone, {floor * 1e6:.0f} us",
            p50 / floor,
            f"<= {_MOST_P50 * 1e3:g} ms",
            p50 <= _MOST_P50,
            n,
        ),
        Result(
            "decision, p99",
            f"{p99 * 1e6:.0f} us",
            f"its own p50, {p50 * 1e6:.0f} us",
            p99 / p50,
            f"<= {_MOST_P99 * 1e3:g} ms",
            p99 <= _MOST_P99,
            n,
        ),
    ]


def _drawn(requests: int) -> list[Request]:
    demand = Demand.load(path("examples/contentforge/traffic.yaml"))
    return [
        Request(id=f"r{i}", text=r.text, tier=r.tier, arrived=_NOON, user=r.user, feature=r.feature)
        for i, r in enumerate(demand.draw(date(2026, 11, 18), seed=1)[:requests])
    ]
