"""Every threshold at once: the sweep against a loop that tries each threshold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestra_kit.outcomes.steps import Steps, cheaper_as_prices_rise

WEIGHTS = np.array([0.0, 0.05, 0.1, 0.3, 0.7, 1.0, 2.0, 5.0, 100.0])


@st.composite
def options(draw):
    n, m = draw(st.integers(1, 8)), draw(st.integers(1, 6))
    whole = st.integers(0, 8)
    table = st.lists(st.lists(whole, min_size=m, max_size=m), min_size=n, max_size=n)
    worth, price = (np.array(draw(table), dtype=float) / 4 for _ in range(2))
    return worth, price


@given(options())
@settings(max_examples=300, deadline=None)
def test_at_every_price_of_cost_each_query_has_an_option_that_no_other_beats(table):
    worth, price = table
    query, at, option = cheaper_as_prices_rise(worth, price)
    steps = Steps.of(query, at, option, worth, price)
    for weight in WEIGHTS:
        nodes = steps.nodes_at(weight)
        value = worth - weight * price
        rows = np.arange(len(worth))
        assert np.allclose(value[rows, nodes], value.max(axis=1), atol=1e-7)


@given(options())
@settings(max_examples=300, deadline=None)
def test_sums_at_every_threshold_equal_those_of_the_options_in_force(table):
    worth, price = table
    scores = np.flip(worth, axis=1)
    steps = Steps.of(*cheaper_as_prices_rise(worth, price), scores, price)
    rows = np.arange(len(worth))
    for place, threshold in enumerate(steps.thresholds):
        nodes = steps.nodes_at(threshold)
        assert steps.place(threshold) == place
        assert steps.quality[place] == pytest.approx(scores[rows, nodes].mean())
        assert steps.spending[place] == pytest.approx(price[rows, nodes].mean())


def test_spending_only_falls_as_the_price_of_cost_rises():
    random = np.random.default_rng(3)
    worth, price = random.random((200, 5)), random.random((200, 5))
    steps = Steps.of(*cheaper_as_prices_rise(worth, price), worth, price)
    assert (np.diff(steps.spending) <= 1e-12).all()
    assert steps.quality[0] == pytest.approx(worth.max(axis=1).mean())
    assert steps.spending[-1] == pytest.approx(price.min(axis=1).mean())


def test_resampled_curves_surround_the_curve():
    random = np.random.default_rng(4)
    worth, price = random.random((300, 4)), random.random((300, 4))
    steps = Steps.of(*cheaper_as_prices_rise(worth, price), worth, price)
    cuts, quality, spending = steps.curves(300, seed=1)
    assert quality.shape == spending.shape == (300, len(cuts))
    assert np.abs(quality.mean(axis=0) - steps.quality[cuts]).max() < 0.01
    assert np.abs(spending.mean(axis=0) - steps.spending[cuts]).max() < 0.02


def test_a_query_without_an_option_is_refused():
    with pytest.raises(ValueError, match="every query needs an option"):
        Steps.of([0], [0.0], [0], np.ones((2, 1)), np.ones((2, 1)))
