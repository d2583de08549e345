"""The profiles of the simulated backend: assumptions about latency, quality and failure."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from orchestra_kit.core.errors import PolicyError
from orchestra_kit.policy.document import read_document
from orchestra_kit.policy.reading import read_as
from orchestra_kit.policy.schema import Name, Seconds, Share, _Strict

__all__ = ["Outage", "Profile", "SimulationProfiles", "Spread", "TaskProfile"]

_OFFSET = re.compile(r"(?:(?P<d>\d+)d)?(?:(?P<h>\d+)h)?(?:(?P<m>\d+)m)?(?:(?P<s>\d+)s)?")


def _offset(value: Any) -> float:
    match = _OFFSET.fullmatch(value) if isinstance(value, str) and value else None
    if match is None:
        raise ValueError("is not an offset; write it as 16d14h or 2h30m")
    days, hours, minutes, seconds = (int(match[part] or 0) for part in "dhms")
    return float(((days * 24 + hours) * 60 + minutes) * 60 + seconds)


Offset = Annotated[float, BeforeValidator(_offset)]


class Spread(_Strict):
    """A lognormal duration by two of its quantiles, in seconds."""

    p50: Seconds
    p95: Seconds

    @model_validator(mode="after")
    def _in_order(self) -> Spread:
        if self.p95 < self.p50:
            raise ValueError("has a p95 below its p50")
        return self


class TaskProfile(_Strict):
    """How well a deployment does a task."""

    quality: Share
    """Mean quality of an easy request (complexity 0)."""
    spread: Annotated[float, Field(ge=0, le=0.5)]
    """Standard deviation from answer to answer."""
    difficulty: Annotated[float, Field(ge=0, le=1)]
    """Quality lost on the hardest request (complexity 100)."""
    output_tokens: Annotated[float, Field(ge=0)] = 0.0
    """Mean length of an answer whose request names none."""


class Profile(_Strict):
    """How a deployment behaves."""

    first_token: Spread
    tokens_per_second: Annotated[float, Field(gt=0)] | None = None
    fixed: Spread | None = None
    """Seconds of a picture or a recording, whatever its length."""
    failures: dict[
        Literal["server", "overloaded", "rate", "timeout", "content", "malformed"], Share
    ] = Field(default_factory=dict)
    """Probability of each failure of a send."""
    tasks: Annotated[dict[Name, TaskProfile], Field(min_length=1)]

    @model_validator(mode="after")
    def _has_a_pace(self) -> Profile:
        if (self.tokens_per_second is None) == (self.fixed is None):
            raise ValueError("must say either `tokens_per_second` or `fixed`")
        if sum(self.failures.values()) > 1:
            raise ValueError("has failures that add up to more than 1")
        return self


class Outage(_Strict):
    """A time in which a deployment mostly fails, counted from the start of the traffic."""

    deployment: Name
    starts: Offset
    """Seconds after the first moment of the traffic."""
    lasts: Annotated[Offset, Field(gt=0)]
    failure: Literal["server", "overloaded", "rate", "timeout", "slow", "low_quality"]
    share: Share = 1.0
    """Share of the sends that it befalls."""


class SimulationProfiles(_Strict):
    """All profiles of a policy."""

    note: str
    deployments: Annotated[dict[Name, Profile], Field(min_length=1)]
    outages: tuple[Outage, ...] = ()

    @classmethod
    def load(cls, path: Path) -> SimulationProfiles:
        """Read the file; raises PolicyError with every fault in it."""
        document = read_document(path, error=PolicyError)
        profiles = read_as(cls, document, PolicyError)
        strangers = [
            document.problem(
                ("outages", index, "deployment"),
                f"“{outage.deployment}” has no profile here.",
                "Name one of the deployments above.",
            )
            for index, outage in enumerate(profiles.outages)
            if outage.deployment not in profiles.deployments
        ]
        if strangers:
            raise PolicyError(strangers)
        return profiles
