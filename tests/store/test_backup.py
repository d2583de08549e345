"""A backup is whole, whoever writes meanwhile; a restore never loses what was there."""

from __future__ import annotations

import os
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from orchestra_kit.core.clock import VirtualClock
from orchestra_kit.core.errors import StoreBusy, StoreCorrupt, StoreError
from orchestra_kit.store import copying, schema
from orchestra_kit.store.backup import backup, restore
from orchestra_kit.store.store import Store
from tests.store.old_stores import bring_to, contents_of, engine_of, fill, filled_everywhere
from tests.store.processes import a_process
from tests.store.values import a_batch, started_run

CLOCK = VirtualClock(datetime(2026, 11, 23, 7, 30, tzinfo=UTC))


@pytest.fixture
def full(place: str) -> str:
    """A store with rows in all its tables."""
    return filled_everywhere(place)


def test_a_backup_holds_every_row(full, tmp_path):
    file = tmp_path / "backups" / "monday.db"
    done = backup(full, file, progress=False)
    assert contents_of(file) == contents_of(full)
    assert done.rows == {name: len(rows) for name, rows in contents_of(full).items()}
    assert done.bytes == file.stat().st_size
    assert [p.name for p in file.parent.iterdir()] == ["monday.db"]


def test_a_backup_can_be_taken_while_others_write(path, tmp_path):
    code = """
        import sys
        from itertools import count
        from orchestra_kit.store.store import Store
        from tests.store.values import a_batch, started_run
        with Store.open(sys.argv[1], durable=False) as store:
            run_id = started_run(store)
            for number in count():
                store.write(a_batch(run_id, *range(number * 20, number * 20 + 20)))
                if number == 3:
                    print("writing", flush=True)
    """
    writer = a_process(code, path)
    try:
        assert writer.stdout is not None
        writer.stdout.readline()
        for number in range(5):
            file = tmp_path / f"{number}.db"
            done = backup(path, file, progress=False)
            assert done.rows["requests"] == done.rows["decisions"] == done.rows["attempts"]
            assert done.rows["requests"] % 20 == 0, "a batch is there whole or not at all"
            with Store.open(file, read_only=True) as copy:
                assert copy.check() == ()
    finally:
        writer.kill()
        writer.communicate()
    assert done.rows["requests"] >= 80


def test_a_backup_of_a_server_shows_one_moment(server, tmp_path, monkeypatch):
    with Store.open(server) as store:
        run_id = started_run(store)
        store.write(a_batch(run_id, *range(10)))
        written = iter([None])

        def write_meanwhile(rows):
            for _ in written:
                store.write(a_batch(run_id, *range(100, 110)))
            return plain_rows(rows)

        plain_rows = copying.plain_rows
        monkeypatch.setattr(copying, "plain_rows", write_meanwhile)
        done = backup(server, tmp_path / "copy.db", progress=False)
        assert store.count_requests(run_id) == 20
    for table in ("requests", "decisions", "attempts", "queue", "notices"):
        assert done.rows[table] == 10


def test_a_backup_holds_what_is_only_in_the_log_yet(path, tmp_path):
    with Store.open(path) as store:
        started_run(store)
        assert path.with_name("store.db-wal").stat().st_size
        assert backup(path, tmp_path / "copy.db", progress=False).rows["runs"] == 1


def test_a_file_that_is_there_is_not_replaced_unasked(path, tmp_path):
    file = tmp_path / "copy.db"
    file.write_text("precious")
    with pytest.raises(StoreError, match="--replace"):
        backup(path, file, progress=False)
    assert file.read_text() == "precious"
    backup(path, file, replace=True, progress=False)
    Store.open(file, read_only=True).close()


def test_a_store_is_not_backed_up_into_itself_or_a_folder(path, tmp_path):
    with pytest.raises(StoreError, match="into itself"):
        backup(path, path, replace=True)
    with pytest.raises(StoreError, match="is a folder"):
        backup(path, tmp_path)


def test_no_backup_is_made_of_what_is_no_store(tmp_path):
    with pytest.raises(StoreError, match="there is no store"):
        backup(tmp_path / "missing.db", tmp_path / "copy.db")
    (tmp_path / "empty.db").touch()
    with pytest.raises(StoreError, match="holds no tables"):
        backup(tmp_path / "empty.db", tmp_path / "copy.db")
    assert not (tmp_path / "copy.db").exists()


