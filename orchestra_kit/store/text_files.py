"""Rows as text that people and spreadsheets read: CSV, and JSON lines."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

from sqlalchemy import Table

__all__ = ["Batches", "write_csv", "write_lines"]

Batches = Iterator[Sequence[tuple[object, ...]]]
"""Rows of a table, in the order of its columns, a part at a time."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\0")
"""Beginnings of text that a spreadsheet would take for a formula (OWASP, “CSV injection”)."""


def write_csv(path: Path, table: Table, batches: Batches) -> int:
    """Write a table under a line of its columns' names; returns how many rows there were.

    Text that a spreadsheet would take for a formula is given an apostrophe in front; numbers are
    left as they are. Unknown values are empty.
    """
    count = 0
    with path.open("x", encoding="utf-8", newline="") as file:
        written = csv.writer(file)
        written.writerow(table.c.keys())
        for rows in batches:
            written.writerows([[_cell(value) for value in row] for row in rows])
            count += len(rows)
    return count


def write_lines(path: Path, table: Table, batches: Batches) -> int:
    """Write a table as one JSON object a line; returns how many rows there were.

    Money is text, so that no reader rounds it; unknown values are null.
    """
    names, count = table.c.keys(), 0
    with path.open("x", encoding="utf-8") as file:
        for rows in batches:
            for row in rows:
                line = {n: _finite(_readable(v)) for n, v in zip(names, row, strict=True)}
                file.write(f"{json.dumps(line, ensure_ascii=False, allow_nan=False)}\n")
            count += len(rows)
    return count


def _readable(value: object) -> object:
    """Money in dollars and moments in UTC, as text; everything else as it is."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return value.isoformat() if isinstance(value, date) else value


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, dict)):
        value = json.dumps(value, ensure_ascii=False)
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA) else value
    return _readable(value)


def _finite(value: object) -> object:
    """Without the NaN and infinities that JSON does not know, however deep they lie."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: _finite(part) for name, part in value.items()}
    return [_finite(part) for part in value] if isinstance(value, list) else value
