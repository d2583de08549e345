"""Generated traffic must cost the ledger little; measured against what the machine can do."""

from __future__ import annotations

import asyncio
import pickle
import sqlite3
import time
from pathlib import Path

from orchestra_kit.core.answer import Source
from orchestra_kit.store.buffered import BufferedLedger
from orchestra_kit.store.statements import Statements
from orchestra_kit.store.store import Store
from tests.store.values import a_batch, a_reply, a_request, an_attempt, an_intent, started_run

COUNT = 3000


def _seconds_of_sqlite_alone(path: Path, store: Store, batch) -> float:
    """The same rows into the same tables, without anything of ours."""
    assert store._opened is not None
    statements = Statements(store._opened.connection)
    store.close()
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous=NORMAL")
    start = time.perf_counter()
    connection.execute("BEGIN")
    connection.executemany(statements.request, batch.requests)
    connection.executemany(statements.decision, batch.decisions)
    connection.executemany(statements.begin, batch.attempts)
    connection.execute("COMMIT")
    seconds = time.perf_counter() - start
    connection.close()
    return seconds


def test_writing_a_batch_costs_little_more_than_sqlite_alone(tmp_path, path):
    ours, alone = [], []
    for trial in range(3):
        with Store.open(path, durable=False) as store:
            batch = a_batch(started_run(store), *range(COUNT))
            start = time.perf_counter()
            store.write(batch)
            ours.append(time.perf_counter() - start)
        other = tmp_path / f"alone-{trial}.db"
        bare = Store.open(other, durable=False)
        alone.append(_seconds_of_sqlite_alone(other, bare, a_batch("run", *range(COUNT))))
    assert min(ours) < 3 * min(alone)


def test_a_note_in_memory_costs_less_than_copying_the_request_once():
    values = []
    for number in range(COUNT):
        request = a_request(number)
        attempt = an_attempt(request)
        values.append((request, an_intent(request), attempt, a_reply(request, attempt)))

    async def note(ledger: BufferedLedger) -> None:
        for request, intent, attempt, reply in values:
            await ledger.begin(intent)
            await ledger.finish(attempt)
            await ledger.record(request, reply)

    noting, copying = [], []
    for _ in range(3):
        start = time.perf_counter()
        asyncio.run(note(BufferedLedger("run", Source.SIMULATED)))
        noting.append(time.perf_counter() - start)
        start = time.perf_counter()
        for request, _, _, _ in values:
            pickle.loads(pickle.dumps(request))
        copying.append(time.perf_counter() - start)
    assert min(noting) < min(copying)