def test_a_damaged_store_gives_no_backup_and_leaves_nothing_behind(filled, tmp_path):
    whole = bytearray(filled.read_bytes())
    for page in range(3, len(whole) // 8192, 2):
        whole[page * 8192 : page * 8192 + 400] = b"\xff" * 400
    filled.write_bytes(whole)
    folder = tmp_path / "backups"
    with pytest.raises(StoreCorrupt):
        backup(filled, folder / "copy.db", progress=False)
    assert not folder.exists() or list(folder.iterdir()) == []


def test_a_backup_of_an_older_version_keeps_its_version(tmp_path):
    old, file = tmp_path / "old.db", tmp_path / "copy.db"
    engine = engine_of(str(old))
    with engine.begin() as connection:
        bring_to(connection, "0001")
        rows = fill(connection)
    engine.dispose()
    backup(old, file, progress=False)
    assert contents_of(file) == rows
    with Store.open(file) as store:
        assert len(store.runs()) == len(rows["runs"])


# Restoring


def test_a_backup_can_be_restored_where_nothing_is(full, tmp_path):
    file, there = tmp_path / "copy.db", tmp_path / "new" / "store.db"
    backup(full, file, progress=False)
    done = restore(file, there, progress=False)
    assert done.kept == ""
    assert contents_of(there) == contents_of(full)
    assert sorted(p.name for p in there.parent.iterdir()) == ["store.db"]


def test_a_backup_can_be_restored_into_an_empty_store_of_either_kind(full, tmp_path, request):
    file = tmp_path / "copy.db"
    backup(full, file, progress=False)
    before = contents_of(full)
    if full.startswith("postgresql"):
        there = str(tmp_path / "there.db")
        Store.open(there).close()
    else:
        there = request.getfixturevalue("server")
    done = restore(file, there, progress=False)
    assert contents_of(there) == before
    assert done.rows == {name: len(rows) for name, rows in before.items()}
    with Store.open(there) as store:
        store.write(a_batch(started_run(store), 1, 2))  # numbers go on behind those restored


def test_a_store_with_rows_is_not_replaced_unasked(full, path, tmp_path):
    file = tmp_path / "copy.db"
    backup(path, file, progress=False)
    before = contents_of(full)
    with pytest.raises(StoreError, match="backed up first"):
        restore(file, full, progress=False)
    assert contents_of(full) == before


def test_what_was_there_is_kept_beside(full, tmp_path):
    other = tmp_path / "other.db"
    with Store.open(other) as store:
        run_id = started_run(store)
    file = tmp_path / "copy.db"
    backup(other, file, progress=False)
    before = contents_of(full)
    done = restore(file, full, replace=True, progress=False, clock=CLOCK)
    assert "before-20261123T073000Z" in done.kept
    assert contents_of(done.kept) == before
    with Store.open(full, read_only=True) as store:
        assert [run.id for run in store.runs()] == [run_id]


def test_a_damaged_store_is_kept_as_it_is_when_a_backup_takes_its_place(filled, tmp_path):
    file = tmp_path / "copy.db"
    backup(filled, file, progress=False)
    filled.write_bytes(filled.read_bytes()[: 5 * 8192])
    damaged = filled.read_bytes()
    with pytest.raises(StoreError, match="--replace"):
        restore(file, filled, progress=False)
    done = restore(file, filled, replace=True, progress=False)
    assert Path(done.kept).read_bytes() == damaged
    assert contents_of(filled) == contents_of(file)


def test_a_damaged_backup_is_not_restored(filled, tmp_path):
    file = tmp_path / "copy.db"
    backup(filled, file, progress=False)
    file.write_bytes(file.read_bytes()[:-8192])
    there = tmp_path / "there.db"
    with pytest.raises(StoreCorrupt):
        restore(file, there, progress=False)
    assert not there.exists()
    with pytest.raises(StoreError, match="there is no backup"):
        restore(tmp_path / "missing.db", there)


def test_nothing_is_restored_under_a_writer(path, tmp_path):
    file = tmp_path / "copy.db"
    backup(path, file, progress=False)
    with Store.open(path), pytest.raises(StoreBusy, match=f"pid {os.getpid()}"):
        restore(file, path, replace=True, progress=False)


def test_a_log_that_a_killed_writer_left_does_not_spoil_what_is_restored(path, tmp_path):
    file = tmp_path / "copy.db"
    backup(path, file, progress=False)
    code = """
        import os, sys
        from orchestra_kit.store.store import Store
        from tests.store.values import started_run
        started_run(Store.open(sys.argv[1]))
        os._exit(9)
    """
    a_process(code, path).communicate()
    assert path.with_name("store.db-wal").stat().st_size
    done = restore(file, path, replace=True, progress=False)
    with Store.open(path) as store:
        assert store.runs() == ()
        assert store.check() == ()
        kinds = [row[0] for row in store.rows(select(schema.notices.c.kind))]
        assert kinds == [], "a log that was taken away on purpose is no lost log"
    with Store.open(done.kept, read_only=True) as kept:
        assert len(kept.runs()) == 1


def test_a_backup_is_one_file_that_any_sqlite_opens(filled, tmp_path):
    file = tmp_path / "copy.db"
    backup(filled, file, progress=False)
    connection = sqlite3.connect(f"file:{file}?mode=ro&immutable=1", uri=True)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    assert connection.execute("SELECT count(*) FROM requests").fetchone() == (60,)
    connection.close()
