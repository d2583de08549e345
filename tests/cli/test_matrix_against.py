"""``outcomes matrix --against``: what it prints and writes, and with which status it ends."""

from __future__ import annotations

import json
from pathlib import Path

from orchestra_kit.policy.capabilities import Capabilities

ROOT = Path(__file__).parents[2]
FILE, POLICY = ROOT / "examples/recorded/outcomes.parquet", ROOT / "examples/local"


def test_a_target_that_is_shown_missed_ends_with_status_1(orchestra) -> None:
    ended = orchestra("outcomes", "matrix", FILE, "--against", POLICY, "--on", "2026-11-26")
    assert ended.status == 1, ended.out + ended.err
    assert "gemma-270m at summary is shown to miss its quality" in ended.out
    assert "The evidence is 3 days old on 2026-11-26." in ended.out


def test_without_a_policy_nothing_can_be_missed(orchestra) -> None:
    ended = orchestra("outcomes", "matrix", FILE, "--on", "2027-06-01", "--oldest", "30")
    assert ended.status == 0, ended.out + ended.err
    assert "18 of 18 cells: older than 30 days" in ended.out


def test_programs_are_told_the_same_and_the_revision_is_written(orchestra, tmp_path) -> None:
    revised = tmp_path / "capabilities.yaml"
    ended = orchestra(
        "outcomes", "matrix", FILE, "--against", POLICY, "--revised", revised, "--json"
    )
    assert ended.status == 1, ended.out + ended.err
    told = json.loads(ended.out)
    assert told["against"]["missed"] == 1
    assert told["ages"]["cells"][0]["recorded"] == "2026-11-23"
    assert told["cells"][0]["rank"] == {"first": 1, "last": 2, "of": 3}
    assert Capabilities.load(revised).cell("qwen-coder-1.5b", "code").n == 20


def test_a_revision_needs_its_policy(orchestra, tmp_path) -> None:
    ended = orchestra("outcomes", "matrix", FILE, "--revised", tmp_path / "c.yaml")
    assert ended.status == 2
    assert "--against" in ended.out + ended.err
