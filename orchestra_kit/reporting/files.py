"""Writing the report's files: whole or not at all, and one renderer at a time in a folder."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from orchestra_kit.core.errors import ReportError

__all__ = ["one_at_a_time", "replace_file"]

_UNFINISHED = ".unfinished"


def replace_file(path: Path, content: bytes) -> None:
    """Put `content` in the place of `path`; a crash leaves the old file or the new one.

    Raises ReportError where the folder cannot be written.
    """
    if path.is_dir():
        raise ReportError(f"{path} is a folder.", hint="Remove it or choose another --out.")
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}{_UNFINISHED}")
    try:
        with beside.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise ReportError(
            f"{path.name} cannot be written to {path.parent} ({error.strerror})."
        ) from error


@contextlib.contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Makes the folder and keeps other renderers out of it while the body runs.

    The lock is the operating system's, so that it goes with a process that is killed; what such a
    process left half written is removed here. Raises ReportError when another one is at work.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".rendering.lock").open("ab")
    except OSError as error:
        raise ReportError(
            f"The folder {folder} cannot be used for reports ({error.strerror}).",
            hint="Choose another with --out.",
        ) from error
    with lock:
        if not _take(lock.fileno()):
            raise ReportError(
                f"Another report is being rendered into {folder}.",
                hint="Try again when it has finished.",
            )
        for path in folder.glob(f".*{_UNFINISHED}"):
            with contextlib.suppress(OSError):
                path.unlink()
        yield


def _take(descriptor: int) -> bool:
    try:
        import fcntl
    except ImportError:
        # Without advisory locks the atomic replacement alone protects the files.
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _sync_folder(folder: Path) -> None:
    # The rename itself survives a power cut only when the folder is on disk, too; not every
    # platform lets a folder be opened.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
