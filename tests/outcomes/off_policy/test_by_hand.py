"""Small logs worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra_kit.outcomes.off_policy import LoggedTraffic, Target
from orchestra_kit.outcomes.off_policy.estimators import (
    clipped,
    direct,
    doubly_robust,
    ips,
    snips,
)
from orchestra_kit.outcomes.off_policy.overlap import kish, supported
from orchestra_kit.outcomes.off_policy.reward_model import Design, fit

# Four requests: a, a, b, b taken with 1/2, 1/2, 1/4, 1/4; the target always takes b.
WEIGHTS = np.array([0.0, 0.0, 4.0, 4.0])
REWARDS = np.array([1.0, 0.0, 1.0, 0.5])


def test_ips_counts_what_the_target_would_have_caused():
    assert ips(WEIGHTS, REWARDS).value == pytest.approx((4 * 1 + 4 * 0.5) / 4)


def test_snips_divides_by_the_weights():
    found = snips(WEIGHTS, REWARDS)
    assert found.value == pytest.approx((4 * 1 + 4 * 0.5) / 8)
    # w (r - v) / mean w = 4 (1 - 0.75) / 2 and 4 (0.5 - 0.75) / 2
    assert found.influence == pytest.approx([0, 0, 0.5, -0.5])


def test_clipping_states_its_cap_and_what_it_may_hide():
    found = clipped(WEIGHTS, REWARDS, most=1.0)
    assert found.cap == 2.0  # the root of four requests
    assert found.value == pytest.approx((2 * 1 + 2 * 0.5) / 4)
    assert found.bias == pytest.approx((2 + 2) / 4)
    assert found.value + found.bias >= ips(WEIGHTS, REWARDS).value


def test_the_effective_size_is_kishs():
    assert kish(WEIGHTS) == 2.0
    assert kish(np.ones(7)) == pytest.approx(7)
    assert kish(np.zeros(3)) == 0.0


def test_snips_without_any_weight_is_refused():
    with pytest.raises(ValueError, match="was ever done"):
        snips(np.zeros(3), np.ones(3))


@given(
    st.lists(st.tuples(st.floats(0, 50), st.floats(0, 1)), min_size=2, max_size=30).filter(
        lambda rows: sum(w for w, _ in rows) > 0.01
    )
)
def test_influences_average_to_nothing_and_snips_stays_in_range(rows):
    weights, rewards = np.array(rows).T
    assert -1e-9 <= snips(weights, rewards).value <= 1 + 1e-9
    for found in (ips(weights, rewards), snips(weights, rewards)):
        assert found.influence.mean() == pytest.approx(0, abs=1e-6)
    cut = clipped(weights, rewards, most=1.0)
    assert cut.value <= ips(weights, rewards).value + 1e-9 <= cut.value + cut.bias + 1e-6


@pytest.fixture
def design():
    """Two hundred requests of one task and tier and one number, two actions."""
    x = np.linspace(-1, 1, 200)
    codes = np.zeros(200, dtype=np.int64)
    return Design.of(codes, codes, x[:, None], 2), x


def test_a_model_of_the_right_shape_finds_the_line(design):
    design, x = design
    taken = np.tile([0, 1, 1, 0], 50)
    rewards = np.where(taken == 1, 0.5 + 0.3 * x, 0.4 - 0.1 * x)
    fitted = fit(design, taken, rewards, np.arange(200))
    assert fitted.expected[:, 1] == pytest.approx(0.5 + 0.3 * x, abs=0.02)
    assert fitted.expected[:, 0] == pytest.approx(0.4 - 0.1 * x, abs=0.02)
    always = np.tile([0.0, 1.0], (200, 1))
    assert direct(always, fitted).value == pytest.approx(0.5, abs=0.01)
    weights = 2.0 * (taken == 1)
    assert doubly_robust(always, weights, fitted).value == pytest.approx(0.5, abs=0.01)


def test_a_cluster_is_never_predicted_by_a_fit_that_saw_it(design):
    design, _ = design
    taken, clusters = np.tile([0, 1], 100), np.arange(200) // 10
    rewards = np.full(200, 0.5)
    rewards[clusters == 3] = 1.0
    changed = rewards.copy()
    changed[clusters == 3] = 0.0
    one, other = (fit(design, taken, r, clusters) for r in (rewards, changed))
    own = clusters == 3
    assert one.expected[own] == pytest.approx(other.expected[own])
    assert np.abs(one.expected[~own] - other.expected[~own]).max() > 0.01


def test_the_pull_of_a_request_is_what_moving_its_outcome_moves(design):
    design, x = design
    random = np.random.default_rng(2)
    taken, rewards = random.integers(0, 2, 200), random.random(200)
    policy = np.column_stack([x < 0.2, x >= 0.2]).astype(float)
    alone = np.arange(200)
    before = fit(design, taken, rewards, alone)
    pull = before.pull(policy)
    moved = rewards.copy()
    moved[17] += 1.0
    after = fit(design, taken, moved, alone)
    gap = direct(policy, after).value - direct(policy, before).value
    assert 200 * gap == pytest.approx(pull[17], rel=0.4, abs=0.1)  # four fifths of the fits see it


def test_one_cluster_cannot_be_judged_by_others(design):
    design, _ = design
    with pytest.raises(ValueError, match="two clusters"):
        fit(design, np.zeros(200, dtype=np.int64), np.ones(200), np.zeros(200, dtype=np.int64))


def test_a_choice_without_chance_supports_nothing_but_itself():
    traffic = LoggedTraffic.from_frame(
        pd.DataFrame(
            {
                "task": ["t", "t", "t", "u"],
                "action": ["a", "b", "a", "a"],
                "propensity": [0.5, 0.5, 1.0, 0.5],
                "quality": [1, 0, 1, 0],
            }
        )
    )
    tried, possible = supported(traffic, ("a", "b", "c"))
    assert tried.tolist() == [
        [True, True, False],
        [True, True, False],
        [True, False, False],
        [True, False, False],  # b was never chosen by chance at u
    ]
    assert possible.tolist() == [[True] * 3, [True] * 3, [True, False, False], [True] * 3]


def test_a_target_is_made_of_choices_or_of_shares():
    target = Target.choosing("new", ["b", "a", ""])
    assert target.actions == ("a", "b")
    assert target.probabilities.tolist() == [[0, 1], [1, 0], [0, 0]]
    assert target.routed.tolist() == [True, True, False]
    assert target.over(("a", "b", "c"))[:, 2].tolist() == [0, 0, 0]
    shared = Target.sharing("new", [{"a": 0.25, "b": 0.75}])
    assert math.isclose(shared.probabilities.sum(), 1.0)
