"""The columns of a table of outcomes, and the checks that a file passes before it is believed.

One row is one real outcome: one prompt, one model, one score. The checks run on Arrow columns, so
that a third of a million rows take a second, and every fault found is reported, not only the first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from orchestra_kit.core.errors import Problem

__all__ = ["COLUMNS", "KEY", "Column", "conform", "problems_of"]

Kind = Literal["text", "number", "truth", "moment"]


@dataclass(frozen=True, slots=True)
class Column:
    """What one column must hold."""

    name: str
    kind: Kind
    required: bool = True
    """Whether the column must be there."""
    filled: bool = False
    """Whether every row must have a value."""
    most: float | None = None
    """The largest number allowed; the smallest is 0."""
    words: tuple[str, ...] = ()
    """The only texts allowed; empty for any."""


COLUMNS: tuple[Column, ...] = (
    Column("dataset", "text", filled=True),
    Column("query_id", "text", filled=True),
    Column("task", "text", filled=True),
    Column("prompt", "text", filled=True),
    Column("model", "text", filled=True),
    Column("score", "number", most=1.0),
    Column("correct", "truth", required=False),
    Column("input_tokens", "number"),
    Column("output_tokens", "number"),
    Column("tokens_source", "text"),
    Column("cost_usd", "number"),
    Column("cost_source", "text"),
    Column("latency_s", "number"),
    Column("answer", "text", required=False),
    Column("response", "text", required=False),
    Column("split", "text", required=False, words=("train", "test")),
    Column("source", "text", required=False, words=("recorded", "simulated", "live")),
    Column("recorded_at", "moment", required=False),
    Column("origin", "text", required=False),
)
"""`origin` is the format and the file that a row came from, as ``litellm:spend.jsonl``.

A null score is *unscored*, a null cost, latency or count *unknown*; neither is ever 0."""

KEY = ("dataset", "query_id", "model")
"""What tells one outcome from another."""

_WANTED = {"text": "text", "number": "numbers", "truth": "true or false", "moment": "moments"}
_ARROW = {
    "text": pa.large_string(),
    "number": pa.float64(),
    "truth": pa.bool_(),
    "moment": pa.timestamp("us", "UTC"),
}


def problems_of(table: pa.Table, file: str) -> Iterator[Problem]:
    """Every fault of a table, each in one sentence that names the file and the column."""
    if table.num_rows == 0:
        yield Problem(file, 0, "", "holds no rows.", "Record some outcomes first.")
    for column in COLUMNS:
        if column.name in table.column_names:
            yield from _faults(column, table.column(column.name), file)
        elif column.required:
            hint = f"Every table of outcomes has it, with {_WANTED[column.kind]}."
            yield Problem(file, 0, column.name, "the column is missing.", hint)


def conform(table: pa.Table) -> pa.Table:
    """The table with every known column in its one type, and no metadata of other tools."""
    for column in COLUMNS:
        if column.name in table.column_names:
            place = table.column_names.index(column.name)
            values = table.column(column.name)
            table = table.set_column(place, column.name, _cast(values, column.kind))
    return table.replace_schema_metadata(None)


def _faults(column: Column, values: pa.ChunkedArray, file: str) -> Iterator[Problem]:
    if not _fits(values.type, column.kind):
        message = f"holds {_kind_of(values.type)} where {_WANTED[column.kind]} belong."
        yield Problem(file, 0, column.name, message)
        return
    absent = _cast(values, column.kind).null_count
    if column.filled and absent:
        yield Problem(file, 0, column.name, f"is empty in {_rows(absent)}; every row needs one.")
    if column.kind == "number":
        yield from _range_faults(column, _cast(values, "number"), file)
    if column.words:
        known = pc.is_in(_cast(values, "text"), value_set=pa.array(column.words, _ARROW["text"]))
        wrong = pc.sum(pc.and_(pc.invert(known), pc.is_valid(values))).as_py() or 0
        if wrong:
            allowed = ", ".join(column.words)
            message = f"holds another word than {allowed} in {_rows(wrong)}."
            yield Problem(file, 0, column.name, message)


def _range_faults(column: Column, values: pa.ChunkedArray, file: str) -> Iterator[Problem]:
    outside = pc.or_(pc.less(values, 0), pc.is_inf(values))
    if column.most is not None:
        outside = pc.or_(outside, pc.greater(values, column.most))
    count = pc.sum(outside).as_py() or 0
    if count:
        first = pc.filter(values, outside)[0].as_py()
        span = f"from 0 to {column.most:g}" if column.most is not None else "finite and at least 0"
        message = f"is outside its range in {_rows(count)}, the first {first:g}; it must be {span}."
        yield Problem(file, 0, column.name, message)


def _cast(values: pa.ChunkedArray, kind: Kind) -> pa.ChunkedArray:
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if kind == "moment" and not pa.types.is_timestamp(values.type):
        values = values.cast(pa.timestamp("us"))
    values = values.cast(_ARROW[kind])
    if kind == "number":
        # Not-a-number is how some tools write a missing value.
        return pc.if_else(pc.is_nan(values), pa.scalar(None, pa.float64()), values)
    return values


def _fits(found: pa.DataType, kind: Kind) -> bool:
    if pa.types.is_null(found):
        return True
    if pa.types.is_dictionary(found):
        found = found.value_type
    if kind == "text":
        return bool(
            pa.types.is_string(found)
            or pa.types.is_large_string(found)
            or pa.types.is_string_view(found)
        )
    if kind == "number":
        return bool(pa.types.is_integer(found) or pa.types.is_floating(found))
    if kind == "truth":
        return bool(pa.types.is_boolean(found))
    return bool(pa.types.is_timestamp(found) or pa.types.is_date(found))


def _kind_of(found: pa.DataType) -> str:
    for kind, words in _WANTED.items():
        if _fits(found, kind):  # type: ignore[arg-type]
            return words
    return f"values of type {found}"


def _rows(count: int) -> str:
    return f"{count:,} {'row' if count == 1 else 'rows'}"
