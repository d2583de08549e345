"""Which deployment should answer, and everything needed to explain or re-value that choice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import ClassVar

from orchestra_kit.core.display import Shown, Table
from orchestra_kit.core.request import Context

__all__ = ["Candidate", "Change", "Classification", "Decision", "Override"]


@dataclass(frozen=True, slots=True)
class Classification(Shown):
    """The task a request belongs to, with calibrated probabilities that sum to 1."""

    task: str
    confidence: float
    probabilities: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    by: str = "classifier"
    """``sender`` when the task was declared, ``classifier`` otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Override(Shown):
    """A person's word in place of the rules, until it expires."""

    id: str
    use: str
    """The deployment to try first."""
    until: datetime
    """UTC."""
    because: str
    by: str
    task: str = ""
    """Empty for every task that the deployment can serve."""
    tier: str = ""
    """Empty for every tier."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change(Shown):
    """Something that was changed about routing while it ran, by whom and why."""

    at: datetime
    """UTC."""
    kind: str
    """``override``, ``override_ended``, ``promotion``, ``rollback``, ``isolation``, ``closing`` or
    ``adaptation_off``."""
    what: str
    """The deployment, task or policy that was changed."""
    before: str
    after: str
    because: str
    by: str
    """A person, or the name of the guard that did it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate(Shown):
    """A deployment that was considered: its score, or why it was dropped."""

    deployment: str
    score: float | None = None
    """Priority score, higher is better; None when dropped."""
    quality: float | None = None
    """Expected score of its answer, 0-1."""
    foretold: bool = False
    """Whether `quality` was foretold of this very request, and is not the mean at its task."""
    cost: float | None = None
    """Expected dollars."""
    latency: float | None = None
    """Expected seconds."""
    dropped_because: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision(Shown):
    """One routing decision."""

    _hidden: ClassVar[frozenset[str]] = frozenset({"candidates", "context"})

    request_id: str
    classification: Classification
    rule: str
    """Name of the rule that matched; ``default chain`` when none did."""
    because: str
    chain: tuple[str, ...]
    """Deployments in the order in which they will be tried; empty when nothing may be called."""
    candidates: tuple[Candidate, ...]
    planned: tuple[str, ...] = ()
    """`chain` as it would be with every deployment available: tells primary from fallback."""
    propensity: float
    """Probability, given the request and the policy, that `chain[0]` was chosen."""
    policy: str
    policy_hash: str
    seed: int
    context: Context
    review: bool = False
    """Whether a person must decide instead of a model."""
    moved: bool = False
    """Whether exploring or an adaptation put one first that the rules would not have."""

    @property
    def task(self) -> str:
        """The task decided on."""
        return self.classification.task

    @property
    def choice(self) -> str | None:
        """The deployment to try first."""
        return self.chain[0] if self.chain else None

    def tier_of(self, deployment: str) -> int:
        """0 for the planned primary, 1 for the secondary, 2 for the tertiary."""
        order = self.planned or self.chain
        return order.index(deployment) if deployment in order else len(order)

    def table(self) -> Table:
        """Every candidate with its score, or the reason why it was dropped."""
        order = {name: i + 1 for i, name in enumerate(self.chain)}
        rows = [
            (
                c.deployment,
                order.get(c.deployment, ""),
                "" if c.score is None else f"{c.score:.3f}",
                "" if c.quality is None else f"{c.quality:.2f}{' foretold' if c.foretold else ''}",
                "" if c.cost is None else f"${c.cost:.4f}",
                "" if c.latency is None else f"{c.latency:.1f} s",
                self.why_not(c),
            )
            for c in sorted(
                self.candidates, key=lambda c: (order.get(c.deployment, 99), c.deployment)
            )
        ]
        return Table(
            ("deployment", "order", "score", "quality", "cost", "latency", "dropped because"),
            rows,
            title=self.sentence(),
            right=frozenset({"order", "score", "quality", "cost", "latency"}),
        )

    def why_not(self, candidate: Candidate) -> str:
        """Why a candidate will not be tried; empty for one that will."""
        if candidate.dropped_because or candidate.score is None or self.review:
            return candidate.dropped_because
        if candidate.deployment in self.chain or not self.chain:
            return ""
        return f"comes after the {len(self.chain)} that are tried"

    def sentence(self) -> str:
        """The decision in one sentence."""
        what = f"{self.task} ({_sure(self.classification)}), {self.context.tier} tier"
        if self.review:
            return f"{what}: to human review by rule “{self.rule}”: {self.because}"
        if not self.chain:
            return f"{what}: nothing may be called ({self.rule})"
        return (
            f"{what}: {' → '.join(self.chain)} by rule “{self.rule}” "
            f"(probability of this choice {self.propensity:.3g}): {self.because}"
        )


def _sure(classification: Classification) -> str:
    if classification.by == "sender":
        return "as declared"
    if 0.995 <= classification.confidence < 1:
        return ">99% sure"
    return f"{classification.confidence:.0%} sure"
