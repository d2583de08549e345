"""What is sent to a deployment and what comes back, in words that no provider owns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType

from orchestra_kit.core.display import Shown

__all__ = [
    "Allowance",
    "Answer",
    "Call",
    "Piece",
    "Score",
    "Source",
    "Usage",
    "UsageStatus",
]


class Source(StrEnum):
    """Where a figure comes from; never mixed without saying so."""

    SIMULATED = "simulated"
    RECORDED = "recorded"
    LIVE = "live"


class UsageStatus(StrEnum):
    """How a usage is known."""

    REPORTED = "reported"
    PARTIAL = "partial"
    """Reported, but not to the end: a stream that broke after its first counts."""
    ESTIMATED = "estimated"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage(Shown):
    """What one attempt consumed, in disjoint counts: each is priced once and they add up."""

    input_tokens: int = 0
    """Fresh text tokens in, neither read from the provider's cache nor written to it."""
    cached_tokens: int = 0
    """Tokens read from the provider's cache."""
    cache_write_tokens: int = 0
    """Tokens written to the provider's cache for its usual few minutes."""
    cache_write_1h_tokens: int = 0
    """Tokens written to the provider's cache for an hour."""
    input_audio_tokens: int = 0
    input_image_tokens: int = 0
    output_tokens: int = 0
    """Visible text out, without reasoning."""
    reasoning_tokens: int = 0
    output_audio_tokens: int = 0
    output_image_tokens: int = 0
    images: int = 0
    characters: int = 0
    """Characters of text spoken."""
    seconds: float = 0.0
    """Seconds of audio."""
    queries: int = 0
    """Searches and other tools of the provider's that it bills by the call."""
    status: UsageStatus = UsageStatus.REPORTED

    @property
    def prompt_tokens(self) -> int:
        """All tokens in, however they were billed: what long-context prices go by."""
        return (
            self.input_tokens
            + self.cached_tokens
            + self.cache_write_tokens
            + self.cache_write_1h_tokens
            + self.input_audio_tokens
            + self.input_image_tokens
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance(Shown):
    """What a provider said, beside an answer or a refusal, that its account may still do."""

    requests_limit: int | None = None
    """A minute."""
    requests_left: int | None = None
    requests_reset: float | None = None
    """Seconds until the full number is back."""
    tokens_limit: int | None = None
    """A minute."""
    tokens_left: int | None = None
    tokens_reset: float | None = None
    concurrent_limit: int | None = None
    concurrent_now: int | None = None


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
    """Those of the deployment, and over them those that the sender asked for."""
    left_out: frozenset[str] = frozenset()
    """Parameters that the model was found not to take."""
    session: str = ""
    """Key under which a provider may find the same beginning in its cache again."""
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
    allowance: Allowance | None = None
    """What the account may still do, where the provider says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece(Shown):
    """A part of an answer that comes in a stream.

    The last piece, and only that, carries the whole `answer`: a stream that ends without one was
    cut, and did not succeed.
    """

    text: str = ""
    """What is new; empty for a sign of life and for the last piece."""
    taken: bool = False
    """Whether this only says that the server has taken the call: its headers are there."""
    answer: Answer | None = None
