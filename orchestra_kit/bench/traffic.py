"""Weeks of traffic through the real engine, on the virtual clock.

A day is a function of the policy, the demand, the seed, its date and the spend booked by the end
of the day before last, so that two days can be generated side by side, and a run that was killed
goes on at its first unwritten day and ends with the same rows.
`docs/decisions/004-sealed-days.md`.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

from tqdm.auto import tqdm

from orchestra_kit.bench.day import Day, DayOrder, generate_day
from orchestra_kit.core.answer import Source
from orchestra_kit.core.display import Shown
from orchestra_kit.core.ids import content_hash
from orchestra_kit.policy.policy import Policy
from orchestra_kit.store.store import Store
from orchestra_kit.store.text import Capture

__all__ = ["Generated", "generate_traffic", "last_full_week"]

LANES = 2
"""Days generated at a time, whatever the machine: the spend a day knows depends on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Generated(Shown):
    """What a call generated, and what it found done."""

    run_id: str
    first_day: date
    days: int
    days_reused: int
    requests: int
    """Of the whole run."""
    replaced: int
    """Requests that another policy, demand or seed had generated for the same days."""


def last_full_week(today: date) -> date:
    """The Monday of the last ISO week that is over."""
    return today - timedelta(days=today.weekday() + 7)


def generate_traffic(
    policy: Policy,
    store: Store,
    *,
    demand: Path,
    first_monday: date,
    weeks: int = 5,
    seed: int = 7,
    progress: bool = True,
) -> Generated:
    """Generate the weeks that begin at `first_monday`, and keep each finished day at once.

    What an earlier call with the same policy, demand, weeks and seed finished is not made again.
    """
    days = [first_monday + timedelta(days=n) for n in range(7 * weeks)]
    parameters = {
        "first_day": first_monday.isoformat(),
        "weeks": weeks,
        "demand": content_hash(demand.read_text("utf-8")),
    }
    run_id, replaced = _take_up(policy, store, seed, parameters, days)
    done = store.completed_days(run_id)
    todo = [day for day in days if day not in done]
    plan = _Plan(
        policy=policy.path.resolve(),
        demand=demand.resolve(),
        run_id=run_id,
        seed=seed,
        origin=datetime.combine(first_monday, time(), UTC),
        capture=store.capture,
        booked={day: store.spent_on(run_id, day) for day in days if day in done},
    )
    with tqdm(
        total=len(days),
        initial=len(done),
        desc="Generating traffic",
        unit="day",
        disable=not progress,
        leave=False,
    ) as bar:
        for day in _lanes(plan, todo):
            store.write(day.batch, day=(run_id, day.day, day.requests))
            plan.booked[day.day] = day.batch.spent
            bar.update()
    store.finish_run(run_id)
    return Generated(
        run_id=run_id,
        first_day=first_monday,
        days=len(days),
        days_reused=len(done),
        requests=store.count_requests(run_id),
        replaced=replaced,
    )


@dataclass(frozen=True)
class _Plan:
    """What all days of a run share, and what was booked so far."""

    policy: Path
    demand: Path
    run_id: str
    seed: int
    origin: datetime
    capture: Capture
    booked: dict[date, Decimal]

    def order(self, day: date) -> DayOrder:
        """The order for one day: it knows the spend up to the day before last."""
        known = day - timedelta(days=LANES)
        return DayOrder(
            policy=self.policy,
            demand=self.demand,
            run_id=self.run_id,
            seed=self.seed,
            origin=self.origin,
            day=day,
            booked=tuple((d, dollars) for d, dollars in sorted(self.booked.items()) if d <= known),
            capture=self.capture,
        )


def _take_up(
    policy: Policy, store: Store, seed: int, parameters: Mapping[str, object], days: list[date]
) -> tuple[str, int]:
    """The run to go on with, or a new one that replaces generated traffic of the same days.

    Two generated versions of one day in one store would be added up by every figure.
    """
    same = store.find_run(
        kind="traffic",
        name=policy.name,
        policy_hash=policy.hash,
        seed=seed,
        parameters=parameters,
    )
    if same is not None:
        return same.id, 0
    starts = datetime.combine(days[0], time(), UTC)
    ends = datetime.combine(days[-1], time(), UTC) + timedelta(days=1)
    replaced = 0
    for run in store.runs("traffic"):
        gone = store.discard_day(run.id, starts, ends)
        if gone:
            store.finish_run(run.id, "failed")
        replaced += gone
    run_id = store.start_run(
        "traffic",
        name=policy.name,
        policy=policy.name,
        policy_hash=policy.hash,
        source=Source.SIMULATED,
        seed=seed,
        parameters=parameters,
    )
    store.save_policy(policy.hash, policy.name, policy.path.read_text("utf-8-sig"))
    return run_id, replaced


def _lanes(plan: _Plan, todo: list[date]) -> Iterator[Day]:
    """The days in order, as many at a time as there are lanes.

    A day is ordered when the day before last is booked, so that its order is always the same.
    """
    if not todo:
        return
    waiting, running = deque(todo), deque[Future[Day]]()
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(LANES, mp_context=context, initializer=_ignore_interrupt)
    try:
        while waiting or running:
            while waiting and len(running) < LANES:
                running.append(pool.submit(generate_day, plan.order(waiting.popleft())))
            yield running.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _ignore_interrupt() -> None:
    """Ctrl-C is the parent's to handle: it lets the days in hand end, and keeps them not."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
