"""Tables of outcomes as Parquet files: read and checked as Arrow tables, and written.

What is written depends on the table alone, so that equal tables are equal files.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from orchestra_kit.core.answer import Source
from orchestra_kit.core.errors import Problem, TableError
from orchestra_kit.outcomes.columns import COLUMNS, KEY, conform, problems_of
from orchestra_kit.store.whole_files import whole_file

__all__ = [
    "from_pandas",
    "one_source",
    "read_tables",
    "refuse_twice",
    "sources_of",
    "to_pandas",
    "write_table",
]

_ROWS_A_GROUP = 65_536


def read_tables(paths: Sequence[Path | str]) -> list[pa.Table]:
    """The tables in their one form, each row with its origin.

    Raises TableError, with every fault of every file.
    """
    found = [_read_one(Path(path)) for path in paths]
    problems = [problem for result in found for problem in result[1]]
    if problems:
        raise TableError(problems)
    return [table for table, _ in found]


def refuse_twice(tables: Mapping[str, pa.Table]) -> None:
    """Raises TableError where an outcome occurs twice in tables by name, which it gives."""
    keys = pa.concat_tables([table.select(KEY) for table in tables.values()])
    if _all_differ(keys):
        return
    counts = keys.group_by(list(KEY)).aggregate([([], "count_all")])
    twice = counts.filter(pc.greater(counts["count_all"], 1))
    if not twice.num_rows:
        return
    example = ", ".join(f"{name} “{twice[name][0].as_py()}”" for name in KEY)
    guilty = [name for name, table in tables.items() if _holds(table, twice)]
    message = f"{twice.num_rows:,} outcomes occur more than once, the first {example}."
    hint = "Keep one row for each dataset, query and model."
    raise TableError(Problem(" and ".join(guilty), 0, "query_id", message, hint))


def one_source(sources: Iterable[tuple[str, str]]) -> Source:
    """The source that all share, of pairs of source and name; raises TableError for several."""
    found: dict[str, str] = {}
    for source, name in sources:
        found.setdefault(source, name)
    if len(found) > 1:
        where = ", ".join(f"{word} in {name}" for word, name in found.items())
        raise TableError(f"Sources are never mixed, and these tables do: {where}; read them apart.")
    return Source(next(iter(found)))


def sources_of(table: pa.Table) -> Sequence[str]:
    """The sources that the rows of a table name; recorded where they name none."""
    if "source" not in table.column_names:
        return [Source.RECORDED.value]
    said: list[str] = pc.unique(pc.fill_null(table["source"], Source.RECORDED.value)).to_pylist()
    return said


def to_pandas(table: pa.Table) -> pd.DataFrame:
    """The table as a frame, known columns first and in their order."""
    frame: pd.DataFrame = _ordered(table).to_pandas(
        types_mapper={pa.bool_(): pd.BooleanDtype()}.get
    )
    return frame


def from_pandas(frame: pd.DataFrame) -> pa.Table:
    """The table that `to_pandas` would make the frame of."""
    return _ordered(conform(pa.Table.from_pandas(frame, preserve_index=False)))


def write_table(frame: pd.DataFrame, path: Path) -> None:
    """Write a frame of outcomes whole or not at all, in the place of what was there.

    Raises StoreError where the file cannot be written.
    """
    table = from_pandas(frame).combine_chunks()
    with whole_file(path, replace=True) as beside:
        pq.write_table(table, beside, compression="zstd", row_group_size=_ROWS_A_GROUP)


def _read_one(path: Path) -> tuple[pa.Table, list[Problem]]:
    """The table in its one form, or what is wrong with it."""
    file, nothing = str(path), pa.table({})
    if not path.is_file():
        return nothing, [Problem(file, 0, "", "there is no such file.", "Check the path.")]
    try:
        # A file by itself: folders named like a=b beside it are not columns.
        table = pq.ParquetFile(path).read()
        table.validate(full=True)
        problems = list(problems_of(table, file))
        return (nothing, problems) if problems else (_placed(conform(table), path), [])
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        message = f"cannot be read as a Parquet table ({_first_line(error)})."
        return nothing, [Problem(file, 0, "", message, "Was it written completely?")]


def _placed(table: pa.Table, path: Path) -> pa.Table:
    """The table with an origin for each row: its own, or else this file."""
    here = pa.scalar(f"outcomes:{path.name}", pa.large_string())
    if "origin" not in table.column_names:
        return table.append_column("origin", pa.repeat(here, table.num_rows))
    place = table.column_names.index("origin")
    return table.set_column(place, "origin", pc.fill_null(table["origin"], here))


def _all_differ(keys: pa.Table) -> bool:
    """Whether no two rows are equal, five times as fast as counting them; sums that overflow may
    say no where it is yes."""
    row = pa.scalar(0, pa.int64())
    for name in keys.column_names:
        codes = keys[name].combine_chunks().dictionary_encode()
        own = pc.cast(codes.indices, pa.int64())
        row = pc.add(pc.multiply(row, len(codes.dictionary)), own)
    different: int = pc.count_distinct(row).as_py()
    return bool(different == keys.num_rows)


def _ordered(table: pa.Table) -> pa.Table:
    known = [column.name for column in COLUMNS if column.name in table.column_names]
    return table.select([*known, *(name for name in table.column_names if name not in known)])


def _holds(table: pa.Table, twice: pa.Table) -> bool:
    joined = table.select(KEY).join(twice.select(KEY), keys=list(KEY), join_type="inner")
    return bool(joined.num_rows)


def _first_line(error: BaseException) -> str:
    return str(error).splitlines()[0][:160] if str(error) else type(error).__name__
