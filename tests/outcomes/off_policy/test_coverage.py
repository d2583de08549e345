"""Whether intervals that say 95 % hold the truth that often, over many simulated logs."""

from __future__ import annotations

import numpy as np
import pytest

from orchestra_kit.outcomes.off_policy import Estimator, Verdict, value_policy
from orchestra_kit.outcomes.off_policy.estimators import estimate
from orchestra_kit.outcomes.off_policy.reward_model import Design, fit
from orchestra_kit.outcomes.statistics import clustered_mean
from tests.outcomes.off_policy.bandits import Bandit

HONEST = (Estimator.IPS, Estimator.SNIPS, Estimator.DOUBLY_ROBUST)
WORLDS = {"plain": Bandit(), "a curve that the model cannot follow": Bandit(curved=True)}


@pytest.fixture(scope="module", params=WORLDS)
def many(request):
    """Five hundred logs of 800 requests: every estimate with its interval, and the truth."""
    world, n, runs = WORLDS[request.param], 800, 500
    each = np.arange(n)
    found = {estimator: np.empty((runs, 3)) for estimator in Estimator}
    for seed in range(runs):
        drawn = world.arrays(n, seed)
        weights = drawn.target[each, drawn.taken] / drawn.logging[each, drawn.taken]
        design = Design.of(drawn.tasks, 0 * drawn.tasks, drawn.x[:, None], 3)
        fitted = fit(design, drawn.taken, drawn.rewards, each, seed=seed)
        figures = estimate(drawn.target, weights, drawn.rewards, fitted, most=1.0)
        for estimator, figure in figures.items():
            interval = clustered_mean(figure.value + figure.influence, each)
            found[estimator][seed] = interval.value, interval.low, interval.high
    return found, world.truth()


def test_93_to_97_of_a_hundred_intervals_hold_the_truth(many):
    found, truth = many
    for estimator in HONEST:
        _, low, high = found[estimator].T
        assert 0.93 <= np.mean((low <= truth) & (truth <= high)) <= 0.97, estimator


def test_they_are_right_on_average(many):
    found, truth = many
    for estimator in HONEST:
        values = found[estimator][:, 0]
        error = values.std() / np.sqrt(len(values))
        assert abs(values.mean() - truth) < 4 * error, estimator


def test_doubly_robust_spreads_less_than_ips(many):
    found, _ = many
    spread = {estimator: figures[:, 0].std() for estimator, figures in found.items()}
    assert spread[Estimator.DOUBLY_ROBUST] < 0.9 * spread[Estimator.IPS]


def test_a_model_of_the_wrong_shape_misleads_the_direct_method_alone():
    world, n, runs = Bandit(curved=True), 4_000, 100
    each = np.arange(n)
    values = {estimator: [] for estimator in Estimator}
    for seed in range(runs):
        drawn = world.arrays(n, seed)
        weights = drawn.target[each, drawn.taken] / drawn.logging[each, drawn.taken]
        design = Design.of(drawn.tasks, 0 * drawn.tasks, drawn.x[:, None], 3)
        fitted = fit(design, drawn.taken, drawn.rewards, each, seed=seed)
        for estimator, figure in estimate(
            drawn.target, weights, drawn.rewards, fitted, most=1.0
        ).items():
            values[estimator].append(figure.value)
    bias = {name: np.mean(found) - world.truth() for name, found in values.items()}
    assert abs(bias[Estimator.DIRECT]) > 3 * abs(bias[Estimator.DOUBLY_ROBUST])
    assert abs(bias[Estimator.DOUBLY_ROBUST]) < 0.003


@pytest.mark.slow
def test_whole_valuations_of_sessions_cover_value_and_difference():
    world, runs = Bandit(turns=6), 500
    truth, gap = world.truth(), world.truth() - world.truth_of_logging()
    seeds = range(10_000, 10_000 + runs)
    found = [value_policy(*world.draw(1_200, seed)).of("quality") for seed in seeds]
    found = [each for each in found if each.verdict is not Verdict.NOT_ESTIMABLE]
    assert len(found) >= runs - 1
    for estimator in HONEST:
        figures = [each.by(estimator) for each in found]
        value = np.mean([f.value.low <= truth <= f.value.high for f in figures])
        difference = np.mean([f.difference.low <= gap <= f.difference.high for f in figures])
        assert 0.93 <= value <= 0.97, estimator
        assert 0.93 <= difference <= 0.97, estimator


def test_intervals_that_take_turns_for_sessions_are_too_narrow():
    world = Bandit(turns=20)
    traffic, target = world.draw(4_000, 1)
    alone = type(traffic).from_frame(traffic.frame.drop(columns=["cluster", "stratum"]))
    widths = [
        found.by(Estimator.SNIPS).value.high - found.by(Estimator.SNIPS).value.low
        for found in (value_policy(t, target).of("quality") for t in (traffic, alone))
    ]
    assert widths[0] > 1.1 * widths[1]
