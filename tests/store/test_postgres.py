"""What is particular to a store on a server; that the rest is alike, the other tests show."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from orchestra_kit.core.errors import StoreBusy, StoreError, StoreTooNew
from orchestra_kit.store import schema
from orchestra_kit.store.opening import place_of
from orchestra_kit.store.store import Store
from tests.store.values import a_batch, started_run

ROOT = Path(__file__).resolve().parents[2]


def test_a_second_writer_is_told_which_process_writes_and_may_read(server):
    with Store.open(server) as store:
        run_id = started_run(store)
        with pytest.raises(StoreBusy, match=f"process {os.getpid()} is writing"):
            Store.open(server)
        with Store.open(server, read_only=True) as reading:
            assert [run.id for run in reading.runs()] == [run_id]
    Store.open(server).close()


def test_a_killed_writer_does_not_keep_the_store(server):
    code = (
        "import os, sys; from orchestra_kit.store.store import Store; "
        "from tests.store.values import started_run; "
        "started_run(Store.open(sys.argv[1])); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, server], cwd=ROOT, check=False)
    with Store.open(server) as store:
        assert len(store.runs()) == 1


def test_a_newer_store_is_refused_and_left_as_it_was(server):
    engine = create_engine(place_of(server).address)
    change = f"UPDATE {schema.VERSION_TABLE} SET version_num = :version"
    with engine.begin() as connection:
        connection.execute(text(change), {"version": "0009"})
    try:
        with pytest.raises(StoreTooNew, match="version 0009"):
            Store.open(server)
    finally:
        with engine.begin() as connection:
            connection.execute(text(change), {"version": schema.VERSIONS[-1]})
        engine.dispose()


def test_a_day_is_written_whole_or_not_at_all(server):
    with Store.open(server) as store:
        run_id = started_run(store)
        store.write(a_batch(run_id, *range(500)))
        with pytest.raises(StoreError, match="holds such a row already"):
            store.write(a_batch(run_id, *range(499, 1000)))
        assert store.count_requests(run_id) == 500


def test_a_server_that_is_not_there_is_told_in_one_sentence():
    pytest.importorskip("psycopg", reason="pip install 'orchestra_kit[postgres]'")
    for read_only in (False, True):
        with pytest.raises(StoreError, match="cannot be reached") as refused:
            Store.open("postgres://ana:hunter2@127.0.0.1:1/none", read_only=read_only)
        assert "hunter2" not in str(refused.value)


def test_without_its_driver_a_server_is_refused_with_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StoreError, match=r"pip install 'orchestra_kit\[postgres\]'"):
        Store.open("postgresql://127.0.0.1/test")
