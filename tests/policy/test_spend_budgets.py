"""Budgets whose names, zones or steps cannot hold are told when the policy is read or checked."""

from __future__ import annotations

from datetime import date

import pytest

from orchestra_kit.policy.check import check

MONTH = "{name: month, limit: $100, per: month}"


def test_two_budgets_of_one_name_are_told_with_both_lines(small) -> None:
    small.change(MONTH, f"{MONTH}\n  - {{name: month, limit: $5, per: day}}")
    (problem,) = small.problems()
    assert problem.path == "budgets.1.name"
    assert problem.line == small.path.read_text("utf-8").count("\n")
    assert f"first on line {problem.line - 1}" in problem.message


@pytest.mark.parametrize(
    "zone", ["Europe/Berlim", "../etc/passwd", "Europe", '""', "/etc/localtime"]
)
def test_a_time_zone_that_does_not_exist_is_told(small, zone: str) -> None:
    small.change("per: month}", f"per: month, time_zone: {zone}}}")
    (problem,) = small.problems()
    assert problem.path == "budgets.0.time_zone"
    assert "is not a time zone of the IANA data base" in problem.message
    assert "Europe/Berlin" in problem.message


def test_a_time_zone_that_exists_is_taken(small) -> None:
    small.change("per: month}", "per: month, time_zone: Asia/Kathmandu}")
    assert small.load().file.budgets[0].time_zone == "Asia/Kathmandu"


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        ("note_at: 0.5, downgrade_at: 0.5, throttle_at: 0.5, block_at: 0.5", []),
        ("note_at: 0.9", ["budgets.0.note_at"]),
        ("downgrade_at: 1.1", ["budgets.0.downgrade_at"]),
        ("throttle_at: 1.3", ["budgets.0.throttle_at"]),
        ("block_at: 0.4", ["budgets.0.throttle_at"]),
        (
            "note_at: 1.5, downgrade_at: 1.4, throttle_at: 1.3, block_at: 1.2",
            ["budgets.0.downgrade_at", "budgets.0.note_at", "budgets.0.throttle_at"],
        ),
    ],
)
def test_steps_out_of_order_are_warned_of_where_they_stand(small, steps: str, told: list) -> None:
    small.change("per: month}", f"per: month, {steps}}}")
    found = [f for f in check(small.load(), today=date(2026, 11, 23)) if f.kind == "budget"]
    assert [f.where.split()[-1] for f in found] == told
    assert all(f.severity == "warning" for f in found)


def test_a_budget_of_another_zone_does_not_cover_the_same(small) -> None:
    small.change(
        MONTH, f"{MONTH}\n  - {{name: again, limit: $5, per: month, time_zone: Asia/Tokyo}}"
    )
    assert [f for f in check(small.load(), today=date(2026, 11, 23)) if f.kind == "budget"] == []
    small.change(", time_zone: Asia/Tokyo", "")
    (found,) = [f for f in check(small.load(), today=date(2026, 11, 23)) if f.kind == "budget"]
    assert "covers the same as “month”" in found.message
