"""What deciding and running cost beside the bare calls beneath them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from types import MappingProxyType

from benchmarks.timing import Result, cpu_each, percentile
from orchestra_kit.bench.demand import Demand
from orchestra_kit.core.answer import Answer, Call, Score, Source, Usage
from orchestra_kit.core.clock import VirtualClock
from orchestra_kit.core.request import Request
from orchestra_kit.engine.orchestra import Orchestra
from orchestra_kit.policy.conditions import Fields
from orchestra_kit.policy.policy import Policy
from orchestra_kit.routing.snapshot import Snapshot
from orchestra_kit.shipped import path
from orchestra_kit.store.buffered import BufferedLedger

__all__ = ["results"]

NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)


class _Immediate:
    """A backend that answers at once: the floor under the engine."""

    source = Source.SIMULATED

    def __init__(self) -> None:
        self._answer = Answer(
            text="an answer of some words",
            model="m",
            usage=Usage(input_tokens=20, output_tokens=20),
            score=Score(value=0.9, scorer="fixed"),
        )

    def provider(self, deployment: str) -> _Immediate:
        return self

    async def send(self, call: Call) -> Answer:
        return self._answer

    async def close(self) -> None:
        pass


def results() -> list[Result]:
    """Decision and overhead."""
    policy = Policy.load(path("examples/contentforge/orchestra.yaml"))
    demand = Demand.load(path("examples/contentforge/traffic.yaml"))
    requests = [
        Request(id=f"r{i}", text=r.text, tier=r.tier, arrived=NOON, user=r.user, feature=r.feature)
        for i, r in enumerate(demand.draw(date(2026, 11, 18), seed=1)[:2000])
    ]
    return [*_decision(policy, requests), *_overhead(policy, requests)]


def _decision(policy: Policy, requests: list[Request]) -> list[Result]:
    with Orchestra(policy, clock=VirtualClock(NOON)) as orchestra:
        router, snapshot = orchestra.router, Snapshot(today=NOON.date())
        contexts = [router.decide(request, snapshot).context for request in requests]
        taken = []
        for request in requests:
            began = time.perf_counter()
            router.decide(request, snapshot)
            taken.append(time.perf_counter() - began)
    conditions = policy.conditions
    every = iter(contexts * 100)

    def bare() -> None:
        fields = Fields.of(next(every))
        for condition in conditions:
            condition.holds(fields)

    floor = cpu_each(bare, 2000)
    p50, p99 = percentile(taken, 0.5), percentile(taken, 0.99)
    return [
        Result(
            f"decision, p50 ({len(conditions)} rules)",
            f"{p50 * 1e6:.0f} us",
            f"all conditions alone, {floor * 1e6:.0f} us",
            p50 / floor,
            "<= 0.3 ms",
        ),
        Result("decision, p99", f"{p99 * 1e6:.0f} us", "its own p50", p99 / p50, "<= 1 ms"),
    ]


def _overhead(policy: Policy, requests: list[Request]) -> list[Result]:
    found = []
    for concurrent in (1, 1000):
        bare = _per_request(lambda r, b: b.send(_call(r)), policy, requests, concurrent)
        whole = _per_request(None, policy, requests, concurrent)
        found.append(
            Result(
                f"run, {concurrent} at once",
                f"{whole * 1e6:.0f} us of processor",
                f"bare provider call, {bare * 1e6:.1f} us",
                whole / bare,
            )
        )
    return found


def _per_request(
    send: Callable[[Request, _Immediate], Awaitable[object]] | None,
    policy: Policy,
    requests: list[Request],
    concurrent: int,
) -> float:
    backend = _Immediate()
    clock = VirtualClock(NOON)
    ledger = BufferedLedger("bench", Source.SIMULATED)
    orchestra = Orchestra(policy, backend=backend, clock=clock, store=ledger)

    async def one(request: Request) -> None:
        if send is None:
            await orchestra.handle(request)
        else:
            await send(request, backend)

    async def everything() -> None:
        for start in range(0, len(requests), concurrent):
            await asyncio.gather(*(one(r) for r in requests[start : start + concurrent]))

    began = time.process_time()
    clock.run_sync(everything())
    spent = time.process_time() - began
    clock.close()
    return spent / len(requests)


def _call(request: Request) -> Call:
    return Call(
        request_id=request.id,
        deployment="d",
        model="m",
        text=request.text,
        task="article",
        tier=request.tier,
        context=MappingProxyType({}),
        attempt=0,
    )
