"""A table of outcomes: which model answered which query, how well, at what cost, how fast."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from orchestra_kit.core.answer import Source
from orchestra_kit.core.display import Table
from orchestra_kit.core.errors import Problem, TableError
from orchestra_kit.outcomes.columns import COLUMNS, KEY, conform, problems_of

if TYPE_CHECKING:
    from orchestra_kit.outcomes.matrix import Matrix

__all__ = ["Outcomes"]


@dataclass(frozen=True, eq=False)
class Outcomes:
    """Outcomes of one source, in pandas. Read them with `Outcomes.read`.

    ::

        outcomes = Outcomes.read("outcomes.parquet")
        outcomes.matrix()
        outcomes.filter(tasks=["summary"]).frame
    """

    _frame: pd.DataFrame
    files: tuple[str, ...]
    source: Source
    """``recorded`` unless a column ``source`` says otherwise; never mixed."""

    @classmethod
    def read(cls, *paths: Path | str) -> Outcomes:
        """The outcomes of one or several Parquet files.

        Raises TableError, with every fault found, for a file that is absent or not Parquet, a
        missing column, a value of the wrong kind or out of range, an outcome that occurs twice,
        and for sources that are mixed.
        """
        if not paths:
            raise TableError("There is no table to read; name at least one Parquet file.")
        found = [_read_one(Path(path)) for path in paths]
        problems = [problem for result in found for problem in result[1]]
        if problems:
            raise TableError(problems)
        tables = [table for table, _ in found]
        names = [str(path) for path in paths]
        _refuse_twice(tables, names)
        source = _one_source(tables, names)
        joined = pa.concat_tables(tables, promote_options="default")
        return cls(_to_pandas(joined), tuple(names), source)

    @property
    def frame(self) -> pd.DataFrame:
        """One row an outcome. Costs in dollars, latency in seconds, scores 0-1; what is unknown
        or unscored is missing, never 0. A copy."""
        return self._frame.copy(deep=False)

    @property
    def models(self) -> tuple[str, ...]:
        """The models, in the order of their first rows."""
        return tuple(str(name) for name in self._frame["model"].unique())

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks, in the order of their first rows."""
        return tuple(str(name) for name in self._frame["task"].unique())

    @property
    def recorded_from_to(self) -> tuple[datetime, datetime] | None:
        """When the first and the last answer were recorded; None where the table does not say."""
        if "recorded_at" not in self._frame or self._frame["recorded_at"].isna().all():
            return None
        moments = self._frame["recorded_at"]
        first, last = pd.Timestamp(moments.min()), pd.Timestamp(moments.max())
        return first.to_pydatetime().astimezone(UTC), last.to_pydatetime().astimezone(UTC)

    def filter(
        self,
        *,
        models: Iterable[str] | None = None,
        tasks: Iterable[str] | None = None,
        datasets: Iterable[str] | None = None,
        split: str | None = None,
    ) -> Outcomes:
        """The outcomes of some models, tasks, datasets or of one split.

        Raises TableError for a name that the table does not have, or where nothing is left.
        """
        kept = self._frame
        wanted = {
            "model": models,
            "task": tasks,
            "dataset": datasets,
            "split": None if split is None else [split],
        }
        for column, names in wanted.items():
            if names is not None:
                kept = kept[kept[column].isin(self._known(column, list(names)))]
        if not len(kept):
            raise TableError("Nothing is left of the outcomes after filtering.")
        return Outcomes(kept.reset_index(drop=True), self.files, self.source)

    def matrix(self, *, floor: float = 0.5, margin: float = 0.02) -> Matrix:
        """Model x task, measured; see `orchestra_kit.outcomes.matrix`."""
        from orchestra_kit.outcomes.matrix import Matrix

        return Matrix.measure(self, floor=floor, margin=margin)

    def table(self) -> Table:
        """What the table holds, model by model."""
        groups = self._frame.groupby("model", sort=False, observed=True)
        counted = groups.agg(
            outcomes=("score", "size"),
            scored=("score", "count"),
            tasks=("task", "nunique"),
            cost=("cost_usd", "count"),
            latency=("latency_s", "count"),
        )
        names = [str(model) for model in counted.index]
        counts = counted.to_numpy(dtype="int64").tolist()
        rows = [
            (name, f"{n:,}", f"{scored:,}", tasks, _known_share(cost, n), _known_share(latency, n))
            for name, (n, scored, tasks, cost, latency) in zip(names, counts, strict=True)
        ]
        columns = ("model", "outcomes", "scored", "tasks", "cost known", "latency known")
        return Table(columns, rows, title=repr(self), right=frozenset(columns[1:]))

    def __len__(self) -> int:
        return len(self._frame)

    def __repr__(self) -> str:
        queries = self._frame[["dataset", "query_id"]].drop_duplicates().shape[0]
        return (
            f"{len(self):,} {self.source.value} outcomes: {queries:,} queries, "
            f"{len(self.models)} models, {len(self.tasks)} tasks"
        )

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        table = self.table()
        return {"text/plain": table.to_text(), "text/html": table.to_html()}

    def _known(self, column: str, names: Sequence[str]) -> Sequence[str]:
        known = set(self._frame[column].dropna().unique()) if column in self._frame else set()
        for name in names:
            if name not in known:
                some = ", ".join(sorted(str(k) for k in known)[:12]) or "none"
                raise TableError(f"The outcomes have no {column} “{name}”; they have {some}.")
        return names


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
        return (nothing, problems) if problems else (conform(table), [])
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        message = f"cannot be read as a Parquet table ({_first_line(error)})."
        return nothing, [Problem(file, 0, "", message, "Was it written completely?")]


