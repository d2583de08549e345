"""Server-sent events, read from bytes that may be cut anywhere.

Follows the event stream format of the HTML standard (section 9.2): lines end with CRLF, LF or CR, a
byte order mark may come first, lines of data are joined, comments are passed over. Two things
differ, because a stream of tokens is no subscription: `retry` means nothing, for a broken answer
is not resumed, and an event that lacks only its empty line at the end is still delivered, for some
servers close right after their last one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

from orchestra_kit.core.errors import AttemptOutcome, FailureClass, ProviderError

__all__ = ["LARGEST_EVENT", "Event", "EventReader", "events"]

LARGEST_EVENT = 1_000_000
"""Bytes of one event: a token has a hundred, a whole answer in one event 0.1 MB."""

_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Event:
    """One event."""

    data: str
    kind: str = "message"
    id: str = ""
    """The last id that the stream named."""


class EventReader:
    """Turns chunks of bytes into events, however the chunks are cut."""

    def __init__(self, *, largest_event: int = LARGEST_EVENT) -> None:
        self._largest = largest_event
        self._line: list[bytes] = []
        """The line that has begun and not ended."""
        self._size = 0
        """Bytes of the event so far, its unfinished line included."""
        self._first = True
        self._after_cr = False
        self._data: list[str] = []
        self._kind = ""
        self._id = ""

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """The events that this chunk completes; raises ProviderError for one that is too large."""
        if not chunk:
            return
        start = 1 if self._after_cr and chunk.startswith(b"\n") else 0
        self._after_cr = False
        while (end := _line_end(chunk, start)) >= 0:
            self._hold(chunk[start:end])
            start = end + 1
            if chunk[end : end + 1] == b"\r":
                self._after_cr = start == len(chunk)
                start += chunk[start : start + 1] == b"\n"
            yield from self._take_line()
        self._hold(chunk[start:])

    def end(self) -> Iterator[Event]:
        """The event that the end of the stream completes, if any."""
        yield from self._take_line()
        yield from self._dispatch()

    def _hold(self, part: bytes) -> None:
        if part:
            self._line.append(part)
            self._size += len(part)
        if self._size > self._largest:
            raise ProviderError(
                f"an event of the stream is larger than {self._largest / 1e6:g} MB",
                failure=FailureClass.MALFORMED,
                outcome=AttemptOutcome.ANSWERED,
            )

    def _take_line(self) -> Iterator[Event]:
        line = b"".join(self._line)
        self._line.clear()
        if self._first:
            self._first = False
            line = line.removeprefix(_BOM)
        if not line:
            yield from self._dispatch()
            return
        name, _, value = line.decode("utf-8", "replace").partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._kind = value
        elif name == "id" and "\0" not in value:
            self._id = value

    def _dispatch(self) -> Iterator[Event]:
        data, kind = self._data, self._kind
        self._data, self._kind, self._size = [], "", 0
        if data:
            yield Event("\n".join(data), kind or "message", self._id)


async def events(chunks: AsyncIterator[bytes]) -> AsyncIterator[Event]:
    """The events of a stream of bytes; raises ProviderError for one that is too large."""
    reader = EventReader()
    async for chunk in chunks:
        for event in reader.feed(chunk):
            yield event
    for event in reader.end():
        yield event


def _line_end(data: bytes, start: int) -> int:
    """Index of the first CR or LF from `start` on; -1 where there is none."""
    lf = data.find(b"\n", start)
    cr = data.find(b"\r", start, lf if lf >= 0 else len(data))
    return cr if cr >= 0 else lf
