"""When a figure is told, told with doubt, or refused; and which tables are not taken."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from orchestra_kit.core.answer import Source
from orchestra_kit.core.errors import TableError
from orchestra_kit.outcomes.off_policy import (
    Estimator,
    LoggedTraffic,
    Target,
    Verdict,
    value_policy,
)
from tests.outcomes.off_policy.bandits import ACTIONS, Bandit


def a_log(n=2_000, seed=3, **columns):
    """Two deployments by a fair coin; b is better."""
    random = np.random.default_rng(seed)
    action = random.choice(["a", "b"], n)
    quality = np.clip(random.normal(np.where(action == "b", 0.8, 0.6), 0.1), 0, 1)
    frame = {
        "task": "write",
        "tier": "basic",
        "action": action,
        "propensity": 0.5,
        "quality": quality,
        "cost": np.where(action == "b", 0.02, 0.01),
    }
    return pd.DataFrame({**frame, **columns})


def always(action, n=2_000):
    return Target.choosing(f"always {action}", [action] * n)


def test_a_fair_coin_values_either_side():
    found = value_policy(LoggedTraffic.from_frame(a_log()), always("b"))
    assert found.verdict is Verdict.ESTIMABLE
    quality = found.of("quality").by(Estimator.DOUBLY_ROBUST)
    assert quality.value.low < 0.8 < quality.value.high
    assert quality.difference.low < 0.1 < quality.difference.high
    cost = found.of("cost").by(Estimator.SNIPS)
    assert cost.value.value == pytest.approx(0.02)
    assert found.of("quality").by(Estimator.DIRECT).verdict is Verdict.WEAK
    assert "against what was logged" in found.sentences()[0]


def test_two_policies_are_compared_on_the_same_requests():
    found = value_policy(LoggedTraffic.from_frame(a_log()), always("b"), against=always("a")).of(
        "quality"
    )
    for each in found.estimates:
        assert each.difference.low < 0.2 < each.difference.high, each.estimator
        assert each.difference.value == pytest.approx(each.value.value - each.against.value)


def test_the_logged_policy_itself_differs_by_nothing():
    traffic = LoggedTraffic.from_frame(a_log())
    same = Target("same", ("a", "b"), np.full((2_000, 2), 0.5))
    found = value_policy(traffic, same).of("quality").by(Estimator.SNIPS)
    assert found.difference.low == pytest.approx(0, abs=1e-9)
    assert found.difference.high == pytest.approx(0, abs=1e-9)


def test_what_was_never_tried_is_refused_and_named():
    found = value_policy(LoggedTraffic.from_frame(a_log()), always("c"))
    assert found.verdict is Verdict.NOT_ESTIMABLE
    quality = found.of("quality")
    assert all(each.value is None and each.difference is None for each in quality.estimates)
    assert quality.overlap.share == 0
    assert "100% of what it would do was never tried" in found.sentences()[0]
    assert "(c 100%)" in found.sentences()[0]


def test_a_log_without_chance_says_nothing_of_other_choices():
    frame = a_log(propensity=1.0)
    found = value_policy(LoggedTraffic.from_frame(frame), always("b"))
    assert found.verdict is Verdict.NOT_ESTIMABLE
    assert found.of("quality").overlap.share == pytest.approx((frame["action"] == "b").mean())
    same = Target.choosing("same", list(frame["action"]))
    assert value_policy(LoggedTraffic.from_frame(frame), same).verdict is Verdict.ESTIMABLE


def test_a_little_that_was_never_tried_is_weak_and_widens_the_interval():
    n = 2_000
    matrix = np.tile([0.0, 0.97, 0.03], (n, 1))
    traffic = LoggedTraffic.from_frame(a_log(propensity=0.5))
    sure = LoggedTraffic.from_frame(a_log(stratum="all", propensity=0.5))
    plain = value_policy(sure, always("b")).of("quality").by(Estimator.SNIPS)
    found = value_policy(traffic, Target("nearly b", ("a", "b", "c"), matrix)).of("quality")
    assert found.verdict is Verdict.WEAK
    assert "never tried" in found.because
    # Up to half of each request may have gone to c, so that what is beyond is not sure.
    assert found.overlap.unknown == 0
    certain = LoggedTraffic.from_frame(
        pd.concat([a_log(n - 60), a_log(60, action="a", propensity=1.0, quality=0.6)])
    )
    wider = value_policy(certain, always("b")).of("quality")
    assert wider.overlap.unknown == pytest.approx(60 / n)
    told = wider.by(Estimator.SNIPS)
    assert told.bias == pytest.approx(60 / n)
    assert told.value.high - told.value.low > plain.value.high - plain.value.low + 2 * 60 / n - 0.01


@pytest.mark.parametrize(
    ("n", "verdict", "words"),
    [
        (150, Verdict.NOT_ESTIMABLE, "it takes 100"),
        (500, Verdict.WEAK, "it takes 400"),
    ],
)
def test_too_few_effective_requests(n, verdict, words):
    found = value_policy(LoggedTraffic.from_frame(a_log(n)), always("b", n)).of("quality")
    assert found.verdict is verdict
    assert words in found.because


def test_a_few_sessions_are_refused_however_many_turns_they_have():
    frame = a_log(session=[f"s{k % 12}" for k in range(2_000)])
    found = value_policy(LoggedTraffic.from_frame(frame), always("b")).of("quality")
    assert found.verdict is Verdict.NOT_ESTIMABLE
    assert "12 effective sessions" in found.because


def test_choices_that_were_hardly_ever_made_are_weak_at_most():
    n, random = 60_000, np.random.default_rng(1)
    rare = random.random(n) < 0.008
    frame = a_log(n, action=np.where(rare, "b", "a"), propensity=np.where(rare, 0.008, 0.992))
    found = value_policy(LoggedTraffic.from_frame(frame), always("b", n)).of("quality")
    assert found.verdict is Verdict.NOT_ESTIMABLE
    assert "effective" in found.because


def test_propensities_that_do_not_fit_the_choices_are_not_believed():
    frame = a_log()
    frame["propensity"] = np.where(frame["action"] == "b", 0.8, 0.2)
    found = value_policy(LoggedTraffic.from_frame(frame), always("b")).of("quality")
    assert found.verdict is Verdict.NOT_ESTIMABLE
    assert "the weights average" in found.because


def test_an_outcome_that_is_not_known_is_left_out_and_counted_never_zero():
    frame = a_log()
    frame.loc[::4, "quality"] = np.nan
    found = value_policy(LoggedTraffic.from_frame(frame), always("b"))
    quality = found.of("quality")
    assert (quality.n, quality.missing) == (1_500, 500)
    assert quality.by(Estimator.SNIPS).value.value == pytest.approx(0.8, abs=0.02)
    assert found.of("cost").missing == 0


@pytest.mark.parametrize(("below", "verdict"), [(0.69, "weak"), (0.75, "not estimable")])
def test_scores_that_are_missing_of_one_deployment_more_than_of_another(below, verdict):
    frame = a_log()
    poor = (frame["action"] == "b") & (frame["quality"] < below)
    frame.loc[poor, "quality"] = np.nan
    found = value_policy(LoggedTraffic.from_frame(frame), always("b")).of("quality")
    assert found.verdict == verdict
    assert "are scored" in found.because


def test_without_any_score_only_cost_is_valued():
    frame = a_log(quality=np.nan)
    found = value_policy(LoggedTraffic.from_frame(frame), always("b"))
    assert [each.outcome for each in found.outcomes] == ["cost"]
    none = value_policy(LoggedTraffic.from_frame(frame.assign(cost=np.nan)), always("b"))
    assert none.verdict is Verdict.NOT_ESTIMABLE
    assert "no request has a score" in none.sentences()[0]


def test_requests_that_a_policy_sends_to_nobody_are_left_out_and_counted():
    target = Target.choosing("half", ["b", ""] * 1_000)
    found = value_policy(LoggedTraffic.from_frame(a_log()), target)
    assert found.of("quality").n == 1_000
    assert found.left_out == {"that one of the two routes to nobody": 1_000}


def test_figures_repeat_themselves_and_are_json():
    traffic, target = Bandit().draw(1_500, 5)
    one, other = (value_policy(traffic, target, seed=2) for _ in range(2))
    assert one.to_dict() == other.to_dict()
    assert one.to_dict()["outcomes"][0]["estimates"][0]["estimator"] == "doubly robust"
    assert "effective" in one.table().to_text()


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"propensity": 0.0}, "more than 0 and at most 1"),
        ({"propensity": 1.2}, "more than 0 and at most 1"),
        ({"propensity": np.nan}, "more than 0 and at most 1"),
        ({"quality": 84.0}, "from 0 to 1"),
        ({"cost": -0.1}, "at least 0"),
        ({"action": ""}, "name of a deployment"),
        ({"complexity": np.inf}, "finite"),
        ({"source": ["live", "simulated"] * 1_000}, "one source"),
    ],
)
def test_a_wrong_column_is_told_with_its_mend(columns, words):
    with pytest.raises(TableError, match=words):
        LoggedTraffic.from_frame(a_log(**columns))


def test_a_missing_column_and_an_empty_table_are_told():
    with pytest.raises(TableError, match="propensity: the column is missing"):
        LoggedTraffic.from_frame(a_log().drop(columns="propensity"))
    with pytest.raises(TableError, match="no logged requests"):
        LoggedTraffic.from_frame(a_log().iloc[:0])


def test_an_exported_table_of_requests_is_read_under_its_own_names(tmp_path):
    frame = a_log().rename(columns={"action": "choice"}).assign(source="live", session="")
    frame.loc[:9, "choice"] = None
    frame.to_parquet(tmp_path / "requests.parquet")
    traffic = LoggedTraffic.read(tmp_path / "requests.parquet")
    assert len(traffic) == 1_990
    assert traffic.left_out == {"routed to nobody": 10}
    assert traffic.source is Source.LIVE
    assert traffic.frame["cluster"].nunique() == 1_990
    with pytest.raises(TableError, match="cannot be read"):
        LoggedTraffic.read(tmp_path / "absent.parquet")


def test_probabilities_that_are_none_are_refused():
    with pytest.raises(TableError, match="sum to 1"):
        Target("odd", ACTIONS, np.array([[0.5, 0.2, 0.2]]))
    with pytest.raises(TableError, match="shape"):
        Target("odd", ACTIONS, np.ones((3, 2)))
    with pytest.raises(TableError, match="2,000 are logged"):
        value_policy(LoggedTraffic.from_frame(a_log()), always("b", 5))
