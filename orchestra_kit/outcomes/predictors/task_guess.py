"""The task of a prompt as probabilities, for predictions where no label is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from orchestra_kit.outcomes.folds import folds_of
from orchestra_kit.outcomes.predictors.predictor import Floats, Ints, Texts
from orchestra_kit.outcomes.predictors.reading import Reading, Seen
from orchestra_kit.outcomes.predictors.ridge import dense_ridge

__all__ = ["TaskGuess"]

_PENALTY = 1.0
_FOLDS = 4
_SHARPEST = 50.0
_SURFACE = 0.1


@dataclass(frozen=True, eq=False)
class TaskGuess:
    """A linear model of the task, learnt from prompts with labels.

    Ridge regression of the labels, as one column of 0 and 1 each, on the prompts' components and
    surface; a softmax, whose sharpness was chosen on prompts that were not learnt from, makes
    probabilities of it.
    """

    reading: Reading
    weights: Floats
    bias: Floats
    sharpness: float
    unseen: Floats
    """(n, t) of the prompts learnt from, each by a fit without its fold."""

    @classmethod
    def fit(cls, reading: Reading, prompts: Texts, codes: Ints, tasks: int, seed: int) -> TaskGuess:
        """From the prompts of the reading and the numbers of their tasks, 0 to `tasks` - 1; learnt
        once for all that share the reading."""
        key = (codes.tobytes(), tasks, seed)
        if key not in reading.guesses:
            reading.guesses[key] = cls._fit(reading, prompts, codes, tasks, seed)
        return reading.guesses[key]

    @classmethod
    def _fit(
        cls, reading: Reading, prompts: Texts, codes: Ints, tasks: int, seed: int
    ) -> TaskGuess:
        columns = _columns(reading.learnt)
        truth = np.eye(tasks)[codes]
        raw = np.tile(truth.mean(axis=0), (len(prompts), 1))
        folds = folds_of(prompts, _FOLDS, seed)
        for fold in np.unique(folds):
            held = folds == fold
            if not held.all():
                weights, bias = dense_ridge(columns[~held], truth[~held], _PENALTY)
                raw[held] = columns[held] @ weights + bias

        def loss(sharpness: float) -> float:
            logs = log_softmax(sharpness * raw, axis=1)
            return -float(logs[np.arange(len(codes)), codes].mean())

        found = minimize_scalar(loss, bounds=(0.5, _SHARPEST), method="bounded")
        sharpness = float(found.x)
        weights, bias = dense_ridge(columns, truth, _PENALTY)
        unseen = np.asarray(softmax(sharpness * raw, axis=1))
        return cls(reading, weights, bias, sharpness, unseen)

    def probabilities(self, prompts: Texts) -> Floats:
        """(n, t), each row summing to 1."""
        raw = _columns(self.reading.see(prompts)) @ self.weights + self.bias
        return np.asarray(softmax(self.sharpness * raw, axis=1))


def _columns(seen: Seen) -> Floats:
    return np.hstack([seen.components, _SURFACE * seen.surface])
