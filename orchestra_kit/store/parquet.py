"""Rows as Parquet: money as decimals of dollars, moments in UTC, structures as JSON text."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow
import pyarrow.parquet
from sqlalchemy import BigInteger, Boolean, Date, Float, Integer, Table

from orchestra_kit.store.text_files import Batches
from orchestra_kit.store.types import Json, Moment, Money, Seed

__all__ = ["write_parquet"]

_KINDS = (
    (Moment, pyarrow.timestamp("us", tz="UTC")),
    (Money, pyarrow.decimal128(19, 9)),  # the whole range of the nano-dollars that are stored
    ((Json, Seed), pyarrow.string()),
    (Boolean, pyarrow.bool_()),
    ((BigInteger, Integer), pyarrow.int64()),
    (Float, pyarrow.float64()),
    (Date, pyarrow.date32()),
)
"""The first that a column's type is decides; all others are text."""


def write_parquet(path: Path, table: Table, batches: Batches) -> int:
    """Write a table; returns how many rows there were."""
    schema = pyarrow.schema(
        [pyarrow.field(column.name, _kind(column.type)) for column in table.columns]
    )
    as_text = [isinstance(column.type, (Json, Seed)) for column in table.columns]
    count = 0
    with pyarrow.parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        for rows in batches:
            columns = [
                pyarrow.array([_text(v) for v in values] if structured else values, type=kind)
                for values, structured, kind in zip(
                    zip(*rows, strict=True), as_text, schema.types, strict=True
                )
            ]
            writer.write_table(pyarrow.Table.from_arrays(columns, schema=schema))
            count += len(rows)
    return count


def _kind(stored: object) -> pyarrow.DataType:
    return next((made for kinds, made in _KINDS if isinstance(stored, kinds)), pyarrow.string())


def _text(value: object) -> str | None:
    if value is None:
        return None
    return str(value) if isinstance(value, int) else json.dumps(value, separators=(",", ":"))
