"""The replay of a policy: what the router and the engine would have done, at any thresholds."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from random import Random

import numpy as np
import pytest

from orchestra_kit.core.clock import VirtualClock
from orchestra_kit.core.errors import TableError
from orchestra_kit.core.reply import ReplyStatus
from orchestra_kit.core.request import Request
from orchestra_kit.engine.orchestra import Orchestra
from orchestra_kit.outcomes.table import Outcomes
from orchestra_kit.outcomes.tuning.policy_replay import Assumptions, PolicyReplay, Replayed
from orchestra_kit.policy.editing import with_settings
from orchestra_kit.policy.policy import Policy
from orchestra_kit.routing.classification import Classifier
from orchestra_kit.routing.router import Router
from orchestra_kit.routing.snapshot import Snapshot
from orchestra_kit.shipped import path
from tests.outcomes.tuning.small import made_up, policy_in

PARTS = ("rule", "review", "node", "score", "cost", "latency")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tuning")


@pytest.fixture(scope="module")
def policy(folder: Path) -> Policy:
    return policy_in(folder / "policy")


@pytest.fixture(scope="module")
def outcomes(folder: Path) -> Outcomes:
    return made_up(folder)


@pytest.fixture(scope="module")
def replay(outcomes: Outcomes, policy: Policy) -> PolicyReplay:
    return PolicyReplay.of(outcomes, policy, progress=False)


def random_settings(
    replay: PolicyReplay, random: Random, *, share: float = 0.5
) -> dict[str, float]:
    """Values for some of the thresholds, within what makes a difference."""
    spans = {"confidence": 1.0, "quality": 1.0, "weight": 2.0, "cut": 60.0}
    found = {}
    for threshold in replay.thresholds:
        if threshold.kind != "budget" and random.random() < share:
            value = random.random() * min(threshold.high, spans[threshold.kind])
            found[threshold.key] = float(round(value)) if threshold.whole else round(value, 3)
    return found


def same(one: Replayed, other: Replayed) -> None:
    for name in PARTS:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)


def fate(replay: PolicyReplay, router: Router, case: int) -> tuple[str, float, float]:
    """Who answers a case, how well and for how much, by a router that is asked."""
    query, tier = int(replay.query[case]), replay.tiers[case // replay.n]
    request = Request(
        id="r", text=replay.grid.prompts[query], tier=tier,
        arrived=datetime(2026, 11, 23, 12, tzinfo=UTC),
    )  # fmt: skip
    decision = router.decide(request, Snapshot(today=replay.policy.capabilities.measured))
    if decision.review:
        return "a person", np.nan, np.nan
    task, cost = router.policy.tasks[decision.task], 0.0
    best, by = 0.0, "nobody"
    for name in decision.chain:
        model = router.policy.deployments[name].model
        if model not in replay.grid.models:
            return "not known", np.nan, np.nan
        at = query, replay.grid.models.index(model)
        empty = bool(replay.recorded.empty[at])
        cost += (1 + empty) * float(replay.grid.costs[at])
        score = float(replay.grid.scores[at])
        if not empty and score >= task.quality_floor:
            return name, score, cost
        if not empty and (score > best or by == "nobody"):
            best, by = score, name
        if ("malformed" if empty else "low_quality") not in router.link(decision.task, name).when:
            break
    return by, best, cost


@pytest.mark.parametrize("seed", range(6))
def test_every_case_fares_as_the_router_itself_decides_at_any_thresholds(
    replay: PolicyReplay, policy: Policy, seed: int
) -> None:
    settings = random_settings(replay, Random(seed)) if seed else {}
    router = Router(
        with_settings(policy, settings), Classifier.load(policy.classifier_path), seed=0,
        explore=False,
    )  # fmt: skip
    found = replay.at(settings)
    for case in range(len(found.node)):
        node, score, cost = fate(replay, router, case)
        assert replay.nodes[found.node[case]] == node
        np.testing.assert_allclose([found.score[case], found.cost[case]], [score, cost])


@pytest.mark.parametrize("seed", range(8))
def test_moving_thresholds_one_by_one_ends_where_setting_them_at_once_does(
    replay: PolicyReplay, seed: int
) -> None:
    random = Random(seed)
    at = replay.today
    for _ in range(12):
        key, value = random.choice(list(random_settings(replay, random, share=1.0).items()))
        at = replay.moved(at, key, value)
    same(at, replay.at(at.settings))


def test_the_engine_over_the_same_recording_gives_the_same_answers() -> None:
    outcomes = Outcomes.read(path("examples/recorded/outcomes.parquet"))
    policy = Policy.load(path("examples/local"))
    replay = PolicyReplay.of(outcomes, policy, Assumptions(tiers={"standard": 1}), progress=False)
    clock = VirtualClock(datetime(2026, 11, 24, tzinfo=UTC))
    checked = 0
    with Orchestra(policy, backend="recorded", seed=1, clock=clock) as orchestra:
        for query in range(0, replay.n, 3):
            # An hour between two, so that no breaker remembers the one before.
            clock.run_sync(clock.sleep(3600))
            reply = orchestra.run_sync(str(replay.grid.prompts[query]), tier="standard")
            if reply.decision.moved:
                continue
            checked += 1
            node = replay.nodes[replay.today.node[query]]
            if reply.status is ReplyStatus.ANSWERED:
                assert reply.deployment == node
            else:
                assert node == ("a person" if reply.status is ReplyStatus.REVIEW else "nobody")
            if reply.status is not ReplyStatus.REVIEW:
                spent = sum(float(a.cost) for a in reply.attempts if a.cost is not None)
                assert spent == pytest.approx(replay.today.cost[query], abs=2e-9)
    assert checked > 30


def test_what_reaches_a_model_that_was_not_recorded_is_not_known_and_not_nothing(
    replay: PolicyReplay,
) -> None:
    lost = replay.today.node == replay.nodes.index("not known")
    assert lost.any()
    assert np.isnan(replay.today.score[lost]).all()
    assert replay.missing == ("unseen",)
    assert any("unseen" in note and "not estimable" in note for note in replay.notes())


def test_what_goes_to_a_person_counts_only_if_somebody_says_what_it_brings(
    outcomes: Outcomes, policy: Policy, replay: PolicyReplay
) -> None:
    told = Assumptions(review_quality=0.9, review_cost=1.5)
    other = PolicyReplay.of(outcomes, policy, told, progress=False)
    person = replay.today.node == replay.nodes.index("a person")
    assert person.any()
    assert np.isnan(replay.today.score[person]).all()
    assert (other.today.score[person] == 0.9).all()
    assert (other.today.cost[person] == 1.5).all()


def test_a_declared_task_is_not_classified(outcomes: Outcomes, policy: Policy) -> None:
    replay = PolicyReplay.of(outcomes, policy, Assumptions(declared=True), progress=False)
    names = list(policy.tasks)
    said = [names[task] for task in replay.task[: replay.n]]
    assert said == list(replay.grid.tasks)
    assert np.isinf(replay.confidence).all()


def test_without_a_judge_floors_do_nothing(outcomes: Outcomes, policy: Policy) -> None:
    replay = PolicyReplay.of(outcomes, policy, Assumptions(judge="none"), progress=False)
    floors = {t.key: 1.0 for t in replay.thresholds if t.kind == "quality"}
    same(replay.at(floors), replay.today)


def test_a_learnt_judge_does_not_know_the_score(outcomes: Outcomes, policy: Policy) -> None:
    replay = PolicyReplay.of(outcomes, policy, Assumptions(judge="signal"), progress=False)
    assert ((replay.recorded.judged > 0) & (replay.recorded.judged < 1)).all()
    assert not np.array_equal(replay.recorded.judged, replay.grid.scores)


def test_a_mix_of_tiers_is_shares(outcomes: Outcomes, policy: Policy) -> None:
    mix = Assumptions(tiers={"premium": 1, "basic": 3, "standard": 0})
    replay = PolicyReplay.of(outcomes, policy, mix, progress=False)
    assert replay.tiers == ("premium", "basic")
    np.testing.assert_allclose(replay.shares, [0.25, 0.75])
    with pytest.raises(TableError, match="has no tier “gold”"):
        PolicyReplay.of(outcomes, policy, Assumptions(tiers={"gold": 1}), progress=False)
    with pytest.raises(TableError, match="needs shares above 0"):
        PolicyReplay.of(outcomes, policy, Assumptions(tiers={"basic": -1}), progress=False)


def test_outcomes_of_other_models_are_refused(outcomes: Outcomes) -> None:
    other = Policy.load(path("examples/contentforge"))
    with pytest.raises(TableError, match="hold none of the models of policy “contentforge”"):
        PolicyReplay.of(outcomes, other, progress=False)


def test_an_unknown_threshold_is_refused(replay: PolicyReplay) -> None:
    with pytest.raises(TableError, match="has no threshold “nothing”"):
        replay.at({"nothing": 1.0})
