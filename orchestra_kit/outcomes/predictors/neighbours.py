"""The mean scores of the most similar prompts that were learnt from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from orchestra_kit.outcomes.predictors.encoder import Encoder
from orchestra_kit.outcomes.predictors.predictor import Fitted, Floats, Texts, TwoWays
from orchestra_kit.outcomes.predictors.reading import Reading, read
from orchestra_kit.outcomes.predictors.task_view import TaskView

__all__ = ["Neighbours"]

NEIGHBOURS = 120
SAME_TASK = 0.3
"""What the same task adds to a cosine similarity."""
_SHARPNESS = 4.0
"""A neighbour weighs ``exp(sharpness · similarity)``."""
PRIOR = 5.0
"""Neighbours that the overall mean counts for."""
_BLOCK = 1_000


@dataclass(frozen=True)
class Neighbours:
    """k nearest neighbours by the cosine of their components, closer ones weighing more."""

    name: str = "neighbours"
    neighbours: int = NEIGHBOURS
    encoder: Encoder | None = None
    """Sentence embeddings in place of components of TF-IDF."""

    def fit(self, prompts: Texts, tasks: Texts | None, scores: Floats, *, seed: int) -> Fitted:
        """Learn from n prompts and scores (n, m)."""
        reading = read(prompts, self.encoder)

        def learn(labelled: bool) -> Fitted:
            view = TaskView.fit(reading, prompts, tasks, scores, labelled=labelled, seed=seed)
            return _Near(reading, view, scores, self.neighbours)

        return TwoWays(learn, labelled=tasks is not None)


@dataclass(frozen=True, eq=False)
class _Near:
    reading: Reading
    view: TaskView
    scores: Floats
    neighbours: int

    def predict(self, prompts: Texts, tasks: Texts | None) -> Floats:
        points, asked = self.reading.see(prompts).components, self.view.of(prompts, tasks)
        known, learnt = self.reading.learnt.components, self.view.learnt
        found = np.empty((len(prompts), self.scores.shape[1]))
        for start in range(0, len(prompts), _BLOCK):
            part = slice(start, start + _BLOCK)
            near = points[part] @ known.T + SAME_TASK * asked[part] @ learnt.T
            found[part] = _weighted_means(near, self.scores, self.neighbours)
        return found


def _weighted_means(near: Floats, scores: Floats, neighbours: int) -> Floats:
    """(n, m) means of the scores of the nearest, by similarities (n, learnt)."""
    k = min(neighbours, near.shape[1])
    chosen = np.argpartition(-near, k - 1, axis=1)[:, :k]
    close = np.take_along_axis(near, chosen, axis=1)
    weight = np.exp(_SHARPNESS * (close - close.max(axis=1, keepdims=True)))
    total = weight.sum(axis=1, keepdims=True)
    # The prior counts in neighbours, whatever their weights add up to.
    prior = PRIOR / k * total
    sums = np.einsum("nk,nkm->nm", weight, scores[chosen])
    return np.asarray((sums + prior * scores.mean(axis=0)) / (total + prior))
