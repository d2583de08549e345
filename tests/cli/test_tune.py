"""``orchestra tune`` as a person runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orchestra_kit.policy.policy import Policy
from tests.outcomes.tuning.test_tuned import divided, two_ways


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    policy = two_ways(tmp_path / "policy")
    table = tmp_path / "divided.parquet"
    divided(tmp_path).write(table)
    return table, policy.path


def test_an_improvement_that_is_shown_is_saved(orchestra, files) -> None:
    table, policy = files
    ended = orchestra(
        "tune", table, "--policy", policy, "--judge", "none", "--tier-mix", "premium=1",
        "--save", policy.parent / "new.yaml", "--json",
    )  # fmt: skip
    told = json.loads(ended.out)
    if told["verdict"]["word"] == "shows":
        assert ended.status == 0
        assert Policy.load(told["saved"]).hash == told["after"]
    else:
        assert ended.status == 1
        assert told["saved"] is None
        assert not (policy.parent / "new.yaml").exists()


def test_no_improvement_is_status_1_and_words(orchestra) -> None:
    ended = orchestra("tune", "examples/recorded/outcomes.parquet", "--policy", "examples/local")
    assert ended.status == 1
    assert "No evidence" in ended.out
    assert "Tiers are not recorded" in ended.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--goal", "profit"], "There is no goal “profit”"),
        (["--judge", "me"], "There is no judge “me”"),
        (["--tier-mix", "premium"], "is no share of a tier"),
        (["--tier-mix", "gold=1"], "has no tier “gold”"),
        (["--keep-quality", "-1"], "is no factor"),
    ],
)
def test_bad_input_is_one_sentence_and_status_2(orchestra, arguments, words) -> None:
    ended = orchestra(
        "tune", "examples/recorded/outcomes.parquet", "--policy", "examples/local", *arguments
    )
    assert ended.status == 2
    assert words in ended.err
    assert ended.out == ""