def _refuse_twice(tables: Sequence[pa.Table], names: Sequence[str]) -> None:
    keys = pa.concat_tables([table.select(KEY) for table in tables])
    counts = keys.group_by(list(KEY)).aggregate([([], "count_all")])
    twice = counts.filter(pc.greater(counts["count_all"], 1))
    if not twice.num_rows:
        return
    example = ", ".join(f"{name} “{twice[name][0].as_py()}”" for name in KEY)
    guilty = [n for n, t in zip(names, tables, strict=True) if _holds(t, twice)]
    message = f"{twice.num_rows:,} outcomes occur more than once, the first {example}."
    hint = "Keep one row for each dataset, query and model."
    raise TableError(Problem(" and ".join(guilty), 0, "query_id", message, hint))


def _holds(table: pa.Table, twice: pa.Table) -> bool:
    joined = table.select(KEY).join(twice.select(KEY), keys=list(KEY), join_type="inner")
    return bool(joined.num_rows)


def _one_source(tables: Sequence[pa.Table], names: Sequence[str]) -> Source:
    found: dict[str, str] = {}
    for table, name in zip(tables, names, strict=True):
        if "source" in table.column_names:
            said = pc.unique(pc.fill_null(table["source"], Source.RECORDED.value)).to_pylist()
        else:
            said = [Source.RECORDED.value]
        for word in said:
            found.setdefault(word, name)
    if len(found) > 1:
        where = ", ".join(f"{word} in {name}" for word, name in found.items())
        raise TableError(f"Sources are never mixed, and these tables do: {where}; read them apart.")
    return Source(next(iter(found)))


def _to_pandas(table: pa.Table) -> pd.DataFrame:
    known = [column.name for column in COLUMNS if column.name in table.column_names]
    others = [name for name in table.column_names if name not in known]
    frame: pd.DataFrame = table.select([*known, *others]).to_pandas(
        types_mapper={pa.bool_(): pd.BooleanDtype()}.get
    )
    return frame


def _known_share(known: int, n: int) -> str:
    return "all" if known == n else "unknown" if known == 0 else f"{known:,} of {n:,}"


def _first_line(error: BaseException) -> str:
    return str(error).splitlines()[0][:160] if str(error) else type(error).__name__
