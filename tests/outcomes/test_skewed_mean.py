"""The mean of costs: an interval that leans to where the dear requests are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra_kit.outcomes.skewed_mean import skewed_mean
from orchestra_kit.outcomes.statistics import mean_estimate

amounts = st.lists(st.floats(0, 100), min_size=2, max_size=30)


def test_without_skewness_it_is_students_interval() -> None:
    values = [1.0, 2.0, 3.0, 4.0, 5.0]
    assert skewed_mean(values).interval == pytest.approx(mean_estimate(values).interval)


@given(amounts)
def test_an_interval_holds_its_mean_and_begins_no_lower_than_nothing(values) -> None:
    found = skewed_mean(values)
    assert 0 <= found.low <= found.value + 1e-9
    assert found.high >= found.value - 1e-9


@given(amounts)
def test_repeated_amounts_prove_nothing_more(values) -> None:
    twice = skewed_mean(values * 2, list(range(len(values))) * 2)
    assert twice.interval == pytest.approx(skewed_mean(values).interval, abs=1e-9)


def test_one_cluster_has_no_interval() -> None:
    assert skewed_mean([1.0, 2.0], ["a", "a"]).interval is None


@pytest.mark.parametrize("n", [12, 20, 30])
def test_skewed_costs_are_covered_where_students_interval_is_not(n: int) -> None:
    random = np.random.default_rng(n)
    draws = random.gamma(1.0, size=(800, n))
    leaning = np.mean([_holds(skewed_mean(row), 1.0) for row in draws])
    plain = np.mean([_holds(mean_estimate(row), 1.0) for row in draws])
    assert 0.92 <= leaning <= 0.975
    assert leaning > plain + 0.01


def _holds(found, truth: float) -> bool:
    return bool(found.low <= truth <= found.high)
