"""Ridge regression of many targets at once on sparse rows, by conjugate gradients."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from orchestra_kit.outcomes.predictors.predictor import Floats

__all__ = ["ridge"]

_STEPS = 40
_TOLERANCE = 1e-3
"""Of the residual beside the target: far below the noise of scores of 0 and 1."""


def ridge(rows: csr_array, targets: Floats, penalty: float) -> Floats:
    """Weights (features, m) that minimise ``|rows · w - targets|² + penalty · |w|²``.

    Solved in the dual, ``(K + penalty) a = targets`` with ``w = rowsᵀ a``, for all m columns in the
    same steps (Hestenes and Stiefel 1952); targets are expected to be centred.
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
