"""Faults on purpose: what a deployment is made to do, send by send.

Written in YAML as ``faults: {gpt-sol: [{kind: rate, retry_after: 2s, times: 1}]}``; ``"*"`` stands
for every deployment that has no list of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, RootModel

from orchestra_kit.policy.schema import Name, Seconds, _Strict

__all__ = ["EVERY", "Fault", "FaultKind", "FaultScript"]

EVERY = "*"

FaultKind: TypeAlias = Literal[
    "timeout", "slow", "rate", "quota", "server", "overloaded", "connect", "content", "context",
    "malformed", "low_quality", "auth", "none",
]  # fmt: skip
"""``none`` shields a send: it goes well, whatever the profile's own chance would say."""


class Fault(_Strict):
    """One thing that goes wrong."""

    kind: FaultKind
    times: Annotated[int, Field(ge=1)] | None = None
    """How many sends it befalls; None for all that follow."""
    retry_after: Seconds | None = None
    """What a `rate` fault asks the caller to wait, in seconds."""
    seconds: Seconds | None = None
    """What a `slow` fault adds; six times the usual where absent."""


class FaultScript(RootModel[Mapping[str, tuple[Fault, ...]]]):
    """Faults by deployment, each list consumed in order; empty by default."""

    root: Mapping[Name | Literal["*"], tuple[Fault, ...]] = Field(default_factory=dict)

    def after(self, deployment: str, sends: int) -> Fault | None:
        """The fault that befalls a deployment's next send, when `sends` were made before."""
        faults: Sequence[Fault] = self.root.get(deployment) or self.root.get(EVERY) or ()
        for fault in faults:
            if fault.times is None or sends < fault.times:
                return fault
            sends -= fault.times
        return None
