"""How a valuation reads: figures by estimator and outcome, as a table and as sentences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from orchestra_kit.core.answer import Source
from orchestra_kit.core.display import Shown, Table
from orchestra_kit.core.money import format_usd
from orchestra_kit.outcomes.off_policy.estimators import Estimator
from orchestra_kit.outcomes.off_policy.logged import Outcome
from orchestra_kit.outcomes.off_policy.overlap import Overlap, Verdict
from orchestra_kit.outcomes.statistics import Estimate

__all__ = ["HEADLINE", "EstimatorValue", "OutcomeValue", "Valuation"]

HEADLINE = Estimator.DOUBLY_ROBUST
"""The one whose figures are told in sentences: the least wrong where the others disagree."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimatorValue(Shown):
    """One estimator's figures; None where they are not estimable."""

    estimator: Estimator
    value: Estimate | None
    against: Estimate | None
    """The same for what it is compared with."""
    difference: Estimate | None
    """Of the two on the same requests."""
    verdict: Verdict
    because: str
    cap: float | None = None
    """The largest weight that is let through, where weights are clipped."""
    bias: float = 0.0
    """How far clipping may have moved the value down, and what cannot be known of it in both
    directions (`Overlap.unknown`); the intervals are widened by them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeValue(Shown):
    """Quality, or cost in dollars, of a policy."""

    outcome: Outcome
    n: int
    """Requests that it is estimated from."""
    missing: int
    """Requests left out because their outcome is not known."""
    overlap: Overlap
    verdict: Verdict
    because: str
    estimates: tuple[EstimatorValue, ...]

    def by(self, estimator: Estimator) -> EstimatorValue:
        """The figures of one estimator."""
        return next(each for each in self.estimates if each.estimator is estimator)

    def sentence(self, name: str, against: str) -> str:
        """The finding in one sentence."""
        found = self.by(HEADLINE)
        if found.value is None or found.difference is None:
            return f"The {self.outcome} of {name} is not estimable: {self.because}."
        told = (
            f"The {self.outcome} of {name} would have been {_told(found.value, self.outcome)}, "
            f"{_told(found.difference, self.outcome, signed=True)} against {against}, over "
            f"{self.n:,} requests worth {self.overlap.effective:,.0f} of its own"
        )
        return (
            f"{told}." if found.verdict is Verdict.ESTIMABLE else f"{told}; weak: {self.because}."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Valuation(Shown):
    """A policy valued on logged traffic, against what was logged or against another policy."""

    policy: str
    against: str
    source: Source
    requests: int
    outcomes: tuple[OutcomeValue, ...]
    """Those of which anything is known."""
    left_out: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    """Requests that no figure rests on, by the reason in words."""
    notes: tuple[str, ...] = ()
    """What the figures do not know, in sentences."""

    @property
    def verdict(self) -> Verdict:
        """The worst of the outcomes'."""
        order = list(Verdict)
        found = [order.index(each.verdict) for each in self.outcomes]
        return order[max(found)] if found else Verdict.NOT_ESTIMABLE

    def of(self, outcome: Outcome) -> OutcomeValue:
        """The figures of one outcome; raises KeyError where nothing is known of it."""
        for each in self.outcomes:
            if each.outcome == outcome:
                return each
        raise KeyError(outcome)

    def sentences(self) -> tuple[str, ...]:
        """The findings, one for each outcome."""
        if not self.outcomes:
            return ("Nothing is estimable: no request has a score or a known cost.",)
        return tuple(each.sentence(self.policy, self.against) for each in self.outcomes)

    def table(self) -> Table:
        """Every estimator's figures."""
        rows = [
            (
                value.outcome,
                each.estimator.value,
                _told(each.value, value.outcome),
                _told(each.difference, value.outcome, signed=True),
                f"{value.n:,}",
                f"{value.overlap.effective:,.0f}",
                f"{value.overlap.share:.1%}",
                f"{value.overlap.largest_weight:.3g}",
                each.verdict.value,
            )
            for value in self.outcomes
            for each in value.estimates
        ]
        return Table(
            ("outcome", "estimator", "value", f"against {self.against}", "n", "effective",
             "overlap", "largest weight", "verdict"),
            rows,
            title=f"Policy {self.policy} on {self.requests:,} {self.source.value} requests",
            right=frozenset({"n", "effective", "overlap", "largest weight"}),
        )  # fmt: skip


def _told(found: Estimate | None, outcome: Outcome, *, signed: bool = False) -> str:
    if found is None:
        return "–"

    def figure(number: float) -> str:
        size = format_usd(abs(number)) if outcome == "cost" else f"{abs(number):.3f}"
        sign = "−" if number < 0 else "+" if signed else ""
        return f"{sign}{size}"

    if found.low is None or found.high is None:
        return f"{figure(found.value)} (no interval)"
    return f"{figure(found.value)} ({figure(found.low)} to {figure(found.high)})"
