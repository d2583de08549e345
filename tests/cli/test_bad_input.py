"""A fault of the user's: one clear sentence, what, where, how to mend it; status 2."""

from __future__ import annotations

import shutil

import pandas as pd
import pytest

from orchestra_kit import shipped


def spoil(folder, old, new, *, file="orchestra.yaml"):
    path = folder / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    return path


def line_of(path, text):
    lines = path.read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


def refused(ended, *words):
    assert ended.status == 2
    assert "Traceback" not in ended.err
    assert ended.out == ""
    for word in words:
        assert str(word) in ended.err
    return ended.err


def test_a_misspelt_key(orchestra, contentforge):
    path = spoil(contentforge, "confidence_floor:", "confidence_flor:")
    line = line_of(path, "confidence_flor")
    refused(orchestra("check", path), f"orchestra.yaml:{line}", "confidence_flor",
            "Did you mean “confidence_floor”?")  # fmt: skip


def test_a_duplicate_key(orchestra, contentforge):
    path = spoil(contentforge, "deadline: 90s", "deadline: 90s\ndeadline: 60s")
    line = line_of(path, "deadline: 60s")
    refused(orchestra("check", path), f"orchestra.yaml:{line}", "deadline", "twice")


def test_an_unknown_model_in_a_chain(orchestra, contentforge):
    path = spoil(
        contentforge, "{use: gemini-pro,    timeout: 20s}", "{use: gemini-por, timeout: 20s}"
    )
    refused(orchestra("check", path), "gemini-por", "Did you mean “gemini-pro”?",
            f":{line_of(path, 'gemini-por')}")  # fmt: skip


def test_a_condition_over_an_undeclared_field(orchestra, contentforge):
    path = spoil(
        contentforge, "words > 2000 && complexity > 70", "word_count > 2000 && complexity > 70"
    )
    refused(orchestra("check", path), "word_count", "requests do not have", "rules.")


def test_a_cycle_in_a_chain(orchestra, contentforge):
    path = spoil(contentforge, "{use: gemini-pro,    timeout: 20s}", "{use: gpt-4, timeout: 20s}")
    refused(orchestra("check", path), "gpt-sol", "cycle")


def test_a_circle_of_successors(orchestra, contentforge):
    path = spoil(
        contentforge,
        "retired: 2026-10-23, successor: gpt-sol}",
        "retired: 2026-10-23, successor: gpt-5}",
    )
    path = spoil(
        contentforge,
        "retired: 2026-12-11, successor: gpt-sol}",
        "retired: 2026-12-11, successor: gpt-4}",
    )
    refused(orchestra("check", path), "circle", "gpt-4")


def test_several_faults_are_told_together(orchestra, contentforge):
    spoil(contentforge, "confidence_floor: 0.75", "confidence_floor: 75")
    path = spoil(contentforge, "{use: gemini-pro,    timeout: 20s}", "{use: nobody, timeout: soon}")
    refused(orchestra("check", path), "confidence_floor", "nobody", "is not a duration", "problems")


def test_a_missing_key_in_the_environment(orchestra, tmp_path, monkeypatch):
    copy = tmp_path / "local"
    shutil.copytree(shipped.path("examples/local"), copy)
    spoil(copy, "key: none", "key: env:ORCHESTRA_NO_SUCH_KEY")
    monkeypatch.delenv("ORCHESTRA_NO_SUCH_KEY", raising=False)
    ended = orchestra("run", "Add 2 and 3", "--policy", copy, "--backend", "live")
    refused(ended, "ORCHESTRA_NO_SUCH_KEY", "not set")


@pytest.mark.parametrize("command", ["route", "run"])
def test_an_empty_prompt(orchestra, command):
    refused(orchestra(command, "  "), "empty")


def test_a_parquet_file_with_a_missing_column(orchestra, tmp_path):
    file = tmp_path / "outcomes.parquet"
    pd.DataFrame({"query_id": ["a"], "model": ["m"]}).to_parquet(file)
    refused(orchestra("outcomes", "matrix", file), "outcomes.parquet", "score")


def test_a_file_that_is_no_parquet(orchestra, tmp_path):
    file = tmp_path / "outcomes.parquet"
    file.write_text("not a table")
    refused(orchestra("outcomes", "matrix", file), "outcomes.parquet")


@pytest.mark.parametrize("week", ["2026-W54", "last", "2026-13", ""])
def test_a_week_that_is_none(orchestra, week):
    refused(orchestra("report", "weekly", "--week", week), "week")


def test_a_store_that_is_not_there(orchestra, tmp_path):
    refused(orchestra("report", "weekly", "--store", tmp_path / "no.db"), "no.db")


def test_a_store_that_is_something_else(orchestra, tmp_path):
    file = tmp_path / "store.db"
    file.write_bytes(b"this is a letter to my aunt\n" * 200)
    refused(orchestra("run", "Draw a fox", "--store", file), "store.db")


def test_an_unknown_backend(orchestra):
    refused(orchestra("run", "Draw a fox", "--backend", "telepathy"), "telepathy", "simulated")


def test_a_secret_in_an_argument_is_not_repeated(orchestra):
    key = "sk-proj-" + "a1B2c3D4" * 5
    ended = orchestra("route", "Draw a fox", "--tier", key)
    assert key not in refused(ended, "tier")
