"""Files of records: JSON, JSON lines and CSV, and the fields of a record with where they stand.

Whatever a file holds, reading it ends in records or in a sentence: text that is no JSON, nested
without end or not encoded as UTF-8 is a fault of the file, told with its line.
"""

from __future__ import annotations

import csv
import json
import math
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from orchestra_kit.core.errors import Problem, TableError
from orchestra_kit.outcomes.importing.batch import Batch

__all__ = ["Fields", "Record", "csv_header", "first_value", "forget", "parsed", "records"]

_TOLD = 20
"""Lines at fault that are told one by one."""


@dataclass(frozen=True, slots=True)
class Record:
    """A value of a file and where it stands."""

    value: object
    line: int = 0
    """1-based; 0 where a line would say nothing."""
    place: str = ""
    """Dotted way to it from the top of its document."""


def records(path: Path) -> Iterator[Record]:
    """The values of a file: the lines of JSON lines, the rows of a CSV, the items of a JSON array,
    or the one document that it is.

    Raises TableError, with every line that is at fault.
    """
    if path.suffix.lower() == ".csv":
        yield from _csv_rows(path)
        return
    for number, value in _documents(path):
        if isinstance(value, list):
            for place, item in enumerate(value):
                yield Record(item, number, str(place))
        else:
            yield Record(value, number)


def first_value(path: Path) -> object:
    """The first value of a file of JSON, by which its format is known; None where it has none."""
    try:
        found = next(iter(_documents(path)), (0, None))[1]
    except TableError:
        return None
    if isinstance(found, list):
        return found[0] if found else None
    return found


def csv_header(path: Path) -> tuple[str, ...]:
    """The columns of a CSV; none where it is not one."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return tuple(next(csv.reader(file), ()))
    except (OSError, UnicodeDecodeError, csv.Error):
        return ()


def forget() -> None:
    """Let go of the document that was read last."""
    _parse.cache_clear()


def parsed(value: object) -> object:
    """A value that may be JSON within a text, such as a cell of a CSV."""
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


class Fields:
    """The fields of a record, each believed only where it is of its kind."""

    def __init__(self, batch: Batch, record: Record, *, within: str = "") -> None:
        value = parsed(record.value)
        self.values: Mapping[str, object] = value if isinstance(value, dict) else {}
        self._batch = batch
        self._record = record
        self._within = within

    def get(self, *names: str) -> object:
        """The first of these that is there, as it is."""
        for name in names:
            value = self.values.get(name)
            if value is not None and value != "":
                return value
        return None

    def at(self, name: str) -> Fields:
        """The fields of a part, which has none where it is missing or something else."""
        record = Record(self.values.get(name), self._record.line, self._record.place)
        return Fields(self._batch, record, within=self._key(name))

    def text(self, *names: str) -> str | None:
        """The first of these as text: of a text or a number; None for anything else."""
        value = self.get(*names)
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            return None
        return str(value)

    def number(self, *names: str) -> float | None:
        """The first of these as a number of at least 0; a fault where it is another value."""
        name = next((name for name in names if self.get(name) is not None), "")
        value = self.get(name) if name else None
        if value is None:
            return None
        found = as_number(value)
        if found is None:
            self.fault(name, f"is {_shown(value)} where a number belongs.")
            return None
        if math.isnan(found):
            return None
        if found < 0 or math.isinf(found):
            self.fault(name, f"is {found:g}; it must be finite and at least 0.")
            return None
        return found

    def moment(self, *names: str) -> datetime | None:
        """The first of these as a moment, of ISO 8601 or seconds since 1970; UTC where it does
        not say; a fault where it is another value."""
        name = next((name for name in names if self.get(name) is not None), "")
        value = self.get(name) if name else None
        if value is None:
            return None
        try:
            seconds = as_number(value)
            if seconds is not None:
                return datetime.fromtimestamp(seconds, UTC)
            moment = datetime.fromisoformat(value) if isinstance(value, str) else None
        except (ValueError, OverflowError, OSError):
            moment = None
        if moment is None:
            self.fault(name, f"is {_shown(value)} where a moment belongs.")
            return None
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)

    def fault(self, name: str, message: str, hint: str = "") -> None:
        """Note that a field cannot be believed."""
        record = self._record
        self._batch.fault(
            message, line=record.line, place=record.place, key=self._key(name), hint=hint
        )

    def _key(self, name: str) -> str:
        return f"{self._within}.{name}" if self._within else name


def as_number(value: object) -> float | None:
    """A number, or a text that is one."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def _documents(path: Path) -> tuple[tuple[int, object], ...]:
    try:
        known = path.stat()
    except OSError as error:
        raise TableError(Problem(str(path), 0, "", "there is no such file.")) from error
    return _parse(path, known.st_mtime_ns, known.st_size)


