"""A store in a file of SQLite: write-ahead log, one connection that writes, many that read.

The log (WAL) lets readers go on while one writes. SQLite before 3.51.3 can damage a log that two
connections write or move into the file at the same time; here only the writer ever does either.
The file is never opened but by SQLite: closing any other handle on it would drop SQLite's locks.
"""

from __future__ import annotations

import sqlite3
from functools import partial
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import NullPool, QueuePool

from orchestra_kit.core.errors import StoreCorrupt, StoreError
from orchestra_kit.store import schema
from orchestra_kit.store.faults import SALVAGE, told_as_ours
from orchestra_kit.store.lock import WriterLock
from orchestra_kit.store.opening import Opened, Place, migrate, version_of

__all__ = ["open_file", "reading_engine"]

_BUSY_SECONDS = 5.0
"""How long a connection waits for another program's short lock before it gives up."""

_LOG_BYTES = 64 * 2**20
"""The log is cut back to this once it has been moved into the file."""

_PAGE_BYTES = 8192
"""A decision takes 1 to 2 kB; of SQLite's usual pages of 4 kB much would stay empty."""


def open_file(place: Place, path: Path, *, durable: bool) -> Opened:
    """Open for writing, making the file and its folder where there are none.

    With `durable`, a commit returns when its rows survive a loss of power; without, when they
    survive the death of this process.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = WriterLock(path)
    try:
        with told_as_ours(place.shown):
            known = path.exists() and path.stat().st_size > 0
            log_is_gone = known and lock.cut_off and not _log_of(path).exists()
            version = _look_at(place, path) if known else None
            connection = _engine(path, durable=durable).connect()
            if version != schema.VERSIONS[-1]:
                migrate(connection)
                _empty_log(connection)
            lock.mark(writing=True)
    except BaseException:
        lock.release()
        raise
    return Opened(connection, partial(lock.mark, writing=False), lock.release, log_is_gone)


def reading_engine(place: Place, path: Path) -> Engine:
    """Connections that read and cannot write; raises as opening does, but never StoreBusy."""
    if not path.exists():
        raise StoreError(f"there is no store at {place.shown}.", hint="Check the path.")
    return _engine(path, durable=None)


def _look_at(place: Place, path: Path) -> str | None:
    """The version of an existing file, read without writing a byte to it."""
    engine = _engine(path, durable=None)
    try:
        with engine.connect() as connection:
            check_size(connection, path)
            return version_of(connection, place)
    finally:
        engine.dispose()


def check_size(connection: Connection, path: Path) -> None:
    """Raises StoreCorrupt for a file that was cut short. One with a log may not be whole yet."""
    log = _log_of(path)
    if log.exists() and log.stat().st_size:
        return
    pages: int = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    page: int = connection.exec_driver_sql("PRAGMA page_size").scalar_one()
    found = path.stat().st_size
    if found < pages * page:
        raise StoreCorrupt(
            f"the store {path} was cut short: it has {found:,} of {pages * page:,} bytes.",
            hint=SALVAGE.format(place=path),
        )


def _log_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def _empty_log(connection: Connection) -> None:
    """Move everything into the file, which then is a store even if its log gets lost."""
    _driver_of(connection).execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _driver_of(connection: Connection) -> sqlite3.Connection:
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    return driver


def _engine(path: Path, *, durable: bool | None) -> Engine:
    """`durable` None makes connections that only read."""
    writing = durable is not None

    def connect() -> sqlite3.Connection:
        return _writing(path, durable=durable) if durable is not None else _reading(path)

    engine = create_engine(
        "sqlite://", creator=connect, poolclass=NullPool if writing else QueuePool
    )

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        _begin(connection, "BEGIN IMMEDIATE" if writing else "BEGIN")

    return engine


def _begin(connection: Connection, how: str) -> None:
    _driver_of(connection).execute(how)


def _reading(path: Path) -> sqlite3.Connection:
    connection = _connect(path, "mode=ro")
    try:
        connection.execute("PRAGMA schema_version").fetchone()
    except sqlite3.OperationalError:
        connection.close()
        if _log_of(path).exists():
            raise
        # In a folder that may not be written to there is no log, and none can be made.
        connection = _connect(path, "mode=ro&immutable=1")
    return connection


def _writing(path: Path, *, durable: bool) -> sqlite3.Connection:
    connection = _connect(path, "mode=rwc")
    try:
        connection.execute(f"PRAGMA page_size={_PAGE_BYTES}")  # of a new file; else no effect
        (mode,) = connection.execute("PRAGMA journal_mode=WAL").fetchone()
        if mode != "wal":
            raise StoreError(
                f"the file system of {path} cannot hold a store, because it has no shared memory "
                "for a write-ahead log.",
                hint="Keep it in a local folder, not on a network.",
            )
        connection.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
        connection.execute(f"PRAGMA journal_size_limit={_LOG_BYTES}")
        connection.execute("PRAGMA secure_delete=ON")
    except BaseException:
        connection.close()
        raise
    return connection


def _connect(path: Path, options: str) -> sqlite3.Connection:
    # Without an isolation level the driver leaves transactions to us, changes of tables included.
    return sqlite3.connect(
        f"file:{quote(str(path.absolute()))}?{options}",
        uri=True,
        timeout=_BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )
