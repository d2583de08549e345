"""Databases' own errors, told as ours: what happened to the store, and how to mend it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import exc

from orchestra_kit.core.errors import StoreBusy, StoreCorrupt, StoreError, StoreFull

__all__ = ["SALVAGE", "told_as_ours"]

SALVAGE = (
    "Keep the file. What can still be read is salvaged with "
    "`orchestra store salvage '{place}' salvaged.db`."
)

_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_CORRUPT = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_PRIMARY = 0xFF
"""SQLite's extended result codes keep the primary one in their lowest byte."""

_POSTGRES_FULL = "53100"
_POSTGRES_CORRUPT = ("XX001", "XX002")
_DUPLICATE = "23"
"""Class of SQLSTATE for violated constraints."""


@contextmanager
def told_as_ours(place: str) -> Iterator[None]:
    """Raises StoreFull, StoreBusy, StoreCorrupt or StoreError for what goes wrong inside.

    `place` is the store's path, or its address without a password.
    """
    try:
        yield
    except (exc.SQLAlchemyError, sqlite3.Error, ValueError, OverflowError) as error:
        raise _ours(error, place) from error


def _ours(error: Exception, place: str) -> StoreError:
    original = getattr(error, "orig", None) or error
    if isinstance(error, ValueError) and not isinstance(error, UnicodeError):
        # A stored value that its column's type cannot read, which nobody has written.
        return StoreCorrupt(f"the store {place} is damaged: {_line(error)}.")
    code = getattr(original, "sqlite_errorcode", None)
    if code is not None:
        return _of_sqlite(code, original, place)
    if isinstance(original, sqlite3.Error) and "decode" in str(original):
        # The driver found text that is not UTF-8, which nobody has written.
        return StoreCorrupt(
            f"the store {place} is damaged: {_line(original)}.", hint=SALVAGE.format(place=place)
        )
    state = getattr(original, "sqlstate", None)
    if state == _POSTGRES_FULL:
        return _full(place)
    if state in _POSTGRES_CORRUPT:
        return StoreCorrupt(f"the store {place} is damaged: {_line(original)}.")
    if state is not None and state.startswith(_DUPLICATE):
        return _duplicate(original, place)
    if isinstance(error, exc.OperationalError):
        return StoreError(
            f"the store {place} cannot be reached: {_line(original)}.",
            hint="Check that the server runs and that the address is right.",
        )
    return StoreError(f"the store {place} refused: {_line(original)}.")


def _of_sqlite(code: int, original: BaseException, place: str) -> StoreError:
    primary = code & _PRIMARY
    if primary in _CORRUPT:
        return StoreCorrupt(
            f"the store {place} is damaged or no database: {_line(original)}.",
            hint=SALVAGE.format(place=place),
        )
    # A file that may not grow (quota, RLIMIT_FSIZE) reports a failed write, not a full disk.
    if primary == sqlite3.SQLITE_FULL or code == sqlite3.SQLITE_IOERR_WRITE:
        return _full(place)
    if primary in _BUSY:
        return StoreBusy(
            f"the store {place} is being written by another program.",
            hint="Close it there, or open this one with read_only=True.",
        )
    if primary == sqlite3.SQLITE_READONLY:
        return StoreError(
            f"the store {place} may only be read.",
            hint="Allow writing to the file and its folder, or open it with read_only=True.",
        )
    if primary == sqlite3.SQLITE_CANTOPEN:
        return StoreError(
            f"the store {place} cannot be opened.",
            hint="Check that its folder exists and may be read.",
        )
    if primary == sqlite3.SQLITE_CONSTRAINT:
        return _duplicate(original, place)
    return StoreError(f"the store {place} refused: {_line(original)}.")


def _full(place: str) -> StoreFull:
    return StoreFull(
        f"there is no room left to write the store {place}.",
        hint="Nothing that was acknowledged is lost. Free some space and go on.",
    )


def _duplicate(original: BaseException, place: str) -> StoreError:
    return StoreError(
        f"the store {place} holds such a row already, or a row lacks a value: {_line(original)}."
    )


def _line(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    return text[0].rstrip(".") if text else type(error).__name__
