"""A whole store copied into another place, of whichever database.

Rows travel as they are stored, a batch at a time in the order of their keys. A batch that is there
already is passed over, so that a copy which was interrupted is taken up by starting it again.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, Table, func, select, text, tuple_

from orchestra_kit.core.display import Shown
from orchestra_kit.core.errors import StoreError
from orchestra_kit.store import schema
from orchestra_kit.store.access import reading, writing
from orchestra_kit.store.faults import told_as_ours
from orchestra_kit.store.opening import Place, place_of, version_of
from orchestra_kit.store.rows import Row
from orchestra_kit.store.tallies import Sum, Tally, count_rows, plain_rows, plainly, tally

__all__ = ["Copied", "Upgraded", "copy_store", "copy_tables", "is_empty", "upgrade"]

_BATCH = 500

_NUMBERED = ("queue", "notices", "changes")
"""Tables whose rows the database numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upgraded(Shown):
    """A store whose tables are at the newest version now."""

    place: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied(Shown):
    """One table that was copied, and found to hold the same in both places."""

    name: str
    rows: int
    new: int
    """Those that were not there before."""
    checksum: str


def upgrade(where: str | os.PathLike[str]) -> Upgraded:
    """Bring a store's tables to the newest version; raises StoreError where there is no store."""
    place = place_of(where)
    with reading(place, any_version=True) as connection:
        before = version_of(connection, place)
    with writing(place):
        return Upgraded(place=place.shown, before=before or "", after=schema.VERSIONS[-1])


def copy_store(
    where: str | os.PathLike[str], to: str | os.PathLike[str], *, progress: bool = True
) -> tuple[Copied, ...]:
    """Copy everything from one place to another, and compare; nobody may write to either.

    Raises StoreError where the other place holds what does not come from here, or where a table
    differs afterwards.
    """
    source, target = place_of(where), place_of(to)
    if source == target:
        raise StoreError("a store cannot be copied onto itself.", hint="Give another place.")
    upgrade(where)
    with writing(source), writing(target) as into, reading(source) as connection:
        _take_the_key(connection, into, target)
        return copy_tables(connection, into, target, into.begin, progress=progress)


def copy_tables(
    source: Connection,
    target: Connection,
    place: Place,
    transaction: Callable[[], contextlib.AbstractContextManager[object]],
    *,
    progress: bool,
) -> tuple[Copied, ...]:
    """Copy every table, each batch in a `transaction`; raises StoreError where one differs after.

    `place` is the target's.
    """
    from tqdm.auto import tqdm

    with transaction():
        before = count_rows(target)
    copied = []
    total = sum(count_rows(source).values())
    with told_as_ours(place.shown):
        with tqdm(total=total, desc="copying", unit="row", delay=1, disable=not progress) as bar:
            sums = {
                table.name: _copy(source, target, table, transaction, bar.update)
                for table in schema.metadata.sorted_tables
            }
        for table in schema.metadata.sorted_tables:
            with transaction():
                found = tally(target, table)
            _compare(table.name, sums[table.name], found, place)
            new = found.rows - before.get(table.name, 0)
            copied.append(
                Copied(name=table.name, rows=found.rows, new=new, checksum=found.checksum)
            )
        with transaction():
            _go_on_numbering(target)
    return tuple(copied)


def is_empty(connection: Connection) -> bool:
    """Whether a store holds nothing but its own settings."""
    return not any(rows for name, rows in count_rows(connection).items() if name != "settings")


def _take_the_key(source: Connection, target: Connection, place: Place) -> None:
    """Let the copy be known by the original's key, or refuse a place that has another's rows."""
    ours = source.execute(select(schema.settings).order_by(schema.settings.c.name)).all()
    with told_as_ours(place.shown), target.begin():
        theirs = target.execute(select(schema.settings).order_by(schema.settings.c.name)).all()
        if theirs == ours:
            return
        if not is_empty(target):
            raise StoreError(
                f"{place.shown} holds rows that do not come from this store.",
                hint="Give an empty place, or one that an earlier copy was begun in.",
            )
        target.execute(schema.settings.delete())
        for row in ours:
            target.execute(schema.settings.insert().values(**row._mapping))


def _copy(
    source: Connection,
    target: Connection,
    table: Table,
    transaction: Callable[[], contextlib.AbstractContextManager[object]],
    told: Callable[[int], object],
) -> Tally:
    preparer = target.dialect.identifier_preparer
    names = ", ".join(preparer.quote(column.name) for column in table.columns)
    mark = "?" if target.dialect.paramstyle == "qmark" else "%s"
    marks = ", ".join([mark] * len(table.columns))
    statement = (
        f"INSERT INTO {preparer.quote(table.name)} ({names}) VALUES ({marks}) "
        "ON CONFLICT DO NOTHING"
    )
    total = Sum()
    for rows in _batches(source, table):
        with transaction():
            target.exec_driver_sql(statement, rows)
        total.add(rows)
        told(len(rows))
    return total.tally


def _batches(source: Connection, table: Table) -> Iterator[list[Row]]:
    keys = list(table.primary_key.columns)
    places = [list(table.columns).index(key) for key in keys]
    query = plainly(table).order_by(*keys).limit(_BATCH)
    found = source.execute(query).all()
    while found:
        yield plain_rows(found)
        last = tuple(found[-1][place] for place in places)
        found = source.execute(query.where(tuple_(*keys) > last)).all()


def _compare(table: str, wanted: Tally, found: Tally, place: Place) -> None:
    if wanted != found:
        raise StoreError(
            f"the table {table} of {place.shown} differs from the original: {found.rows:,} rows "
            f"with the sum {found.checksum} instead of {wanted.rows:,} with {wanted.checksum}.",
            hint="Copy into an empty place.",
        )


def _go_on_numbering(target: Connection) -> None:
    """PostgreSQL counts by itself what it was not asked to number; SQLite looks at the rows."""
    if target.dialect.name != "postgresql":
        return
    for name in _NUMBERED:
        column = schema.metadata.tables[name].c.id
        highest = target.execute(select(func.max(column))).scalar()
        if highest is not None:
            target.execute(
                text("SELECT setval(pg_get_serial_sequence(:name, 'id'), :highest)"),
                {"name": name, "highest": highest},
            )
