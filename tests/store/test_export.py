"""Exports hold every row, say money and moments for people, and run nothing in a spreadsheet."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestra_kit.core.answer import Source
from orchestra_kit.core.errors import StoreError
from orchestra_kit.store import schema
from orchestra_kit.store.export import export
from orchestra_kit.store.store import Store
from orchestra_kit.store.text_files import write_csv, write_lines
from tests.store.old_stores import COUNT, filled_everywhere
from tests.store.values import START, a_batch, a_notice, a_request, an_attempt, started_run

FORMATS = ("csv", "jsonl", "parquet")


def _rows(file: Path) -> list[dict[str, object]]:
    if file.suffix == ".csv":
        with file.open(newline="") as opened:
            return list(csv.DictReader(opened))
    if file.suffix == ".jsonl":
        return [json.loads(line) for line in file.read_text().splitlines()]
    return pyarrow.parquet.read_table(file).to_pylist()


@pytest.mark.parametrize("format", FORMATS)
def test_every_table_but_the_settings_and_answers_is_written_whole(place, tmp_path, format):
    filled_everywhere(place)
    done = export(place, tmp_path / "out", format=format, progress=False)
    names = set(schema.metadata.tables) - {"settings", "answers"}
    assert {file.name for file in (tmp_path / "out").iterdir()} == {f"{n}.{format}" for n in names}
    assert done.rows == {f"{name}.{format}": COUNT for name in names}
    for name in names:
        found = _rows(tmp_path / "out" / f"{name}.{format}")
        assert len(found) == COUNT
        assert list(found[0]) == schema.metadata.tables[name].c.keys()


@pytest.mark.parametrize("format", FORMATS)
def test_an_empty_store_gives_files_without_rows(path, tmp_path, format):
    export(path, tmp_path / "out", format=format, progress=False)
    for file in (tmp_path / "out").iterdir():
        assert _rows(file) == []


@pytest.mark.parametrize(
    ("format", "cost", "at", "unknown"),
    [
        ("csv", "0.0391", "2026-11-16T00:00:01+00:00", ""),
        ("jsonl", "0.0391", "2026-11-16T00:00:01+00:00", None),
        ("parquet", Decimal("0.0391"), START + timedelta(seconds=1), None),
    ],
)
def test_money_is_dollars_and_moments_are_utc(place, tmp_path, format, cost, at, unknown):
    with Store.open(place) as store:
        store.write(a_batch(started_run(store), 1))
    export(place, tmp_path / "out", format=format, progress=False)
    (attempt,) = _rows(tmp_path / "out" / f"attempts.{format}")
    assert (attempt["cost"], attempt["at"]) == (cost, at)
    assert attempt["cost_upper"] == unknown
    assert attempt["cost_reported"] == unknown
    (decision,) = _rows(tmp_path / "out" / f"decisions.{format}")
    chain = decision["chain"]
    assert (chain if format == "jsonl" else json.loads(chain))[0] == "gpt-5"


def test_what_a_spreadsheet_would_run_is_text_and_numbers_stay_numbers(path, tmp_path, clock):
    hostile = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "-2+3+cmd|' /C calc'!A0"]
    with Store.open(path) as store:
        ledger = store.ledger(started_run(store), Source.SIMULATED, clock)
        for number, message in enumerate([*hostile, "'quoted", "all is well", "3-2"]):
            clock.run_sync(ledger.notice(a_notice(number, message=message)))
        attempt = replace(an_attempt(a_request()), seconds=-1.5, cost=Decimal("-0.25"))
        clock.run_sync(ledger.finish(attempt))
    export(path, tmp_path / "out", format="csv", progress=False)
    found = [row["message"] for row in _rows(tmp_path / "out" / "notices.csv")]
    assert found == [*(f"'{text}" for text in hostile), "'quoted", "all is well", "3-2"]
    (row,) = _rows(tmp_path / "out" / "attempts.csv")
    assert (row["seconds"], row["cost"]) == ("-1.5", "-0.25")


@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=8))
@settings(max_examples=100)
def test_no_cell_of_text_begins_as_a_formula_and_none_is_lost(text, tmp_path_factory):
    folder = tmp_path_factory.mktemp("cells")
    row = ("name", text)
    write_csv(folder / "settings.csv", schema.settings, iter([[row]]))
    write_lines(folder / "settings.jsonl", schema.settings, iter([[row]]))
    (cells,) = _rows(folder / "settings.csv")
    assert not str(cells["value"]).startswith(("=", "+", "-", "@", "\t", "\r", "\0"))
    assert str(cells["value"]).removeprefix("'") == text.removeprefix("'")
    line = (folder / "settings.jsonl").read_text(encoding="utf-8").removesuffix("\n")
    assert json.loads(line)["value"] == text


def test_one_run_can_be_exported_alone(path, tmp_path):
    with Store.open(path) as store:
        wanted, other = started_run(store), started_run(store)
        store.write(a_batch(wanted, 1, 2))
        store.write(a_batch(other, 1, 2, 3))
    done = export(path, tmp_path / "out", format="jsonl", run=wanted, progress=False)
    assert {row["run_id"] for row in _rows(tmp_path / "out" / "requests.jsonl")} == {wanted}
    assert [row["id"] for row in _rows(tmp_path / "out" / "runs.jsonl")] == [wanted]
    assert done.rows["decisions.jsonl"] == done.rows["attempts.jsonl"] == 2
    with pytest.raises(StoreError, match="there is no run nothing"):
        export(path, tmp_path / "other", format="jsonl", run="nothing", progress=False)
    assert not (tmp_path / "other").exists()


def test_a_period_can_be_exported_alone(path, tmp_path):
    with Store.open(path) as store:
        store.write(a_batch(started_run(store), *range(10)))
    since, until = START + timedelta(seconds=3), START + timedelta(seconds=6)
    done = export(path, tmp_path / "out", format="jsonl", since=since, until=until, progress=False)
    moments = {row["at"] for row in _rows(tmp_path / "out" / "requests.jsonl")}
    assert moments == {(START + timedelta(seconds=n)).isoformat() for n in (3, 4, 5)}
    for name in ("decisions", "attempts", "queue", "notices"):
        assert done.rows[f"{name}.jsonl"] == 3
    assert done.rows["runs.jsonl"] == 1, "the run of these requests began earlier"
    later = export(path, tmp_path / "later", format="jsonl", since=until, progress=False)
    assert later.rows["decisions.jsonl"] == later.rows["requests.jsonl"] == 4


def test_files_that_are_there_are_not_replaced_unasked(path, tmp_path):
    (tmp_path / "requests.csv").write_text("precious")
    with pytest.raises(StoreError, match="--replace"):
        export(path, tmp_path, format="csv", progress=False)
    assert (tmp_path / "requests.csv").read_text() == "precious"
    export(path, tmp_path, format="csv", replace=True, progress=False)
    assert (tmp_path / "requests.csv").read_text().startswith("id,run_id,")


def test_results_that_json_cannot_say_are_null(path, tmp_path):
    with Store.open(path) as store:
        run_id = started_run(store, "suite")
        store.save_cell(run_id, "s", 0, passed=True, result={"score": [float("nan"), 0.5]})
    export(path, tmp_path / "out", format="jsonl", progress=False)
    (cell,) = _rows(tmp_path / "out" / "cells.jsonl")
    assert cell["result"] == {"score": [None, 0.5]}


def test_an_export_shows_one_moment_of_a_store_that_is_written_to(path, tmp_path, monkeypatch):
    with Store.open(path) as store:
        run_id = started_run(store)
        store.write(a_batch(run_id, 1))
        written = iter([None])

        def write_meanwhile(*arguments):
            for _ in written:
                store.write(a_batch(run_id, 2))
            return write_lines(*arguments)

        monkeypatch.setattr("orchestra_kit.store.export.write_lines", write_meanwhile)
        done = export(path, tmp_path / "out", format="jsonl", progress=False)
        assert store.count_requests(run_id) == 2
    assert done.rows["requests.jsonl"] == done.rows["attempts.jsonl"] == 1
