"""What the task says: the mean score of each model at it, shrunken towards its overall mean.

The simplest predictor that is of use, and the one that others have to beat. Without labels the
task is guessed from the prompt, and the means are weighed by how likely each task is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from orchestra_kit.outcomes.predictors.predictor import Fitted, Floats, Texts, TwoWays
from orchestra_kit.outcomes.predictors.task_guess import TaskGuess
from orchestra_kit.outcomes.predictors.task_means import PRIOR, TaskMeans

__all__ = ["TaskLabel"]


@dataclass(frozen=True)
class TaskLabel:
    """Shrunken means by task; where learning has no labels, the mean alone."""

    name: str = "task_label"
    prior: float = PRIOR
    """Queries that the overall mean counts for."""

    def fit(self, prompts: Texts, tasks: Texts | None, scores: Floats, *, seed: int) -> Fitted:
        """Learn from n prompts and scores (n, m)."""
        if tasks is None:
            return _Means(TaskMeans.of(np.full(len(prompts), "", dtype=object), scores))
        means = TaskMeans.of(tasks, scores, self.prior)

        def learn(labelled: bool) -> Fitted:
            if labelled or len(means.tasks) < 2:
                return _Means(means)
            guess = TaskGuess.fit(prompts, means.codes(tasks), len(means.tasks), seed)
            return _Guessed(means, guess)

        return TwoWays(learn, labelled=True)


@dataclass(frozen=True, eq=False)
class _Means:
    means: TaskMeans

    def predict(self, prompts: Texts, tasks: Texts | None) -> Floats:
        labels = np.full(len(prompts), None, dtype=object) if tasks is None else tasks
        if tasks is None and len(self.means.tasks) == 1:
            labels = np.full(len(prompts), self.means.tasks[0], dtype=object)
        return self.means.at(labels)


@dataclass(frozen=True, eq=False)
class _Guessed:
    means: TaskMeans
    guess: TaskGuess

    def predict(self, prompts: Texts, tasks: Texts | None) -> Floats:
        return np.asarray(self.guess.probabilities(prompts) @ self.means.means)
