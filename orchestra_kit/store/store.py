"""`Store`: what happened, kept in a file of SQLite or a PostgreSQL database.

::

    with Store.open("orchestra.db") as store:
        run = store.start_run("service", name="blog", policy="contentforge", ...)
        ledger = store.ledger(run, Source.LIVE, clock)

One process writes at a time, any number read (``Store.open(path, read_only=True)``). The tables
are described in `schema`, for those who ask by SQL.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from sqlalchemy import Connection, Engine, insert, select, update

from orchestra_kit.core.answer import Source
from orchestra_kit.core.clock import Clock, SystemClock
from orchestra_kit.core.decision import Change, Override
from orchestra_kit.core.errors import StoreError
from orchestra_kit.core.ids import new_id
from orchestra_kit.store import routing_changes, runs, schema, sqlite_file
from orchestra_kit.store.access import check_version, open_for_reading, open_for_writing
from orchestra_kit.store.answers import AnswersInStore, drop
from orchestra_kit.store.buffered import Batch
from orchestra_kit.store.durable import DurableLedger
from orchestra_kit.store.faults import told_as_ours
from orchestra_kit.store.opening import Opened, Place, place_of
from orchestra_kit.store.reading import Reader
from orchestra_kit.store.recovery import recover, tell_of_lost_log
from orchestra_kit.store.routing_changes import StoredBreaker
from orchestra_kit.store.rows import Rows
from orchestra_kit.store.runs import Parameters, RunKind, RunState, StoredCell, StoredRun
from orchestra_kit.store.statements import Statements, write_batch
from orchestra_kit.store.text import Capture, CaptureMode
from orchestra_kit.store.writer import Writer

__all__ = ["Store"]

T = TypeVar("T")

_KEY = "prompt_key"


class Store(Reader):
    """An open store. Use `Store.open`; close it, or use it in a ``with``."""

    def __init__(
        self,
        place: Place,
        engine: Engine,
        opened: Opened | None,
        capture: CaptureMode,
        clock: Clock,
    ) -> None:
        super().__init__(place.shown, engine)
        self.place = place.shown
        """Path or address, without a password."""
        self.path: Path | None = place.path
        self.capture = Capture()
        """What becomes of prompts; give it to a `BufferedLedger` whose rows will come here."""
        self.recovered = 0
        """Sends that a killed process left without an ending, and that are `unknown` now."""
        self._clock = clock
        self._opened = opened
        self._writer: Writer | None = None
        if opened is not None:
            with told_as_ours(place.shown), opened.connection.begin():
                self.capture = Capture(capture, _prompt_key(opened.connection))
                self.recovered = recover(opened.connection, clock.now())
                if opened.log_is_gone:
                    tell_of_lost_log(opened.connection, clock.now())
            self._statements = Statements(opened.connection)
            self._writer = Writer(opened.connection, place.shown)

    @classmethod
    def open(
        cls,
        where: str | os.PathLike[str],
        *,
        durable: bool = True,
        read_only: bool = False,
        capture: CaptureMode = "hash",
        clock: Clock | None = None,
    ) -> Store:
        """Open a path or a ``postgresql://`` address, making or updating its tables as needed.

        `durable` commits survive a loss of power; others survive the death of the process only.
        `capture` is what is kept of prompts: ``none``, a keyed ``hash``, or the ``full`` text.
        With `read_only` nothing is made, updated or locked. Raises StoreBusy while another process
        writes, StoreTooNew, StoreCorrupt, StoreFull, and StoreError for what is no store.
        """
        place = place_of(where)
        clock = clock or SystemClock()
        opened = None if read_only else open_for_writing(place, durable=durable)
        try:
            engine = open_for_reading(place)
            if opened is None:
                check_version(engine, place)
            return cls(place, engine, opened, capture, clock)
        except BaseException:
            if opened is not None:
                opened.closing()
                opened.connection.close()
                opened.let_go()
            raise

    def close(self) -> None:
        """Finish what is being written and let others write. A second time does nothing."""
        self._engine.dispose()
        if self._opened is not None and self._writer is not None:
            self._opened.closing()
            self._writer.close()
            self._opened.let_go()
            self._opened, self._writer = None, None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def ledger(self, run_id: str, source: Source, clock: Clock) -> DurableLedger:
        """A ledger for one run, whose every note is committed before it returns."""
        rows = Rows(run_id, source, self.capture)
        return DurableLedger(self._writing, self._statements, rows, clock)

    def answers(self, clock: Clock) -> AnswersInStore:
        """The answers that are kept here to be given again."""
        return AnswersInStore(lambda: self._writing, clock)

    def forget_answers(self, policy: str, task: str = "") -> int:
        """Drop kept answers of a task, or of a whole policy; returns how many there were."""
        return self._writing.call(lambda connection: drop(connection, policy, task))

    def write(self, batch: Batch, *, day: tuple[str, date, int] | None = None) -> None:
        """Write a batch, and the mark of a complete day (run, date, requests), in one transaction.

        Raises StoreError, and writes nothing, where a row or the day is there already.
        """

        def work(connection: Connection) -> None:
            if day is not None:
                run_id, date_, count = day
                now = self._clock.now()
                runs.mark_day(connection, run_id, batch.source, date_, count, now)
            write_batch(connection, self._statements, batch)

        self._writing.call(work)

    def start_run(
        self,
        kind: RunKind,
        *,
        name: str,
        policy: str,
        policy_hash: str,
        source: Source,
        seed: int,
        parameters: Parameters | None = None,
        run_id: str | None = None,
    ) -> str:
        """Write that a run begins; returns its identifier, a new one unless `run_id` gives it."""
        now = self._clock.now()
        run = StoredRun(
            id=run_id or new_id("run", now.timestamp()),
            kind=kind,
            name=name,
            policy=policy,
            policy_hash=policy_hash,
            source=source,
            seed=seed,
            started=now,
            ended=None,
            state="running",
            parameters=parameters or {},
        )
        self._writing.call(lambda connection: runs.add_run(connection, run))
        return run.id

    def finish_run(self, run_id: str, state: RunState = "complete") -> None:
        """Write how a run ended; ``running`` takes it up again."""
        now = self._clock.now()
        self._writing.call(lambda connection: runs.end_run(connection, run_id, state, now))

    def discard_day(self, run_id: str, start: datetime, end: datetime) -> int:
        """Delete a run's requests that arrived from `start` up to `end`, and all that belongs to
        them; returns how many there were."""
        return self._writing.call(
            lambda connection: runs.drop_between(connection, run_id, start, end)
        )

    def save_cell(
        self,
        run_id: str,
        scenario: str,
        epoch: int,
        *,
        passed: bool,
        result: Mapping[str, object],
    ) -> None:
        """Keep a suite's cell, in the place of an earlier one of the same scenario and epoch."""
        cell = StoredCell(
            run_id=run_id, scenario=scenario, epoch=epoch, passed=passed, result=result
        )
        self._writing.call(lambda connection: runs.put_cell(connection, cell))

    def save_policy(self, digest: str, name: str, content: str) -> None:
        """Keep a policy by its content hash; one that is there stays as it is."""
        now = self._clock.now()
        self._writing.call(
            lambda connection: runs.keep_policy(connection, digest, name, content, now)
        )

    def finish_queued(self, number: int) -> None:
        """Close an entry of the queue and erase what was asked; StoreError for one not open."""

        def work(connection: Connection) -> int:
            entry = (schema.queue.c.id == number, schema.queue.c.state == "open")
            values = {"state": "done", "text": "", "asked": None}
            return connection.execute(update(schema.queue).where(*entry).values(values)).rowcount

        if self._writing.call(work) == 0:
            raise StoreError(f"no entry {number} waits in the queues of {self.place}.")

    def add_override(self, override: Override) -> None:
        """Keep an override; raises StoreError for an identifier that is there already."""
        now = self._clock.now()
        self._writing.call(lambda c: routing_changes.put_override(c, override, now))

    def end_override(self, override_id: str) -> None:
        """End an override now; raises StoreError for one that is not there or has ended."""
        now = self._clock.now()
        self._writing.call(lambda c: routing_changes.close_override(c, override_id, now))

    def add_change(self, change: Change) -> None:
        """Write into the journal of what was changed about routing."""
        self._writing.call(lambda c: routing_changes.put_change(c, change))

    def save_breakers(self, rows: Sequence[StoredBreaker]) -> None:
        """Keep how breakers stand, each in the place of what was kept of it before."""
        self._writing.call(lambda c: routing_changes.put_breakers(c, rows))

    def check(self) -> tuple[str, ...]:
        """What is wrong with the file's structure, in the database's words; empty when sound.

        Reads the whole store. A number that was changed on the disk cannot be told from a right
        one; only structure can be checked.
        """
        if self.path is None:
            return ()
        with told_as_ours(self.place), self.connect() as connection:
            sqlite_file.check_size(connection, self.path)
            found = connection.exec_driver_sql("PRAGMA integrity_check").scalars()
            return tuple(line for line in found if line != "ok")

    @property
    def _writing(self) -> Writer:
        if self._writer is None:
            raise StoreError(
                f"the store {self.place} is closed, or was opened for reading only.",
                hint="Open it without read_only to write.",
            )
        return self._writer


def _prompt_key(connection: Connection) -> bytes:
    """The key of the prompt digests; the first process to write makes it."""
    query = select(schema.settings.c.value).where(schema.settings.c.name == _KEY)
    found: str | None = connection.execute(query).scalar()
    if found is None:
        found = secrets.token_hex(32)
        connection.execute(insert(schema.settings).values(name=_KEY, value=found))
    return bytes.fromhex(found)
