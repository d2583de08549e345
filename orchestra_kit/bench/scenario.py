"""The shape of a suite file: scenarios, each with what is sent, broken, expected and aimed at.

An expectation is about behaviour (task, rule, route, attempts, outcome) and must hold in every
epoch. A target is about a measured figure (latency, quality, cost) and is judged on its mean.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, model_validator

from orchestra_kit.core.ids import content_hash
from orchestra_kit.policy.schema import Name, Seconds, Share, Usd, _Strict
from orchestra_kit.providers.faults import Fault

__all__ = ["Expectation", "Outcome", "Repeated", "Scenario", "Sent", "SuiteFile", "Targets"]


class Outcome(StrEnum):
    """How a scenario's request ended."""

    ANSWERED = "answered"
    QUEUED = "queued"
    REVIEW = "review"
    REFUSED = "refused"
    BLOCKED = "blocked"
    UNAVAILABLE = "unavailable"
    REJECTED = "rejected"
    """The request itself was not accepted: it never became a decision."""
    ERROR = "error"
    """The engine broke. No scenario may expect this."""


class Repeated(_Strict):
    """A long text, written short."""

    text: Annotated[str, Field(min_length=1)]
    times: Annotated[int, Field(ge=1, le=10_000_000)]


class Sent(_Strict):
    """The request that a scenario sends."""

    text: str | None = None
    """May be empty: that an empty request is rejected is worth a scenario."""
    repeat: Repeated | None = None
    """Instead of `text`, for very long input."""
    tier: Name
    task: Name | None = None
    """Declared by the sender; absent lets the classifier decide."""
    user: str = ""
    feature: str = ""
    session: str = ""
    session_turns: Annotated[int, Field(ge=0)] = 0
    attachments: tuple[str, ...] = ()
    """Media types, such as ``image/png``."""
    within: Seconds | None = None

    @model_validator(mode="after")
    def _one_text(self) -> Sent:
        if (self.text is None) == (self.repeat is None):
            raise ValueError("must hold either `text` or `repeat`")
        return self

    @property
    def whole_text(self) -> str:
        """The text as it is sent."""
        return self.text or "" if self.repeat is None else self.repeat.text * self.repeat.times


class Expectation(_Strict):
    """What must happen, in every epoch; a key that is absent is not checked."""

    task: Name | None = None
    rule: Annotated[str, Field(min_length=1, max_length=80)] | None = None
    route: tuple[Name, ...] | None = None
    """Deployments that were really sent to, in order, each named once."""
    attempts: Annotated[int, Field(ge=0)] | None = None
    """Sends, repeats on the same deployment included."""
    outcome: (
        Literal[
            "answered", "queued", "review", "refused", "blocked", "unavailable", "rejected"
        ]
        | None
    ) = None  # fmt: skip


class Targets(_Strict):
    """Figures to reach, each judged on its mean over the epochs."""

    latency: Seconds | None = None
    """Seconds from arrival to reply, at most."""
    quality: Share | None = None
    """0-1, at least."""
    cost: Usd | None = None
    """Dollars, at most."""


class Scenario(_Strict):
    """One situation and what must come of it."""

    id: Name
    is_: Annotated[str, Field(alias="is", max_length=300)] = ""
    """The situation in one sentence, for the reader."""
    covers: tuple[str, ...] = ()
    """What it is there to cover, such as ``timeout`` or ``premium``."""
    request: Sent
    faults: Annotated[dict[str, tuple[Fault, ...]], Field(default_factory=dict)]
    """What goes wrong, by deployment or for all (``*``), in the order of the sends."""
    spent: Annotated[float, Field(ge=0, le=2)] = 0.0
    """Share of every global spend budget that is used up already."""
    expect: Expectation = Expectation()
    targets: Targets = Targets()

    @property
    def digest(self) -> str:
        """SHA-256 of the scenario's content, whatever its layout and comments."""
        return content_hash(self.model_dump(mode="json"), length=64)


class SuiteFile(_Strict):
    """All of it."""

    suite: Name
    is_: Annotated[str, Field(alias="is")] = ""
    policy: Annotated[str, Field(min_length=1)]
    """The policy it is written for, beside the suite."""
    scenarios: tuple[Scenario, ...]

    @property
    def digest(self) -> str:
        """SHA-256 of the suite's content, whatever its layout and comments."""
        return content_hash(self.model_dump(mode="json"), length=64)
