"""A place opened for writing or for reading, by whichever database it is in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine

from orchestra_kit.core.errors import StoreError
from orchestra_kit.store import postgres, schema, sqlite_file
from orchestra_kit.store.faults import told_as_ours
from orchestra_kit.store.opening import Opened, Place, version_of

__all__ = ["check_version", "open_for_reading", "open_for_writing", "reading", "writing"]


def open_for_writing(place: Place, *, durable: bool) -> Opened:
    """Open for the one who writes, making or updating the tables as needed."""
    if place.path is None:
        return postgres.open_server(place, durable=durable)
    return sqlite_file.open_file(place, place.path, durable=durable)


def open_for_reading(place: Place) -> Engine:
    """Connections that read and cannot write."""
    if place.path is None:
        return postgres.reading_server(place)
    return sqlite_file.reading_engine(place, place.path)


def check_version(engine: Engine, place: Place) -> None:
    """Raises StoreError for tables that this package cannot read, StoreCorrupt for a file that
    was cut short."""
    with told_as_ours(place.shown), engine.connect() as connection:
        if place.path is not None:
            sqlite_file.check_size(connection, place.path)
        version = version_of(connection, place)
    if version != schema.VERSIONS[-1]:
        what = "holds no tables yet" if version is None else f"has the old version {version}"
        raise StoreError(
            f"the store {place.shown} {what}.",
            hint="Open it once for writing; then it can be read.",
        )


@contextmanager
def writing(place: Place) -> Iterator[Connection]:
    """The connection of the one who writes, for work on the tables as a whole."""
    opened = open_for_writing(place, durable=True)
    try:
        yield opened.connection
    finally:
        opened.closing()
        opened.connection.close()
        opened.let_go()


@contextmanager
def reading(place: Place, *, any_version: bool = False) -> Iterator[Connection]:
    """A connection that only reads, and sees one state of the store until it is closed.

    Raises StoreError where there is no store, and for an older one unless `any_version` allows it.
    """
    engine = open_for_reading(place)
    try:
        if not any_version:
            check_version(engine, place)
        with told_as_ours(place.shown):
            connection = engine.connect()
            try:
                if place.path is None:
                    connection.execution_options(isolation_level="REPEATABLE READ")
                else:
                    sqlite_file.check_size(connection, place.path)
                if version_of(connection, place) is None:
                    raise StoreError(f"{place.shown} holds no tables yet.", hint="Check the place.")
                yield connection
            finally:
                connection.close()
    finally:
        engine.dispose()
