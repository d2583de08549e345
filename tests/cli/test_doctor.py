"""``orchestra doctor``: each thing that is wrong is one line with its mend, and a status."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections import namedtuple
from datetime import UTC, datetime, timedelta

import pytest

from orchestra_kit.cli import doctor_checks, doctor_places
from orchestra_kit.core.answer import Source
from orchestra_kit.core.clock import SystemClock
from orchestra_kit.store import schema
from orchestra_kit.store.routing_changes import StoredBreaker
from orchestra_kit.store.store import Store
from tests.store.old_stores import bring_to, engine_of
from tests.store.values import an_incident, started_run

Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def found(orchestra):
    """The checks that a run of doctor made, by name, and its status."""

    def run(*arguments: object) -> tuple[dict[str, dict[str, str]], int]:
        ended = orchestra("doctor", *arguments, "--json")
        return {check["name"]: check for check in json.loads(ended.out)}, ended.status

    return run


@pytest.fixture
def place(tmp_path):
    path = tmp_path / "store.db"
    Store.open(path).close()
    return path


def test_a_sound_machine_is_told_line_by_line(orchestra, monkeypatch):
    ended = orchestra("doctor")
    assert ended.status == 0
    lines = ended.out.splitlines()
    assert all(line.startswith(("OK ", "warning ")) for line in lines)
    assert [line.split()[1].rstrip(":") for line in lines[:3]] == [
        "Python",
        "packages",
        "notebooks",
    ]


def test_a_package_that_is_too_old_or_absent_is_an_error_with_its_mend(found, monkeypatch):
    versions = {"nbconvert": "7.16.6", "tqdm": ""}
    real = doctor_checks._version
    monkeypatch.setattr(doctor_checks, "_version", lambda name: versions.get(name, real(name)))
    checks, status = found()
    assert status == 1
    assert checks["nbconvert"]["word"] == "error"
    assert "7.16.6" in checks["nbconvert"]["says"]
    assert "pip install 'nbconvert>=7.17.2'" in checks["nbconvert"]["mend"]
    assert "not installed" in checks["tqdm"]["says"]
    assert "notebooks" not in checks


@pytest.mark.parametrize(
    ("version", "word", "says"),
    [
        ((3, 51, 2), "OK", "WAL-reset bug"),
        ((3, 51, 3), "OK", "3.51.3"),
        ((3, 7, 17), "error", "too old"),
    ],
)
def test_sqlite_is_told_with_what_its_version_means(found, monkeypatch, version, word, says):
    monkeypatch.setattr(sqlite3, "sqlite_version_info", version)
    monkeypatch.setattr(sqlite3, "sqlite_version", ".".join(map(str, version)))
    checks, status = found()
    assert checks["SQLite"]["word"] == word
    assert says in checks["SQLite"]["says"]
    assert ("WAL-reset" in checks["SQLite"]["says"]) == (version == (3, 51, 2))
    assert status == (word == "error")


def test_without_a_browser_only_pdf_is_lost(found, monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    checks, status = found()
    assert (checks["browser"]["word"], status) == ("warning", 0)
    assert "PDF" in checks["browser"]["mend"]


def test_without_time_zones_there_is_an_error(found, monkeypatch):
    monkeypatch.setattr(doctor_checks, "ZoneInfo", _no_zone)
    checks, status = found()
    assert (checks["time zones"]["word"], status) == ("error", 1)
    assert "tzdata" in checks["time zones"]["mend"]


def _no_zone(name: str) -> None:
    raise doctor_checks.ZoneInfoNotFoundError(name)


def test_a_backend_that_is_not_registered_is_an_error(found, monkeypatch):
    monkeypatch.setattr(doctor_checks, "entry_points", lambda group: ())
    checks, status = found()
    assert (checks["backends"]["word"], status) == ("error", 1)
    assert "live, recorded, simulated" in checks["backends"]["says"]


# Policy and keys


def test_keys_are_told_by_name_and_never_by_value(orchestra, contentforge, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary-4711")
    monkeypatch.delenv("GEMINI_API_KEY", raising=False)
    ended = orchestra("doctor", contentforge / "orchestra.yaml")
    assert "sk-canary" not in ended.out + ended.err
    (line,) = [line for line in ended.out.splitlines() if " keys:" in line]
    assert line.startswith("warning")
    assert "GEMINI_API_KEY" in line
    assert "OPENAI_API_KEY" not in line


def test_a_policy_that_needs_no_keys_is_told_so(found, tmp_path):
    from orchestra_kit.shipped import path

    shutil.copytree(path("examples/local"), tmp_path / "local")
    checks, _ = found(tmp_path / "local" / "orchestra.yaml")
    assert checks["keys"] == {
        "name": "keys", "word": "OK", "says": "none are needed", "mend": ""
    }  # fmt: skip


def test_a_policy_that_does_not_load_is_an_error(found, contentforge):
    file = contentforge / "orchestra.yaml"
    file.write_text(file.read_text().replace("confidence_floor:", "confidence_flor:"))
    checks, status = found(file)
    assert (checks["policy"]["word"], status) == ("error", 1)
    assert "orchestra check" in checks["policy"]["mend"]
    assert "keys" not in checks


# Store


def test_a_store_that_is_not_there_yet_is_no_error_and_is_not_made(found, tmp_path):
    place = tmp_path / "missing.db"
    checks, status = found("--store", place)
    assert (checks["store"]["word"], status) == ("warning", 0)
    assert list(tmp_path.iterdir()) == []


def test_a_sound_store_is_told_with_version_lock_and_room(found, place):
    checks, status = found("--store", place)
    assert status == 0
    names = ("store", "store lock", "store log", "disk", "incidents", "breakers")
    assert {checks[name]["word"] for name in names} == {"OK"}
    assert schema.VERSIONS[-1] in checks["store"]["says"]
    assert checks["store lock"]["says"] == "nobody writes"


def test_who_writes_is_named(found, place):
    import os

    with Store.open(place) as store:
        started_run(store)
        checks, status = found("--store", place)
        assert status == 0
        assert checks["store lock"]["says"] == f"process {os.getpid()} writes to it"
    with Store.open(place):
        pass


def test_what_is_open_in_the_store_is_told(found, place):
    clock = SystemClock()
    with Store.open(place) as store:
        ledger = store.ledger(started_run(store, "service"), Source.LIVE, clock)
        clock.run_sync(ledger.incident(an_incident()))
        now = datetime.now(UTC)
        store.save_breakers(
            [
                StoredBreaker(deployment=name, source=Source.LIVE, state=state, openings=1,
                              until=now + timedelta(seconds=30), at=now)
                for name, state in (("gpt-5", "open"), ("gemini-pro", "closed"))
            ]
        )  # fmt: skip
        checks, status = found("--store", place)
    assert status == 0
    assert checks["incidents"]["word"] == checks["breakers"]["word"] == "warning"
    assert "1 open: every link out of article." in checks["incidents"]["says"]
    assert "1 open: gpt-5." in checks["breakers"]["says"]


def test_an_old_store_is_told_how_to_become_new(found, tmp_path):
    old = tmp_path / "old.db"
    engine = engine_of(str(old))
    with engine.begin() as connection:
        bring_to(connection, "0001")
    engine.dispose()
    checks, status = found("--store", old)
    assert (checks["store"]["word"], status) == ("error", 1)
    assert "0001" in checks["store"]["says"]
    assert checks["store"]["mend"]


def test_a_damaged_store_is_an_error_with_the_way_to_salvage_it(found, place):
    place.write_bytes(place.read_bytes()[:8192])
    checks, status = found("--store", place)
    assert (checks["store"]["word"], status) == ("error", 1)
    assert "orchestra store salvage" in checks["store"]["mend"]


@pytest.mark.parametrize(("free", "word"), [(2**40, "OK"), (2**29, "warning"), (2**25, "error")])
def test_a_disk_that_fills_up_is_told_in_time(found, place, monkeypatch, free, word):
    monkeypatch.setattr(doctor_places.shutil, "disk_usage", lambda _: Usage(2**41, 0, free))
    checks, status = found("--store", place)
    assert checks["disk"]["word"] == word
    assert status == (word == "error")


def test_a_log_that_a_reader_keeps_long_is_told(found, place, monkeypatch):
    monkeypatch.setattr(doctor_places, "_LONG_LOG", 1_000)
    with Store.open(place) as store:
        started_run(store)
        checks, _ = found("--store", place)
    assert checks["store log"]["word"] == "warning"


def test_a_server_or_redis_that_does_not_answer_is_an_error_without_its_password(orchestra):
    ended = orchestra(
        "doctor", "--store", "postgresql://ana:hunter2@127.0.0.1:1/none",
        "--redis", "redis://ana:hunter2@127.0.0.1:6390/0",
    )  # fmt: skip
    assert ended.status == 1
    assert "hunter2" not in ended.out + ended.err
    bad = [line for line in ended.out.splitlines() if line.startswith("error")]
    assert len(bad) == 2
    assert "cannot be reached" in bad[0]
    assert "redis://127.0.0.1:6390/0 does not answer" in bad[1]


def test_a_place_that_is_none_is_an_error(found):
    checks, status = found("--store", "mysql://host/name", "--redis", "http://host")
    assert status == 1
    assert checks["store"]["word"] == checks["Redis"]["word"] == "error"
