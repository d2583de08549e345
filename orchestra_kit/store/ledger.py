"""The ledger: what the engine writes down while a request passes through it.

A send is written twice: its intent before anything leaves, its ending after, at once or, where it
answered, in one commit with the reply. Between the two its row says ``sending``; a process that
dies there leaves a row that the next one turns into the outcome `unknown`, so that no answer that
may have been billed is forgotten.

A ledger belongs to one run and one source: it adds both to every row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from orchestra_kit.core.display import Shown
from orchestra_kit.core.reply import Attempt, Incident, Notice, Reply
from orchestra_kit.core.request import Request

__all__ = ["DiscardingLedger", "Intent", "Ledger", "QueueEntry"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent(Shown):
    """A send that is about to happen."""

    id: str
    """Of the attempt that it becomes."""
    request_id: str
    number: int
    """0-based, over all tiers of the request."""
    chain_tier: int
    """0 primary, 1 secondary, 2 tertiary."""
    deployment: str
    model: str
    at: datetime
    """UTC."""
    cost_upper: Decimal | None
    """Dollars that it may cost at most; None where no price is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueEntry(Shown):
    """A request that waits for a person or for a quieter hour."""

    name: str
    """Of the queue."""
    request_id: str
    at: datetime
    """UTC."""
    task: str
    tier: str
    text: str
    """The request's own text: whoever takes it from the queue has to read it."""
    reason: str
    asked: Mapping[str, object] = field(default_factory=dict)
    """What else was asked, such as who pays, parameters, and where it may be processed: whoever
    answers it later is bound by it all the same. Values as JSON knows them."""


class Ledger(Protocol):
    """What the engine writes to.

    All methods raise StoreError, by its kinds, when a row could not be kept.
    """

    async def begin(self, intent: Intent) -> None:
        """Note a send before it happens; a durable ledger returns when that is committed."""
        ...

    async def finish(self, attempt: Attempt) -> None:
        """Note how an attempt ended, begun or never sent. Of two endings the first stands."""
        ...

    async def record(self, request: Request, reply: Reply, ended: Sequence[Attempt] = ()) -> None:
        """Note a request with its decision and reply, and how its last attempts `ended`; the others
        are noted by `finish`."""
        ...

    async def enqueue(self, entry: QueueEntry) -> None:
        """Note a request that waits."""
        ...

    async def notice(self, notice: Notice) -> None:
        """Note what operators are told."""
        ...

    async def incident(self, incident: Incident) -> None:
        """Note how an incident stands, in the place of what was noted of it before."""
        ...

    async def flush(self) -> None:
        """Return when everything noted so far is as safe as this ledger makes it."""
        ...


class DiscardingLedger:
    """A ledger that keeps nothing, for requests that nobody will ask about again."""

    async def begin(self, intent: Intent) -> None:
        """Keep nothing."""

    async def finish(self, attempt: Attempt) -> None:
        """Keep nothing."""

    async def record(self, request: Request, reply: Reply, ended: Sequence[Attempt] = ()) -> None:
        """Keep nothing."""

    async def enqueue(self, entry: QueueEntry) -> None:
        """Keep nothing."""

    async def notice(self, notice: Notice) -> None:
        """Keep nothing."""

    async def incident(self, incident: Incident) -> None:
        """Keep nothing."""

    async def flush(self) -> None:
        """Nothing is kept, so nothing is waited for."""
