"""Tasks as columns of numbers, whether they are known or have to be guessed.

What learns from these columns sees in learning what it will see later: labels as 0 and 1 where
they will be known, and else guesses, each by a fit that did not know its prompt.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from orchestra_kit.outcomes.predictors.predictor import Floats, Texts
from orchestra_kit.outcomes.predictors.reading import Reading
from orchestra_kit.outcomes.predictors.task_guess import TaskGuess
from orchestra_kit.outcomes.predictors.task_means import TaskMeans

__all__ = ["TaskView"]


@dataclass(frozen=True, eq=False)
class TaskView:
    """The tasks of the prompts learnt from, and how to see those of others."""

    means: TaskMeans
    guess: TaskGuess | None
    """None where labels will be known."""
    learnt: Floats
    """(n, t) of the prompts learnt from; no columns where there are fewer than two tasks."""

    @classmethod
    def fit(
        cls,
        reading: Reading,
        prompts: Texts,
        tasks: Texts | None,
        scores: Floats,
        *,
        labelled: bool,
        seed: int,
    ) -> TaskView:
        """From labels, if there are any; `labelled` says whether they will be known later."""
        labels = np.full(len(prompts), "", dtype=object) if tasks is None else tasks
        means = TaskMeans.of(labels, scores)
        t, codes = len(means.tasks), means.codes(labels)
        if t < 2:
            return cls(means, None, np.zeros((len(prompts), 0)))
        if labelled:
            return cls(means, None, np.eye(t)[codes])
        guess = TaskGuess.fit(reading, prompts, codes, t, seed)
        return cls(means, guess, guess.unseen)

    def of(self, prompts: Texts, tasks: Texts | None) -> Floats:
        """(n, t) of other prompts; a row of zeros for a label that was not learnt from."""
        t = self.learnt.shape[1]
        if not t:
            return np.zeros((len(prompts), 0))
        if self.guess is not None:
            return self.guess.probabilities(prompts)
        if tasks is None:
            return np.zeros((len(prompts), t))
        codes = self.means.codes(tasks)
        return np.where(codes[:, None] >= 0, np.eye(t)[codes], 0.0)

    def expected(self, view: Floats) -> Floats:
        """(n, m) mean scores of what a view shows; the overall mean for what it does not know."""
        if not view.shape[1]:
            return np.tile(self.means.overall, (len(view), 1))
        rest = 1 - view.sum(axis=1, keepdims=True)
        return np.asarray(view @ self.means.means + rest * self.means.overall)
