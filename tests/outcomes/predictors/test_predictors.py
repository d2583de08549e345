"""What every predictor owes, and what each is for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from orchestra_kit.outcomes.grid import Grid
from orchestra_kit.outcomes.predictors import (
    Boosting,
    Clusters,
    ItemResponse,
    Neighbours,
    Predictor,
    Stacked,
    TaskLabel,
    Words,
    cross_fitted,
    folds_of,
)
from tests.outcomes.predictors.made_up import CHANCES, grid

EVERY = [
    TaskLabel(), Words(), Words(name="logistic", model="logistic"), Neighbours(), Clusters(),
    ItemResponse(), Boosting(trees=30), Stacked(members=(TaskLabel(), Words(), Neighbours())),
]  # fmt: skip


@pytest.fixture(scope="module")
def made_up() -> Grid:
    return grid()


@pytest.mark.parametrize("predictor", EVERY, ids=lambda p: p.name)
@pytest.mark.parametrize("with_tasks", [True, False], ids=["labelled", "blind"])
def test_predictions_are_scores_the_same_each_time_and_better_than_the_mean(
    predictor: Predictor, with_tasks: bool, made_up: Grid
) -> None:
    folds = folds_of(made_up.prompts, 3, seed=1)
    found = cross_fitted(predictor, made_up, folds, with_tasks, seed=3)
    assert found.shape == made_up.scores.shape
    assert ((found >= 0) & (found <= 1)).all()
    assert (found == cross_fitted(predictor, made_up, folds, with_tasks, seed=3)).all()
    mean = ((made_up.scores - made_up.scores.mean(axis=0)) ** 2).mean()
    assert ((made_up.scores - found) ** 2).mean() < mean


@pytest.mark.parametrize("predictor", EVERY, ids=lambda p: p.name)
def test_anything_can_be_asked_even_what_nothing_is_known_of(
    predictor: Predictor, made_up: Grid
) -> None:
    fitted = predictor.fit(made_up.prompts, made_up.tasks, made_up.scores, seed=0)
    strange = np.array(["", "   ", "日本語 zzz", "x" * 20_000, "\ud800"], dtype=object)
    unknown = np.array(["law"] * len(strange), dtype=object)
    for tasks in (None, unknown):
        found = fitted.predict(strange, tasks)
        assert found.shape == (len(strange), 3)
        assert np.isfinite(found).all()


@pytest.mark.parametrize("predictor", EVERY, ids=lambda p: p.name)
def test_a_handful_of_prompts_without_labels_can_be_learnt_from(predictor: Predictor) -> None:
    few = grid(12)
    fitted = predictor.fit(few.prompts, None, few.scores, seed=0)
    assert np.isfinite(fitted.predict(few.prompts, None)).all()
    assert np.isfinite(fitted.predict(few.prompts, few.tasks)).all()


@pytest.mark.parametrize("with_tasks", [True, False], ids=["labelled", "blind"])
def test_the_best_model_is_picked_by_topic_whether_it_is_told_or_read(
    with_tasks: bool, made_up: Grid
) -> None:
    folds = folds_of(made_up.prompts, 3, seed=1)
    for predictor in (TaskLabel(), Words(), Neighbours(), Boosting(), Clusters()):
        found = cross_fitted(predictor, made_up, folds, with_tasks, seed=0)
        for task, chances in CHANCES.items():
            if task != "biology":
                picked = found[made_up.tasks == task].argmax(axis=1)
                assert (picked == int(np.argmax(chances))).mean() > 0.8, (predictor.name, task)


def test_without_labels_to_learn_from_a_label_alone_foretells_the_mean(made_up: Grid) -> None:
    fitted = TaskLabel().fit(made_up.prompts, None, made_up.scores, seed=0)
    found = fitted.predict(made_up.prompts[:4], made_up.tasks[:4])
    assert found == pytest.approx(np.tile(made_up.scores.mean(axis=0), (4, 1)))


def test_a_task_with_few_queries_is_pulled_towards_the_mean(made_up: Grid) -> None:
    tasks = made_up.tasks.copy()
    tasks[:2], scores = "rare", made_up.scores.copy()
    scores[:2] = 1.0
    fitted = TaskLabel().fit(made_up.prompts, tasks, scores, seed=0)
    rare = fitted.predict(made_up.prompts[:1], np.array(["rare"], dtype=object))[0]
    mean = scores.mean(axis=0)
    assert rare == pytest.approx((2 + 10 * mean) / 12)


def test_item_response_sees_that_hard_prompts_are_hard_for_all(made_up: Grid) -> None:
    folds = folds_of(made_up.prompts, 3, seed=1)
    found = cross_fitted(ItemResponse(), made_up, folds, False, seed=0)
    hard = np.array([text.startswith("Hardest") for text in made_up.prompts])
    assert (found[hard].mean(axis=0) < found[~hard].mean(axis=0) - 0.05).all()


def test_equal_prompts_share_a_fold_and_folds_are_even() -> None:
    prompts = np.array([f"prompt {k}" for k in range(50)] * 2, dtype=object)
    prompts[50:] = [f"  PROMPT  {k}" for k in range(50)]
    folds = folds_of(prompts, 5, seed=2)
    assert (folds[:50] == folds[50:]).all()
    assert set(np.bincount(folds)) == {20}
    assert (folds != folds_of(prompts, 5, seed=3)).any()


def test_a_prediction_never_depends_on_its_own_score(made_up: Grid) -> None:
    folds = folds_of(made_up.prompts, 3, seed=1)
    held = folds == 0
    before = cross_fitted(Words(), made_up, folds, False, seed=0)
    changed = made_up.scores.copy()
    changed[held] = 1 - changed[held]
    after = cross_fitted(Words(), replace(made_up, scores=changed), folds, False, seed=0)
    assert (before[held] == after[held]).all()
    assert (before[~held] != after[~held]).any()


def test_a_stack_is_about_as_good_as_its_best_member(made_up: Grid) -> None:
    folds = folds_of(made_up.prompts, 3, seed=1)
    members = (TaskLabel(), ItemResponse(), Words())

    def loss(predictor: Predictor) -> float:
        found = cross_fitted(predictor, made_up, folds, False, seed=0)
        return float(((made_up.scores - found) ** 2).mean())

    assert loss(Stacked(members=members)) < min(map(loss, members)) * 1.01
