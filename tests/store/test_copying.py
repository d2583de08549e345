"""A store moves between SQLite and PostgreSQL whole, and an interrupted move is taken up again."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from orchestra_kit.core.errors import StoreBusy, StoreError
from orchestra_kit.store import copying, schema
from orchestra_kit.store.copying import copy_store, upgrade
from orchestra_kit.store.store import Store
from tests.store.old_stores import bring_to, contents_of, engine_of, fill, filled_everywhere
from tests.store.values import a_batch, started_run


@pytest.fixture(params=["to a server", "from a server", "to a file"])
def way(request, tmp_path) -> tuple[str, str]:
    """A full store, and where it is to go."""
    if request.param == "to a server":
        source = str(request.getfixturevalue("path"))
        return filled_everywhere(source), request.getfixturevalue("server")
    name = "server" if request.param == "from a server" else "path"
    return filled_everywhere(str(request.getfixturevalue(name))), str(tmp_path / "new.db")


def test_everything_arrives(way):
    source, target = way
    copied = copy_store(source, target, progress=False)
    assert contents_of(target) == contents_of(source)
    assert {table.name for table in copied} == set(schema.metadata.tables)
    assert {table.name: table.rows for table in copied} == {
        name: len(rows) for name, rows in contents_of(source).items()
    }


def test_a_move_that_was_interrupted_is_taken_up_again(way, monkeypatch):
    source, target = way
    monkeypatch.setattr(copying, "_BATCH", 7)
    calls = iter(range(20))

    def interrupt(*arguments):
        if next(calls, None) is None:
            raise KeyboardInterrupt
        return batches(*arguments)

    batches = copying.plain_rows
    with monkeypatch.context() as patch:
        patch.setattr(copying, "plain_rows", interrupt)
        with pytest.raises(KeyboardInterrupt):
            copy_store(source, target, progress=False)
    there = sum(map(len, contents_of(target).values()))
    assert 0 < there < sum(map(len, contents_of(source).values()))
    copied = copy_store(source, target, progress=False)
    assert contents_of(target) == contents_of(source)
    assert sum(table.new for table in copied) <= sum(table.rows for table in copied) - there + 1
    again = copy_store(source, target, progress=False)
    assert sum(table.new for table in again) == 0


def test_rows_are_numbered_behind_those_that_came(way):
    source, target = way
    copy_store(source, target, progress=False)
    with Store.open(target) as store:
        store.write(a_batch(started_run(store), 1, 2, 3))
        numbers = [row.id for row in store.rows(schema.notices.select())]
    assert len(numbers) == len(set(numbers)) == len(contents_of(source)["notices"]) + 3


def test_equal_prompts_are_told_to_be_equal_after_the_move(path, tmp_path):
    with Store.open(path) as store:
        digest = store.capture.digest("Write about tea")
    copy_store(path, tmp_path / "new.db", progress=False)
    with Store.open(tmp_path / "new.db") as store:
        assert store.capture.digest("Write about tea") == digest


def test_a_place_with_rows_of_its_own_is_left_alone(way):
    source, target = way
    with Store.open(target) as store:
        store.write(a_batch(started_run(store), 1))
    before = contents_of(target)
    with pytest.raises(StoreError, match="do not come from this store"):
        copy_store(source, target, progress=False)
    assert contents_of(target) == before


def test_a_row_that_differs_is_told(way):
    source, target = way
    copy_store(source, target, progress=False)
    engine = engine_of(target)
    with engine.begin() as connection:
        connection.execute(text("UPDATE attempts SET cost = cost + 1 WHERE number = 3"))
    engine.dispose()
    with pytest.raises(StoreError, match=r"the table attempts of .* differs"):
        copy_store(source, target, progress=False)


def test_nothing_is_copied_under_a_writer_or_onto_itself(path, tmp_path):
    with Store.open(path), pytest.raises(StoreBusy):
        copy_store(path, tmp_path / "new.db", progress=False)
    with pytest.raises(StoreError, match="onto itself"):
        copy_store(path, path)


def test_an_upgrade_says_from_where_it_came(tmp_path):
    old = tmp_path / "old.db"
    engine = engine_of(str(old))
    with engine.begin() as connection:
        bring_to(connection, "0001")
        fill(connection)
    engine.dispose()
    done = upgrade(old)
    assert (done.before, done.after) == ("0001", schema.VERSIONS[-1])
    again = upgrade(old)
    assert again.before == again.after == schema.VERSIONS[-1]
    with pytest.raises(StoreError, match="there is no store"):
        upgrade(tmp_path / "missing.db")
    assert not (tmp_path / "missing.db").exists()
