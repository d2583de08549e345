"""The replay benchmark measures what it says, whatever the machine's speed."""

from __future__ import annotations

from benchmarks import replay
from benchmarks.part import PARTS
from benchmarks.timing import at_least


def test_all_thresholds_at_once_are_held_against_one_after_another():
    lines = replay.results(queries=3_000, rounds=1)
    aimed = [line for line in lines if line.aim]
    assert [line.aim for line in aimed] == [">= 50x", ">= 50x"]
    assert all(line.met for line in aimed)
    assert all(line.n.startswith("3,000 queries") for line in lines)
    assert "replay" in PARTS


def test_an_aim_from_below_is_met_by_what_reaches_it():
    assert at_least(50.0, 50) == (">= 50x", True)
    assert at_least(49.9, 50) == (">= 50x", False)
