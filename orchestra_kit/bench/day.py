"""One generated day: its requests, played through a fresh engine on a clock of its own."""

from __future__ import annotations

import asyncio
import gc
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path

from orchestra_kit.bench.demand import Demand, DemandedRequest
from orchestra_kit.core.answer import Source
from orchestra_kit.core.clock import VirtualClock
from orchestra_kit.core.ids import stable_seed
from orchestra_kit.core.request import Request
from orchestra_kit.cost.budgets import Spender, Spent
from orchestra_kit.engine.orchestra import Orchestra
from orchestra_kit.policy.policy import Policy
from orchestra_kit.routing.classification import Classifier
from orchestra_kit.store.buffered import Batch, BufferedLedger
from orchestra_kit.store.text import Capture

__all__ = ["Day", "DayOrder", "generate_day"]

_EARLIER = Spender(user="earlier days", feature="earlier days")
"""On nobody's account: only budgets that cover everything count what other days spent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayOrder:
    """What a day depends on, small enough to be sent to another process."""

    policy: Path
    demand: Path
    run_id: str
    seed: int
    origin: datetime
    """The first moment of the traffic, from which the profiles count their outages."""
    day: date
    booked: tuple[tuple[date, Decimal], ...]
    """Dollars of earlier days, as far as they are booked."""
    capture: Capture = field(default_factory=Capture)
    """What is kept of prompts: as the store that the rows go to does it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """A finished day, ready to be written."""

    day: date
    requests: int
    batch: Batch


def generate_day(order: DayOrder) -> Day:
    """Play one day; the same order gives the same rows in any process."""
    policy, demand, classifier = _loaded(order.policy, order.demand)
    midnight = datetime.combine(order.day, time(), UTC)
    clock = VirtualClock(midnight)
    ledger = BufferedLedger(order.run_id, Source.SIMULATED, capture=order.capture)
    orchestra = Orchestra(
        policy,
        backend="simulated",
        seed=stable_seed(order.seed, order.day.isoformat()),
        store=ledger,
        clock=clock,
        origin=order.origin,
        spent=[
            Spent(_EARLIER, datetime.combine(day, time(12), UTC), dollars)
            for day, dollars in order.booked
        ],
        classifier=classifier,
    )
    demanded = demand.draw(order.day, order.seed)
    # A day's values live until it is drained: looking for garbage among them finds none.
    gc.disable()
    try:
        clock.run_sync(_play(orchestra, clock, midnight, demanded))
    finally:
        gc.enable()
        clock.close()
    return Day(day=order.day, requests=len(demanded), batch=ledger.drain())


async def _play(
    orchestra: Orchestra, clock: VirtualClock, midnight: datetime, demanded: list[DemandedRequest]
) -> None:
    async with asyncio.TaskGroup() as playing:
        for number, wanted in enumerate(demanded):
            arrives = midnight + timedelta(seconds=wanted.at)
            await clock.sleep_until(arrives)
            playing.create_task(orchestra.handle(_request(wanted, number, arrives)))


def _request(wanted: DemandedRequest, number: int, arrives: datetime) -> Request:
    return Request(
        id=f"req_{arrives:%y%m%d}_{number:06d}",
        text=wanted.text,
        tier=wanted.tier,
        arrived=arrives,
        user=wanted.user,
        feature=wanted.feature,
        session=wanted.session,
        session_turns=wanted.session_turns,
        attachments=wanted.attachments,
    )


@cache
def _loaded(policy: Path, demand: Path) -> tuple[Policy, Demand, Classifier]:
    """Read once a process, not once a day."""
    loaded = Policy.load(policy)
    return loaded, Demand.load(demand), Classifier.load(loaded.classifier_path)
