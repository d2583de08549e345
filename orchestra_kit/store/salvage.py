"""Every row that can still be read of a damaged file, copied into a new store.

A table is read up to its damage. What lies behind is looked for in steps that double, and the range
between is halved until single rows are left, so that only what lies on damaged pages is lost.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Column, Connection, Table
from sqlalchemy.dialects import sqlite
from sqlalchemy.types import TypeDecorator

from orchestra_kit.core.display import Shown
from orchestra_kit.core.errors import StoreCorrupt, StoreError
from orchestra_kit.store import schema
from orchestra_kit.store.access import writing
from orchestra_kit.store.faults import told_as_ours
from orchestra_kit.store.opening import Place, place_of
from orchestra_kit.store.whole_files import whole_file

__all__ = ["Salvaged", "salvage"]

_RowOrError = tuple[object, ...] | None

_PYTHON = {int: (int,), float: (float, int), bool: (int,), str: (str,), date: (str,)}
"""What SQLite's driver hands over for a column of such values."""


_HIGHEST = 2**63 - 1
"""Of row numbers."""

_END = 2**12
"""How far to look for rows where nothing behind can be read; a page holds a few hundred."""

_HEADER = 100
"""Bytes; https://www.sqlite.org/fileformat.html says what is where."""

_LONGEST = 2**40
"""Bytes that a file which was cut short is filled up to; the hole takes no room on the disk."""

_DIALECT = sqlite.dialect()


@dataclass(frozen=True, slots=True, kw_only=True)
class Salvaged(Shown):
    """What was saved of a damaged store."""

    file: str
    rows: Mapping[str, int]
    """By table: those that were copied."""
    lost: Mapping[str, int]
    """By table: rows that could not be read. A damaged end of a table counts as one."""


def salvage(where: str | os.PathLike[str], file: str | os.PathLike[str]) -> Salvaged:
    """Copy what can be read of a damaged file into a new store; the damaged one is only read.

    Raises StoreError where there is no file, and StoreCorrupt where not even its list of tables can
    be read.
    """
    place, target = place_of(where), Path(file)
    if place.path is None:
        raise StoreError(
            "only a store in a file can be salvaged.", hint="A server keeps its own tools for this."
        )
    if not place.path.exists():
        raise StoreError(f"there is no store at {place.shown}.", hint="Check the path.")
    rows: dict[str, int] = {}
    lost: dict[str, int] = {}
    with (
        whole_file(target) as beside,
        _at_full_length(place.path, beside) as readable,
        contextlib.closing(_open(readable)) as damaged,
    ):
        known = _columns(damaged, place)
        with writing(Place(str(target), beside)) as new:
            for table in schema.metadata.sorted_tables:
                if table.name in known:
                    with told_as_ours(str(target)), new.begin():
                        found = _save(damaged, new, table, known[table.name])
                    rows[table.name], lost[table.name] = found
        with contextlib.closing(sqlite3.connect(beside)) as connection:
            connection.execute("PRAGMA journal_mode=DELETE")
    return Salvaged(file=str(target), rows=rows, lost=lost)


@contextlib.contextmanager
def _at_full_length(path: Path, beside: Path) -> Iterator[Path]:
    """The file itself, or, as SQLite reads nothing of one that was cut short, a filled-up copy."""
    with path.open("rb") as file:
        header = file.read(_HEADER)
    page = int.from_bytes(header[16:18]) or 1
    length = int.from_bytes(header[28:32]) * (65_536 if page == 1 else page)
    log = path.with_name(f"{path.name}-wal")
    if path.stat().st_size >= length or (log.exists() and log.stat().st_size):
        yield path
        return
    copy = beside.with_name(f"{beside.name}.whole")
    try:
        shutil.copyfile(path, copy)
        os.truncate(copy, min(length, _LONGEST))
        yield copy
    finally:
        copy.unlink(missing_ok=True)


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True)
    connection.execute("PRAGMA cell_size_check=ON")
    # Text that was damaged into something else than UTF-8 must not hide the row's other columns.
    connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
    return connection


