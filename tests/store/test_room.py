"""A disk that is full is told; what was acknowledged stays, and writing goes on afterwards."""

from __future__ import annotations

import pytest

from orchestra_kit.core.errors import (
    StoreFull,
)
from orchestra_kit.store.store import Store
from tests.store.processes import a_process
from tests.store.values import a_batch, started_run


def test_a_full_disk_is_told_and_writing_goes_on_when_there_is_room(path):
    code = """
        import resource, sys
        from orchestra_kit.core.errors import StoreFull
        from orchestra_kit.store.store import Store
        from tests.store.values import a_batch, started_run

        store = Store.open(sys.argv[1])
        run_id = started_run(store)
        batch = a_batch(run_id, *range(1000))
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
        try:
            store.write(batch)
        except StoreFull as error:
            print(str(error))
        print(store.count_requests(run_id))
        unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
        store.write(batch)
        print(store.count_requests(run_id), store.check())
        store.close()
    """
    told, none, after = a_process(code, path).communicate()[0].splitlines()
    assert "no room left" in told
    assert "Free some space" in told
    assert none == "0"
    assert after == "1000 ()"


def test_a_database_that_may_not_grow_says_that_it_is_full(store):
    run_id = started_run(store)
    store._writing.call(
        lambda connection: connection.exec_driver_sql("PRAGMA max_page_count = 60").all()
    )
    with pytest.raises(StoreFull):
        store.write(a_batch(run_id, *range(1000)))
    assert store.count_requests(run_id) == 0


def test_what_was_acknowledged_before_the_disk_was_full_stays_and_notes_go_on_after(path):
    code = """
        import asyncio, resource, sys
        from orchestra_kit.core.answer import Source
        from orchestra_kit.core.clock import SystemClock
        from orchestra_kit.core.errors import StoreFull
        from orchestra_kit.store.store import Store
        from tests.store.values import a_reply, a_request, an_attempt, an_intent, started_run

        store = Store.open(sys.argv[1])
        ledger = store.ledger(started_run(store), Source.SIMULATED, SystemClock())
        acknowledged, refused = [], 0

        async def note(number):
            global refused
            request = a_request(number)
            attempt = an_attempt(request)
            try:
                await ledger.begin(an_intent(request))
                await ledger.finish(attempt)
                await ledger.record(request, a_reply(request, attempt))
            except StoreFull:
                refused += 1
            else:
                acknowledged.append(request.id)

        async def notes(first):
            await asyncio.gather(*(note(number) for number in range(first, first + 100)))

        asyncio.run(notes(0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_500_000, resource.RLIM_INFINITY))
        while not refused:
            asyncio.run(notes(len(acknowledged)))
        before = len(acknowledged)
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        asyncio.run(notes(10_000))
        print(before, refused, len(acknowledged) - before)
        from sqlalchemy import select
        from orchestra_kit.store import schema
        there = {row.id for row in store.rows(select(schema.requests.c.id))}
        print(sorted(set(acknowledged) - there), store.check())
        store.close()
    """
    counts, kept = a_process(code, path).communicate()[0].splitlines()
    before, refused, after = map(int, counts.split())
    assert before >= 100
    assert refused > 0
    assert after == 100
    assert kept == "[] ()"


def test_a_log_that_a_reader_kept_long_is_cut_back_when_it_has_gone(path, monkeypatch):
    monkeypatch.setattr("orchestra_kit.store.sqlite_file._LOG_BYTES", 2**20)
    log = path.with_name("store.db-wal")
    with Store.open(path, durable=False) as store:
        run_id = started_run(store)
        with Store.open(path, read_only=True) as reader, reader.connect() as snapshot:
            snapshot.exec_driver_sql("SELECT count(*) FROM runs").all()
            for part in range(4):
                store.write(a_batch(run_id, *range(part * 1500, part * 1500 + 1500)))
            held = log.stat().st_size
            assert held > 10 * 2**20, "nothing can be moved into the file under a reader's eyes"
        for number in range(3):
            store.write(a_batch(run_id, *range(10_000 + number * 1500, 11_500 + number * 1500)))
        assert log.stat().st_size < held
        assert store.count_requests(run_id) == 7 * 1500
