from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra_kit.analytics.attribution import attribute, total_spend
from orchestra_kit.analytics.fallback import failure_counts, waterfall, waterfall_by_task
from tests.analytics.frames import attempts, requests

STATUS = st.sampled_from(["answered", "queued", "review", "refused", "blocked", "unavailable"])


@given(st.lists(st.tuples(STATUS, st.integers(0, 2)), min_size=1, max_size=60))
def test_every_request_ends_at_exactly_one_step(ends):
    status = [s for s, _ in ends]
    tier = [t if s == "answered" else -1 for s, t in ends]
    falls = waterfall(requests(status=status, chain_tier=tier))
    assert falls.total == len(ends)
    frame = falls.frame()
    assert frame["ended"].sum() == falls.due
    assert (frame["reached"] - frame["ended"] == frame["open"]).all()
    assert frame["open"].iloc[-1] == 0
    assert list(frame["reached"].iloc[1:]) == list(frame["open"].iloc[:-1])


def test_what_fallback_rescued_is_the_gap_between_availability_with_and_without():
    falls = waterfall(
        requests(status=["answered"] * 8 + ["queued"] * 2, chain_tier=[0] * 6 + [1, 2, -1, -1])
    )
    assert falls.first_choice.value == pytest.approx(0.6)
    assert falls.availability.value == pytest.approx(0.8)
    assert falls.rescued.value == pytest.approx(0.2)


def test_each_task_has_its_own_fall():
    falls = waterfall_by_task(requests(task=["a", "a", "b"], chain_tier=[0, 1, 0]))
    assert {name: fall.due for name, fall in falls.items()} == {"a": 2, "b": 1}


def test_failures_are_counted_by_deployment_and_class():
    found = failure_counts(
        attempts(
            [
                {"outcome": "failed", "failure": "server"},
                {"outcome": "failed", "failure": "server"},
                {"outcome": "not_sent", "failure": "circuit"},
                {},
            ]
        )
    )
    assert found.to_dict("records") == [
        {"deployment": "gpt", "failure": "server", "count": 2, "sends": 3, "share": 2 / 3}
    ]


def test_the_cost_of_a_failed_attempt_is_borne_by_the_model_that_failed():
    table = attribute(
        attempts(
            [
                {"model": "dear", "cost": 0.30, "outcome": "answered"},
                {"model": "cheap", "cost": 0.10, "outcome": "answered"},
            ]
        ),
        ("task", "model"),
    )
    assert list(table["model"]) == ["dear", "cheap"]
    assert table["share"].sum() == pytest.approx(1.0)
    assert list(table["requests"]) == [1, 1]


def test_unknown_prices_are_counted_and_not_added_up_as_nothing():
    made = attempts(
        [
            {"cost": math.nan},
            {"cost": math.nan, "outcome": "unknown", "cost_upper": 0.5},
            {"cost": math.nan, "outcome": "failed", "failure": "server"},
            {"cost": math.nan, "outcome": "not_sent", "failure": "circuit"},
        ]
    )
    spend = total_spend(made)
    assert (spend.known, spend.possible, spend.unknown, spend.attempts) == (0.0, 0.5, 1, 3)
    row = attribute(made, ("model",)).iloc[0]
    assert math.isnan(row["cost"])
    assert row["unknown"] == 1