def _columns(damaged: sqlite3.Connection, place: Place) -> dict[str, list[str]]:
    """The columns of each table that the damaged file lists."""
    try:
        names = [row[0] for row in damaged.execute("SELECT name FROM sqlite_master")]
        found = {
            name: [row[1] for row in damaged.execute(f"PRAGMA table_info({name})")]
            for name in names
            if name in schema.metadata.tables
        }
    except sqlite3.DatabaseError as error:
        raise StoreCorrupt(
            f"not even the list of tables of {place.shown} can be read ({error}).",
            hint=f"Try `sqlite3 '{place.shown}' .recover`, or restore a backup.",
        ) from error
    if not found:
        raise StoreCorrupt(f"{place.shown} lists no table of a store.", hint="Restore a backup.")
    return found


def _save(
    damaged: sqlite3.Connection, new: Connection, table: Table, there: list[str]
) -> tuple[int, int]:
    """Copy a table's readable rows; returns how many, and how many could not be read."""
    columns = [column for column in table.columns if column.name in there]
    quoted = [f'"{column.name}"' for column in columns]
    marks = ", ".join(["?"] * len(columns))
    statement = f'INSERT OR IGNORE INTO "{table.name}" ({", ".join(quoted)}) VALUES ({marks})'
    saved = lost = 0
    for row in _Reading(damaged, table.name, ", ".join(quoted)).rows():
        if row is None or not all(map(_fits, columns, row)):
            lost += 1
            continue
        kept = new.exec_driver_sql(statement, row).rowcount
        saved, lost = saved + kept, lost + 1 - kept
    return saved, lost


def _fits(column: Column[object], value: object) -> bool:
    """Whether the column can be read as what it holds, once the value stands in it."""
    if value is None:
        return bool(column.nullable)
    stored = column.type.impl_instance if isinstance(column.type, TypeDecorator) else column.type
    if not isinstance(value, _PYTHON[stored.python_type]):
        return False
    try:
        # What reads the column later must not fail: structures, seeds and days are kept as text.
        if isinstance(column.type, TypeDecorator):
            column.type.process_result_value(value, _DIALECT)
        elif stored.python_type is date:
            date.fromisoformat(str(value))
    except (ValueError, OverflowError):
        return False
    return True


class _Reading:
    """Reads one table around its damage. What cannot be read comes as None: a row, or the end."""

    def __init__(self, damaged: sqlite3.Connection, table: str, columns: str) -> None:
        self._damaged = damaged
        self._table = f'"{table}" NOT INDEXED WHERE rowid'
        self._columns = columns
        self._whole = False

    def rows(self) -> Iterator[_RowOrError]:
        low = 1
        while True:
            for number, row in self._until_damage(low, _HIGHEST):
                yield row
                low = number + 1
            if self._whole:
                return
            again = self._readable_after(low)
            if again is None:
                yield from (row for row in self._between(low, low + _END) if row is not None)
                yield None
                return
            yield from self._between(low, again - 1)
            low = again

    def _until_damage(self, low: int, high: int) -> Iterator[tuple[int, tuple[object, ...]]]:
        query = f"SELECT rowid, {self._columns} FROM {self._table} BETWEEN ? AND ? ORDER BY rowid"
        self._whole = False
        try:
            for number, *row in self._damaged.execute(query, (low, high)):
                yield number, tuple(row)
            self._whole = True
        except sqlite3.DatabaseError:
            return

    def _readable_after(self, low: int) -> int | None:
        """Some row number behind the damage at `low`; None where everything behind is damaged."""
        query = f"SELECT rowid FROM {self._table} >= ? ORDER BY rowid LIMIT 1"
        step = 1
        while low + step < _HIGHEST:
            try:
                self._damaged.execute(query, (low + step,)).fetchall()
            except sqlite3.DatabaseError:
                step *= 2
            else:
                return low + step
        return None

    def _between(self, low: int, high: int) -> Iterator[_RowOrError]:
        """The rows of a range in which there is damage."""
        for number, row in self._until_damage(low, high):
            yield row
            low = number + 1
        if self._whole:
            return
        if low >= high:
            yield None
            return
        middle = (low + high) // 2
        yield from self._between(low, middle)
        yield from self._between(middle + 1, high)
