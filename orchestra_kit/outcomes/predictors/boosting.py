"""Gradient-boosted trees on components, surface and task: what no straight line tells.

Trees are grown for a few principal components of the scores instead of for every model: models
mostly fail together, and the rest of what they do is chance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor

from orchestra_kit.outcomes.folds import folds_of
from orchestra_kit.outcomes.predictors.encoder import Encoder
from orchestra_kit.outcomes.predictors.predictor import Fitted, Floats, Texts, TwoWays
from orchestra_kit.outcomes.predictors.reading import Reading, read
from orchestra_kit.outcomes.predictors.task_means import TaskMeans
from orchestra_kit.outcomes.predictors.task_view import TaskView

__all__ = ["Boosting"]

_TARGETS = 4
_COMPONENTS = 40
_FOLDS = 5
_TREES = 100


@dataclass(frozen=True)
class Boosting:
    """Histogram gradient boosting (Ke and others 2017) of up to four components of the scores."""

    name: str = "boosting"
    trees: int = _TREES
    encoder: Encoder | None = None

    def fit(self, prompts: Texts, tasks: Texts | None, scores: Floats, *, seed: int) -> Fitted:
        """Learn from n prompts and scores (n, m)."""
        reading = read(prompts, self.encoder)

        def learn(labelled: bool) -> Fitted:
            view = TaskView.fit(reading, prompts, tasks, scores, labelled=labelled, seed=seed)
            mean = scores.mean(axis=0)
            _, _, axes = np.linalg.svd(scores - mean, full_matrices=False)
            axes = axes[: min(_TARGETS, len(axes))]
            targets = (scores - mean) @ axes.T
            known = _unseen_means(prompts, tasks, view, scores, seed)
            columns = _columns(reading.learnt.components, reading.learnt.surface, known @ axes.T)
            grown = [_grown(columns, target, self.trees, seed) for target in targets.T]
            return _Trees(reading, view, mean, axes, grown)

        return TwoWays(learn, labelled=tasks is not None)


@dataclass(frozen=True, eq=False)
class _Trees:
    reading: Reading
    view: TaskView
    mean: Floats
    axes: Floats
    grown: list[HistGradientBoostingRegressor]

    def predict(self, prompts: Texts, tasks: Texts | None) -> Floats:
        seen, view = self.reading.see(prompts), self.view.of(prompts, tasks)
        known = self.view.expected(view) @ self.axes.T
        columns = _columns(seen.components, seen.surface, known)
        found = np.column_stack([trees.predict(columns) for trees in self.grown])
        return np.asarray(np.clip(self.mean + found @ self.axes, 0.0, 1.0))


def _columns(components: Floats, surface: Floats, known: Floats) -> Floats:
    return np.hstack([components[:, :_COMPONENTS], surface, known])


def _unseen_means(
    prompts: Texts, tasks: Texts | None, view: TaskView, scores: Floats, seed: int
) -> Floats:
    """What the tasks let expect of each prompt, by means that leave out its own fold: a prompt
    that saw its own score would trust the task too much."""
    if tasks is None or not view.learnt.shape[1]:
        return view.expected(view.learnt)
    found = np.empty_like(scores)
    folds = folds_of(prompts, _FOLDS, seed)
    names = np.array(view.means.tasks, dtype=object)
    for fold in np.unique(folds):
        held = folds == fold
        if held.all():
            return view.expected(view.learnt)
        means = TaskMeans.of(tasks[~held], scores[~held])
        found[held] = view.learnt[held] @ means.at(names)
    return found


def _grown(columns: Floats, target: Floats, trees: int, seed: int) -> HistGradientBoostingRegressor:
    return HistGradientBoostingRegressor(
        max_iter=trees,
        learning_rate=0.04,
        max_leaf_nodes=8,
        min_samples_leaf=min(60, max(5, len(target) // 20)),
        l2_regularization=20.0,
        max_features=0.3,
        max_bins=64,
        early_stopping=False,
        random_state=seed,
    ).fit(columns, target)
