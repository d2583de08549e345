"""A store in a PostgreSQL database: the same tables, in the first schema of the search path."""

from __future__ import annotations

import os
import re

from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.pool import NullPool, QueuePool

from orchestra_kit.core.errors import StoreBusy, StoreError
from orchestra_kit.store import schema
from orchestra_kit.store.faults import told_as_ours
from orchestra_kit.store.opening import Opened, Place, migrate, version_of

__all__ = ["open_server", "reading_server"]

_APPLICATION = "orchestra_kit pid "

_LOCK = text("SELECT pg_try_advisory_lock(hashtext('orchestra_kit'), hashtext(current_schema()))")
_HOLDER = text("""
    SELECT activity.application_name
    FROM pg_locks AS held JOIN pg_stat_activity AS activity USING (pid)
    WHERE held.locktype = 'advisory' AND held.granted
      AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND held.classid::bigint = (hashtext('orchestra_kit')::bigint & 4294967295)
      AND held.objid::bigint = (hashtext(current_schema())::bigint & 4294967295)
""")


def open_server(place: Place, *, durable: bool) -> Opened:
    """Open for writing; without `durable` the server may lose the last commits in a crash."""
    engine = _engine(place, writing=True)
    with told_as_ours(place.shown):
        connection = engine.connect()
        try:
            with connection.begin():
                _lock(connection, place)
                version = version_of(connection, place)
                if not durable:
                    connection.execute(text("SET synchronous_commit = off"))
            if version != schema.VERSIONS[-1]:
                migrate(connection)
        except BaseException:
            connection.close()
            raise
    return Opened(connection, _nothing_to_say, engine.dispose)


def reading_server(place: Place) -> Engine:
    """Connections that read and cannot write."""
    return _engine(place, writing=False).execution_options(postgresql_readonly=True)


def _nothing_to_say() -> None:
    """The server itself sees that a connection has ended."""


def _engine(place: Place, *, writing: bool) -> Engine:
    try:
        return create_engine(
            place.address,
            poolclass=NullPool if writing else QueuePool,
            connect_args={"application_name": f"{_APPLICATION}{os.getpid()}"},
        )
    except ModuleNotFoundError as error:
        raise StoreError(
            f"the store {place.shown} needs the driver psycopg.",
            hint="Install it with: pip install 'orchestra_kit[postgres]'.",
        ) from error


def _lock(connection: Connection, place: Place) -> None:
    """Hold the right to write for as long as the connection lives."""
    if connection.execute(_LOCK).scalar_one():
        return
    holder = connection.execute(_HOLDER).scalar() or ""
    pid = re.fullmatch(rf"{_APPLICATION}(\d+)", holder)
    who = f"process {pid[1]}" if pid else f"another process ({holder or 'unnamed'})"
    raise StoreBusy(
        f"{who} is writing to the store {place.shown}.",
        hint="Wait for it or stop it; reading with read_only=True needs no waiting.",
    )
