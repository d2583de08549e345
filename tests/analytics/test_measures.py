from __future__ import annotations

import math

import numpy as np
import pytest

from orchestra_kit.analytics.measures import MEASURES, estimate
from tests.analytics.frames import requests


def measured(name, **columns):
    return estimate(MEASURES[name], requests(**columns))


def test_availability_counts_only_requests_that_were_due_an_answer():
    status = ["answered"] * 6 + ["queued", "unavailable", "review", "refused", "blocked"]
    found = measured("availability", status=status)
    assert found.value == 6 / 8
    assert found.n == 8


def test_latency_is_of_answered_requests_only():
    found = measured(
        "p50_latency", seconds=[1.0, 2.0, 3.0, 900.0], status=["answered"] * 3 + ["queued"]
    )
    assert (found.value, found.n) == (2.0, 3)


def test_a_request_of_unknown_cost_is_left_out_and_never_free():
    found = measured("cost_per_request", cost=[0.10, math.nan, 0.30])
    assert found.value == pytest.approx(0.20)
    assert found.n == 2


def test_an_accepted_answer_bears_the_cost_of_those_that_were_not():
    found = measured(
        "cost_per_accepted",
        cost=[0.10, 0.10, 0.10, 0.10],
        quality=[0.9, 0.5, math.nan, math.nan],
        status=["answered", "answered", "queued", "answered"],
    )
    # The second scores below the floor of 0.60, the third is queued, the last is unscored.
    assert found.value == pytest.approx(0.30)
    assert found.n == 1


def test_unscored_answers_do_not_count_as_bad():
    found = measured("quality", quality=[0.8, math.nan, 0.9])
    assert found.value == pytest.approx(0.85)
    assert found.n == 2


def test_the_fallback_share_is_of_answers():
    found = measured(
        "fallback_share", chain_tier=[0, 1, 2, -1], status=["answered"] * 3 + ["queued"]
    )
    assert found.value == pytest.approx(2 / 3)


@pytest.mark.parametrize("name", list(MEASURES))
def test_nothing_measured_is_no_zero(name):
    found = estimate(MEASURES[name], requests().iloc[:0])
    assert math.isnan(found.value)
    assert found.n == 0


@pytest.mark.parametrize("name", list(MEASURES))
def test_all_failed_and_all_unknown_still_measures(name):
    columns = {"status": ["unavailable"] * 40, "cost": np.nan, "quality": np.nan, "chain_tier": -1}
    found = measured(name, **columns)
    assert math.isnan(found.value) or 0 <= found.value <= 1
