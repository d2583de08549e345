"""A table of outcomes as arrays of query x model, the form in which everything is replayed.

Only queries that every model of the grid answered and was scored on are kept: a router that picks a
model for a query can then always be told what that pick would have brought.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from orchestra_kit.core.answer import Source
from orchestra_kit.core.errors import TableError
from orchestra_kit.outcomes.table import Outcomes

__all__ = ["Grid"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Texts = npt.NDArray[np.object_]
Mask = npt.NDArray[np.bool_]

_ANSWERED = 0.95
"""Share of the queries that a model must have been scored on to be kept unasked: leaving out the
queries that one patchy model lacks would change the question for all others."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Grid:
    """Outcomes of n queries x m models. Make one with `Grid.of`.

    Arrays of shape (n,) or (n, m), rows and columns in the order of `queries` and `models`.
    """

    models: tuple[str, ...]
    queries: Texts
    """(n,) data set and query, as ``dataset/query_id``."""
    prompts: Texts
    tasks: Texts
    scores: Floats
    """(n, m) 0-1, every one known."""
    costs: Floats
    """(n, m) dollars; NaN where unknown."""
    latencies: Floats
    """(n, m) seconds; NaN where unknown."""
    answers: Ints
    """(n, m) the same number for the same short answer, compared to the letter: whoever parsed the
    answers knows what makes two the same. -1 where there is none."""
    lengths: Floats
    """(n, m) length of the answer in tokens; NaN where unknown."""
    responses: Texts | None
    """(n, m) the answers in full; None where the table has none."""
    source: Source
    notes: tuple[str, ...] = ()
    """What was left out and why, one sentence each."""

    @classmethod
    def of(
        cls, outcomes: Outcomes, models: Sequence[str] | None = None, *, responses: bool = True
    ) -> Grid:
        """The grid of some models, or of those that answered nearly all queries.

        Where nobody names the models and some have known costs, those without are left out.
        Raises TableError for an unknown model and where no query was answered by all of them.
        """
        frame = outcomes.frame
        key = pd.MultiIndex.from_frame(frame[["dataset", "query_id"]])
        row, _ = pd.factorize(key)
        n = int(row.max()) + 1
        every = outcomes.models
        for name in models or ():
            if name not in every:
                known = ", ".join(sorted(every)[:12])
                raise TableError(f"The outcomes have no model “{name}”; they have {known}.")
        column = pd.Categorical(frame["model"], categories=list(every)).codes.astype(np.int64)
        scores = _spread(n, len(every), row, column, frame["score"])
        costs = _spread(n, len(every), row, column, frame["cost_usd"])
        kept, notes = _kept_models(every, scores, costs, models)
        whole = np.isfinite(scores[:, kept]).all(axis=1)
        if not whole.any():
            raise TableError("No query has a score of every model; name fewer models.")
        if not whole.all():
            notes.append(
                f"{int((~whole).sum()):,} of {n:,} queries lack a score of one of the models "
                "and are left out."
            )
        first = np.zeros(n, dtype=np.int64)
        first[row[::-1]] = np.arange(len(frame))[::-1]
        head = frame.iloc[first[whole]]
        pick = np.ix_(np.flatnonzero(whole), np.asarray(kept))
        has_text = responses and "response" in frame and frame["response"].notna().any()
        return cls(
            models=tuple(every[k] for k in kept),
            queries=(head["dataset"].astype(str) + "/" + head["query_id"].astype(str)).to_numpy(
                dtype=object
            ),
            prompts=head["prompt"].astype(str).to_numpy(dtype=object),
            tasks=head["task"].astype(str).to_numpy(dtype=object),
            scores=scores[pick],
            costs=costs[pick],
            latencies=_spread(n, len(every), row, column, frame["latency_s"])[pick],
            answers=_answers(n, len(every), row, column, frame)[pick],
            lengths=_spread(n, len(every), row, column, frame["output_tokens"])[pick],
            responses=_texts(n, len(every), row, column, frame)[pick] if has_text else None,
            source=outcomes.source,
            notes=tuple(notes),
        )

    @property
    def n(self) -> int:
        """How many queries."""
        return len(self.queries)

    @property
    def priced(self) -> bool:
        """Whether every cost is known."""
        return bool(np.isfinite(self.costs).all())

    @property
    def best_single(self) -> int:
        """The model with the highest mean score; of equals the cheaper one."""
        means = self.scores.mean(axis=0)
        prices = np.nan_to_num(self.costs.mean(axis=0), nan=np.inf)
        return int(np.lexsort((prices, -means))[0])

    def rows(self, kept: Mask | Ints) -> Grid:
        """Some of the queries."""
        return _taken(self, lambda values: values[kept])

    def only(self, models: Iterable[str]) -> Grid:
        """Some of the models, in the order given. Raises TableError for one that is not there."""
        names = list(models)
        for name in names:
            if name not in self.models:
                raise TableError(f"The grid has no model “{name}”.")
        places = [self.models.index(name) for name in names]
        narrow = _taken(self, lambda values: values[:, places] if values.ndim == 2 else values)
        return replace(narrow, models=tuple(names))

    def __repr__(self) -> str:
        return f"{self.n:,} {self.source.value} queries x {len(self.models)} models"


def _kept_models(
    every: Sequence[str], scores: Floats, costs: Floats, asked: Sequence[str] | None
) -> tuple[list[int], list[str]]:
    if asked:
        return [every.index(name) for name in dict.fromkeys(asked)], []
    known = np.isfinite(scores)
    share = known.mean(axis=0)
    patchy = share < min(_ANSWERED, float(share.max()))
    paid = np.isfinite(costs) | ~known
    free = ~paid.all(axis=0) if (np.isfinite(costs).any() and not paid.all()) else patchy & False
    notes = [
        f"{every[k]} was scored on {share[k]:.0%} of the queries and is left out."
        for k in np.flatnonzero(patchy).tolist()
    ]
    notes += [
        f"{every[k]} is left out because the cost of some of its answers is unknown."
        for k in np.flatnonzero(free & ~patchy).tolist()
    ]
    kept = [int(k) for k in np.flatnonzero(~patchy & ~free)]
    # Where nobody's costs are whole, quality alone is what can be measured.
    return (kept, notes) if kept else ([int(k) for k in np.flatnonzero(~patchy)], notes)


def _spread(n: int, m: int, row: Ints, column: Ints, values: pd.Series[Any]) -> Floats:
    grid = np.full((n, m), np.nan)
    grid[row, column] = values.to_numpy(dtype=np.float64, na_value=np.nan)
    return grid


def _answers(n: int, m: int, row: Ints, column: Ints, frame: pd.DataFrame) -> Ints:
    grid = np.full((n, m), -1, dtype=np.int64)
    if "answer" not in frame:
        return grid
    grid[row, column] = pd.factorize(frame["answer"].to_numpy(dtype=object))[0]
    return grid


def _texts(n: int, m: int, row: Ints, column: Ints, frame: pd.DataFrame) -> Texts:
    grid = np.full((n, m), "", dtype=object)
    grid[row, column] = frame["response"].fillna("").to_numpy(dtype=object)
    return grid


def _taken(grid: Grid, pick: Callable[[npt.NDArray[Any]], npt.NDArray[Any]]) -> Grid:
    """The grid with every array cut alike."""
    found = {field.name: getattr(grid, field.name) for field in fields(grid)}
    arrays: dict[str, Any] = {k: pick(v) for k, v in found.items() if isinstance(v, np.ndarray)}
    return replace(grid, **arrays)
