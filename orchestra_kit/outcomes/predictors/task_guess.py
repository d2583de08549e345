"""The task of a prompt as probabilities, for predictions where no label is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.sparse import csr_array
from scipy.special import log_softmax, softmax

from orchestra_kit.outcomes.folds import folds_of
from orchestra_kit.outcomes.predictors.predictor import Floats, Ints, Texts
from orchestra_kit.outcomes.predictors.reading import Reading, read
from orchestra_kit.outcomes.predictors.ridge import ridge

__all__ = ["TaskGuess"]

_PENALTY = 1.0
_FOLDS = 3
_SHARPEST = 50.0


@dataclass(frozen=True, eq=False)
class TaskGuess:
    """A linear model of the task, learnt from prompts with labels.

    Ridge regression of the labels, as one column of 0 and 1 each; a softmax, whose sharpness was
    chosen on prompts that were not learnt from, makes probabilities of it.
    """

    reading: Reading
    weights: Floats
    prior: Floats
    sharpness: float
    unseen: Floats
    """(n, t) of the prompts learnt from, each by a fit without its fold."""

    @classmethod
    def fit(cls, prompts: Texts, codes: Ints, tasks: int, seed: int) -> TaskGuess:
        """From prompts and the numbers of their tasks, 0 to `tasks` - 1."""
        reading = read(prompts)
        rows = reading.learnt.rows
        truth = np.eye(tasks)[codes]
        prior = truth.mean(axis=0)
        raw = np.tile(prior, (len(prompts), 1))
        folds = folds_of(prompts, _FOLDS, seed)
        for fold in np.unique(folds):
            held = folds == fold
            if not held.all():
                mean = truth[~held].mean(axis=0)
                weights = ridge(csr_array(rows[~held]), truth[~held] - mean, _PENALTY)
                raw[held] = rows[held] @ weights + mean

        def loss(sharpness: float) -> float:
            logs = log_softmax(sharpness * raw, axis=1)
            return -float(logs[np.arange(len(codes)), codes].mean())

        found = minimize_scalar(loss, bounds=(0.5, _SHARPEST), method="bounded")
        sharpness = float(found.x)
        return cls(
            reading=reading,
            weights=ridge(rows, truth - prior, _PENALTY),
            prior=prior,
            sharpness=sharpness,
            unseen=np.asarray(softmax(sharpness * raw, axis=1)),
        )

    def probabilities(self, prompts: Texts) -> Floats:
        """(n, t), each row summing to 1."""
        raw = self.reading.see(prompts).rows @ self.weights + self.prior
        return np.asarray(softmax(self.sharpness * raw, axis=1))
