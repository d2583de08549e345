"""Routers on worlds of which it is known what a good one finds."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from orchestra_kit.outcomes.expectation import Expectation
from orchestra_kit.outcomes.folds import folds_of
from orchestra_kit.outcomes.grid import Grid
from orchestra_kit.outcomes.predictors import TaskLabel, Words
from orchestra_kit.outcomes.routers import ROUTERS, Learning, NotApplicable
from tests.outcomes.routers.worlds import world

BY_NAME = {router.name: router for router in ROUTERS}


@cache
def _learning(models: tuple[str, ...] | None = None, **what) -> tuple[Learning, Grid, np.ndarray]:
    outcomes = world(**what)
    train = Grid.of(outcomes.filter(split="train"), models)
    test = Grid.of(outcomes.filter(split="test"), models)
    folds = folds_of(train.prompts, 5, 0)
    expectation = Expectation.fit(
        train, folds, with_tasks=False, seed=0, members=(TaskLabel(), Words())
    )
    pair = (0, 1) if len(train.models) == 2 else None
    learning = Learning(
        grid=train, expected=expectation.unseen, folds=folds, with_tasks=True, pair=pair
    )
    return learning, test, expectation.predict(test)


def _fitted(name: str, **what):
    learning, test, expected = _learning(**what)
    fitted = BY_NAME[name].fit(learning)
    return learning, fitted, fitted.replay(test, expected), test


@pytest.mark.parametrize("name", [name for name in BY_NAME if name != "threshold"])
def test_what_a_router_says_of_any_threshold_is_what_its_calls_cost_and_score(name):
    _, fitted, replay, test = _fitted(name)
    for found, n in ((fitted.unseen, 400), (replay, test.n)):
        for place in range(0, len(found.steps.thresholds), 37):
            threshold = found.steps.thresholds[place]
            scores, costs, shares = found.at(threshold)
            assert len(scores) == n
            assert found.steps.quality[place] == pytest.approx(scores.mean())
            assert found.steps.spending[place] == pytest.approx(costs.mean())
            assert costs.mean() == pytest.approx(shares @ [0.001, 0.001, 0.02])


def test_routing_by_what_is_foretold_of_a_request_keeps_quality_at_less_cost():
    _, _, replay, test = _fitted("argmax")
    large = test.scores[:, 2].mean()
    enough = replay.steps.quality >= large - 0.02
    assert replay.steps.spending[enough].min() < 0.65 * 0.02


def test_a_cascade_finds_that_cheap_models_which_agree_are_right():
    learning, fitted, replay, test = _fitted("cascade")
    names = [[learning.grid.models[model] for model in stage] for stage in fitted.stages]
    assert names[-1] == ["large"]
    enough = replay.steps.quality >= test.scores[:, 2].mean() - 0.01
    assert replay.steps.spending[enough].min() < 0.65 * 0.02
    assert replay.steps.quality.max() > test.scores[:, 2].mean()


def test_a_cascade_of_two_reads_the_cheap_answer_in_full():
    models = ("small", "large")
    _, _, blind, _ = _fitted("threshold", models=models, responses=True)
    _, _, seeing, test = _fitted("cascade", models=models, responses=True, answers=False)
    strong = test.scores[:, 1].mean()
    share = {}
    for name, replay in (("blind", blind), ("seeing", seeing)):
        enough = replay.steps.quality >= strong - 0.01
        share[name] = replay.steps.spending[enough].min()
    assert seeing.preference is not None
    assert share["seeing"] < share["blind"]


def test_answers_are_counted_and_a_learned_judge_picks_about_as_well():
    _, _, votes, test = _fitted("vote")
    _, _, judged, _ = _fitted("best_of_n")
    assert votes.steps.spending[0] == pytest.approx(0.022)
    for replay in (votes, judged):
        assert replay.steps.quality[0] > test.scores[:, 2].mean() + 0.01


def test_agreement_needs_more_voices_as_its_threshold_rises():
    _, _, replay, _ = _fitted("agreement")
    assert replay.steps.thresholds.tolist() == [-np.inf, 2.0, 3.0]
    assert (np.diff(replay.steps.spending) > 0).all()


def test_the_oracle_knows_what_it_may_not_and_says_so():
    assert not BY_NAME["oracle"].usable
    _, _, replay, test = _fitted("oracle")
    assert replay.steps.quality[0] == pytest.approx(test.scores.max(axis=1).mean())


def test_a_task_never_seen_gets_the_best_single_model():
    learning, fitted, _, test = _fitted("task_lookup")
    strange = test.rows(np.arange(4))
    strange.tasks[:] = "never seen"
    scores, _, shares = fitted.replay(strange, np.zeros((4, 3))).at(0.0)
    assert shares.tolist() == [0.0, 0.0, 1.0]
    assert scores.tolist() == strange.scores[:, learning.grid.best_single].tolist()


def test_a_task_lookup_does_not_look_at_labels_that_will_not_be_known():
    learning, _, _ = _learning()
    with pytest.raises(NotApplicable, match="needs the queries' task labels"):
        _ = BY_NAME["task_lookup"].fit(replace(learning, with_tasks=False)).unseen


@pytest.mark.parametrize(
    ("name", "what", "reason"),
    [
        ("cheapest", {"priced": False}, "Costs are unknown"),
        ("random_mixture", {"priced": False}, "Costs are unknown"),
        ("threshold", {}, "name a weak and a strong one"),
        ("vote", {"answers": False}, "no short answers"),
        ("agreement", {"answers": False}, "no short answers"),
        ("cascade", {"answers": False}, "Nothing of the answers was kept"),
        ("best_of_n", {"answers": False}, "Nothing of the answers was kept"),
    ],
)
def test_what_outcomes_lack_is_said(name, what, reason):
    learning, _, _ = _learning(**what)
    with pytest.raises(NotApplicable, match=reason):
        _ = BY_NAME[name].fit(learning).unseen


def test_nothing_of_the_test_scores_enters_a_choice():
    learning, test, expected = _learning()
    turned = test.rows(np.arange(test.n))
    turned.scores[:] = 1 - turned.scores
    for name in ("argmax", "cascade", "agreement", "task_lookup", "random_mixture"):
        fitted = BY_NAME[name].fit(learning)
        first, second = fitted.replay(test, expected), fitted.replay(turned, expected)
        for threshold in (0.0, 0.5, 20.0):
            chosen = first.steps.nodes_at(threshold), second.steps.nodes_at(threshold)
            assert (chosen[0] == chosen[1]).all()
