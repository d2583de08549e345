"""A store opens quickly, or says in one sentence why not, and never harms what it finds."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import statistics
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from sqlalchemy import select

from orchestra_kit.core.answer import Source
from orchestra_kit.core.errors import (
    StoreBusy,
    StoreCorrupt,
    StoreError,
    StoreFull,
    StoreTooNew,
)
from orchestra_kit.store import schema
from orchestra_kit.store.lock import WriterLock
from orchestra_kit.store.store import Store
from tests.store.test_store import _batch
from tests.store.values import a_request, an_attempt, an_intent, started_run

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def filled(path: Path) -> Path:
    with Store.open(path) as store:
        run_id = started_run(store)
        store.write(_batch(run_id, *range(60)))
    return path


def _in_a_new_process(code: str, *arguments: object, **options: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        **options,
    )


# Where and what


@pytest.mark.parametrize("where", ["", ":memory:", "mysql://host/name", "sqlite://", "://"])
def test_a_place_that_cannot_hold_a_store_is_refused(where):
    with pytest.raises(StoreError):
        Store.open(where)


def test_a_folder_is_no_store(tmp_path):
    with pytest.raises(StoreError, match="path of a file"):
        Store.open(tmp_path)


def test_a_store_is_made_with_its_folder(tmp_path):
    place = tmp_path / "new" / "folder with ? and #" / "100%.db"
    with Store.open(place) as store:
        started_run(store)
    assert place.exists()
    with Store.open(f"sqlite:///{tmp_path}/new/other.db") as store:
        assert store.path == tmp_path / "new" / "other.db"


def test_a_path_without_a_store_is_not_made_by_reading(tmp_path):
    with pytest.raises(StoreError, match="there is no store at"):
        Store.open(tmp_path / "missing.db", read_only=True)
    assert list(tmp_path.iterdir()) == []


def test_an_orderly_end_leaves_one_file(path):
    Store.open(path).close()
    assert sorted(p.name for p in path.parent.iterdir()) == ["store.db"]


def test_closing_twice_does_nothing(path):
    store = Store.open(path)
    store.close()
    store.close()


def test_a_store_that_is_up_to_date_opens_in_a_moment_and_without_alembic(path):
    code = """
        import sys, time
        from orchestra_kit.store.store import Store
        times = []
        for _ in range(5):
            start = time.perf_counter()
            Store.open(sys.argv[1]).close()
            times.append(time.perf_counter() - start)
        print(min(times), "alembic" in sys.modules)
    """
    seconds, loaded = _in_a_new_process(code, path).communicate()[0].split()
    assert float(seconds) < 0.05
    assert loaded == "False"


def test_a_password_is_never_shown():
    with pytest.raises(StoreError) as refused:
        Store.open("postgresql://ana:hunter2@127.0.0.1:1/none")
    assert "hunter2" not in str(refused.value)


# Versions


def test_a_newer_store_is_refused_and_left_as_it_was(filled):
    connection = sqlite3.connect(filled)
    connection.execute(f"UPDATE {schema.VERSION_TABLE} SET version_num = '0009'")
    connection.commit()
    connection.close()
    before = filled.read_bytes()
    for read_only in (False, True):
        with pytest.raises(StoreTooNew, match="version 0009"):
            Store.open(filled, read_only=read_only)
    assert filled.read_bytes() == before


def test_somebody_elses_database_is_refused_and_left_as_it_was(tmp_path):
    path = tmp_path / "recipes.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE recipes (name)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="not a store of orchestra_kit"):
        Store.open(path)
    assert path.read_bytes() == before


def test_a_migration_that_is_interrupted_leaves_nothing_and_succeeds_later(tmp_path, monkeypatch):
    path = tmp_path / "store.db"

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("alembic.op.create_index", interrupt)
        with pytest.raises(KeyboardInterrupt):
            Store.open(path)
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT name FROM sqlite_master").fetchall() == []
    connection.close()
    with Store.open(path) as store:
        started_run(store)


def test_reading_a_store_without_tables_says_what_to_do(tmp_path):
    path = tmp_path / "empty.db"
    path.touch()
    with pytest.raises(StoreError, match="Open it once for writing"):
        Store.open(path, read_only=True)


# Damage


def test_a_file_that_is_no_database_is_refused_with_a_way_to_salvage(tmp_path):
    path = tmp_path / "notes.db"
    path.write_text("not a database at all, but long enough to have a header " * 100)
    before = path.read_bytes()
    with pytest.raises(StoreCorrupt, match=r"sqlite3 '.*notes\.db' \.recover"):
        Store.open(path)
    assert path.read_bytes() == before


def _read_all(path: Path) -> list[list[tuple[object, ...]]]:
    with Store.open(path, read_only=True) as store:
        assert store.check() == ()
        tables = schema.metadata.sorted_tables
        return [
            [tuple(r) for r in store.rows(select(t).order_by(*t.primary_key.columns))]
            for t in tables
        ]


def test_a_file_cut_short_anywhere_is_refused(filled, tmp_path):
    whole = filled.read_bytes()
    assert len(whole) > 20 * 4096
    short = tmp_path / "short.db"
    for length in range(4096, len(whole), 4096):
        short.write_bytes(whole[:length])
        for read_only in (True, False):
            with pytest.raises(StoreCorrupt):
                Store.open(short, read_only=read_only)
        assert short.stat().st_size == length


def test_a_flipped_byte_is_told_as_our_error_or_changes_only_values(filled, tmp_path):
    """Without checksums a changed value cannot be told from a right one; a changed structure is."""
    whole = bytearray(filled.read_bytes())
    chance = random.Random(11)
    told = 0
    for trial in range(150):
        place = chance.randrange(len(whole)) if trial % 3 else chance.randrange(100)
        damaged = bytearray(whole)
        damaged[place] ^= chance.randrange(1, 256)
        copy = tmp_path / "damaged.db"
        copy.write_bytes(damaged)
        try:
            _read_all(copy)
        except (StoreError, AssertionError):
            told += 1
        except (ValueError, OverflowError):
            pytest.fail(f"byte {place} of {filled} came out as a bare exception")
    assert told > 20


def test_a_lost_log_is_told_to_operators(filled):
    code = """
        import os, sys
        from orchestra_kit.store.store import Store
        from tests.store.values import started_run
        started_run(Store.open(sys.argv[1]))
        os._exit(9)
    """
    _in_a_new_process(code, filled).communicate()
    log = filled.with_name("store.db-wal")
    assert log.stat().st_size > 0, "the process was to leave a log behind"
    log.unlink()
    with Store.open(filled) as store:
        kinds = {row.kind for row in store.rows(select(schema.notices.c.kind))}
        assert "store_log_lost" in kinds
        assert len(store.runs()) == 1, "what had reached the file is all that is there"


def test_what_a_killed_process_left_in_the_log_is_there(filled):
    code = """
        import os, sys
        from orchestra_kit.store.store import Store
        from tests.store.values import started_run
        started_run(Store.open(sys.argv[1]))
        os._exit(9)
    """
    _in_a_new_process(code, filled).communicate()
    with Store.open(filled, read_only=True) as store:
        assert len(store.runs()) == 2
    with Store.open(filled) as store:
        assert len(store.runs()) == 2
        kinds = {row.kind for row in store.rows(select(schema.notices.c.kind))}
        assert "store_log_lost" not in kinds


def test_a_writer_killed_between_closing_and_unlocking_lost_nothing(filled, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(WriterLock, "release", WriterLock.let_go)
        Store.open(filled).close()
    assert filled.with_name("store.db.lock").exists()
    with Store.open(filled) as store:
        kinds = {row.kind for row in store.rows(select(schema.notices.c.kind))}
        assert "store_log_lost" not in kinds


def test_a_new_store_is_whole_without_its_log(tmp_path):
    code = """
        import os, sys
        from orchestra_kit.store.store import Store
        Store.open(sys.argv[1])
        os._exit(9)
    """
    path = tmp_path / "new.db"
    _in_a_new_process(code, path).communicate()
    path.with_name("new.db-wal").unlink()
    with Store.open(path, read_only=True) as store:
        assert store.runs() == ()


# Room


def test_a_full_disk_is_told_and_writing_goes_on_when_there_is_room(path):
    code = """
        import resource, sys
        from orchestra_kit.core.errors import StoreFull
        from orchestra_kit.store.store import Store
        from tests.store.test_store import _batch
        from tests.store.values import started_run

        store = Store.open(sys.argv[1])
        run_id = started_run(store)
        batch = _batch(run_id, *range(1000))
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
    told, none, after = _in_a_new_process(code, path).communicate()[0].splitlines()
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
        store.write(_batch(run_id, *range(1000)))
    assert store.count_requests(run_id) == 0


