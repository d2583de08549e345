"""How many rows a table holds, and a sum over them that tells two copies apart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import blake2b
from typing import Any

from sqlalchemy import Connection, Select, Table, func, inspect, select, table, type_coerce
from sqlalchemy.types import TypeDecorator, TypeEngine

from orchestra_kit.core.display import Shown
from orchestra_kit.store.rows import Row
from orchestra_kit.store.schema import VERSION_TABLE

__all__ = ["Sum", "Tally", "count_rows", "plain_rows", "plainly", "tally"]

_WIDTH = 2**64


@dataclass(frozen=True, slots=True)
class Tally(Shown):
    """A table's rows: alike for two tables, in whatever database, that hold the same rows."""

    rows: int
    checksum: str
    """16 hex digits; of the rows in any order."""


class Sum:
    """Adds up rows; their order does not matter, because databases sort text differently."""

    def __init__(self) -> None:
        self._rows = 0
        self._total = 0

    def add(self, rows: Iterable[Row]) -> None:
        """Count these rows in."""
        for row in rows:
            digest = blake2b(repr(row).encode(), digest_size=8).digest()
            self._total = (self._total + int.from_bytes(digest)) % _WIDTH
            self._rows += 1

    @property
    def tally(self) -> Tally:
        """What was added up so far."""
        return Tally(self._rows, f"{self._total:016x}")


def plainly(found: Table) -> Select[*tuple[object, ...]]:
    """A query for a table's columns as they are stored: whole numbers, floats, text."""
    return select(*(type_coerce(column, _stored(column.type)) for column in found.columns))


def plain_rows(rows: Iterable[Sequence[object]]) -> list[Row]:
    """Rows of `plainly` as every driver takes them."""
    return [
        tuple(value.isoformat() if isinstance(value, date) else value for value in row)  # type: ignore[misc]  # what is stored is plain
        for row in rows
    ]


def tally(connection: Connection, found: Table) -> Tally:
    """Read a whole table and add it up."""
    total = Sum()
    for rows in _in_parts(connection, found):
        total.add(rows)
    return total.tally


def count_rows(connection: Connection) -> dict[str, int]:
    """Rows of every table that is there, whatever its version, by name."""
    names = sorted(set(inspect(connection).get_table_names()) - {VERSION_TABLE})
    return {
        name: connection.execute(select(func.count()).select_from(table(name))).scalar_one()
        for name in names
    }


def _in_parts(connection: Connection, found: Table) -> Iterator[list[Row]]:
    result = connection.execution_options(yield_per=1000).execute(plainly(found))
    for part in result.partitions():
        yield plain_rows(part)


def _stored(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    return kind.impl_instance if isinstance(kind, TypeDecorator) else kind
