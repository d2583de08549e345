"""What a damaged file still holds is saved, and what it cannot be trusted with is not."""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import select

from orchestra_kit.core.errors import StoreCorrupt, StoreError
from orchestra_kit.store import schema
from orchestra_kit.store.salvage import salvage
from orchestra_kit.store.store import Store
from tests.store.old_stores import bring_to, contents_of, engine_of, fill, filled_everywhere
from tests.store.values import a_batch, started_run

PAGE = 8192
COUNT = 600


@pytest.fixture
def large(path: Path) -> Path:
    with Store.open(path, durable=False) as store:
        store.write(a_batch(started_run(store), *range(COUNT)))
    return path


def _read_all(path: Path) -> None:
    with Store.open(path, read_only=True) as store:
        assert store.check() == ()
        for table in schema.metadata.sorted_tables:
            store.rows(select(table))


def _page_numbers(path: Path, table: str) -> list[int]:
    """Pages that hold the table's own rows, as far as its first column gives them away."""
    whole = path.read_bytes()
    connection = sqlite3.connect(path)
    root: int = connection.execute(
        "SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)
    ).fetchone()[0]
    connection.close()
    start = (root - 1) * PAGE
    kind, cells = whole[start], int.from_bytes(whole[start + 3 : start + 5])
    assert kind == 5, "the table was to have more than one page"
    found = []
    for cell in range(cells):
        at = int.from_bytes(whole[start + 12 + 2 * cell : start + 14 + 2 * cell])
        found.append(int.from_bytes(whole[start + at : start + at + 4]))
    return [*found, int.from_bytes(whole[start + 8 : start + 12])]


def _spoil(path: Path, page: int) -> None:
    whole = bytearray(path.read_bytes())
    whole[(page - 1) * PAGE : page * PAGE] = b"\xa5" * PAGE
    path.write_bytes(whole)


def test_a_sound_store_is_saved_whole(place_full, tmp_path):
    done = salvage(place_full, tmp_path / "saved.db")
    assert contents_of(tmp_path / "saved.db") == contents_of(place_full)
    assert set(done.lost.values()) == {0}
    _read_all(tmp_path / "saved.db")


@pytest.fixture
def place_full(path: Path) -> str:
    return filled_everywhere(str(path))


@pytest.mark.parametrize("where", ["first", "middle", "last"])
def test_only_what_lay_on_a_damaged_page_is_lost(large, tmp_path, where):
    pages = _page_numbers(large, "requests")
    index = {"first": 0, "middle": len(pages) // 2, "last": -1}[where]
    before = {row[0]: row for row in contents_of(large)["requests"]}
    _spoil(large, pages[index])
    done = salvage(large, tmp_path / "saved.db")
    saved = contents_of(tmp_path / "saved.db")["requests"]
    assert all(before[row[0]] == row for row in saved)
    per_page = COUNT / len(pages)
    assert COUNT - 2.5 * per_page <= len(saved) < COUNT
    assert done.rows["requests"] == len(saved)
    assert done.lost["requests"] >= 1
    if where != "last":
        assert len(saved) + done.lost["requests"] == COUNT
    assert done.rows["attempts"] == COUNT, "other tables are whole"
    _read_all(tmp_path / "saved.db")


def test_several_damaged_pages_cost_no_more_than_themselves(large, tmp_path):
    pages = _page_numbers(large, "requests")
    for index in (2, 7, 8):
        _spoil(large, pages[index])
    done = salvage(large, tmp_path / "saved.db")
    assert done.rows["requests"] + done.lost["requests"] == COUNT
    assert done.rows["requests"] >= COUNT - 5 * COUNT / len(pages)


def test_a_file_cut_short_gives_what_is_left(large, tmp_path):
    whole = large.read_bytes()
    large.write_bytes(whole[: len(whole) // 2 // PAGE * PAGE])
    done = salvage(large, tmp_path / "saved.db")
    assert 0 < sum(done.rows.values()) < COUNT * 5
    _read_all(tmp_path / "saved.db")


def test_whatever_byte_was_changed_the_saved_store_can_be_read(filled, tmp_path):
    whole = bytearray(filled.read_bytes())
    chance = random.Random(5)
    saved = 0
    for trial in range(15):
        damaged = bytearray(whole)
        for _ in range(20):
            damaged[chance.randrange(PAGE, len(whole))] = chance.randrange(256)
        filled.write_bytes(damaged)
        target = tmp_path / f"saved-{trial}.db"
        try:
            done = salvage(filled, target)
        except StoreError:
            continue
        saved += done.rows["requests"]
        _read_all(target)
    assert saved > 15 * 30


def test_an_older_store_is_saved_as_one_of_the_newest_version(tmp_path):
    old = tmp_path / "old.db"
    engine = engine_of(str(old))
    with engine.begin() as connection:
        bring_to(connection, "0001")
        before = fill(connection)
    engine.dispose()
    salvage(old, tmp_path / "saved.db")
    with Store.open(tmp_path / "saved.db", read_only=True) as store:
        assert len(store.rows(select(schema.requests))) == len(before["requests"])


def test_what_cannot_be_salvaged_is_said(tmp_path, path):
    nothing = tmp_path / "notes.db"
    nothing.write_bytes(b"\xa5" * PAGE * 3)
    with pytest.raises(StoreCorrupt, match="list of tables"):
        salvage(nothing, tmp_path / "saved.db")
    assert not (tmp_path / "saved.db").exists()
    with pytest.raises(StoreError, match="there is no store"):
        salvage(tmp_path / "missing.db", tmp_path / "saved.db")
    with pytest.raises(StoreError, match="already"):
        salvage(path, path)
