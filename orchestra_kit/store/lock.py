"""One writer at a time: a lock file beside the store, held for as long as its process lives.

The kernel lets go of it when the process ends, however it ends, so that a file left behind is
harmless; what it says tells whether the last writer came to its end.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import weakref
from pathlib import Path

from orchestra_kit.core.errors import StoreBusy, StoreError

__all__ = ["WriterLock", "holder_of"]

_WRITING = " writing"

_held: weakref.WeakSet[WriterLock] = weakref.WeakSet()
"""A forked child shares its parent's locks, and would keep them after the parent's death."""


class WriterLock:
    """The right to write to a store's file. Raises StoreBusy where another has it."""

    def __init__(self, store: Path) -> None:
        self._path = store.with_name(f"{store.name}.lock")
        self._file: int | None = self._acquire(store)
        self.cut_off = self._content().endswith(_WRITING)
        """Whether the last process to write was ended before it could close the store."""
        self.mark(writing=False)
        _held.add(self)

    def mark(self, *, writing: bool) -> None:
        """Note in the file who holds it, and whether an end without notice would be a crash."""
        assert self._file is not None
        content = f"{os.getpid()}{_WRITING if writing else ''}"
        with contextlib.suppress(OSError):  # on a full disk the lock holds without a name
            os.truncate(self._file, 0)
            os.pwrite(self._file, content.encode(), 0)

    def release(self) -> None:
        """Let others write."""
        if self._file is not None:
            with contextlib.suppress(OSError):  # a folder that vanished took the lock with it
                self._path.unlink(missing_ok=True)
            self.let_go()

    def let_go(self) -> None:
        """Close this process's handle only."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _acquire(self, store: Path) -> int:
        while True:
            try:
                file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            except OSError as error:
                raise StoreError(
                    f"the folder of the store {store} may not be written to ({error.strerror}).",
                    hint="Allow it, or open the store with read_only=True.",
                ) from error
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                self._file = file
                holder = self._holder()
                os.close(file)
                raise StoreBusy(_held_by(store, holder)) from error
            # Another may have removed the file between opening and locking it.
            with contextlib.suppress(FileNotFoundError):
                if os.fstat(file).st_ino == self._path.stat().st_ino:
                    return file
            os.close(file)

    def _content(self) -> str:
        assert self._file is not None
        return os.pread(self._file, 32, 0).decode("ascii", "replace")

    def _holder(self) -> int | None:
        pid = self._content().removesuffix(_WRITING)
        return int(pid) if pid.isdecimal() else None


def holder_of(store: Path) -> str:
    """Who writes to a store now, such as ``process 4711``; empty where nobody does."""
    path = store.with_name(f"{store.name}.lock")
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        pid = os.pread(file, 32, 0).decode("ascii", "replace").removesuffix(_WRITING)
        return f"process {pid}" if pid.isdecimal() else "another process"
    finally:
        os.close(file)
    return ""


def _held_by(store: Path, holder: int | None) -> str:
    if holder == os.getpid():
        return f"this process (pid {holder}) has the store {store} open for writing already."
    who = f"process {holder}" if holder else "another process"
    return (
        f"{who} is writing to the store {store}. "
        "Wait for it or stop it; reading with read_only=True needs no waiting."
    )


def _let_go_in_the_child() -> None:
    for lock in list(_held):
        lock.let_go()


os.register_at_fork(after_in_child=_let_go_in_the_child)
