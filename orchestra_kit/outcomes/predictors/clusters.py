"""Mean scores by cluster of prompts, for when no label says what belongs together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.cluster import MiniBatchKMeans

from orchestra_kit.outcomes.predictors.encoder import Encoder
from orchestra_kit.outcomes.predictors.predictor import Fitted, Floats, Texts, TwoWays
from orchestra_kit.outcomes.predictors.reading import Reading, read
from orchestra_kit.outcomes.predictors.task_view import TaskView

__all__ = ["Clusters"]

_IN_EACH = 60
"""Prompts to be expected of a cluster, and the bounds of how many clusters that makes."""
_MOST = 120
SAME_TASK = 0.5
"""Length of the task's part beside the components', which have length 1."""
PRIOR = 15.0
"""Prompts that the expectation by task counts for in a cluster."""
_SHARPNESS = 8.0


@dataclass(frozen=True)
class Clusters:
    """k-means on components and task; a prompt belongs to every cluster a little, by distance."""

    name: str = "clusters"
    encoder: Encoder | None = None

    def fit(self, prompts: Texts, tasks: Texts | None, scores: Floats, *, seed: int) -> Fitted:
        """Learn from n prompts and scores (n, m)."""
        reading = read(prompts, self.encoder)

        def learn(labelled: bool) -> Fitted:
            view = TaskView.fit(reading, prompts, tasks, scores, labelled=labelled, seed=seed)
            points = _points(reading.learnt.components, view.learnt)
            k = max(1, min(_MOST, len(prompts) // _IN_EACH))
            found = MiniBatchKMeans(k, n_init=1, max_iter=30, random_state=seed).fit(points)
            belongs = _belongs(points, found.cluster_centers_)
            expected = view.expected(view.learnt)
            # What the cluster adds to what its tasks let expect.
            sums = belongs.T @ (scores - expected)
            added = sums / (belongs.sum(axis=0)[:, None] + PRIOR)
            return _Clustered(reading, view, np.asarray(found.cluster_centers_), added)

        return TwoWays(learn, labelled=tasks is not None)


@dataclass(frozen=True, eq=False)
class _Clustered:
    reading: Reading
    view: TaskView
    centres: Floats
    added: Floats

    def predict(self, prompts: Texts, tasks: Texts | None) -> Floats:
        view = self.view.of(prompts, tasks)
        points = _points(self.reading.see(prompts).components, view)
        found = self.view.expected(view) + _belongs(points, self.centres) @ self.added
        return np.asarray(np.clip(found, 0.0, 1.0))


def _points(components: Floats, view: Floats) -> Floats:
    return np.hstack([components, SAME_TASK * view])


def _belongs(points: Floats, centres: Floats) -> Floats:
    """(n, k) shares that sum to 1."""
    near = points @ centres.T - (centres**2).sum(axis=1) / 2
    found = np.exp(_SHARPNESS * (near - near.max(axis=1, keepdims=True)))
    return np.asarray(found / found.sum(axis=1, keepdims=True))
