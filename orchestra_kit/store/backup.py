"""Backups: one file of SQLite, whole, verified, and taken while the store is written to.

A store on PostgreSQL is backed up into such a file too, so that it can be restored anywhere.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from orchestra_kit.core.clock import Clock, SystemClock
from orchestra_kit.core.display import Shown
from orchestra_kit.core.errors import StoreCorrupt, StoreError
from orchestra_kit.store import schema
from orchestra_kit.store.access import reading, writing
from orchestra_kit.store.copying import copy_tables, is_empty
from orchestra_kit.store.faults import told_as_ours
from orchestra_kit.store.lock import WriterLock
from orchestra_kit.store.opening import Place, place_of
from orchestra_kit.store.tallies import count_rows
from orchestra_kit.store.whole_files import whole_file

__all__ = ["BackedUp", "Restored", "backup", "restore"]

_PAGES = 1024
"""Copied at a time, between two looks at the progress."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackedUp(Shown):
    """A backup that was read again and found sound."""

    place: str
    file: str
    bytes: int
    rows: Mapping[str, int]
    """By table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored(Shown):
    """A store that holds what a backup held."""

    file: str
    place: str
    rows: Mapping[str, int]
    kept: str
    """Where the backup is of what was there before; empty where nothing was."""


def backup(
    where: str | os.PathLike[str],
    file: str | os.PathLike[str],
    *,
    replace: bool = False,
    progress: bool = True,
) -> BackedUp:
    """Copy a store into a file, as it is at this moment; others may go on writing.

    Raises StoreError where there is no store or already a file, StoreFull, and StoreCorrupt where
    the store or the copy is damaged.
    """
    place, path = place_of(where), Path(file)
    if place.path is not None and path.exists() and path.samefile(place.path):
        raise StoreError("a store cannot be backed up into itself.", hint="Give another file.")
    with reading(place, any_version=place.path is not None) as source:
        with told_as_ours(place.shown):
            wanted = count_rows(source)
        with whole_file(path, replace=replace) as beside:
            if place.path is not None:
                _copy_pages(source, beside, place.shown, progress=progress)
            else:
                _copy_rows(source, beside, progress=progress)
            found = _verified(beside, path)
            if found != wanted:
                raise StoreCorrupt(f"the backup {path} differs from the store {place.shown}.")
    return BackedUp(place=place.shown, file=str(path), bytes=path.stat().st_size, rows=found)


def restore(
    file: str | os.PathLike[str],
    where: str | os.PathLike[str],
    *,
    replace: bool = False,
    progress: bool = True,
    clock: Clock | None = None,
) -> Restored:
    """Put a backup where there is no store, or an empty one.

    With `replace` also where there are rows: those are backed up beside first. Raises StoreError
    for a place that is not empty, StoreBusy while somebody writes there, and StoreCorrupt for a
    backup that is damaged.
    """
    path, place = Path(file), place_of(where)
    if not path.exists():
        raise StoreError(f"there is no backup {path}.", hint="Check the path.")
    stamp = (clock or SystemClock()).now().strftime("%Y%m%dT%H%M%SZ")
    if place.path is not None:
        beside = place.path.with_name(f"{place.path.stem}.before-{stamp}{place.path.suffix}")
        return _restore_file(path, place, place.path, beside, replace=replace, progress=progress)
    beside = path.with_name(f"{path.stem}.before-{stamp}{path.suffix}")
    return _restore_server(path, place, beside, replace=replace, progress=progress)


def _restore_file(
    file: Path, place: Place, path: Path, beside: Path, *, replace: bool, progress: bool
) -> Restored:
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = WriterLock(path)
    try:
        kept = _keep_file(place, path, beside, replace=replace)
        with reading(place_of(file), any_version=True) as source:
            wanted = count_rows(source)
            with whole_file(path, replace=True) as new:
                _copy_pages(source, new, str(file), progress=progress)
                found = _verified(new, file)
                if found != wanted:
                    raise StoreCorrupt(f"what was restored differs from the backup {file}.")
                # A log that was left belongs to the file that goes, and is in its backup.
                _remove_log(path)
    finally:
        lock.release()
    return Restored(file=str(file), place=place.shown, rows=found, kept=kept)


def _keep_file(place: Place, path: Path, beside: Path, *, replace: bool) -> str:
    """Back up what is there, damaged as it may be; empty where that is nothing."""
    if not path.exists() or path.stat().st_size == 0:
        return ""
    try:
        with reading(place, any_version=True) as connection, told_as_ours(place.shown):
            if is_empty(connection):
                return ""
        _may_replace(place, replace=replace)
        backup(path, beside, progress=False)
    except StoreCorrupt:
        _may_replace(place, replace=replace)
        for ending in ("", "-wal"):
            with contextlib.suppress(FileNotFoundError):
                path.with_name(path.name + ending).replace(beside.with_name(beside.name + ending))
    return str(beside)


def _restore_server(
    file: Path, place: Place, beside: Path, *, replace: bool, progress: bool
) -> Restored:
    with writing(place) as target, reading(place_of(file)) as source:
        kept = ""
        with told_as_ours(place.shown):
            with target.begin():
                empty = is_empty(target)
            if not empty:
                _may_replace(place, replace=replace)
                backup(place.address, beside, progress=False)
                kept = str(beside)
            with target.begin():
                for table in schema.metadata.sorted_tables:
                    target.execute(table.delete())
                copied = copy_tables(
                    source, target, place, contextlib.nullcontext, progress=progress
                )
    rows = {table.name: table.rows for table in copied}
    return Restored(file=str(file), place=place.shown, rows=rows, kept=kept)


def _may_replace(place: Place, *, replace: bool) -> None:
    if not replace:
        raise StoreError(
            f"there is a store at {place.shown} already.",
            hint="Restore into an empty place, or allow it by --replace; "
            "what is there is then backed up first.",
        )


def _copy_pages(source: Connection, file: Path, shown: str, *, progress: bool) -> None:
    """By SQLite's own means. The open transaction of `source` keeps its view of the store."""
    from tqdm.auto import tqdm

    driver = source.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    with (
        told_as_ours(shown),
        contextlib.closing(sqlite3.connect(file)) as target,
        tqdm(desc="backing up", unit="page", delay=1, disable=not progress) as bar,
    ):

        def tell(_: int, remaining: int, total: int) -> None:
            bar.total = total
            bar.update(total - remaining - bar.n)

        driver.backup(target, pages=_PAGES, progress=tell)
        target.execute("PRAGMA journal_mode=DELETE")  # so that it is one file


def _copy_rows(source: Connection, file: Path, *, progress: bool) -> None:
    place = Place(str(file), file)
    with writing(place) as target:
        copy_tables(source, target, place, target.begin, progress=progress)
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")


def _verified(file: Path, shown: Path) -> dict[str, int]:
    """Rows by table of a file that SQLite finds sound; raises StoreCorrupt for another."""
    with (
        told_as_ours(str(shown)),
        reading(Place(str(shown), file), any_version=True) as connection,
    ):
        found = connection.exec_driver_sql("PRAGMA integrity_check").scalars().all()
        if found != ["ok"]:
            raise StoreCorrupt(f"the backup {shown} is damaged: {found[0]}.")
        return count_rows(connection)


def _remove_log(path: Path) -> None:
    for ending in ("-wal", "-shm"):
        path.with_name(path.name + ending).unlink(missing_ok=True)
