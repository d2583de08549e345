"""Files that are there whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from orchestra_kit.core.errors import StoreError, StoreFull

__all__ = ["whole_file"]

_BESIDE_A_STORE = ("", "-wal", "-shm", "-journal", ".lock")
"""What SQLite and we put next to a file that is being written."""


@contextlib.contextmanager
def whole_file(path: Path, *, replace: bool = False) -> Iterator[Path]:
    """A path to write to; what it holds takes the place of `path` when the body ends well.

    A crash leaves the old file, or the new one. Raises StoreError where there is a file already
    and `replace` does not allow it, or where none can be written, and StoreFull.
    """
    if path.is_dir():
        raise StoreError(f"{path} is a folder.", hint="Give the name of a file.")
    if path.exists() and not replace:
        raise StoreError(
            f"there is a file {path} already.", hint="Give another name, or allow it by --replace."
        )
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.unfinished")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield beside
        _sync(beside)
        beside.replace(path)
        _sync(path.parent)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise StoreFull(
                f"there is no room left to write {path}.", hint="Free some space and go on."
            ) from error
        raise StoreError(f"{path} cannot be written ({error.strerror}).") from error
    finally:
        for ending in _BESIDE_A_STORE:
            with contextlib.suppress(OSError):
                beside.with_name(beside.name + ending).unlink(missing_ok=True)


def _sync(path: Path) -> None:
    """Have a file, or a folder's list of names, reach the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
