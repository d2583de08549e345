"""Sharing by load holds its promises in simulation, whatever the seed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.balancing import JOINING, SHIFT, LeastMean, LoadShared, Scene, TakingTurns, Trial

SHORT = replace(SHIFT, seconds=300.0, slow=("two", 6.0, 60.0, 140.0))


@pytest.mark.parametrize("seed", [11, 12, 13])
def test_the_slowest_twentieth_waits_no_longer_than_where_the_least_mean_decides(
    seed: int,
) -> None:
    ours = Trial(SHORT, LoadShared(seed), seed=seed)
    assert ours.p95 <= Trial(SHORT, LeastMean(), seed=seed).p95
    assert ours.p95 < Trial(SHORT, TakingTurns(), seed=seed).p95 / 2


@pytest.mark.parametrize("seed", [11, 12, 13])
def test_one_that_turned_slow_keeps_little_of_the_traffic_and_comes_back(seed: int) -> None:
    trial = Trial(SHORT, LoadShared(seed), seed=seed)
    assert trial.share("two", 65.0, 140.0) < 0.10
    assert trial.share("two", 0.0, 60.0) > 0.15
    # Nothing is known of it a minute after its last slow answer; then one call in a hundred tells.
    assert trial.share("two", 260.0, 300.0) > 0.15


@pytest.mark.parametrize("seed", [11, 12, 13])
def test_a_new_deployment_is_not_overrun(seed: int) -> None:
    scene = replace(JOINING, seconds=140.0, joins=("four", 60.0))
    trial = Trial(scene, LoadShared(seed), seed=seed)
    # An even share is a quarter; the first minute has some 720 requests.
    assert trial.share("four", 60.0, 120.0) < 0.25 + 4 * (0.25 * 0.75 / 720) ** 0.5
    assert trial.share("four", 60.0, 65.0) < 0.25 + 4 * (0.25 * 0.75 / 60) ** 0.5
    assert Trial(scene, LeastMean(), seed=seed).share("four", 60.0, 61.0) == 1.0


def test_equal_deployments_share_evenly_and_every_request_is_answered() -> None:
    trial = Trial(Scene(seconds=150.0), LoadShared(1), seed=1)
    shares = [trial.share(name, 0.0, 150.0) for name in ("one", "two", "three", "four")]
    assert min(shares) > 0.2
    assert len(trial.latencies) == len(trial.chosen)
