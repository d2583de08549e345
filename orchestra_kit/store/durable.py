"""The ledger that survives: what it has acknowledged is on the disk."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import Connection

from orchestra_kit.core.clock import Clock
from orchestra_kit.core.reply import Attempt, Incident, Notice, Reply
from orchestra_kit.core.request import Request
from orchestra_kit.store.ledger import Intent, QueueEntry
from orchestra_kit.store.rows import Rows
from orchestra_kit.store.statements import Note, Statements, write_notes
from orchestra_kit.store.writer import Writer

__all__ = ["DurableLedger"]


class DurableLedger:
    """Writes each note in the next commit, and returns when that is done.

    Virtual time stands still meanwhile. Who is cancelled while waiting does not wait any longer,
    but the row is written all the same. `Store.ledger` makes one.
    """

    def __init__(self, writer: Writer, statements: Statements, rows: Rows, clock: Clock) -> None:
        self._writer = writer
        self._statements = statements
        self._rows = rows
        self._clock = clock

    async def begin(self, intent: Intent) -> None:
        """Commit a send's intent; raises StoreError where it began before."""
        await self._insert((self._statements.begin, self._rows.sending(intent)))

    async def finish(self, attempt: Attempt) -> None:
        """Commit how an attempt ended; of two endings the first stands."""
        await self._insert((self._statements.finish, self._rows.done(attempt)))

    async def record(self, request: Request, reply: Reply, ended: Sequence[Attempt] = ()) -> None:
        """Commit a request, its decision, its reply and how attempts `ended`, all or nothing;
        raises StoreError for a second time."""
        prompt, changed = self._rows.prompt(request, self._clock.now())
        notes = [
            *((self._statements.finish, self._rows.done(attempt)) for attempt in ended),
            (self._statements.request, self._rows.request(request, reply, prompt)),
            (self._statements.decision, self._rows.decision(reply.decision)),
        ]
        if changed is not None:
            notes.append((self._statements.notice, changed))
        await self._insert(*notes)

    async def enqueue(self, entry: QueueEntry) -> None:
        """Commit a request that waits."""
        await self._insert((self._statements.queue, self._rows.queued(entry)))

    async def notice(self, notice: Notice) -> None:
        """Commit what operators are told."""
        await self._insert((self._statements.notice, self._rows.notice(notice)))

    async def incident(self, incident: Incident) -> None:
        """Commit how an incident stands, in the place of what was noted of it before."""
        await self._insert((self._statements.incident, self._rows.incident(incident)))

    async def flush(self) -> None:
        """Return when everything that was noted before has been committed."""
        await self._wait_for(lambda _: None)

    async def _insert(self, *notes: Note) -> None:
        await self._wait_for(lambda connection: write_notes(connection, notes))

    async def _wait_for(self, work: Callable[[Connection], None]) -> None:
        with self._clock.outside():
            await self._writer.submit(work)
