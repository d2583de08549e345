"""An older store becomes the newest without losing a row; a newer one is left alone."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterator

import pytest
from sqlalchemy import create_engine, inspect, text

from orchestra_kit.core.errors import StoreError, StoreTooNew
from orchestra_kit.store import schema
from orchestra_kit.store.store import Store
from tests.store.conftest import SERVER
from tests.store.old_stores import COUNT, bring_to, contents_of, engine_of, fill
from tests.store.processes import a_process
from tests.store.values import started_run


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_place(request: pytest.FixtureRequest, tmp_path) -> Iterator[str]:
    """A path, then an address, where no store has been yet."""
    if request.param == "sqlite":
        yield str(tmp_path / "old.db")
        return
    request.getfixturevalue("server")  # skips where there is no server
    name = f"orchestra_test_{secrets.token_hex(4)}"
    engine = create_engine(SERVER)
    with engine.begin() as connection:
        connection.execute(text(f"CREATE SCHEMA {name}"))
    yield f"{SERVER}?options=-csearch_path%3D{name}"
    with engine.begin() as connection:
        connection.execute(text(f"DROP SCHEMA {name} CASCADE"))
    engine.dispose()


@pytest.fixture
def old_place(empty_place: str) -> str:
    """A store of version 0001, rows in all its tables."""
    engine = engine_of(empty_place)
    with engine.begin() as connection:
        bring_to(connection, "0001")
        fill(connection)
    engine.dispose()
    return empty_place


def test_an_old_store_becomes_the_newest_and_loses_nothing(old_place):
    before = contents_of(old_place)
    assert sum(map(len, before.values())) == COUNT * 10
    Store.open(old_place).close()
    after = contents_of(old_place)
    for table, rows in before.items():
        now = after[table]
        assert len(now) >= len(rows), table  # `settings` gets the key of the digests
        kept = {row[: len(rows[0])] for row in now}
        assert set(rows) <= kept, table
    assert {table: rows for table, rows in after.items() if table not in before} == {
        "incidents": [], "overrides": [], "changes": [], "breakers": [], "answers": [],
    }  # fmt: skip


def test_rows_of_an_old_store_say_nothing_of_what_it_could_not_know(old_place):
    with Store.open(old_place) as store:
        requests, attempts = schema.requests, schema.attempts
        (row, *_) = store.rows(requests.select().order_by(requests.c.id))
        assert (row.team, row.workflow, row.incident) == ("", "", "")
        assert (row.repeats, row.cost_avoided) == (None, None)
        (row, *_) = store.rows(attempts.select().order_by(attempts.c.id))
        assert (row.cost_reported, row.cost_computed, row.first_token) == (None, None, None)
        assert row.queries is None
        assert row.cache_write_tokens is None
        assert row.hedge is False
        assert row.dropped_parameters is None


def test_an_old_store_is_not_read_before_it_was_opened_for_writing(old_place):
    with pytest.raises(StoreError, match="old version 0001"):
        Store.open(old_place, read_only=True)


def test_an_upgrade_that_is_interrupted_changes_nothing_and_succeeds_later(old_place, monkeypatch):
    before = contents_of(old_place)

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("alembic.op.create_table", interrupt)
        with pytest.raises(KeyboardInterrupt):
            Store.open(old_place)
    assert contents_of(old_place) == before
    engine = engine_of(old_place)
    columns = {column["name"] for column in inspect(engine).get_columns("requests")}
    engine.dispose()
    assert "team" not in columns, "columns are added in the transaction that makes the tables"
    with Store.open(old_place) as store:
        started_run(store)


def test_a_process_that_is_killed_while_it_upgrades_harms_nothing(tmp_path):
    place = str(tmp_path / "old.db")
    engine = engine_of(place)
    with engine.begin() as connection:
        bring_to(connection, "0001")
        before = fill(connection)
    engine.dispose()
    code = """
        import os, signal, sys
        import alembic.op
        from orchestra_kit.store.store import Store
        alembic.op.create_table = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
        Store.open(sys.argv[1])
    """
    killed = a_process(code, place)
    killed.communicate()
    assert killed.returncode == -9
    with Store.open(place) as store:
        assert store.check() == ()
        assert len(store.rows(schema.requests.select())) == len(before["requests"])


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
