"""Tables as files for other programs: CSV, JSON lines or Parquet, one file a table.

Money is dollars and moments are UTC in ISO 8601, for people to read; Parquet keeps both as values
of those kinds. The store's own settings and the answers that it keeps stay where they are.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from sqlalchemy import ColumnElement, Connection, Select, Table, func, select

from orchestra_kit.core.display import Shown
from orchestra_kit.core.errors import StoreError
from orchestra_kit.store import schema
from orchestra_kit.store.access import reading
from orchestra_kit.store.faults import told_as_ours
from orchestra_kit.store.opening import place_of
from orchestra_kit.store.text_files import Batches, write_csv, write_lines
from orchestra_kit.store.whole_files import whole_file

__all__ = ["Exported", "Format", "export"]

Format = Literal["csv", "jsonl", "parquet"]

_BATCH = 5_000

_STAYS = frozenset({"settings", "answers"})
"""The store's own, and what models said to people."""

_MOMENTS = {
    "requests": schema.requests.c.at,
    "attempts": schema.attempts.c.at,
    "queue": schema.queue.c.at,
    "notices": schema.notices.c.at,
    "incidents": schema.incidents.c.opened_at,
    "overrides": schema.overrides.c.at,
    "changes": schema.changes.c.at,
}
"""When what a row tells of happened; tables that are not here are exported for all time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported(Shown):
    """The files that were written."""

    folder: str
    rows: Mapping[str, int]
    """By file name."""


def export(
    where: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    *,
    format: Format,
    run: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    replace: bool = False,
    progress: bool = True,
) -> Exported:
    """Write every table but `settings` and `answers`, as the store is at one moment, into a folder.

    `run` leaves out what belongs to other runs; `since` and `until` (exclusive) what happened
    outside, and decisions go with their requests. Raises StoreError where there is no such run, or
    a file already.
    """
    from tqdm.auto import tqdm

    place, target = place_of(where), Path(folder)
    write = _writer(format)
    rows = {}
    with reading(place) as connection, told_as_ours(place.shown):
        if run is not None:
            _find(connection, run, place.shown)
        queries = {
            table.name: _query(table, run, since, until)
            for table in schema.metadata.sorted_tables
            if table.name not in _STAYS
        }
        total = sum(_count(connection, query) for query in queries.values())
        with tqdm(total=total, desc="exporting", unit="row", delay=1, disable=not progress) as bar:
            for name, query in queries.items():
                file = target / f"{name}.{format}"
                with whole_file(file, replace=replace) as beside:
                    found = _batches(connection, query, bar.update)
                    rows[file.name] = write(beside, schema.metadata.tables[name], found)
    return Exported(folder=str(target), rows=rows)


def _find(connection: Connection, run: str, shown: str) -> None:
    same = select(schema.runs.c.id).where(schema.runs.c.id == run)
    if connection.execute(same).first() is None:
        raise StoreError(f"there is no run {run} in {shown}.", hint="Leave out --run for all.")


def _query(
    table: Table, run: str | None, since: datetime | None, until: datetime | None
) -> Select[*tuple[object, ...]]:
    query = select(table).order_by(*table.primary_key.columns)
    if run is not None:
        if "run_id" in table.c:
            query = query.where(table.c.run_id == run)
        elif table is schema.runs:
            query = query.where(schema.runs.c.id == run)
    for condition in _in_time(table, since, until):
        query = query.where(condition)
    return query


def _in_time(
    table: Table, since: datetime | None, until: datetime | None
) -> Iterator[ColumnElement[bool]]:
    if table is schema.decisions and (since is not None or until is not None):
        of = schema.requests
        request = select(of.c.id).where(
            of.c.id == table.c.request_id,
            of.c.run_id == table.c.run_id,
            *_in_time(of, since, until),
        )
        yield request.exists()
    moment = _MOMENTS.get(table.name)
    if moment is not None and since is not None:
        yield moment >= since
    if moment is not None and until is not None:
        yield moment < until


def _count(connection: Connection, query: Select[*tuple[object, ...]]) -> int:
    counted = select(func.count()).select_from(query.order_by(None).subquery())
    return int(connection.execute(counted).scalar_one())


def _batches(
    connection: Connection,
    query: Select[*tuple[object, ...]],
    told: Callable[[int], object],
) -> Batches:
    result = connection.execution_options(yield_per=_BATCH).execute(query)
    for part in result.partitions():
        yield [tuple(row) for row in part]
        told(len(part))


def _writer(format: Format) -> Callable[[Path, Table, Batches], int]:
    if format == "csv":
        return write_csv
    if format == "jsonl":
        return write_lines
    # Only who wants Parquet pays for pyarrow.
    from orchestra_kit.store.parquet import write_parquet

    return write_parquet
