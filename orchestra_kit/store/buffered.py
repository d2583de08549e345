"""A ledger in memory, for generated traffic: values are kept as they come and made rows at the end.

What it holds is lost with its process. That is right where the whole day would be generated anew
anyway, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from orchestra_kit.core.answer import Source
from orchestra_kit.core.errors import StoreError
from orchestra_kit.core.reply import Attempt, Incident, Notice, Reply
from orchestra_kit.core.request import Request
from orchestra_kit.store.ledger import Intent, QueueEntry
from orchestra_kit.store.rows import Row, Rows, spent_by
from orchestra_kit.store.text import Capture

__all__ = ["Batch", "BufferedLedger"]


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows on their way to `Store.write`, perhaps from another process; pickles compactly."""

    run_id: str
    source: Source
    requests: tuple[Row, ...] = field(repr=False)
    decisions: tuple[Row, ...] = field(repr=False)
    attempts: tuple[Row, ...] = field(repr=False)
    queue: tuple[Row, ...] = field(repr=False)
    notices: tuple[Row, ...] = field(repr=False)
    incidents: tuple[Row, ...] = field(repr=False, default=())

    def __len__(self) -> int:
        """Rows of all tables."""
        told = len(self.queue) + len(self.notices) + len(self.incidents)
        return len(self.requests) + len(self.decisions) + len(self.attempts) + told

    @property
    def spent(self) -> Decimal:
        """Dollars of all attempts, those of unknown cost at their upper bound; what
        `Store.spent_on` says once the batch is written."""
        return spent_by(self.attempts)


class BufferedLedger:
    """Keeps what the engine notes until it is drained.

    `capture` is what becomes of prompts: a store's own `capture`, or nothing.
    """

    def __init__(self, run_id: str, source: Source, *, capture: Capture | None = None) -> None:
        self._rows = Rows(run_id, source, capture or Capture())
        self._sending: dict[str, Intent] = {}
        self._done: dict[str, Attempt] = {}
        self._replies: dict[str, tuple[Request, Reply]] = {}
        self._queued: list[QueueEntry] = []
        self._notices: list[Notice] = []
        self._incidents: dict[str, Incident] = {}

    async def begin(self, intent: Intent) -> None:
        """Keep a send's intent until its end; raises StoreError where it began before."""
        if intent.id in self._sending or intent.id in self._done:
            raise StoreError(f"attempt {intent.id} has begun before; a ledger knows each once.")
        self._sending[intent.id] = intent

    async def finish(self, attempt: Attempt) -> None:
        """Keep how an attempt ended; of two endings the first stands."""
        self._sending.pop(attempt.id, None)
        self._done.setdefault(attempt.id, attempt)

    async def record(self, request: Request, reply: Reply, ended: Sequence[Attempt] = ()) -> None:
        """Keep a request, its reply and how attempts `ended`; raises StoreError for a request
        recorded before."""
        if request.id in self._replies:
            raise StoreError(f"request {request.id} was recorded before; a run knows each once.")
        for attempt in ended:
            await self.finish(attempt)
        self._replies[request.id] = (request, reply)

    async def enqueue(self, entry: QueueEntry) -> None:
        """Keep a request that waits."""
        self._queued.append(entry)

    async def notice(self, notice: Notice) -> None:
        """Keep what operators are told."""
        self._notices.append(notice)

    async def incident(self, incident: Incident) -> None:
        """Keep how an incident stands, in the place of what was kept of it before."""
        self._incidents[incident.id] = incident

    async def flush(self) -> None:
        """Memory is as safe as this ledger gets."""

    def drain(self) -> Batch:
        """Everything that ended since the last time, as rows; sends on their way stay here."""
        rows = self._rows
        requests, decisions, told = [], [], [rows.notice(n) for n in self._notices]
        for request, reply in self._replies.values():
            prompt, changed = rows.prompt(request, request.arrived)
            requests.append(rows.request(request, reply, prompt))
            decisions.append(rows.decision(reply.decision))
            if changed is not None:
                told.append(changed)
        batch = Batch(
            run_id=rows.run_id,
            source=rows.source,
            requests=tuple(requests),
            decisions=tuple(decisions),
            attempts=tuple([rows.done(attempt) for attempt in self._done.values()]),
            queue=tuple([rows.queued(entry) for entry in self._queued]),
            notices=tuple(told),
            incidents=tuple([rows.incident(incident) for incident in self._incidents.values()]),
        )
        self._done, self._replies, self._incidents = {}, {}, {}
        self._queued, self._notices = [], []
        return batch
