"""Reading a store, while another process may be writing to it.

Frames are made upstairs: ``pandas.read_sql(select(...), connection)`` with a connection of
`Reader.connect`. Columns of moments and money come as `datetime` and `Decimal`, which is slow for
many rows; `raw` gives the whole numbers that are stored.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import TypeVarTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Engine,
    Row,
    Select,
    and_,
    func,
    select,
    type_coerce,
)

from orchestra_kit.core.answer import Source
from orchestra_kit.core.decision import Change, Override
from orchestra_kit.core.display import Shown
from orchestra_kit.core.money import from_nanos
from orchestra_kit.core.reply import Incident, Severity
from orchestra_kit.store import routing_changes
from orchestra_kit.store import runs as runs_table
from orchestra_kit.store.answers import KeptForTask, kept_by_task
from orchestra_kit.store.faults import told_as_ours
from orchestra_kit.store.ledger import QueueEntry
from orchestra_kit.store.routing_changes import StoredBreaker
from orchestra_kit.store.runs import Parameters, RunKind, StoredCell, StoredRun
from orchestra_kit.store.schema import attempts, incidents, queue, requests, runs
from orchestra_kit.store.types import from_micros

__all__ = ["QueuedRequest", "Reader", "Spending", "raw"]

Ts = TypeVarTuple("Ts")

_QUARTER = 900_000_000
"""Microseconds."""
_ACCOUNTS = ("task", "tier", "team", "feature", "user", "workflow")

_AT_MOST = func.coalesce(
    type_coerce(attempts.c.cost, BigInteger), type_coerce(attempts.c.cost_upper, BigInteger), 0
)
"""What an attempt cost, or may have cost."""


def raw(column: ColumnElement[object]) -> ColumnElement[int]:
    """A column of moments as microseconds, or of money as nano-dollars, under its own name."""
    return type_coerce(column, BigInteger).label(getattr(column, "name", None))


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending(Shown):
    """What one account spent in one quarter of an hour, which every time zone's day begins with."""

    at: datetime
    """UTC; when the quarter began."""
    task: str
    tier: str
    team: str
    feature: str
    user: str
    workflow: str
    """All six are empty for sends of a process that was killed."""
    amount: Decimal
    """Dollars; attempts of unknown cost at their upper bound."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedRequest(Shown):
    """An open row of `queue`."""

    id: int
    run_id: str
    source: Source
    entry: QueueEntry


class Reader:
    """What a store can be asked. All methods raise StoreError, by its kinds."""

    def __init__(self, shown: str, engine: Engine) -> None:
        self._shown = shown
        self._engine = engine

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """A connection that only reads, and sees one state of the store until it is closed."""
        with told_as_ours(self._shown):
            connection = self._engine.connect()
        try:
            yield connection
        finally:
            connection.close()

    def rows(self, query: Select[*Ts]) -> Sequence[Row[*Ts]]:
        """All rows of a query over the tables of `schema`."""
        with told_as_ours(self._shown), self._engine.connect() as connection:
            return connection.execute(query).all()

    def find_run(
        self, *, kind: RunKind, name: str, policy_hash: str, seed: int, parameters: Parameters
    ) -> StoredRun | None:
        """The latest run like this that is running or complete: one to resume or to reuse."""
        with told_as_ours(self._shown), self._engine.connect() as connection:
            return runs_table.find_run(
                connection,
                kind=kind,
                name=name,
                policy_hash=policy_hash,
                seed=seed,
                parameters=parameters,
            )

    def runs(self, kind: RunKind | None = None) -> tuple[StoredRun, ...]:
        """Every run, or those of a kind; the latest first."""
        with told_as_ours(self._shown), self._engine.connect() as connection:
            return runs_table.all_runs(connection, kind)

    def cells(self, run_id: str) -> tuple[StoredCell, ...]:
        """The cells of a suite's run, by scenario and epoch."""
        with told_as_ours(self._shown), self._engine.connect() as connection:
            return runs_table.cells_of(connection, run_id)

    def completed_days(self, run_id: str) -> frozenset[date]:
        """The days of generated traffic that are complete."""
        with told_as_ours(self._shown), self._engine.connect() as connection:
            return runs_table.marked_days(connection, run_id)

    def count_requests(self, run_id: str) -> int:
        """How many requests a run has."""
        query = select(func.count()).select_from(requests).where(requests.c.run_id == run_id)
        return int(self.rows(query)[0][0])

    def spent_on(self, run_id: str, day: date) -> Decimal:
        """Dollars spent on a run's requests that arrived on a UTC day, attempts of unknown cost
        at their upper bound."""
        start = datetime.combine(day, time(), UTC)
        query = (
            select(func.sum(_AT_MOST))
            .select_from(requests.join(attempts, _of_one_request()))
            .where(requests.c.run_id == run_id)
            .where(requests.c.at >= start, requests.c.at < start + timedelta(days=1))
        )
        return _dollars(self.rows(query)[0][0])

    def spent(
        self,
        since: datetime,
        *,
        source: Source,
        run_id: str | None = None,
        task: str | None = None,
        tier: str | None = None,
        feature: str | None = None,
        user: str | None = None,
    ) -> Decimal:
        """Dollars spent on sends since a moment, attempts of unknown cost at their upper bound.

        Of one run, or of all runs of kind ``service``; the other filters compare exactly.
        """
        wanted = {"task": task, "tier": tier, "feature": feature, "user": user}
        query = _spending(since, source, run_id).add_columns(func.sum(_AT_MOST))
        for name, value in wanted.items():
            if value is not None:
                query = query.where(requests.c[name] == value)
        return _dollars(self.rows(query)[0][0])

    def spending(
        self, since: datetime, *, source: Source, run_id: str | None = None
    ) -> tuple[Spending, ...]:
        """What `spent` adds up, by quarter of an hour and account: what a restarted budget has to
        know."""
        quarter = type_coerce(attempts.c.at, BigInteger) // _QUARTER
        accounts = [requests.c[name] for name in _ACCOUNTS]
        keys = [quarter, *(func.coalesce(account, "") for account in accounts)]
        query = _spending(since, source, run_id).add_columns(*keys, func.sum(_AT_MOST))
        return tuple(
            Spending(
                at=from_micros(int(row[0]) * _QUARTER),
                amount=_dollars(row[-1]),
                **dict(zip(_ACCOUNTS, row[1:-1], strict=True)),
            )
            for row in self.rows(query.group_by(*keys).order_by(*keys))
        )

    def open_queue(self, name: str) -> tuple[QueuedRequest, ...]:
        """The requests that wait in a queue, the oldest first."""
        query = select(queue).where(queue.c.name == name, queue.c.state == "open")
        return tuple(
            QueuedRequest(
                id=row["id"],
                run_id=row["run_id"],
                source=Source(row["source"]),
                entry=QueueEntry(
                    name=row["name"],
                    request_id=row["request_id"],
                    at=row["at"],
                    task=row["task"],
                    tier=row["tier"],
                    text=row["text"],
                    reason=row["reason"],
                    asked=row["asked"] or {},
                ),
            )
            for row in (found._mapping for found in self.rows(query.order_by(queue.c.id)))
        )

    def incidents(
        self, *, open_only: bool = False, since: datetime | None = None
    ) -> tuple[Incident, ...]:
        """Incidents that were opened since a moment, or ever; the earliest first."""
        query = select(incidents).order_by(incidents.c.opened_at, incidents.c.id)
        if open_only:
            query = query.where(incidents.c.state == "open")
        if since is not None:
            query = query.where(incidents.c.opened_at >= since)
        return tuple(
            Incident(
                id=row["id"],
                kind=row["kind"],
                about=row["about"],
                severity=Severity(row["severity"]),
                opened=row["opened_at"],
                last=row["last_at"],
                closed=row["closed_at"],
                requests=row["requests"],
                message=row["message"],
                escalated=row["escalated"],
            )
            for row in (found._mapping for found in self.rows(query))
        )

    def overrides(self, now: datetime) -> tuple[Override, ...]:
        """The overrides that are in force at `now`, the latest first."""
        with told_as_ours(self._shown), self._engine.connect() as connection:
            return routing_changes.overrides_in_force(connection, now)

    def changes(self, since: datetime | None = None) -> tuple[Change, ...]:
        """What was changed about routing since a moment, or ever; the earliest first."""
        with told_as_ours(self._shown), self._engine.connect() as connection:
            return routing_changes.changes_since(connection, since)

    def kept_answers(self, now: datetime) -> tuple[KeptForTask, ...]:
        """What is kept to be given again and still fresh at `now`, by policy and task."""
        with told_as_ours(self._shown), self._engine.connect() as connection:
            return kept_by_task(connection, now)

    def breakers(self, source: Source | None = None) -> tuple[StoredBreaker, ...]:
        """How the breakers of a source, or of all, stood when they were last saved."""
        with told_as_ours(self._shown), self._engine.connect() as connection:
            return routing_changes.all_breakers(connection, source)


def _of_one_request() -> ColumnElement[bool]:
    return and_(attempts.c.request_id == requests.c.id, attempts.c.run_id == requests.c.run_id)


def _spending(since: datetime, source: Source, run_id: str | None) -> Select[*tuple[()]]:
    """Sends with their requests, where those are known; without columns yet."""
    query = (
        select()
        .select_from(
            attempts.join(runs, runs.c.id == attempts.c.run_id).outerjoin(
                requests, _of_one_request()
            )
        )
        .where(attempts.c.at >= since, attempts.c.source == source.value)
    )
    if run_id is None:
        return query.where(runs.c.kind == "service")
    return query.where(attempts.c.run_id == run_id)


def _dollars(nanos: int | Decimal | None) -> Decimal:
    return from_nanos(int(nanos or 0)) or Decimal(0)
