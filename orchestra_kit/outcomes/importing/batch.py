"""What was found in one file: rows, faults, what was left out; and tables made of such finds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path

import pandas as pd
import pyarrow as pa

from orchestra_kit.core.answer import Source
from orchestra_kit.core.errors import Problem, TableError
from orchestra_kit.outcomes.columns import COLUMNS, KEY, conform, problems_of
from orchestra_kit.outcomes.table import LeftOut, Outcomes
from orchestra_kit.outcomes.table_file import one_source, refuse_twice, to_pandas

__all__ = ["UNKNOWN", "Batch", "Row", "outcomes_of"]

UNKNOWN = "unknown"
"""The task of what a log does not name the task of."""

_FOUND_FAULTS = 1_000
"""Kinds of fault that are kept apart; a file that has more is beyond reading."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One outcome as a foreign file tells it; what it does not tell is None."""

    dataset: str
    query_id: str
    """Alike for all models that were asked the same."""
    task: str
    prompt: str
    model: str
    score: float | None = None
    input_tokens: float | None = None
    output_tokens: float | None = None
    cost_usd: float | None = None
    latency_s: float | None = None
    answer: str | None = None
    response: str | None = None
    recorded_at: datetime | None = None
    record_id: str | None = None
    """The foreign tool's own name of the record, by which a copy of it is known."""
    deployment: str | None = None
    scorer: str | None = None
    reason: str | None = None
    """Why the score is what it is, or why there is none."""
    failure: str | None = None
    """Why there is no answer."""


_TEXTS = {
    field.name for field in fields(Row) if field.type in ("str", "str | None")
}  # the annotations are strings here
_OPTIONAL = {column.name for column in COLUMNS if not column.required}


class Batch:
    """Collects what one file holds.

    `cost_source` says where its costs come from: ``recorded`` as the file has them, or
    ``list_price`` where the tool that wrote it multiplies tokens by a list of prices.
    """

    def __init__(
        self,
        path: Path,
        format: str,
        *,
        cost_source: str = "recorded",
        source: Source = Source.RECORDED,
    ) -> None:
        self.file = str(path)
        self.origin = f"{format}:{path.name}"
        self.source = source
        self.rows: list[Row] = []
        self.frame: pd.DataFrame | None = None
        """Instead of `rows`, where a whole table was found at once."""
        self._cost_source = cost_source
        self._faults: dict[tuple[str, str], tuple[Problem, int]] = {}
        self._left_out: dict[str, int] = {}

    def fault(
        self, message: str, *, line: int = 0, place: str = "", key: str = "", hint: str = ""
    ) -> None:
        """Note that a value cannot be believed; of faults alike the first is told, with how many.

        `place` is the dotted way to the record, `key` the one from there.
        """
        alike = (key, message)
        if alike in self._faults:
            first, n = self._faults[alike]
            self._faults[alike] = (first, n + 1)
        elif len(self._faults) < _FOUND_FAULTS:
            path = ".".join(part for part in (place, key) if part)
            self._faults[alike] = (Problem(self.file, line, path, message, hint), 1)

    def leave_out(self, reason: str, n: int = 1) -> None:
        """Note that records were left out, or taken over in part, and why."""
        if n:
            self._left_out[reason] = self._left_out.get(reason, 0) + n

    @property
    def problems(self) -> Sequence[Problem]:
        """Every fault that was found, in order."""
        return [_counted(problem, n) for problem, n in self._faults.values()]

    @property
    def left_out(self) -> Sequence[LeftOut]:
        """What was left out, by reason."""
        return [LeftOut(self.file, reason, n) for reason, n in self._left_out.items()]

    def table(self) -> pa.Table:
        """The rows as a table of outcomes; columns that nothing is known of only where required."""
        if self.frame is not None:
            table = pa.Table.from_pandas(self.frame, preserve_index=False)
        else:
            table = pa.table({f.name: _column(self.rows, f.name) for f in fields(Row)})
        n = table.num_rows
        scores = table["score"].to_pylist()
        added = {
            "correct": [None if score is None else score >= 1 for score in scores],
            "tokens_source": _said(table, "input_tokens", "recorded"),
            "cost_source": _said(table, "cost_usd", self._cost_source),
            "source": [self.source.value] * n,
            "origin": [self.origin] * n,
        }
        for name, values in added.items():
            table = table.append_column(name, pa.array(values))
        needless = [c for c in table.column_names if table[c].null_count == n and not _needed(c)]
        return table.drop_columns(needless)


