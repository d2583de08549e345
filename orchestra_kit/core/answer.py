"""What is sent to a deployment and what comes back, in words that no provider owns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType

from orchestra_kit.core.display import Shown

__all__ = ["Answer", "Call", "Score", "Source", "Usage", "UsageStatus"]


class Source(StrEnum):
    """Where a figure comes from; never mixed without saying so."""

    SIMULATED = "simulated"
    RECORDED = "recorded"
    LIVE = "live"


class UsageStatus(StrEnum):
    """How a usage is known."""

    REPORTED = "reported"
    ESTIMATED = "estimated"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage(Shown):
    """What one attempt consumed, in disjoint counts."""

    input_tokens: int = 0
    """Fresh input tokens, without those read from the provider's cache."""
    cached_tokens: int = 0
    output_tokens: int = 0
    """Visible output, without reasoning."""
    reasoning_tokens: int = 0
    images: int = 0
    characters: int = 0
    """Characters of text spoken."""
    seconds: float = 0.0
    """Seconds of audio."""
    status: UsageStatus = UsageStatus.REPORTED


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Shown):
    """One send, as the engine asks for it; a provider renders it for its own protocol."""

    request_id: str
    deployment: str
    model: str
    text: str
    task: str
    tier: str
    context: Mapping[str, object]
    """The request's measured context, for providers that do not really call."""
    attempt: int
    """0 for the first send to this deployment in this request."""
    system: str = ""
    max_output_tokens: int | None = None
    parameters: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Score(Shown):
    """Quality between 0 and 1, or the reason why there is none. Unscored is not 0."""

    value: float | None
    scorer: str
    reason: str = ""

    @classmethod
    def unscored(cls, scorer: str, reason: str) -> Score:
        """A score that could not be given, and why."""
        return cls(value=None, scorer=scorer, reason=reason)

    @property
    def scored(self) -> bool:
        """Whether there is a value."""
        return self.value is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer(Shown):
    """What a deployment answered."""

    text: str
    model: str
    """The model the provider says answered."""
    usage: Usage
    finish: str = "stop"
    """``stop``, ``length`` or the provider's own word."""
    media_type: str = "text/plain"
    first_token_seconds: float | None = None
    reported_cost: Decimal | None = None
    """Dollars, where the provider states them."""
    score: Score | None = None
    """Quality, where the source knows it: simulated and recorded answers do."""
    dropped_parameters: tuple[str, ...] = ()
    """Parameters asked for that this model does not accept."""
    fields: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    """Protocol-specific facts worth keeping, such as the provider's request id."""
