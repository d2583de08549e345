"""Traffic out of the store: one week and the weeks before it, as frames.

Only real use (`service`) and generated traffic (`traffic`) count; runs of the suite and recordings
do not. Figures of different sources are never mixed: a period that holds several is reported for
the most real one, and what was left out is counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import sqlalchemy as sql

from orchestra_kit.analytics.week import Period, Week
from orchestra_kit.core.answer import Source
from orchestra_kit.core.money import NANOS
from orchestra_kit.store.reading import Reader, raw
from orchestra_kit.store.schema import attempts, days, notices, requests, runs
from orchestra_kit.store.types import from_micros, to_micros

__all__ = ["KINDS", "Traffic", "load_traffic"]

KINDS = ("service", "traffic")
_HOUR = 3_600_000_000
_WEEK = 168 * _HOUR
_EPOCH = date(1970, 1, 1)
_MOST_REAL_FIRST = (Source.LIVE, Source.RECORDED, Source.SIMULATED)
_REQUEST_COLUMNS = (
    "run_id", "source", "at", "task", "tier", "feature", "status", "model", "chain_tier", "cost",
    "seconds", "quality", "policy_hash",
)  # fmt: skip
_LABEL_COLUMNS = ("run_id", "source", "at", "task", "tier", "feature", "user")
_ATTEMPT_COLUMNS = ("deployment", "model", "outcome", "failure", "cost", "cost_upper")
_NOTICE_COLUMNS = ("source", "at", "severity", "kind", "deployment", "message")
_NUMBERS = frozenset({"seconds", "quality"})
_AMOUNTS = frozenset({"cost", "cost_upper"})
_FREE = frozenset({"request", "message"})
"""Columns whose values hardly repeat."""


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """The frames of one week, with the weeks before it."""

    week: Week
    weeks_before: int
    source: Source | None
    """Where the figures come from; None where there are none."""
    requests: pd.DataFrame
    """One row a request of the week and of the weeks before: `at` (microseconds since 1970),
    `hour` (hours since 1970), `age` (0 for the week itself, 1 for the week before, ...), `cost`
    in dollars (missing where unknown), `seconds`, `quality` (0-1, missing where unscored),
    `chain_tier` (0 for the first choice, -1 where nothing answered), and labels."""
    attempts: pd.DataFrame
    """One row an attempt of the week itself, with the labels of its request."""
    notices: pd.DataFrame
    """What operators were told during the week."""
    excluded: Mapping[str, int] = field(default_factory=dict)
    """Requests of the period left out, by source."""
    runs: tuple[str, ...] = ()
    seeds: tuple[int, ...] = ()

    @property
    def now(self) -> pd.DataFrame:
        """The requests of the week itself."""
        return self.requests[self.requests["age"] == 0]

    @property
    def before(self) -> Period:
        """The weeks before."""
        return self.week.before(self.weeks_before)

    @property
    def weeks_held(self) -> int:
        """How many of the weeks before hold requests."""
        return int(self.requests.loc[self.requests["age"] > 0, "age"].nunique())

    @property
    def policies(self) -> dict[str, int]:
        """Requests of the week by the policy version that decided them, most first."""
        counted = self.now["policy_hash"].value_counts()
        return {str(name): int(count) for name, count in counted.items()}

    @property
    def span(self) -> tuple[datetime, datetime] | None:
        """The first and the last request of the week; None where it is empty."""
        at = self.now["at"]
        if at.empty:
            return None
        return from_micros(int(at.min())), from_micros(int(at.max()))


def load_traffic(store: Reader, week: Week, *, weeks_before: int = 4) -> Traffic:
    """The traffic of a week and of the weeks before it; empty frames where there is none.

    175,000 requests load in about two seconds. Raises StoreError where the store cannot be read.
    """
    period, starts = week.period, week.before(weeks_before).starts
    with store.connect() as connection:
        whole = _frame(connection, _requests_between(starts, period.ends))
        sent = _frame(connection, _attempts_between(period.starts, period.ends))
        told = _frame(connection, _notices_between(period.starts, period.ends))
        complete = _complete_days(connection, whole)
        kept = whole[complete]
        counted = {str(n): int(c) for n, c in kept["source"].value_counts().items() if c}
        source = next((s for s in _MOST_REAL_FIRST if counted.get(s.value)), None)
        chosen = source.value if source else ""
        requests = kept[kept["source"] == chosen].drop(columns=["source", "kind"])
        sent = sent[_complete_days(connection, sent) & (sent["source"] == chosen)]
        seeds = _seeds(connection, requests["run_id"].unique())
    at = requests["at"].to_numpy(np.int64)
    age = (to_micros(period.ends) - 1 - at) // _WEEK
    excluded = {name: count for name, count in counted.items() if name != chosen}
    if unfinished := int((~complete).sum()):
        excluded["unfinished days"] = unfinished
    return Traffic(
        week=week,
        weeks_before=weeks_before,
        source=source,
        requests=requests.assign(hour=at // _HOUR, age=age).reset_index(drop=True),
        attempts=sent.drop(columns=["source", "kind", "run_id"]).reset_index(drop=True),
        notices=told[told["source"].isin(("", chosen))].reset_index(drop=True),
        excluded=excluded,
        runs=tuple(sorted(seeds)),
        seeds=tuple(sorted(set(seeds.values()))),
    )


def _counted(
    starts: datetime, ends: datetime, moment: sql.Column[datetime]
) -> sql.ColumnElement[bool]:
    return sql.and_(runs.c.kind.in_(KINDS), moment >= starts, moment < ends)


def _requests_between(starts: datetime, ends: datetime) -> sql.Select[Any]:
    columns = [_column(requests, name) for name in _REQUEST_COLUMNS]
    return (
        sql.select(runs.c.kind, *columns)
        .join_from(requests, runs, runs.c.id == requests.c.run_id)
        .where(_counted(starts, ends, requests.c.at))
        .order_by(requests.c.at, requests.c.run_id, requests.c.id)
    )


def _attempts_between(starts: datetime, ends: datetime) -> sql.Select[Any]:
    """The attempts of the requests that arrived in the period, with their requests' labels."""
    labels = [requests.c.id.label("request"), *(_column(requests, name) for name in _LABEL_COLUMNS)]
    same = sql.and_(attempts.c.request_id == requests.c.id, attempts.c.run_id == requests.c.run_id)
    return (
        sql.select(runs.c.kind, *labels, *(_column(attempts, name) for name in _ATTEMPT_COLUMNS))
        .join_from(requests, runs, runs.c.id == requests.c.run_id)
        .join(attempts, same)
        .where(_counted(starts, ends, requests.c.at))
        .order_by(requests.c.at, requests.c.run_id, requests.c.id, attempts.c.number)
    )