def outcomes_of(batches: Iterable[Batch]) -> Outcomes:
    """One table of what was found in several files.

    A query that a model answered several times becomes as many queries, ``q``, ``q #2`` and so on;
    a record that occurs again, by the foreign tool's own name of it, counts once. Raises TableError
    with every fault of every file, where nothing is left, and where sources are mixed.
    """
    found = list(batches)
    problems = [problem for batch in found for problem in batch.problems]
    tables = {b: b.table() for b in found if b.rows or b.frame is not None}
    if not problems:
        problems = [p for b, table in tables.items() for p in problems_of(table, b.file)]
    if problems:
        raise TableError(problems)
    left_out = [left for batch in found for left in batch.left_out]
    if not tables:
        raise TableError([_nothing(batch) for batch in found])
    source = one_source((b.source.value, b.file) for b in tables)
    joined = pa.concat_tables(map(conform, tables.values()), promote_options="default")
    frame, copies = _without_copies(to_pandas(joined))
    files = tuple(batch.file for batch in found)
    together = " and ".join(files)
    if copies:
        left_out.append(LeftOut(together, "copy of a record that is there already", copies))
    frame = _numbered(_named(frame))
    refuse_twice({together: pa.Table.from_pandas(frame[list(KEY)])})
    return Outcomes(frame, files, source, tuple(left_out))


def _counted(problem: Problem, n: int) -> Problem:
    if n == 1:
        return problem
    message = f"{problem.message.rstrip('.')}, and so in {n - 1:,} more."
    return Problem(problem.file, problem.line, problem.path, message, problem.hint)


def _nothing(batch: Batch) -> Problem:
    why = "; ".join(f"{left.n:,} × {left.reason}" for left in batch.left_out)
    message = f"holds no outcome that can be used{f' ({why})' if why else ''}."
    return Problem(batch.file, 0, "", message)


def _column(rows: Sequence[Row], name: str) -> pa.Array:
    values = [getattr(row, name) for row in rows]
    if name in _TEXTS:
        return pa.array([None if v is None else _encodable(v) for v in values], pa.large_string())
    return pa.array(values, pa.timestamp("us", "UTC") if name == "recorded_at" else pa.float64())


def _encodable(text: str) -> str:
    """The text with halves of characters joined, and those that are alone replaced."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _said(table: pa.Table, name: str, word: str) -> pa.Array:
    known = table[name].is_valid().to_pylist()
    return pa.array([word if there else None for there in known], pa.large_string())


def _needed(name: str) -> bool:
    return name not in _OPTIONAL and name in {column.name for column in COLUMNS}


def _without_copies(frame: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    if "record_id" not in frame:
        return frame, 0
    formats = frame["origin"].str.split(":", n=1).str[0]
    named = frame["record_id"].notna()
    again = frame.assign(format=formats).duplicated(["format", "dataset", "model", "record_id"])
    copies = named & again
    return frame[~copies].reset_index(drop=True), int(copies.sum())


def _named(frame: pd.DataFrame) -> pd.DataFrame:
    """Where a log names the task of a query in one record only, the others take it over."""
    unknown = frame["task"] == UNKNOWN
    known = frame[~unknown].drop_duplicates(["dataset", "query_id", "task"])
    names = known.drop_duplicates(["dataset", "query_id"], keep=False)
    if not unknown.any() or names.empty:
        return frame
    found = frame[["dataset", "query_id"]].merge(
        names[["dataset", "query_id", "task"]], on=["dataset", "query_id"], how="left"
    )["task"]
    return frame.assign(task=frame["task"].where(~unknown, found.fillna(UNKNOWN)))


def _numbered(frame: pd.DataFrame) -> pd.DataFrame:
    turn = frame.groupby(list(KEY), sort=False).cumcount() + 1
    if (turn == 1).all():
        return frame
    ids = frame["query_id"]
    return frame.assign(query_id=ids.where(turn == 1, ids + " #" + turn.astype(ids.dtype)))
