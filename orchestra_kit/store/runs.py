"""Runs and what is kept of them beside requests: suite cells, finished days, policies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Table,
    and_,
    delete,
    false,
    insert,
    or_,
    select,
    update,
)

from orchestra_kit.core.answer import Source
from orchestra_kit.core.display import Shown
from orchestra_kit.core.errors import StoreError
from orchestra_kit.store.schema import (
    attempts,
    cells,
    days,
    decisions,
    incidents,
    notices,
    policies,
    queue,
    requests,
    runs,
)

__all__ = ["Parameters", "RunKind", "RunState", "StoredCell", "StoredRun"]

RunKind = Literal["service", "traffic", "suite", "recording"]
RunState = Literal["running", "complete", "failed"]
Parameters = Mapping[str, object]
"""As JSON knows them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRun(Shown):
    """A row of `runs`."""

    id: str
    kind: RunKind
    name: str
    policy: str
    policy_hash: str
    source: Source
    seed: int
    started: datetime
    ended: datetime | None
    state: RunState
    parameters: Parameters


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCell(Shown):
    """A row of `cells`."""

    run_id: str
    scenario: str
    epoch: int
    passed: bool
    result: Mapping[str, object]


def add_run(connection: Connection, run: StoredRun) -> None:
    """Write a run's row."""
    connection.execute(
        insert(runs).values(
            id=run.id,
            kind=run.kind,
            name=run.name,
            policy=run.policy,
            policy_hash=run.policy_hash,
            source=run.source.value,
            seed=run.seed,
            started=run.started,
            ended=run.ended,
            state=run.state,
            parameters=_canonical(run.parameters),
        )
    )


def find_run(
    connection: Connection,
    *,
    kind: RunKind,
    name: str,
    policy_hash: str,
    seed: int,
    parameters: Parameters,
) -> StoredRun | None:
    """The latest run like this that may be gone on with, or is complete."""
    query = (
        select(runs)
        .where(runs.c.kind == kind, runs.c.name == name, runs.c.policy_hash == policy_hash)
        .where(runs.c.seed == seed, runs.c.state.in_(["running", "complete"]))
        .where(runs.c.parameters == _canonical(parameters))
        .order_by(runs.c.started.desc(), runs.c.id.desc())
        .limit(1)
    )
    row = connection.execute(query).mappings().first()
    return None if row is None else _run(row)


def all_runs(connection: Connection, kind: RunKind | None) -> tuple[StoredRun, ...]:
    """Every run, the latest first."""
    query = select(runs).order_by(runs.c.started.desc(), runs.c.id.desc())
    if kind is not None:
        query = query.where(runs.c.kind == kind)
    return tuple(_run(row) for row in connection.execute(query).mappings())


def end_run(connection: Connection, run_id: str, state: RunState, moment: datetime) -> None:
    """Write how a run ended; raises StoreError where there is no such run."""
    ended = None if state == "running" else moment
    found = connection.execute(
        update(runs).where(runs.c.id == run_id).values(state=state, ended=ended)
    )
    if found.rowcount == 0:
        raise StoreError(f"there is no run {run_id} in this store.")


def put_cell(connection: Connection, cell: StoredCell) -> None:
    """Write a cell, in the place of an earlier one of the same scenario and epoch."""
    source = connection.execute(select(runs.c.source).where(runs.c.id == cell.run_id)).scalar()
    if source is None:
        raise StoreError(f"there is no run {cell.run_id} in this store to keep a cell of.")
    same = (cells.c.run_id == cell.run_id, cells.c.scenario == cell.scenario)
    connection.execute(delete(cells).where(*same, cells.c.epoch == cell.epoch))
    connection.execute(
        insert(cells).values(
            run_id=cell.run_id,
            scenario=cell.scenario,
            epoch=cell.epoch,
            source=source,
            passed=cell.passed,
            result=cell.result,
        )
    )


def cells_of(connection: Connection, run_id: str) -> tuple[StoredCell, ...]:
    """The cells of a run, by scenario and epoch."""
    query = select(cells).where(cells.c.run_id == run_id).order_by(cells.c.scenario, cells.c.epoch)
    return tuple(
        StoredCell(
            run_id=row.run_id,
            scenario=row.scenario,
            epoch=row.epoch,
            passed=row.passed,
            result=row.result,
        )
        for row in connection.execute(query)
    )


def mark_day(
    connection: Connection, run_id: str, source: Source, day: date, count: int, moment: datetime
) -> None:
    """Mark a day as complete; raises StoreError where it is marked already."""
    same = (days.c.run_id == run_id, days.c.day == day)
    if connection.execute(select(days.c.day).where(*same)).first() is not None:
        raise StoreError(f"{day.isoformat()} of run {run_id} is complete already.")
    connection.execute(
        insert(days).values(
            run_id=run_id, day=day, source=source.value, requests=count, completed_at=moment
        )
    )


def marked_days(connection: Connection, run_id: str) -> frozenset[date]:
    """The days of a run that are complete."""
    found = connection.execute(select(days.c.day).where(days.c.run_id == run_id)).scalars()
    return frozenset(found)


def drop_between(connection: Connection, run_id: str, start: datetime, end: datetime) -> int:
    """Delete a run's requests that arrived from `start` up to `end`, with everything that belongs
    to them, and the marks of days that lie between; returns how many requests there were."""

    def between(table: Table) -> ColumnElement[bool]:
        return and_(table.c.run_id == run_id, table.c.at >= start, table.c.at < end)

    gone = select(requests.c.id).where(between(requests))
    known = select(requests.c.id).where(requests.c.run_id == run_id)
    # What a request did after midnight goes with the request; what no request is known of, by time.
    unowned = and_(between(attempts), attempts.c.request_id.not_in(known))
    general = and_(between(notices), notices.c.request_id == "")
    for table, others in ((attempts, unowned), (notices, general), (queue, false())):
        owned = and_(table.c.run_id == run_id, table.c.request_id.in_(gone))
        connection.execute(delete(table).where(or_(owned, others)))
    connection.execute(
        delete(decisions).where(decisions.c.run_id == run_id, decisions.c.request_id.in_(gone))
    )
    opened = and_(incidents.c.opened_at >= start, incidents.c.opened_at < end)
    connection.execute(delete(incidents).where(incidents.c.run_id == run_id, opened))
    first, last = start.astimezone(UTC).date(), end.astimezone(UTC).date()
    connection.execute(
        delete(days).where(days.c.run_id == run_id, days.c.day >= first, days.c.day < last)
    )
    return connection.execute(delete(requests).where(between(requests))).rowcount


def keep_policy(
    connection: Connection, digest: str, name: str, content: str, moment: datetime
) -> None:
    """Keep a policy's content, once."""
    if connection.execute(select(policies.c.hash).where(policies.c.hash == digest)).first() is None:
        connection.execute(
            insert(policies).values(hash=digest, name=name, content=content, first_used=moment)
        )


def _canonical(parameters: Parameters) -> dict[str, object]:
    """With sorted keys, so that equal parameters are equal text."""
    return {name: parameters[name] for name in sorted(parameters)}


def _run(row: RowMapping) -> StoredRun:
    return StoredRun(
        id=row["id"],
        kind=row["kind"],
        name=row["name"],
        policy=row["policy"],
        policy_hash=row["policy_hash"],
        source=Source(row["source"]),
        seed=row["seed"],
        started=row["started"],
        ended=row["ended"],
        state=row["state"],
        parameters=row["parameters"],
    )
