"""Answers as they come, one JSON line each, safe on the disk before the next is asked for.

A line that `append` has returned from survives kill -9 and power loss. A line that was being
written when the process died is cut off at the next opening.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from orchestra_kit.core.answer import Usage, UsageStatus
from orchestra_kit.core.display import plain
from orchestra_kit.core.errors import BenchError

__all__ = ["Entry", "Journal", "read_journal"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What one deployment gave to one prompt."""

    prompt_id: str
    digest: str
    """Of the prompt's text."""
    settings: str
    """Digest of what else was sent: the model's name at its server, parameters and length."""
    deployment: str
    model: str
    served_as: str
    at: datetime
    """When it was sent, UTC."""
    seconds: float
    """From the send to the whole answer, or to its failure."""
    text: str | None
    """None where nothing was answered."""
    finish: str = ""
    failure: str = ""
    """Class of failure; empty for an answer."""
    message: str = ""
    usage: Usage | None = None
    dropped: tuple[str, ...] = field(default=())
    """Parameters that the model does not accept."""

    @property
    def key(self) -> tuple[str, str, str]:
        """What was asked of whom; a later entry of the same key replaces an earlier one."""
        return (self.digest, self.settings, self.deployment)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Entry:
        """The entry that `plain` made a dict of."""
        usage = data.get("usage")
        known = {
            "at": datetime.fromisoformat(data["at"]),
            "dropped": tuple(data.get("dropped", ())),
            "usage": Usage(**{**usage, "status": UsageStatus(usage["status"])}) if usage else None,
        }
        return cls(**{**data, **known})


class Journal:
    """A journal open for writing, by one process at a time.

    Raises BenchError when another process holds it, or when a line in it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a+b")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.close()
            raise BenchError(
                f"{path} is being written by another recording.", hint="Wait for it to end."
            ) from None
        self._cut_off_torn_line()

    def append(self, entry: Entry) -> None:
        """Keep an entry; it is on the disk when this returns."""
        line = json.dumps(plain(entry), ensure_ascii=False).encode("utf-8", "surrogatepass")
        self._file.write(line + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Let another process write."""
        self._file.close()

    def _cut_off_torn_line(self) -> None:
        self._file.seek(0)
        content = self._file.read()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            self._file.truncate(whole)

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def read_journal(path: Path) -> dict[tuple[str, str, str], Entry]:
    """The last entry of each key; empty where there is no journal yet.

    Raises BenchError naming the line that is no entry; a last line without its end is not one.
    """
    return {entry.key: entry for entry in _entries(path)}


def _entries(path: Path) -> Iterator[Entry]:
    if not path.exists():
        return
    *lines, _torn = path.read_bytes().split(b"\n")
    for number, line in enumerate(lines, start=1):
        try:
            yield Entry.from_dict(json.loads(line.decode("utf-8", "surrogatepass")))
        except (ValueError, TypeError, KeyError):
            raise BenchError(
                f"{path}:{number} is no line of a recording's journal.",
                hint="Remove the line; what it held is asked again.",
            ) from None
