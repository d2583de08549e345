"""What came in by an import, in numbers: how much, how much is known, and what was left out."""

from __future__ import annotations

from dataclasses import dataclass

from orchestra_kit.core.answer import Source
from orchestra_kit.core.display import Shown, Table
from orchestra_kit.outcomes.table import LeftOut, Outcomes

__all__ = ["Summary"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary(Shown):
    """A table of outcomes in numbers. The counts are of rows, one a query and model."""

    source: Source
    rows: int
    queries: int
    models: tuple[str, ...]
    tasks: tuple[str, ...]
    scored: int
    cost_known: int
    latency_known: int
    tokens_known: int
    answered: int
    """Rows that hold the answer's text."""
    origins: dict[str, int]
    """Rows by format and file."""
    left_out: tuple[LeftOut, ...]

    @classmethod
    def of(cls, outcomes: Outcomes) -> Summary:
        """The summary of a table."""
        frame = outcomes.frame
        return cls(
            source=outcomes.source,
            rows=len(frame),
            queries=len(frame[["dataset", "query_id"]].drop_duplicates()),
            models=outcomes.models,
            tasks=outcomes.tasks,
            scored=int(frame["score"].count()),
            cost_known=int(frame["cost_usd"].count()),
            latency_known=int(frame["latency_s"].count()),
            tokens_known=int(frame["output_tokens"].count()),
            answered=int(frame["response"].count()) if "response" in frame else 0,
            origins={str(k): int(n) for k, n in frame["origin"].value_counts(sort=False).items()},
            left_out=outcomes.left_out,
        )

    def to_text(self) -> str:
        """The summary for a terminal: what came in, from where, and what did not."""
        rows = [
            ("rows", f"{self.rows:,} {self.source.value}"),
            ("queries", f"{self.queries:,}"),
            ("models", _named(self.models)),
            ("tasks", _named(self.tasks)),
            ("scored", self._share(self.scored)),
            ("cost known", self._share(self.cost_known)),
            ("latency known", self._share(self.latency_known)),
            ("tokens known", self._share(self.tokens_known)),
            ("with the answer", self._share(self.answered)),
        ]
        parts = [Table(("came in", ""), rows)]
        if len(self.origins) > 1:
            origins = [(origin, f"{n:,}") for origin, n in self.origins.items()]
            parts.append(Table(("from", "rows"), origins, right=frozenset({"rows"})))
        if self.left_out:
            left = [(x.reason, f"{x.n:,}", x.file) for x in self.left_out]
            names = ("left out, or taken over in part", "records", "file")
            parts.append(Table(names, left, right=frozenset({"records"})))
        return "\n\n".join(part.to_text() for part in parts)

    def _share(self, n: int) -> str:
        if n in (0, self.rows):
            return "all" if n else "none"
        # A share that is not all is never shown as 100 %.
        percent = min(99.9, max(0.1, 100 * n / self.rows))
        return f"{n:,} of {self.rows:,} ({percent:.1f} %)"


def _named(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:8])
    more = f" and {len(names) - 8:,} more" if len(names) > 8 else ""
    return f"{len(names):,}: {shown}{more}"
