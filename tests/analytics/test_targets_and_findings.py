from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest

from orchestra_kit.analytics.alerts import evaluate_alert
from orchestra_kit.analytics.attribution import attribute, total_spend
from orchestra_kit.analytics.changes import changes
from orchestra_kit.analytics.fallback import waterfall
from orchestra_kit.analytics.findings import rank_findings
from orchestra_kit.analytics.measures import MEASURES
from orchestra_kit.analytics.targets import (
    TargetVerdict,
    judge_target,
    judge_targets,
    mixed_target,
)
from orchestra_kit.outcomes.statistics import Estimate, Evidence
from orchestra_kit.policy.schema import Alert, Criteria
from tests.analytics.frames import MINUTE, START, attempts, requests
from tests.analytics.synthetic import WEEK

MUST = Criteria.model_validate({"quality": 0.84, "p90_latency": "2s", "cost": "$0.02"})
TASKS = {"article": SimpleNamespace(must=MUST)}


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (Estimate(0.90, 0.85, 0.95, 100), TargetVerdict.MET),
        (Estimate(0.80, 0.75, 0.83, 100), TargetVerdict.MISSED),
        (Estimate(0.85, 0.80, 0.90, 100), TargetVerdict.OPEN),
        (Estimate(0.90, 0.85, 0.95, 29), TargetVerdict.FEW),
        (Estimate(math.nan, None, None, 0), TargetVerdict.FEW),
    ],
)
def test_a_target_is_met_or_missed_only_by_the_whole_interval(found, verdict):
    assert judge_target(MEASURES["quality"], found, 0.84) is verdict


def test_a_limit_is_judged_the_other_way_round():
    low = Estimate(1.5, 1.4, 1.6, 100)
    assert judge_target(MEASURES["p90_latency"], low, 2.0) is TargetVerdict.MET
    assert judge_target(MEASURES["p90_latency"], low, 1.0) is TargetVerdict.MISSED


def test_every_task_of_the_policy_is_judged_even_without_requests():
    tasks = {**TASKS, "voice": SimpleNamespace(must=MUST)}
    found = judge_targets(week(), tasks)
    assert len(found) == 6
    assert {t.verdict for t in found if t.task == "voice"} == {TargetVerdict.FEW}


def test_targets_of_a_mix_are_weighted_by_the_mix():
    tasks = {
        "a": SimpleNamespace(must=MUST),
        "b": SimpleNamespace(must=MUST.model_copy(update={"cost": 0.10})),
    }
    frame = requests(task=["a", "a", "a", "b"])
    assert mixed_target("cost_per_request", frame, tasks) == pytest.approx(0.04)
    assert mixed_target("p90_latency", frame, tasks) is None


def week(*, cost: float = 0.01, quality: float = 0.9, seed: int = 0, n: int = 2000, **more):
    random = np.random.default_rng(seed)
    return requests(
        at=START + np.sort(random.integers(0, 168 * 60, n)) * MINUTE,
        cost=cost * random.lognormal(0, 0.3, n),
        quality=np.clip(quality + random.normal(0, 0.03, n), 0, 1),
        **more,
    )


def verdict_of(name, now, before):
    found = changes(tuple(MEASURES.values()), now, before)
    return next(c for c in found if c.measure.name == name)


def test_a_real_fall_of_cost_is_shown_and_its_size_estimated():
    change = verdict_of("cost_per_request", week(cost=0.009, seed=1), week(seed=2, n=8000))
    assert change.verdict is Evidence.SHOWS
    assert change.better
    assert change.change.low <= -0.10 <= change.change.high


def test_no_change_is_hardly_ever_told_as_one():
    told = 0
    for seed in range(40):
        found = changes(tuple(MEASURES.values()), week(seed=seed), week(seed=1000 + seed, n=8000))
        told += any(c.verdict is Evidence.SHOWS for c in found)
    assert told <= 4


def test_a_change_too_small_to_matter_is_no_evidence_however_sure():
    change = verdict_of("quality", week(quality=0.902, seed=1, n=30_000), week(seed=2, n=30_000))
    assert change.p < 1e-6
    assert change.verdict is Evidence.NONE


def test_few_observations_get_no_verdict():
    assert verdict_of("quality", week(n=20), week(n=2000)).verdict is Evidence.TOO_LITTLE


def findings(now, before, sent=None, alerts=()):
    measures = tuple(MEASURES.values())
    made = attempts(sent or [{}])
    return rank_findings(
        targets=judge_targets(now, TASKS),
        alerts=[evaluate_alert(a, now, WEEK.period) for a in alerts],
        overall=changes(measures, now, before),
        by_task=changes(measures, now, before, by_task=True),
        fallback=waterfall(now),
        spend=total_spend(made),
        costs=attribute(made, ("task", "model")),
    )


def test_a_missed_target_outranks_everything_else():
    found = findings(week(cost=0.03, seed=1), week(seed=2, n=8000))
    assert found[0].sentence.startswith("Article misses its cost target")
    assert "95 % interval" in found[0].sentence
    assert "n = 2,000" in found[0].sentence
    assert found[0].tone == "bad"


def test_a_change_of_the_only_task_is_not_told_twice():
    found = findings(week(cost=0.005, seed=1), week(seed=2, n=8000))
    told = [f for f in found if "cost of a request" in f.sentence]
    assert len(told) == 1


def test_unknown_prices_are_a_finding():
    found = findings(week(), week(seed=2), sent=[{"cost": math.nan}, {}])
    assert any("no known price" in f.sentence for f in found)


def test_an_alert_within_chance_is_told_as_no_evidence():
    noisy = Alert.model_validate(
        {"name": "noise", "watch": "availability", "under": 0.999, "for": "1h"}
    )
    status = np.where(np.arange(2000) % 400 == 0, "queued", "answered")
    found = findings(week(status=status), week(seed=2), alerts=[noisy])
    (told,) = [f for f in found if "noise" in f.sentence]
    assert told.sentence.startswith("What fired within chance")
    assert told.verdict is Evidence.NONE
    assert told.tone == "plain"


def test_without_earlier_weeks_nothing_is_compared():
    found = findings(week(), week().iloc[:0])
    assert all("fell by" not in f.sentence and "rose by" not in f.sentence for f in found)
    assert any(f.verdict is Evidence.TOO_LITTLE for f in found)
