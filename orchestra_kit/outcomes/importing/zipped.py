"""JSON documents in a zip, also where they are compressed by Zstandard, as newer logs are.

Python reads that method (93 in the zip format) only from 3.14 on; Arrow knows it, so that nothing
more need be installed. A document is bounded, whatever the archive says of its size.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa

from orchestra_kit.core.errors import Problem, TableError

__all__ = ["is_zip", "zipped_documents"]

_ZSTANDARD = 93
_LOCAL_HEADER = 30
"""Bytes before the name in the header of a member (PKWARE APPNOTE 4.3.7)."""
_LARGEST = 1 << 30
"""Bytes that one document may unpack to."""


def is_zip(path: Path) -> bool:
    """Whether the file begins as a zip does."""
    try:
        with path.open("rb") as file:
            return file.read(4) == b"PK\x03\x04"
    except OSError:
        return False


def zipped_documents(path: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, object]]:
    """Name and value of each JSON document that is wanted, in the order of their names.

    Raises TableError for an archive that is damaged, and, with every one, for documents that are
    no JSON or too large.
    """
    problems = []
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            # A member that was written again stands twice; the last one counts.
            members = {i.filename: i for i in archive.infolist() if i.filename.endswith(".json")}
            for name in sorted(filter(wanted, members)):
                try:
                    data = _content(archive, file, members[name])
                    value = json.loads(data)
                except (ValueError, RecursionError, pa.ArrowException, OSError) as error:
                    message = f"cannot be read ({_why(error)})."
                    problems.append(Problem(str(path), 0, name, message))
                    continue
                yield name, value
    except (zipfile.BadZipFile, NotImplementedError, OSError) as error:
        message = f"is a damaged archive ({_why(error)})."
        raise TableError(
            Problem(str(path), 0, "", message, "Was it written completely?")
        ) from error
    if problems:
        raise TableError(problems[:20])


def _content(archive: zipfile.ZipFile, file: object, member: zipfile.ZipInfo) -> bytes:
    if member.compress_type == _ZSTANDARD:
        with pa.CompressedInputStream(pa.BufferReader(_raw(file, member)), "zstd") as stream:
            data = bytes(stream.read(_LARGEST + 1))
    else:
        with archive.open(member) as stream:
            data = stream.read(_LARGEST + 1)
    if len(data) > _LARGEST:
        raise ValueError("it unpacks to more than 1 GB")
    return data


def _raw(file: object, member: zipfile.ZipInfo) -> bytes:
    """A member as it is stored."""
    seek, read = file.seek, file.read  # type: ignore[attr-defined]
    seek(member.header_offset)
    head = read(_LOCAL_HEADER)
    name, extra = (int.from_bytes(head[at : at + 2], "little") for at in (26, 28))
    seek(member.header_offset + _LOCAL_HEADER + name + extra)
    return bytes(read(member.compress_size))


def _why(error: BaseException) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    text = str(error).splitlines()
    return text[0][:120] if text else type(error).__name__