# One writer


def test_a_second_writer_in_this_process_is_told_so(path):
    with Store.open(path), pytest.raises(StoreBusy, match=rf"pid {os.getpid()}\) has"):
        Store.open(path)
    Store.open(path).close()


def test_a_second_writer_is_told_which_process_writes_and_may_read(path):
    code = """
        import sys
        from orchestra_kit.store.store import Store
        from tests.store.values import started_run
        store = Store.open(sys.argv[1])
        started_run(store)
        print("open", flush=True)
        sys.stdin.read()
        store.close()
    """
    other = _in_a_new_process(code, path)
    assert other.stdout is not None
    assert other.stdout.readline() == "open\n"
    with pytest.raises(StoreBusy, match=f"process {other.pid} is writing"):
        Store.open(path)
    with Store.open(path, read_only=True) as reading:
        assert len(reading.runs()) == 1
    other.communicate("")
    with Store.open(path) as store:
        assert len(store.runs()) == 1


def test_a_lock_file_that_was_left_behind_is_harmless(path):
    path.with_name("store.db.lock").write_text("99999999")
    with Store.open(path) as store:
        started_run(store)
    assert not path.with_name("store.db.lock").exists()


def test_children_that_outlive_a_killed_writer_do_not_keep_the_store(path):
    code = """
        import os, signal, sys
        from orchestra_kit.store.store import Store
        store = Store.open(sys.argv[1])
        child = os.fork()
        if child == 0:
            os.close(1)
            signal.pause()
        print(child, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    """
    orphan = int(_in_a_new_process(code, path).communicate()[0])
    try:
        os.kill(orphan, 0)  # it is alive
        with Store.open(path) as store:
            started_run(store)
    finally:
        os.kill(orphan, 9)


