"""One process writes, any number read, and who comes second is told who was first."""

from __future__ import annotations

import os
import signal
import sqlite3

import pytest

from orchestra_kit.core.errors import (
    StoreBusy,
)
from orchestra_kit.store.lock import holder_of
from orchestra_kit.store.store import Store
from tests.store.processes import a_process
from tests.store.values import started_run


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
    other = a_process(code, path)
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
    orphan = int(a_process(code, path).communicate()[0])
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


def test_a_writer_that_is_stopped_keeps_the_store_and_goes_on_afterwards(path):
    code = """
        import sys
        from orchestra_kit.store.store import Store
        from tests.store.values import a_batch, started_run
        store = Store.open(sys.argv[1])
        run_id = started_run(store)
        print(run_id, flush=True)
        for number in range(60):
            store.write(a_batch(run_id, number))
        print(store.count_requests(run_id), store.check(), flush=True)
        store.close()
    """
    writer = a_process(code, path)
    assert writer.stdout is not None
    run_id = writer.stdout.readline().strip()
    os.kill(writer.pid, signal.SIGSTOP)
    try:
        with pytest.raises(StoreBusy, match=f"process {writer.pid} is writing"):
            Store.open(path)
        with Store.open(path, read_only=True) as reading:
            seen = reading.count_requests(run_id)
            assert reading.check() == ()
            assert reading.count_requests(run_id) == seen < 60
    finally:
        os.kill(writer.pid, signal.SIGCONT)
    assert writer.communicate()[0] == "60 ()\n"
    with Store.open(path) as store:
        assert store.count_requests(run_id) == 60


def test_who_writes_can_be_asked_without_disturbing_them(path):
    assert holder_of(path) == ""
    with Store.open(path) as store:
        assert holder_of(path) == f"process {os.getpid()}"
        started_run(store)
    assert holder_of(path) == ""
    path.with_name("store.db.lock").write_text("99999999 writing")
    assert holder_of(path) == "", "a file that was left behind holds nothing"
