"""Weeks of traffic through the real engine, on the virtual clock.

A day is a function of the policy, the demand, the seed, its date and the spend booked by the end of
the day before last, so that two days can be generated side by side and a run that was killed goes on
at its first unwritten day and ends with the same rows. `docs/decisions/004-sealed-days.md`.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from tqdm.auto import tqdm

from orchestra_kit.core.display import Shown
from orchestra_kit.core.ids import content_hash
from orchestra_kit.policy.policy import Policy
from orchestra_kit.store.store import Store

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
    run_id = _run(policy, store, seed, parameters)
    done = store.completed_days(run_id)
    todo = [day for day in days if day not in done]
    booked = {day: store.spent_on(run_id, day) for day in days if day in done}
    bar = tqdm(
        total=len(days), initial=len(done), desc="Generating traffic", unit="day",
        disable=not progress, leave=False,
    )  # fmt: skip
    with ExitStack() as stack:
        stack.enter_context(bar)
        for day in _lanes(policy, demand, run_id, seed, first_monday, todo, booked, stack):
            store.write(day.batch, day=(run_id, day.date, day.requests))
            booked[day.date] = day.spent
            bar.update()
            bar.set_postfix(requests=day.requests, refresh=False)
    store.finish_run(run_id, "complete")
    return Generated(
        run_id=run_id,
        first_day=first_monday,
        days=len(days),
        days_reused=len(days) - len(todo),
        requests=store.count_requests(run_id),
    )