def test_a_store_that_another_program_keeps_locked_is_busy(path, monkeypatch):
    monkeypatch.setattr("orchestra_kit.store.sqlite_file._BUSY_SECONDS", 0.05)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreBusy, match="another program"):
        Store.open(path)
    other.rollback()
    other.close()
    Store.open(path).close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody without rights")
def test_a_store_in_a_folder_that_may_only_be_read_can_be_read(filled):
    code = """
        import os, sys
        from orchestra_kit.core.errors import StoreError
        from orchestra_kit.store.store import Store
        os.setuid(65534)
        store = Store.open(sys.argv[1], read_only=True)
        print(len(store.runs()), store.check())
        try:
            Store.open(sys.argv[1])
        except StoreError as error:
            print(error)
    """
    folder = Path("/tmp") / f"orchestra-read-only-{os.getpid()}"
    folder.mkdir(mode=0o755)
    try:
        copy = Path(shutil.copy(filled, folder))
        copy.chmod(0o444)
        read, refused = _in_a_new_process(code, copy).communicate()[0].splitlines()
    finally:
        shutil.rmtree(folder)
    assert read == "1 ()"
    assert "may not be written to" in refused
    assert "read_only=True" in refused


# Recovery


def test_sends_that_a_killed_process_left_become_unknown_at_their_upper_cost(place, clock):
    store = Store.open(place)
    run_id = started_run(store, "service")
    traffic = started_run(store)
    ledger = store.ledger(run_id, Source.SIMULATED, clock)

    async def die_midway() -> None:
        await ledger.begin(an_intent(a_request(1), upper="0.12"))
        await ledger.begin(an_intent(a_request(2), upper=None))
        await ledger.begin(an_intent(a_request(3)))
        await ledger.finish(an_attempt(a_request(3)))

    clock.run_sync(die_midway())
    store.close()
    with Store.open(place) as again:
        assert again.recovered == 2
        columns = schema.attempts.c
        query = select(columns.state, columns.outcome, columns.cost, columns.cost_upper)
        rows = {tuple(map(str, row)) for row in again.rows(query)}
        assert rows == {
            ("done", "unknown", "None", "0.12"),
            ("done", "unknown", "None", "None"),
            ("done", "answered", "0.0391", "None"),
        }
        (notice,) = again.rows(select(schema.notices))
        assert (notice.kind, notice.severity, notice.run_id) == ("sends_cut_off", "warning", run_id)
        assert "2 sends were on the way" in notice.message
        assert "at most $0.120 and an unknown amount for 1 of them" in notice.message
        states = {run.id: run.state for run in again.runs()}
        assert states == {run_id: "failed", traffic: "running"}, "traffic can be taken up again"
    with Store.open(place) as third:
        assert third.recovered == 0


def test_opening_stays_quick_beside_a_full_table(filled):
    with Store.open(filled) as store:
        store.write(_batch(started_run(store), *range(3000)))
    times = []
    for _ in range(5):
        start = time.perf_counter()
        Store.open(filled).close()
        times.append(time.perf_counter() - start)
    assert statistics.median(times) < 0.05
