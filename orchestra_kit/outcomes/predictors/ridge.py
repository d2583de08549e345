"""Ridge regression of many targets at once, on sparse rows and on dense ones."""

from __future__ import annotations

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.sparse import csr_array

from orchestra_kit.outcomes.predictors.predictor import Floats

__all__ = ["dense_ridge", "sparse_ridge"]

_STEPS = 20
_TOLERANCE = 1e-2
"""Of the residual beside the target: far below the noise of scores of 0 and 1."""


def sparse_ridge(rows: csr_array, targets: Floats, penalty: float) -> Floats:
    """Weights (features, m) that minimise ``|rows · w - targets|² + penalty · |w|²``.

    Solved in the dual, ``(K + penalty) a = targets`` with ``w = rowsᵀ a``, by conjugate gradients
    for all m columns in the same steps (Hestenes and Stiefel 1952); targets are to be centred.
    """
    across = csr_array(rows.T)
    found = np.zeros_like(targets)
    residual = targets.copy()
    way = residual.copy()
    size = (residual**2).sum(axis=0)
    enough = _TOLERANCE**2 * size
    for _ in range(_STEPS):
        if (size <= enough).all():
            break
        image = rows @ (across @ way) + penalty * way
        curve = (way * image).sum(axis=0)
        step = np.divide(size, curve, out=np.zeros_like(size), where=curve > 0)
        found += step * way
        residual -= step * image
        left = (residual**2).sum(axis=0)
        way = residual + np.divide(left, size, out=np.zeros_like(size), where=size > 0) * way
        size = left
    return np.asarray(across @ found)


def dense_ridge(columns: Floats, targets: Floats, penalty: float) -> tuple[Floats, Floats]:
    """Weights (features, m) and bias (m,), the bias not shrunken: by the normal equations."""
    centre, mean = columns.mean(axis=0), targets.mean(axis=0)
    centred = columns - centre
    square = centred.T @ centred
    square[np.diag_indices_from(square)] += penalty
    weights = cho_solve(cho_factor(square), centred.T @ (targets - mean))
    return np.asarray(weights), np.asarray(mean - centre @ weights)
