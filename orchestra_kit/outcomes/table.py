"""A table of outcomes: which model answered which query, how well, at what cost, how fast."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa

from orchestra_kit.core.answer import Source
from orchestra_kit.core.display import Table
from orchestra_kit.core.errors import TableError
from orchestra_kit.outcomes.prompt_key import on_test_side
from orchestra_kit.outcomes.table_file import (
    from_pandas,
    one_source,
    read_tables,
    refuse_twice,
    sources_of,
    to_pandas,
    write_table,
)

if TYPE_CHECKING:
    from orchestra_kit.outcomes.frontier import Frontier
    from orchestra_kit.outcomes.matrix import Matrix
    from orchestra_kit.policy.policy import Policy

__all__ = ["LeftOut", "Outcomes"]


@dataclass(frozen=True, slots=True, order=True)
class LeftOut:
    """What an import could not take over, or could only in part."""

    file: str
    reason: str
    """In words that end a sentence: ``no prompt was logged``."""
    n: int
    """Records."""


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
    left_out: tuple[LeftOut, ...] = ()
    """What the import that made the table left out; a written table does not hold it."""

    @classmethod
    def read(cls, *paths: Path | str) -> Outcomes:
        """The outcomes of one or several Parquet files.

        Raises TableError, with every fault found, for a file that is absent or not Parquet, a
        missing column, a value of the wrong kind or out of range, an outcome that occurs twice,
        and for sources that are mixed.
        """
        if not paths:
            raise TableError("There is no table to read; name at least one Parquet file.")
        tables = dict(zip(map(str, paths), read_tables(paths), strict=True))
        if len(tables) < len(paths):
            raise TableError("A table is named twice; name each file once.")
        refuse_twice(tables)
        source = one_source((s, name) for name, table in tables.items() for s in sources_of(table))
        joined = pa.concat_tables(tables.values(), promote_options="default")
        return cls(to_pandas(joined), tuple(tables), source)

    @classmethod
    def concat(cls, tables: Iterable[Outcomes]) -> Outcomes:
        """Several tables of one source as one, row after row, each row with its origin.

        A column that a table lacks is missing in its rows. Raises TableError where there is no
        table, where sources differ, or where an outcome is in two of them.
        """
        parts = list(tables)
        if not parts:
            raise TableError("There are no outcomes to join.")
        names = [f"table {place} ({', '.join(t.files)})" for place, t in enumerate(parts, 1)]
        source = one_source((t.source.value, n) for t, n in zip(parts, names, strict=True))
        arrow = [from_pandas(part._frame) for part in parts]
        refuse_twice(dict(zip(names, arrow, strict=True)))
        joined = pa.concat_tables(arrow, promote_options="permissive")
        files = dict.fromkeys(file for part in parts for file in part.files)
        left_out = tuple(left for part in parts for left in part.left_out)
        return cls(to_pandas(joined), tuple(files), source, left_out)

    def join(self, *others: Outcomes) -> Outcomes:
        """These outcomes and those of other tables; see `concat`."""
        return Outcomes.concat([self, *others])

    def write(self, path: Path | str) -> Path:
        """Write the table as Parquet, whole or not at all, in the place of what was there.

        The same table gives the same bytes. Every row says its source and its origin. Raises
        StoreError where the file cannot be written.
        """
        written = self._frame.assign(source=self.source.value)
        if "origin" not in written:
            written["origin"] = "outcomes:" + " and ".join(Path(file).name for file in self.files)
        write_table(written, Path(path))
        return Path(path)

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

    @property
    def cost_source(self) -> str:
        """Where costs come from, in the table's own words; ``unknown`` where it has none."""
        frame = self._frame
        said = frame.loc[frame["cost_usd"].notna(), "cost_source"].dropna().unique()
        return ", ".join(sorted(str(word).replace("_", " ") for word in said)) or "unknown"

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
        return self._with(kept)

    def split(self, test_share: float = 0.25, *, seed: int = 0) -> tuple[Outcomes, Outcomes]:
        """The outcomes for training and for testing, with a column ``split`` that says so.

        The side depends on the prompt and the seed alone, whatever its capitals and spaces: a
        prompt is never on both, nor on another side in another table. `test_share`, 0-1, is what
        is to be expected of prompts. Raises ValueError for a share that leaves one side empty by
        itself, and TableError where the prompts happen to.
        """
        if not 0 < test_share < 1:
            raise ValueError("a share for testing lies between 0 and 1")
        codes, prompts = pd.factorize(self._frame["prompt"])
        test = on_test_side(prompts, test_share, seed)[codes]
        for side, held in (("train", ~test), ("test", test)):
            if not held.any():
                hint = "Take another seed or share, or more prompts."
                raise TableError(f"No prompt falls on the {side} side of the split.", hint=hint)
        train, held_out = self._frame[~test], self._frame[test]
        return self._with(train.assign(split="train")), self._with(held_out.assign(split="test"))

    def matrix(self, *, floor: float = 0.5, margin: float = 0.02) -> Matrix:
        """Model x task, measured; see `orchestra_kit.outcomes.matrix`."""
        from orchestra_kit.outcomes.matrix import Matrix

        return Matrix.measure(self, floor=floor, margin=margin)

    def frontier(
        self, policy: Policy | None = None, *, models: Sequence[str] | None = None, seed: int = 0
    ) -> Frontier:
        """Quality, cost and latency of models and routers; see `orchestra_kit.outcomes.frontier`.

        With a policy, also of its routing as it stands.
        """
        from orchestra_kit.outcomes.frontier import Frontier

        return Frontier.measure(self, policy, models=models, seed=seed)

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

    def _with(self, frame: pd.DataFrame) -> Outcomes:
        """Other rows of the same provenance."""
        return replace(self, _frame=frame.reset_index(drop=True))

    def _known(self, column: str, names: Sequence[str]) -> Sequence[str]:
        known = set(self._frame[column].dropna().unique()) if column in self._frame else set()
        for name in names:
            if name not in known:
                some = ", ".join(sorted(str(k) for k in known)[:12]) or "none"
                raise TableError(f"The outcomes have no {column} “{name}”; they have {some}.")
        return names


def _known_share(known: int, n: int) -> str:
    return "all" if known == n else "unknown" if known == 0 else f"{known:,} of {n:,}"
