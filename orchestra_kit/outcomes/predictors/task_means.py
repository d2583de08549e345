"""Mean scores by task, shrunken towards the mean over all tasks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from orchestra_kit.outcomes.predictors.predictor import Floats, Ints, Texts

__all__ = ["TaskMeans"]

PRIOR = 10.0
"""Queries that the mean over all tasks counts for beside a task's own."""


@dataclass(frozen=True, eq=False)
class TaskMeans:
    """Shrunken means (t, m) of t tasks and m models."""

    tasks: tuple[str, ...]
    means: Floats
    overall: Floats
    """(m,) for a task that was not there to learn from."""

    @classmethod
    def of(cls, tasks: Texts, scores: Floats, prior: float = PRIOR) -> TaskMeans:
        """``(sum of the task + prior · overall mean) / (n of the task + prior)`` by model."""
        codes, names = pd.factorize(tasks)
        overall = scores.mean(axis=0)
        sums = np.zeros((len(names), scores.shape[1]))
        np.add.at(sums, codes, scores)
        counts = np.bincount(codes, minlength=len(names))[:, None]
        means = (sums + prior * overall) / (counts + prior)
        return cls(tuple(str(name) for name in names), means, overall)

    def codes(self, tasks: Texts) -> Ints:
        """The place of each label in `tasks`; -1 for one that is not there."""
        number = {name: k for k, name in enumerate(self.tasks)}
        return np.array([number.get(str(task), -1) for task in tasks], dtype=np.int64)

    def at(self, tasks: Texts) -> Floats:
        """(n, m) the means of labels."""
        codes = self.codes(tasks)
        return np.where(codes[:, None] >= 0, self.means[codes], self.overall)