@lru_cache(maxsize=1)
def _parse(path: Path, _changed: int, _size: int) -> tuple[tuple[int, object], ...]:
    """Every JSON value of a file with its line; kept, since its format is asked before its rows."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"is not UTF-8 text (byte {error.start:,})."
        raise TableError(Problem(str(path), 0, "", message)) from error
    except OSError as error:
        message = f"cannot be read ({error.strerror})."
        raise TableError(Problem(str(path), 0, "", message)) from error
    try:
        return ((0 if path.suffix.lower() == ".json" else 1, json.loads(text)),)
    except RecursionError as error:
        raise TableError(_garbled(path, 0, error)) from error
    except ValueError as error:
        lines = [(n, line) for n, line in enumerate(text.split("\n"), 1) if line.strip()]
        if path.suffix.lower() == ".json" and not _starts_with_value(lines):
            raise TableError(_garbled(path, 0, error)) from error
    return _parse_lines(path, lines)


def _parse_lines(path: Path, lines: list[tuple[int, str]]) -> tuple[tuple[int, object], ...]:
    values: list[tuple[int, object]] = []
    problems: list[Problem] = []
    for number, line in lines:
        try:
            values.append((number, json.loads(line)))
        except (ValueError, RecursionError) as error:
            problems.append(_garbled(path, number, error))
    _raise_some(problems)
    return tuple(values)


def _starts_with_value(lines: list[tuple[int, str]]) -> bool:
    try:
        json.loads(lines[0][1])
    except (IndexError, ValueError, RecursionError):
        return False
    return True


def _garbled(path: Path, line: int, error: ValueError | RecursionError) -> Problem:
    if isinstance(error, json.JSONDecodeError):
        spot = f"character {error.colno:,}" if line else f"line {error.lineno:,}"
        return Problem(str(path), line, "", f"is not valid JSON ({error.msg} at {spot}).")
    why = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)[:80]
    return Problem(str(path), line, "", f"is JSON that cannot be read ({why}).")


def _csv_rows(path: Path) -> Iterator[Record]:
    rows: list[Record] = []
    problems: list[Problem] = []
    longest = csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            want = len(reader.fieldnames or ())
            line = reader.line_num + 1
            for row in reader:
                if None in row or None in row.values():
                    message = f"has another number of cells than the {want} columns."
                    problems.append(Problem(str(path), line, "", message))
                rows.append(Record(row, line))
                line = reader.line_num + 1
    except UnicodeDecodeError as error:
        message = f"is not UTF-8 text (byte {error.start:,})."
        raise TableError(Problem(str(path), 0, "", message)) from error
    except (csv.Error, OSError) as error:
        raise TableError(Problem(str(path), 0, "", f"cannot be read as CSV ({error}).")) from error
    finally:
        csv.field_size_limit(longest)
    _raise_some(problems)
    yield from rows


def _raise_some(problems: list[Problem]) -> None:
    if problems:
        more = len(problems) - _TOLD
        raise TableError(
            problems[:_TOLD], hint=f"The same holds of {more:,} more lines." if more > 0 else ""
        )


def _shown(value: object) -> str:
    text = f"“{value}”" if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= 60 else f"{text[:60]}…"
