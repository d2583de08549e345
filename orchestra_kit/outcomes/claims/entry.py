"""One row of the ledger: a claim, what was measured of it on which data, and the verdict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from orchestra_kit.core.display import Shown
from orchestra_kit.outcomes.claims.claim import Claim
from orchestra_kit.outcomes.claims.verdict import Verdict, judged
from orchestra_kit.outcomes.measurement import Measured

__all__ = ["Data", "Entry"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Data(Shown):
    """What a figure was measured on."""

    name: str
    source: str
    """``recorded``, ``simulated`` or ``live``; empty where there are no data."""
    split: str
    """What was learnt from and what was judged, in words."""
    costs: str = ""
    """Where costs come from, in the table's own words."""

    def __str__(self) -> str:
        return f"{self.name} ({self.source})" if self.source else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry(Shown):
    """A claim beside its measurement."""

    claim: Claim
    data: Data
    measured: Measured
    """In the claim's unit; None with the reason where it could not be measured."""
    n: int
    """Queries or requests that the figure rests on; 0 where it could not be measured."""
    verdict: Verdict
    note: str = ""
    """What must be known beside the figure, in a sentence."""

    @classmethod
    def of(
        cls,
        claim: Claim,
        data: Data,
        measured: Measured,
        n: int,
        *,
        kept: Measured | None = None,
        note: str = "",
    ) -> Entry:
        """Judged here; `kept` as `verdict.judged` takes it."""
        verdict = judged(claim, measured, n, kept)
        counted = 0 if measured.value is None else n
        return cls(claim=claim, data=data, measured=measured, n=counted, verdict=verdict, note=note)

    @classmethod
    def unmeasurable(cls, claim: Claim, data: Data, reason: str) -> Entry:
        """With the reason, a sentence."""
        return cls.of(claim, data, Measured(None, reason=reason), 0)

    def figure(self) -> str:
        """Value and interval in words."""
        value, text = self.measured.value, self.claim.unit.text
        if value is None:
            return "–"
        if self.measured.low is None or self.measured.high is None:
            return f"{text(value)} (no interval)"
        return f"{text(value)} ({text(self.measured.low)} to {text(self.measured.high)})"

    def remark(self) -> str:
        """The reason why there is no figure or interval, and the note."""
        return " ".join(part for part in (self.measured.reason, self.note) if part)

    def to_dict(self) -> dict[str, Any]:
        """As JSON knows it."""
        claim = self.claim
        return {
            "claim": claim.name,
            "about": claim.about,
            "words": claim.words,
            "claimed": {"low": claim.low, "high": claim.high, "better": claim.better},
            "unit": claim.unit.value,
            "how": claim.how,
            "measured": self.measured.to_dict(),
            "n": self.n,
            "data": self.data.to_dict(),
            "verdict": self.verdict.value,
            "note": self.note,
        }
