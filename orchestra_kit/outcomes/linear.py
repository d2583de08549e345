"""Linear models that are fitted once and judge every row by folds that did not hold it.

Both are closed or nearly closed forms, so that a hundred of them fit in seconds: what is searched
over stays honest, because every prediction for a training row is out of fold.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

__all__ = ["Chances", "Regression"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_LEAST_SPREAD = 1e-9


@dataclass(frozen=True, eq=False)
class Regression:
    """Ridge regression of several targets at once, with out-of-fold predictions."""

    unseen: Floats
    """(n, targets) for each training row, by the rows of the other folds."""
    _mean: Floats
    _spread: Floats
    _weights: Floats

    @classmethod
    def fit(cls, features: Floats, targets: Floats, folds: Ints, penalty: float) -> Regression:
        """Features (n, d) are standardised; the penalty counts rows and spares the intercept.

        All folds are solved from one pass: the Gram matrix without a fold is the whole less its.
        """
        mean, spread = features.mean(axis=0), features.std(axis=0) + _LEAST_SPREAD
        rows = _with_one((features - mean) / spread)
        penalties = penalty * np.eye(rows.shape[1])
        penalties[-1, -1] = 0.0
        parts = [(folds == fold) for fold in np.unique(folds)]
        grams = [rows[part].T @ rows[part] for part in parts]
        moments = [rows[part].T @ targets[part] for part in parts]
        gram, moment = np.sum(grams, axis=0), np.sum(moments, axis=0)
        unseen = np.zeros((len(features), targets.shape[1]))
        for part, held_gram, held_moment in zip(parts, grams, moments, strict=True):
            weights = np.linalg.solve(gram - held_gram + penalties, moment - held_moment)
            unseen[part] = rows[part] @ weights
        return cls(unseen, mean, spread, np.linalg.solve(gram + penalties, moment))

    def predict(self, features: Floats) -> Floats:
        """(n, targets) for rows that were not learnt from."""
        return np.asarray(_with_one((features - self._mean) / self._spread) @ self._weights)


@dataclass(frozen=True, eq=False)
class Chances:
    """Logistic regression of a score in 0..1, with out-of-fold predictions."""

    unseen: Floats
    """(n,) for each training row, by the rows of the other folds."""
    _mean: Floats
    _spread: Floats
    _model: LogisticRegression | float

    @classmethod
    def fit(cls, features: Floats, scores: Floats, folds: Ints, strength: float = 0.3) -> Chances:
        """A graded score counts as partly good; `strength` is the inverse of the penalty."""
        mean, spread = features.mean(axis=0), features.std(axis=0) + _LEAST_SPREAD
        rows = (features - mean) / spread
        unseen = np.zeros(len(rows))
        for fold in np.unique(folds):
            held = folds == fold
            unseen[held] = _chances(_logistic(rows[~held], scores[~held], strength), rows[held])
        return cls(unseen, mean, spread, _logistic(rows, scores, strength))

    def predict(self, features: Floats) -> Floats:
        """(n,) chances, 0-1, for rows that were not learnt from."""
        return _chances(self._model, (features - self._mean) / self._spread)


def _with_one(rows: Floats) -> Floats:
    return np.column_stack([rows, np.ones(len(rows))])


def _logistic(rows: Floats, scores: Floats, strength: float) -> LogisticRegression | float:
    """A fitted model, or the one chance of them all where nothing differs."""
    good, bad = scores > 0, scores < 1
    if not good.any() or not bad.any():
        return float(scores.mean()) if len(scores) else 0.5
    learnt = np.concatenate([rows[good], rows[bad]])
    truth = np.concatenate([np.ones(good.sum()), np.zeros(bad.sum())])
    weights = np.concatenate([scores[good], 1 - scores[bad]])
    model = LogisticRegression(C=strength, solver="newton-cholesky", max_iter=50)
    return model.fit(learnt, truth, sample_weight=weights)


def _chances(model: LogisticRegression | float, rows: Floats) -> Floats:
    if isinstance(model, float):
        return np.full(len(rows), model)
    if not len(rows):
        return np.zeros(0)
    return np.asarray(model.predict_proba(rows)[:, 1], dtype=np.float64)
