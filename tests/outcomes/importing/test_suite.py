"""Runs of our own suites as outcomes: of the model that answered, with the run's own source."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orchestra_kit.core.answer import Source
from orchestra_kit.core.errors import TableError
from orchestra_kit.outcomes.importing import detect, import_outcomes
from orchestra_kit.outcomes.importing.suite import read


def scenario(name: str, **request: object) -> dict[str, object]:
    return {"id": name, "request": {"text": f"Do {name}.", "tier": "basic"} | request}


def cell(name: str, **changes: object) -> dict[str, object]:
    return {
        "scenario": name, "epoch": 0, "source": "simulated", "outcome": "answered",
        "task": "article", "attempts": 1, "model": "gpt-5", "seconds": 1.5, "cost": "0.0125",
        "score": 0.8, "unscored": "",
    } | changes  # fmt: skip


def run(folder: Path, *cells: dict, source: str = "simulated", name: str = "run.json") -> Path:
    path = folder / name
    whole = {
        "id": f"run_{name}", "policy": "p", "policy_hash": "h", "source": source, "seed": 7,
        "epochs": 2, "started": "2026-05-01T10:00:00+00:00", "cells": list(cells),
        "suite": {"suite": "nightly", "policy": "orchestra.yaml", "scenarios": [
            scenario("one"), scenario("two"),
            scenario("long", text=None, repeat={"text": "ab ", "times": 3}),
            scenario("endless", text=None, repeat={"text": "ab ", "times": 10_000_000}),
        ]},
    }  # fmt: skip
    path.write_text(json.dumps(whole))
    return path


def test_a_cell_becomes_an_outcome_of_the_run_s_source(tmp_path: Path) -> None:
    path = run(tmp_path, cell("one"))
    assert detect(path) == "suite"
    outcomes = read(path)
    (row,) = outcomes.frame.to_dict("records")
    assert outcomes.source is Source.SIMULATED
    assert (row["dataset"], row["query_id"], row["task"]) == ("nightly", "one", "article")
    assert (row["prompt"], row["model"]) == ("Do one.", "gpt-5")
    assert (row["score"], row["cost_usd"], row["latency_s"]) == (0.8, 0.0125, 1.5)
    assert row["output_tokens"] != row["output_tokens"]


def test_epochs_are_further_queries_and_unscored_stays_so(tmp_path: Path) -> None:
    again = cell("one", epoch=1, score=None, unscored="the judge did not answer", cost=None)
    frame = read(run(tmp_path, cell("one"), again)).frame
    assert frame["query_id"].tolist() == ["one", "one #2"]
    assert frame["score"].isna().tolist() == [False, True]
    assert frame["cost_usd"].isna().tolist() == [False, True]
    assert frame["reason"].iloc[1] == "the judge did not answer"


def test_a_way_with_several_calls_is_not_the_model_s_own(tmp_path: Path) -> None:
    outcomes = read(run(tmp_path, cell("one", attempts=2)))
    assert outcomes.frame[["cost_usd", "latency_s"]].isna().all(axis=None)
    assert outcomes.frame["score"].tolist() == [0.8]
    assert "several calls" in outcomes.left_out[0].reason


def test_what_no_model_answered_is_left_out(tmp_path: Path) -> None:
    path = run(tmp_path, cell("long"), cell("two", model="", outcome="queued"), cell("endless"))
    outcomes = read(path)
    assert outcomes.frame["prompt"].tolist() == ["ab ab ab "]
    assert sorted(left.n for left in outcomes.left_out) == [1, 1]


def test_runs_of_two_sources_are_never_mixed(tmp_path: Path) -> None:
    made = run(tmp_path, cell("one"), name="made.json")
    real = run(tmp_path, cell("one"), source="live", name="real.json")
    with pytest.raises(TableError, match="never mixed"):
        import_outcomes(made, real)


def test_a_source_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="is no run of a suite"):
        read(run(tmp_path, cell("one"), source="dreamt"))


def test_a_file_that_is_cut_short_is_no_run(tmp_path: Path) -> None:
    path = run(tmp_path, cell("one"))
    path.write_text(path.read_text()[:200])
    with pytest.raises(TableError, match="not valid JSON"):
        import_outcomes(path, format="suite")
