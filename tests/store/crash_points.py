"""Labelled moments at which a writer can be made to die: before and after each thing it does.

The product knows nothing of them: the process that is to die wraps its own functions.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from itertools import count
from typing import Any

import alembic.op
from sqlalchemy import Connection
from sqlalchemy.engine.default import DefaultDialect

from orchestra_kit.store import runs, sqlite_file, statements, writer
from orchestra_kit.store import store as store_module
from orchestra_kit.store.lock import WriterLock

Matches = Callable[[tuple[Any, ...]], bool]


def _always(_: tuple[Any, ...]) -> bool:
    return True


def _statement(beginning: str) -> Matches:
    return lambda arguments: str(arguments[1]).startswith(beginning)


_DOINGS: dict[str, tuple[Any, str, Matches]] = {
    **{
        f"a row of {table}": (statements, "_write_row", _statement(f"INSERT INTO {table} "))
        for table in ("attempts", "requests", "decisions", "queue", "notices", "incidents")
    },
    "the beginning of a transaction": (sqlite_file, "_begin", _always),
    "a commit": (DefaultDialect, "do_commit", _always),
    "an acknowledgement": (writer, "acknowledge", _always),
    "taking the lock": (WriterLock, "_acquire", _always),
    "marking the lock": (WriterLock, "mark", _always),
    "giving up the lock": (WriterLock, "release", _always),
    "looking at the file": (sqlite_file, "_look_at", _always),
    "recovering": (store_module, "recover", _always),
    "closing a connection": (Connection, "close", _always),
    "marking a day": (runs, "mark_day", _always),
    "a new table": (alembic.op, "create_table", _always),
    "a new column": (alembic.op, "add_column", _always),
}

POINTS = tuple(f"{when} {doing}" for doing in _DOINGS for when in ("before", "after"))

UPGRADING = tuple(point for point in POINTS if " a new " in point)
"""Points that only a store of an older version comes by."""


def arm(point: str, nth: int) -> None:
    """Let this process die when it comes by a point for the n-th time, from 1."""
    when, doing = point.split(" ", 1)
    owner, name, matches = _DOINGS[doing]
    original = getattr(owner, name)
    passed = count(1)

    def armed(*arguments: Any, **options: Any) -> Any:
        here = matches(arguments) and next(passed) == nth
        if here and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = original(*arguments, **options)
        if here:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, name, armed)
