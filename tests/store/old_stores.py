"""Stores as an earlier version of the tables made them, with rows in every one."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, MetaData, create_engine

import orchestra_kit.store
from orchestra_kit.store.opening import place_of

MIGRATIONS = Path(orchestra_kit.store.__file__).with_name("migrations")
COUNT = 40

_MEANING = {"state": "done", "seed": "7", "source": "simulated", "kind": "service"}
_TEXT = "text in every column that holds any"


def engine_of(place: str) -> Engine:
    """An engine of SQLAlchemy's own on a store's path or address."""
    found = place_of(place)
    return create_engine(f"sqlite:///{found.path}" if found.path else found.address)


def bring_to(connection: Connection, version: str) -> None:
    """Run the migrations up to a version, and no further."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, version)


def fill(connection: Connection) -> dict[str, list[tuple[object, ...]]]:
    """Put rows into every table that is there, whatever its columns; returns them by table."""
    tables = MetaData()
    tables.reflect(connection)
    for table in tables.sorted_tables:
        if table.name == "orchestra_version":
            continue
        for number in range(1, COUNT + 1):  # as databases number rows
            row = {c.name: _value(c.name, c.type.python_type, number) for c in table.columns}
            connection.execute(table.insert().values(row))
    return contents(connection, tables)


def contents(connection: Connection, tables: MetaData) -> dict[str, list[tuple[object, ...]]]:
    """What the columns of these tables hold, in the order of their keys."""
    return {
        table.name: [
            tuple(row)
            for row in connection.execute(table.select().order_by(*table.primary_key.columns))
        ]
        for table in tables.sorted_tables
        if table.name != "orchestra_version"
    }


def _value(name: str, kind: type, number: int) -> object:
    if name in _MEANING:
        return _MEANING[name]
    if kind is str:
        # Structures are kept as text; a string in quotes is one.
        return f'"{name} {number:03d} {_TEXT}"'
    if kind in (int, float):
        return kind(number)
    if kind is bool:
        return number % 2 == 0
    return date(2026, 10, 19) + timedelta(days=number)


def filled_everywhere(place: str) -> str:
    """Put rows into every table of a store of the newest version; returns its place."""
    engine = engine_of(place)
    with engine.begin() as connection:
        fill(connection)
    engine.dispose()
    return place


def contents_of(place: str | Path) -> dict[str, list[tuple[object, ...]]]:
    """What every column of a store holds, as it is stored, by table and in the order of keys."""
    engine = engine_of(str(place))
    tables = MetaData()
    with engine.connect() as connection:
        tables.reflect(connection)
        found = contents(connection, tables)
    engine.dispose()
    return found
