"""Faults on purpose: what a deployment is made to do, send by send.

Written in YAML as ``faults: {gpt-sol: [{kind: rate, retry_after: 2s, times: 1}]}``; ``"*"`` stands
for every deployment that has no list of its own; an empty list of its own keeps one unharmed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, RootModel, model_validator

from orchestra_kit.policy.schema import Name, Seconds, Share, _Strict

__all__ = ["EVERY", "STREAM_KINDS", "Fault", "FaultKind", "FaultScript"]

EVERY = "*"

FaultKind: TypeAlias = Literal[
    "timeout", "slow", "rate", "quota", "server", "overloaded", "connect", "content", "context",
    "malformed", "low_quality", "auth", "stream_cut", "stream_stall", "stream_garbled", "none",
]  # fmt: skip
"""``none`` shields a send: it goes well, whatever the profile's own chance would say.

The three of streams strike after a share of the text: ``stream_cut`` breaks the connection,
``stream_stall`` falls silent, ``stream_garbled`` goes on unreadably. A plain send meets them as a
connection that breaks within the body, an answer that never comes, and an unreadable body.
"""

STREAM_KINDS = frozenset({"stream_cut", "stream_stall", "stream_garbled"})

_WITH_RETRY_AFTER = frozenset({"rate", "quota", "server", "overloaded"})
"""The kinds that are an HTTP response which may carry the header."""


class Fault(_Strict):
    """One thing that goes wrong."""

    kind: FaultKind
    times: Annotated[int, Field(ge=1)] | None = None
    """How many sends it befalls; None for all that follow."""
    retry_after: Seconds | None = None
    """What the provider asks the caller to wait, in seconds."""
    seconds: Seconds | None = None
    """What a `slow` fault adds; it takes six times as long as usual where this is absent."""
    after: Share | None = None
    """The share of the text that comes before a stream breaks; half of it where this is absent."""

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Fault:
        if self.seconds is not None and self.kind != "slow":
            raise ValueError(f"has `seconds`, which mean nothing to a fault of kind {self.kind}")
        if self.after is not None and self.kind not in STREAM_KINDS:
            raise ValueError(f"has `after`, which means nothing to a fault of kind {self.kind}")
        if self.retry_after is not None and self.kind not in _WITH_RETRY_AFTER:
            raise ValueError(f"has `retry_after`, which no fault of kind {self.kind} carries")
        return self


class FaultScript(RootModel[Mapping[str, tuple[Fault, ...]]]):
    """Faults by deployment, each list consumed in order; empty by default."""

    root: Mapping[Name | Literal["*"], tuple[Fault, ...]] = Field(default_factory=dict)

    def after(self, deployment: str, sends: int) -> Fault | None:
        """The fault that befalls a deployment's next send, when `sends` were made before."""
        faults: Sequence[Fault] = self.root.get(deployment, self.root.get(EVERY, ()))
        for fault in faults:
            if fault.times is None or sends < fault.times:
                return fault
            sends -= fault.times
        return None
