"""``orchestra store``: what each command prints, and with which status it ends."""

from __future__ import annotations

import json

import pytest

from orchestra_kit.store import schema
from orchestra_kit.store.store import Store
from tests.store.old_stores import bring_to, engine_of, fill
from tests.store.values import a_batch, started_run


@pytest.fixture
def place(tmp_path):
    path = tmp_path / "store.db"
    with Store.open(path, durable=False) as store:
        store.write(a_batch(started_run(store), 1, 2, 3))
    return path


def _damage(place):
    whole = bytearray(place.read_bytes())
    for page in range(4, len(whole) // 8192):
        whole[page * 8192 : page * 8192 + 100] = b"\xa5" * 100
    place.write_bytes(whole)


def test_a_backup_is_made_and_restored(orchestra, place, tmp_path):
    file, there = tmp_path / "copy.db", tmp_path / "there.db"
    ended = orchestra("store", "backup", place, file)
    assert ended.status == 0
    assert "it is sound" in ended.out
    assert "requests" in ended.out
    ended = orchestra("store", "restore", file, there, "--json")
    assert ended.status == 0
    told = json.loads(ended.out)
    assert (told["rows"]["requests"], told["kept"]) == (3, "")
    with Store.open(there, read_only=True) as store:
        assert len(store.runs()) == 1


def test_what_is_there_is_replaced_only_when_asked(orchestra, place, tmp_path):
    file = tmp_path / "copy.db"
    orchestra("store", "backup", place, file)
    for arguments in (("backup", place, file), ("restore", file, place)):
        ended = orchestra("store", *arguments)
        assert ended.status == 2
        assert "--replace" in ended.err
        assert ended.out == ""
    assert orchestra("store", "backup", place, file, "--replace").status == 0
    ended = orchestra("store", "restore", file, place, "--replace")
    assert ended.status == 0
    assert "store.before-" in ended.out


def test_an_old_store_is_migrated(orchestra, tmp_path):
    old = tmp_path / "old.db"
    engine = engine_of(str(old))
    with engine.begin() as connection:
        bring_to(connection, "0001")
        fill(connection)
    engine.dispose()
    assert f"from version 0001 to {schema.VERSIONS[-1]}" in orchestra("store", "migrate", old).out
    assert "already" in orchestra("store", "migrate", old).out
    told = json.loads(orchestra("store", "migrate", old, "--json").out)
    assert told["before"] == told["after"] == schema.VERSIONS[-1]


def test_a_store_is_copied_to_another_place(orchestra, place, tmp_path):
    ended = orchestra("store", "migrate", place, tmp_path / "new.db")
    assert ended.status == 0
    assert "Both places hold the same." in ended.out
    told = json.loads(orchestra("store", "migrate", place, tmp_path / "new.db", "--json").out)
    assert {table["name"]: table["new"] for table in told}["requests"] == 0


def test_tables_are_exported(orchestra, place, tmp_path):
    ended = orchestra("store", "export", place, tmp_path / "out")
    assert ended.status == 0
    assert len((tmp_path / "out" / "requests.csv").read_text().splitlines()) == 4
    arguments = ("--format", "jsonl", "--from", "2026-11-16T00:00:02", "--to", "2026-11-17")
    ended = orchestra("store", "export", place, tmp_path / "some", *arguments, "--json")
    assert json.loads(ended.out)["rows"]["requests.jsonl"] == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--from", "yesterday"), "“yesterday” is no day or moment"),
        (("--run", "nothing"), "there is no run nothing"),
        (("--format", "xlsx"), "xlsx"),
    ],
)
def test_an_export_that_cannot_be_is_refused(orchestra, place, tmp_path, arguments, words):
    ended = orchestra("store", "export", place, tmp_path / "out", *arguments)
    assert ended.status == 2
    assert words in ended.err
    assert "Traceback" not in ended.err
    assert not (tmp_path / "out").exists()


def test_a_sound_store_is_told_so(orchestra, place):
    ended = orchestra("store", "check", place)
    assert ended.status == 0
    assert "is sound" in ended.out
    assert json.loads(orchestra("store", "check", place, "--json").out)["sound"] is True


def test_a_damaged_store_ends_in_status_1_with_the_way_to_salvage_it(orchestra, place, tmp_path):
    _damage(place)
    ended = orchestra("store", "check", place)
    assert ended.status == 1
    assert "damaged:" in ended.out
    assert f"orchestra store salvage '{place}'" in ended.out
    assert json.loads(orchestra("store", "check", place, "--json").out)["sound"] is False
    ended = orchestra("store", "salvage", place, tmp_path / "saved.db", "--json")
    assert ended.status == 0
    assert set(json.loads(ended.out)["rows"]) == set(schema.metadata.tables)
    assert orchestra("store", "check", tmp_path / "saved.db").status == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("backup", "missing.db", "copy.db"),
        ("restore", "missing.db", "there.db"),
        ("migrate", "missing.db"),
        ("migrate", "missing.db", "there.db"),
        ("export", "missing.db", "out"),
        ("check", "missing.db"),
        ("salvage", "missing.db", "saved.db"),
    ],
)
def test_a_store_that_is_not_there_is_not_made(orchestra, tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    ended = orchestra("store", *arguments)
    assert ended.status == 2
    assert "missing.db" in ended.err
    assert list(tmp_path.iterdir()) == []


def test_a_password_in_an_address_is_never_printed(orchestra, tmp_path):
    address = "postgresql://ana:hunter2@127.0.0.1:1/none"
    for arguments in (("check", address), ("backup", address, tmp_path / "copy.db")):
        ended = orchestra("store", *arguments)
        assert ended.status == 2
        assert "hunter2" not in ended.err + ended.out
