"""Logged traffic as a value: what arrived, who answered, how likely that was, what came of it.

One row a request. The action is the deployment that was tried first; the outcome is that of the
whole request, later links included. An outcome that is not known is missing and never 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from orchestra_kit.core.answer import Source
from orchestra_kit.core.errors import Problem, TableError

__all__ = ["CONTEXT", "OUTCOMES", "LoggedTraffic", "Outcome"]

Outcome: TypeAlias = Literal["quality", "cost"]
OUTCOMES: tuple[Outcome, ...] = ("quality", "cost")
"""Quality is a score, 0-1; cost is dollars."""
CONTEXT = (
    "words", "tokens", "complexity", "ambiguity", "attachments", "session_turns", "confidence",
    "budget_left", "hour", "code", "maths", "urgent",
)  # fmt: skip
"""Numeric columns that are taken for context wherever a table has them."""

_OTHER_NAMES = {"id": "request", "choice": "action", "score": "quality", "session": "cluster"}
"""The names of the same columns in an exported store and in tables of outcomes."""
_ROUNDING = 1e-9
_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False, kw_only=True)
class LoggedTraffic:
    """Logged requests of one source, checked.

    `frame` has `request`, `task`, `tier`, `action`, `propensity` (0 < p <= 1), `quality` (0-1) and
    `cost` (dollars), both missing where unknown, `cluster` and `stratum`, and the columns named in
    `context`; one read from a store also has what a policy decides by.
    """

    frame: pd.DataFrame
    source: Source
    context: tuple[str, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    """Requests that are not part of it, by the reason in words."""

    @classmethod
    def from_frame(
        cls,
        frame: pd.DataFrame,
        *,
        source: Source | None = None,
        context: Sequence[str] | None = None,
        left_out: Mapping[str, int] | None = None,
        name: str = "the table",
    ) -> LoggedTraffic:
        """The traffic of a frame with at least `action`, `propensity` and `quality` or `cost`.

        `id`, `choice`, `score` and `session` are read as `request`, `action`, `quality` and
        `cluster`. Without a cluster every request is its own. Support is looked for within a
        `stratum`; without one, within task and rule, or task and tier. Raises TableError with
        every fault found; a missing outcome is none.
        """
        made = frame.rename(
            columns={old: new for old, new in _OTHER_NAMES.items() if new not in frame.columns}
        ).reset_index(drop=True)
        problems = _absent(made, name)
        if problems:
            raise TableError(problems)
        chosen = tuple(c for c in CONTEXT if c in made) if context is None else tuple(context)
        made = _completed(made, chosen)
        problems = _faults(made, chosen, name)
        if problems:
            raise TableError(problems)
        made["propensity"] = made["propensity"].clip(upper=1.0)
        return cls(
            frame=made,
            source=source or _source_of(made, name),
            context=chosen,
            left_out=MappingProxyType(dict(left_out or {})),
        )

    @classmethod
    def read(cls, path: Path | str, *, context: Sequence[str] | None = None) -> LoggedTraffic:
        """The traffic of a Parquet file, such as the table of requests of an exported store.

        Requests without an action (sent to a person, or nothing could be called) are left out and
        counted. Raises TableError where the file cannot be read or is wrong.
        """
        try:
            frame: pd.DataFrame = pq.read_table(path).to_pandas()
        except (OSError, pa.ArrowInvalid) as error:
            message = "cannot be read as Parquet."
            raise TableError(Problem(str(path), 0, "", message, "Give another file.")) from error
        left_out = {}
        column = "action" if "action" in frame else "choice"
        if column in frame and (unrouted := int(frame[column].isna().sum())):
            left_out["routed to nobody"] = unrouted
            frame = frame[frame[column].notna()]
        return cls.from_frame(frame, context=context, left_out=left_out, name=str(path))

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def actions(self) -> tuple[str, ...]:
        """The deployments that were tried first, by name."""
        return tuple(sorted(str(name) for name in self.frame["action"].unique()))

    @property
    def propensity(self) -> _Floats:
        """The probability of each choice."""
        return self.frame["propensity"].to_numpy(np.float64)

    def outcome(self, name: Outcome) -> _Floats:
        """An outcome of every request, NaN where it is not known."""
        return self.frame[name].to_numpy(np.float64)

    def rows(self, kept: npt.NDArray[np.bool_]) -> LoggedTraffic:
        """Some of the requests; what was left out before stays told."""
        return LoggedTraffic(
            frame=self.frame[kept].reset_index(drop=True),
            source=self.source,
            context=self.context,
            left_out=self.left_out,
        )


def _absent(frame: pd.DataFrame, name: str) -> list[Problem]:
    if frame.empty:
        return [Problem(name, 0, "", "holds no logged requests.", "Log some traffic first.")]
    missing = [column for column in ("action", "propensity") if column not in frame]
    if not any(outcome in frame for outcome in OUTCOMES):
        missing.append("quality")
    hint = "Logged traffic has an action, its propensity, and a quality or a cost."
    return [Problem(name, 0, column, "the column is missing.", hint) for column in missing]


def _completed(frame: pd.DataFrame, context: Sequence[str]) -> pd.DataFrame:
    """The frame with every column that is counted on, numbers as floats."""
    made = frame.copy()
    numbers = [c for c in ("propensity", *OUTCOMES, *context) if c in made]
    for column in numbers:
        made[column] = pd.to_numeric(made[column], errors="coerce").astype(np.float64)
    for column in OUTCOMES:
        if column not in made:
            made[column] = np.nan
    for column in ("task", "tier"):
        made[column] = (
            made[column].astype(object).where(made[column].notna(), "") if column in made else ""
        )
    order = pd.Series(np.arange(len(made)).astype(str), index=made.index)
    if "request" not in made:
        made["request"] = order
    own = "request " + order
    made["cluster"] = (
        made["cluster"].where(_filled(made["cluster"]), own) if "cluster" in made else own
    )
    if "stratum" not in made:
        second = "rule" if "rule" in made else "tier"
        made["stratum"] = made["task"].astype(str) + " · " + made[second].astype(str)
    return made


def _filled(labels: pd.Series[str]) -> pd.Series[bool]:
    return labels.notna() & (labels.astype(str) != "")


def _faults(frame: pd.DataFrame, context: Sequence[str], name: str) -> list[Problem]:
    found = []

    def tell(column: str, wrong: npt.NDArray[np.bool_], must: str, hint: str = "") -> None:
        if count := int(wrong.sum()):
            first = frame[column].to_numpy()[wrong][0]
            rows = f"{count:,} {'row' if count == 1 else 'rows'}"
            message = f"is wrong in {rows}, the first {first}; it must be {must}."
            found.append(Problem(name, 0, column, message, hint))

    p = frame["propensity"].to_numpy(np.float64)
    tell(
        "propensity",
        ~((p > 0) & (p <= 1 + _ROUNDING)),
        "more than 0 and at most 1",
        "It is the probability with which the action was chosen.",
    )
    tell("action", ~_filled(frame["action"]).to_numpy(), "the name of a deployment")
    with np.errstate(invalid="ignore"):
        quality = frame["quality"].to_numpy(np.float64)
        tell("quality", (quality < 0) | (quality > 1), "from 0 to 1, or missing")
        cost = frame["cost"].to_numpy(np.float64)
        tell("cost", (cost < 0) | np.isinf(cost), "finite and at least 0, or missing")
    for column in context:
        if column not in frame:
            found.append(Problem(name, 0, column, "is named as context and is not there."))
            continue
        tell(column, np.isinf(frame[column].to_numpy(np.float64)), "finite")
    return found


def _source_of(frame: pd.DataFrame, name: str) -> Source:
    if "source" not in frame:
        return Source.RECORDED
    words = sorted({str(word) for word in frame["source"].unique()})
    if len(words) > 1 or words[0] not in set(Source):
        message = f"holds {', '.join(words)}; traffic of one source is valued at a time."
        raise TableError(Problem(name, 0, "source", message, "Keep the rows of one of them."))
    return Source(words[0])
