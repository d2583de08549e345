"""Ratios of means, query by query in pairs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestra_kit.outcomes.claims.resampling import change, of_totals, ratio, shifted
from orchestra_kit.outcomes.measurement import Measured


def test_a_ratio_is_one_of_means_and_not_a_mean_of_ratios() -> None:
    found = ratio(np.array([1.0, 3.0]), np.array([1.0, 9.0]), seed=0)
    assert found.value == pytest.approx(0.4)  # 4 / 10, where the mean of ratios is 2 / 3


def test_a_factor_that_is_the_same_for_every_query_has_no_spread() -> None:
    cost = np.linspace(1, 5, 40)
    found = change(0.6 * cost, cost, seed=0)
    assert (found.value, found.low, found.high) == pytest.approx((-0.4, -0.4, -0.4))


def test_a_baseline_of_nothing_gives_no_figure_but_a_reason() -> None:
    found = ratio(np.ones(5), np.zeros(5), seed=0, undefined="There was none.")
    assert found == Measured(None, reason="There was none.")
    assert change(np.full(5, np.nan), np.ones(5), seed=0).value is None


def test_one_unit_has_no_interval() -> None:
    found = of_totals(np.ones((6, 2)), lambda t: t[:, 0] / t[:, 1], clusters=np.zeros(6))
    assert (found.value, found.low) == (1.0, None)


def test_what_fails_together_counts_once() -> None:
    """Forty requests in four hours, of which one hour failed whole."""
    failed = np.repeat([1.0, 0.0, 0.0, 0.0], 10)
    columns, hours = np.column_stack([failed, np.ones(40)]), np.repeat(np.arange(4), 10)

    def share(totals: np.ndarray) -> np.ndarray:
        return totals[:, 0] / totals[:, 1]

    apart, together = of_totals(columns, share), of_totals(columns, share, clusters=hours)
    assert apart.value == together.value == 0.25
    assert together.high > 0.6 > apart.high


def test_moving_a_figure_moves_its_interval() -> None:
    assert shifted(Measured(1.5, 1.25, 1.75), -1) == Measured(0.5, 0.25, 0.75)
    assert shifted(Measured(None, reason="No."), -1) == Measured(None, reason="No.")


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_the_value_lies_within_its_interval(seed: int) -> None:
    random = np.random.default_rng(seed)
    found = ratio(random.random(30), 0.1 + random.random(30), seed=seed)
    assert found.low <= found.value <= found.high
