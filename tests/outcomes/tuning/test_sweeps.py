"""A sweep is the replay at every value: held against the replay at values picked at random."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from orchestra_kit.outcomes.statistics import clustered_mean
from orchestra_kit.outcomes.table import Outcomes
from orchestra_kit.outcomes.tuning.options import options_of
from orchestra_kit.outcomes.tuning.policy_replay import Assumptions, PolicyReplay
from orchestra_kit.outcomes.tuning.sweeps import Keep, sweep
from tests.outcomes.tuning.small import made_up, policy_in
from tests.outcomes.tuning.test_policy_replay import random_settings

KEEP = (Keep("score", 0.98), Keep("cost", 1.1))


@pytest.fixture(scope="module")
def replay(tmp_path_factory: pytest.TempPathFactory) -> PolicyReplay:
    folder = tmp_path_factory.mktemp("sweeps")
    told = Assumptions(review_quality=0.95, review_cost=0.001, tiers={"premium": 1, "basic": 2})
    outcomes = made_up(folder)
    twice = outcomes.frame.assign(dataset="again")
    both = outcomes.join(Outcomes(twice, ("again",), outcomes.source))
    return PolicyReplay.of(both, policy_in(folder / "policy"), told, progress=False)


@pytest.mark.parametrize("seed", range(4))
def test_a_sweep_agrees_with_the_replay_at_any_value_of_any_threshold(
    replay: PolicyReplay, seed: int
) -> None:
    random = Random(seed)
    at = replay.at(random_settings(replay, random, share=0.4))
    today = replay.today
    live = 0
    for threshold in replay.thresholds:
        found = sweep(replay, threshold.key, at, keep=KEEP)
        known = _known(replay, threshold, at)
        assert found.n == known.sum()
        live += not found.inert
        spots = {found.place(found.value_in(p, threshold.value)) for p in range(len(found.at))}
        assert spots == set(range(len(found.at))), "every stretch has a value of its own"
        for place in random.sample(range(len(found.at)), min(4, len(found.at))):
            moved = replay.moved(at, threshold.key, found.value_in(place, threshold.value))
            score, cost = (replay.per_query(v)[known] for v in (moved.score, moved.cost))
            assert np.isnan(found.score[place]) == np.isnan(score).any()
            if np.isnan(score).any():
                continue
            assert found.score[place] == pytest.approx(score.mean(), abs=1e-12)
            assert found.cost[place] == pytest.approx(cost.mean(), rel=1e-9)
            for number, (keep, now) in enumerate(zip(KEEP, (score, cost), strict=True)):
                before = replay.per_query(getattr(today, keep.measure))[known]
                margin = keep.margin(now, before)
                direct = clustered_mean(margin, replay.clusters[known])
                assert found.margins[number][place] == pytest.approx(direct.value, abs=1e-12)
                reach = (direct.high - direct.low) / 2
                by_sweep = found.errors[number][place] * _t(replay.clusters[known])
                assert by_sweep == pytest.approx(reach, rel=1e-6, abs=1e-9)
    assert live > 8


def _t(clusters: np.ndarray) -> float:
    from scipy.stats import t

    return float(t.ppf(0.975, len(np.unique(clusters)) - 1))


def _known(replay: PolicyReplay, threshold, at) -> np.ndarray:
    """Queries known today, and now as far as the threshold does not change them."""
    changing = np.zeros(len(at.score), dtype=bool)
    changing[options_of(replay, threshold, at).case] = True
    still = replay.per_query(np.where(changing, 0.0, at.score))
    return ~np.isnan(replay.per_query(replay.today.score)) & ~np.isnan(still)


def test_a_present_value_is_kept_where_it_does_as_well_as_its_neighbours(
    replay: PolicyReplay,
) -> None:
    for threshold in replay.thresholds:
        found = sweep(replay, threshold.key, replay.today)
        assert found.value_in(found.place(threshold.value), threshold.value) == threshold.value


def test_values_are_short_to_write(replay: PolicyReplay) -> None:
    found = sweep(replay, "rules.0.when.0", replay.today)
    for place in range(len(found.at)):
        assert float(found.value_in(place, 40.0)).is_integer()


def test_a_floor_of_confidence_is_not_swept_where_nobody_says_what_a_person_brings(
    tmp_path,
) -> None:
    replay = PolicyReplay.of(made_up(tmp_path), policy_in(tmp_path / "policy"), progress=False)
    found = sweep(replay, "confidence_floor", replay.today)
    now = found.place(0.55)
    assert np.isfinite(found.score[: now + 1]).all(), "lower floors leave what is known today"
    assert np.isnan(found.score[now + 1 :]).all()


def test_a_limit_of_spend_changes_nothing_here(replay: PolicyReplay) -> None:
    assert sweep(replay, "budgets.0.limit", replay.today).inert
