"""A store opens quickly, or says in one sentence why not, and never harms what it finds."""

from __future__ import annotations

import os
import shutil
import sqlite3
import statistics
import time
from pathlib import Path

import pytest

from orchestra_kit.core.errors import (
    StoreError,
)
from orchestra_kit.store import sqlite_file
from orchestra_kit.store.store import Store
from tests.store.processes import a_process
from tests.store.values import a_batch, started_run


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
    seconds, loaded = a_process(code, path).communicate()[0].split()
    assert float(seconds) < 0.05
    assert loaded == "False"


def test_a_password_is_never_shown():
    with pytest.raises(StoreError) as refused:
        Store.open("postgresql://ana:hunter2@127.0.0.1:1/none")
    assert "hunter2" not in str(refused.value)


def test_somebody_elses_database_is_refused_and_left_as_it_was(tmp_path):
    path = tmp_path / "recipes.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE recipes (name)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="not a store of orchestra_kit"):
        Store.open(path)
    assert path.read_bytes() == before


def test_reading_a_store_without_tables_says_what_to_do(tmp_path):
    path = tmp_path / "empty.db"
    path.touch()
    with pytest.raises(StoreError, match="Open it once for writing"):
        Store.open(path, read_only=True)


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
        read, refused = a_process(code, copy).communicate()[0].splitlines()
    finally:
        shutil.rmtree(folder)
    assert read == "1 ()"
    assert "may not be written to" in refused
    assert "read_only=True" in refused


def test_opening_stays_quick_beside_a_full_table(filled):
    with Store.open(filled) as store:
        store.write(a_batch(started_run(store), *range(3000)))
    times = []
    for _ in range(5):
        start = time.perf_counter()
        Store.open(filled).close()
        times.append(time.perf_counter() - start)
    assert statistics.median(times) < 0.05


def test_a_file_system_without_shared_memory_is_refused_with_what_to_do(tmp_path, monkeypatch):
    real = sqlite_file._connect
    # As on a network: this way of SQLite's to reach files has no shared memory either.
    monkeypatch.setattr(
        sqlite_file, "_connect", lambda path, options: real(path, f"{options}&vfs=unix-none")
    )
    with pytest.raises(StoreError, match="local folder, not on a network"):
        Store.open(tmp_path / "store.db")


def test_a_store_that_was_copied_without_its_log_opens_as_it_was_before(filled, tmp_path):
    copy = tmp_path / "copy.db"
    with Store.open(filled) as store:
        started_run(store)
        shutil.copy(filled, copy)
        assert len(store.runs()) == 2
    with Store.open(copy) as store:
        assert store.check() == ()
        assert len(store.runs()) == 1
