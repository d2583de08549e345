"""A linear model of the words: TF-IDF, the prompt's surface and its task, one score a model.

By default a ridge regression, which is solved once for all models; logistic regressions, one a
model, are there for few models and graded scores between.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.sparse import csr_array, hstack
from scipy.special import expit
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from orchestra_kit.outcomes.predictors.predictor import Fitted, Floats, Texts, TwoWays
from orchestra_kit.outcomes.predictors.reading import Reading, Seen, read
from orchestra_kit.outcomes.predictors.ridge import sparse_ridge
from orchestra_kit.outcomes.predictors.task_view import TaskView
from orchestra_kit.outcomes.predictors.text import FEATURES

__all__ = ["FittedWords", "Words"]

PENALTY = 15.0
SURFACE = 0.1
"""What a standard deviation of the surface weighs beside a row of TF-IDF, which has length 1."""
TASK = 1.0
"""What the task's column weighs."""
_INVERSE_PENALTY = 0.3
"""scikit-learn's C of the logistic option."""


@dataclass(frozen=True)
class Words:
    """Linear in TF-IDF, surface and task."""

    name: str = "words"
    model: Literal["ridge", "logistic"] = "ridge"
    penalty: float = PENALTY
    features: int = FEATURES
    """Words, pairs and pieces that are kept at most."""
    pieces: bool = True
    """Whether pieces of words are looked at, which know “illustrated” by “illustration”."""

    def fit(self, prompts: Texts, tasks: Texts | None, scores: Floats, *, seed: int) -> Fitted:
        """Learn from n prompts and scores (n, m)."""
        reading = read(prompts, features=self.features, pieces=self.pieces)

        def learn(labelled: bool) -> Fitted:
            view = TaskView.fit(reading, prompts, tasks, scores, labelled=labelled, seed=seed)
            rows = _rows(reading.learnt, view.learnt)
            if self.model == "logistic":
                weights, bias = _logistic(rows, scores)
            else:
                mean = rows.mean(axis=0)
                bias = scores.mean(axis=0)
                weights = sparse_ridge(rows, scores - bias, self.penalty)
                # Exact on average, though the rows are not centred, which would fill them.
                bias = bias - np.asarray(mean @ weights)
            return FittedWords(reading, view, weights, bias, logistic=self.model == "logistic")

        return TwoWays(learn, labelled=tasks is not None)


@dataclass(frozen=True, eq=False)
class FittedWords:
    """Weights of every feature, (features, m): the vocabulary's, the surface's, the tasks'."""

    reading: Reading
    view: TaskView
    weights: Floats
    bias: Floats
    logistic: bool

    def predict(self, prompts: Texts, tasks: Texts | None) -> Floats:
        """Expected scores, (n, m)."""
        rows = _rows(self.reading.see(prompts), self.view.of(prompts, tasks))
        raw = rows @ self.weights + self.bias
        return np.asarray(expit(raw) if self.logistic else np.clip(raw, 0.0, 1.0))


def _rows(seen: Seen, tasks: Floats) -> csr_array:
    parts = [seen.rows, csr_array(SURFACE * seen.surface), csr_array(TASK * tasks)]
    return csr_array(hstack(parts, format="csr"))


def _logistic(rows: csr_array, scores: Floats) -> tuple[Floats, Floats]:
    """One regression a model; a graded score counts as partly good and partly bad."""
    weights = np.zeros((rows.shape[1], scores.shape[1]))
    bias = np.zeros(scores.shape[1])
    for k, column in enumerate(scores.T):
        good, bad = np.flatnonzero(column > 0), np.flatnonzero(column < 1)
        truth = np.concatenate([np.ones(len(good)), np.zeros(len(bad))])
        share = np.concatenate([column[good], 1 - column[bad]])
        if not len(good) or not len(bad):
            bias[k] = 6.0 if len(good) else -6.0
            continue
        found = LogisticRegression(C=_INVERSE_PENALTY, solver="lbfgs", max_iter=60)
        with warnings.catch_warnings():
            # A fit that was stopped early is still a prediction.
            warnings.simplefilter("ignore", ConvergenceWarning)
            found.fit(rows[np.concatenate([good, bad])], truth, sample_weight=share)
        weights[:, k], bias[k] = found.coef_[0], found.intercept_[0]
    return weights, bias