def _notices_between(starts: datetime, ends: datetime) -> sql.Select[Any]:
    # A notice without a run is about the store itself.
    return (
        sql.select(*(_column(notices, name) for name in _NOTICE_COLUMNS))
        .join_from(notices, runs, runs.c.id == notices.c.run_id, isouter=True)
        .where(sql.or_(runs.c.kind.in_(KINDS), notices.c.run_id == ""))
        .where(notices.c.at >= starts, notices.c.at < ends)
        .order_by(notices.c.at, notices.c.id)
    )


def _column(table: sql.Table, name: str) -> sql.ColumnElement[Any]:
    # Whole numbers, as stored: a `datetime` and a `Decimal` for each of 175,000 rows would cost
    # more than all the rest.
    column = table.c[name]
    return raw(column) if name == "at" or name in _AMOUNTS else column


def _complete_days(connection: sql.Connection, frame: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Which rows count: all of real use, and those of generated days that are complete."""
    marks = {
        (str(run), (day - _EPOCH).days)
        for run, day in connection.execute(sql.select(days.c.run_id, days.c.day))
    }
    counts = np.array(frame["kind"] == "service")
    day = frame["at"].to_numpy(np.int64) // (24 * _HOUR)
    for run in frame["run_id"].unique():
        of_run = (frame["run_id"] == run).to_numpy()
        marked = [number for name, number in marks if name == run]
        counts |= of_run & np.isin(day, marked)
    return counts


def _seeds(connection: sql.Connection, identities: Iterable[str]) -> dict[str, int]:
    query = sql.select(runs.c.id, runs.c.seed).where(runs.c.id.in_(list(identities)))
    return {str(run): int(seed) for run, seed in connection.execute(query)}


def _frame(connection: sql.Connection, query: sql.Select[Any]) -> pd.DataFrame:
    """The query's rows, with labels as categories, so that comparing them is quick."""
    result = connection.execute(query)
    names = list(result.keys())
    columns = list(zip(*result.all(), strict=True)) or [()] * len(names)
    made: dict[str, object] = {}
    for name, column in zip(names, columns, strict=True):
        if name in _NUMBERS:
            made[name] = np.array(column, dtype="float64")
        elif name in _AMOUNTS:
            made[name] = np.array(column, dtype="float64") / NANOS
        elif name == "at":
            made[name] = np.array(column, dtype="int64")
        elif name == "chain_tier":
            made[name] = np.array([-1 if v is None else v for v in column], dtype="int64")
        elif name in _FREE:
            made[name] = np.array(column, dtype=object)
        else:
            made[name] = pd.Categorical(column)
    return pd.DataFrame(made)
