"""Tables that are outcomes already: Parquet files with the columns of `outcomes.columns`."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from orchestra_kit.outcomes.table import Outcomes

__all__ = ["detect", "is_parquet", "parquet_columns", "read"]

NAME = "schema"


def detect(path: Path) -> bool:
    """Whether the file is Parquet, with a row for each model."""
    return {"model", "score"} <= parquet_columns(path)


def read(path: Path | str) -> Outcomes:
    """The table; see `Outcomes.read`."""
    return Outcomes.read(path)


def is_parquet(path: Path) -> bool:
    """Whether the file begins as Parquet does."""
    try:
        with path.open("rb") as file:
            return file.read(4) == b"PAR1"
    except OSError:
        return False


def parquet_columns(path: Path) -> frozenset[str]:
    """The names of a Parquet file's columns; none where it is not one."""
    if not is_parquet(path):
        return frozenset()
    try:
        return frozenset(pq.read_schema(path).names)
    except (pa.ArrowException, OSError):
        return frozenset()
