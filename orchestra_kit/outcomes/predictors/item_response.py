"""Item response theory: one difficulty a prompt, one ability and one slope a model.

A two-parameter logistic model (Birnbaum 1968) with the roles of persons and items turned round:
model j succeeds at prompt i with probability ``σ(ability_j - slope_j · difficulty_i)``. The
difficulty is not known of a new prompt; it is regressed on what can be seen of it, and what the
regression leaves open flattens the curve. Few numbers a model, so that little data is enough, but
no prompt can be hard for one model and easy for another.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from orchestra_kit.outcomes.predictors.encoder import Encoder
from orchestra_kit.outcomes.predictors.predictor import Fitted, Floats, Texts, TwoWays
from orchestra_kit.outcomes.predictors.reading import Reading, Seen, read
from orchestra_kit.outcomes.predictors.ridge import dense_ridge
from orchestra_kit.outcomes.predictors.task_view import TaskView

__all__ = ["ItemResponse"]

_ROUNDS = 12
_NEWTON = 4
PENALTY = 10.0
_SURFACE = 0.1
_TASK = 0.5
_LEAST = 0.05
"""Variance of difficulty that is always left open."""


@dataclass(frozen=True)
class ItemResponse:
    """Difficulty from components, surface and task; fitted by alternating maximisation."""

    name: str = "item_response"
    encoder: Encoder | None = None

    def fit(self, prompts: Texts, tasks: Texts | None, scores: Floats, *, seed: int) -> Fitted:
        """Learn from n prompts and scores (n, m)."""
        reading = read(prompts, self.encoder)

        def learn(labelled: bool) -> Fitted:
            view = TaskView.fit(reading, prompts, tasks, scores, labelled=labelled, seed=seed)
            columns = _columns(reading.learnt, view.learnt)
            return _Curves(reading, view, *_maximised(columns, scores))

        return TwoWays(learn, labelled=tasks is not None)


@dataclass(frozen=True, eq=False)
class _Curves:
    reading: Reading
    view: TaskView
    weights: Floats
    bias: Floats
    ability: Floats
    slope: Floats
    left: float

    def predict(self, prompts: Texts, tasks: Texts | None) -> Floats:
        columns = _columns(self.reading.see(prompts), self.view.of(prompts, tasks))
        difficulty = (columns @ self.weights + self.bias)[:, None]
        raw = self.ability - self.slope * difficulty
        # The mean of a logistic curve over a normal difficulty (MacKay 1992).
        flat = np.sqrt(1 + np.pi / 8 * self.left * self.slope**2)
        return np.asarray(expit(raw / flat))


def _columns(seen: Seen, view: Floats) -> Floats:
    return np.hstack([seen.components, _SURFACE * seen.surface, _TASK * view])


def _maximised(columns: Floats, scores: Floats) -> tuple[Floats, Floats, Floats, Floats, float]:
    """Weights and bias of difficulty, ability and slope by model, and the variance left open."""
    n, m = scores.shape
    spread = scores.mean(axis=1) - scores.mean()
    difficulty = -spread / max(float(spread.std()), 1e-6)
    expected, left = np.zeros(n), 1.0
    share = np.clip(scores.mean(axis=0), 0.02, 0.98)
    ability, slope = np.log(share / (1 - share)), np.ones(m)
    weights, bias = np.zeros((columns.shape[1], 1)), np.zeros(1)
    for _ in range(_ROUNDS):
        ability, slope = _models(difficulty, scores, ability, slope)
        difficulty, curve = _items(difficulty, scores, ability, slope, expected, left)
        # The scale is free: difficulty is kept at mean 0 and variance 1.
        scale = max(float(np.sqrt(difficulty.var() + (1 / curve).mean())), 1e-6)
        middle = float(difficulty.mean())
        difficulty = (difficulty - middle) / scale
        ability, slope = ability - slope * middle, slope * scale
        weights, bias = dense_ridge(columns, difficulty[:, None], PENALTY)
        expected = (columns @ weights + bias)[:, 0]
        open_ = (difficulty - expected).var() + (1 / curve).mean() / scale**2
        left = max(_LEAST, float(open_))
    return weights[:, 0], bias[0], ability, slope, left


def _models(
    difficulty: Floats, scores: Floats, ability: Floats, slope: Floats
) -> tuple[Floats, Floats]:
    """Newton steps of every model's ability and slope, with a slight pull towards (0, 1)."""
    for _ in range(_NEWTON):
        p = expit(ability - slope * difficulty[:, None])
        wrong, curve = scores - p, np.maximum(p * (1 - p), 1e-6)
        a = wrong.sum(axis=0) - 0.1 * ability
        b = -(wrong * difficulty[:, None]).sum(axis=0) - (slope - 1)
        aa = curve.sum(axis=0) + 0.1
        ab = -(curve * difficulty[:, None]).sum(axis=0)
        bb = (curve * difficulty[:, None] ** 2).sum(axis=0) + 1
        det = aa * bb - ab**2
        ability = np.clip(ability + (bb * a - ab * b) / det, -8, 8)
        slope = np.clip(slope + (aa * b - ab * a) / det, 0.05, 5)
    return ability, slope


def _items(
    difficulty: Floats,
    scores: Floats,
    ability: Floats,
    slope: Floats,
    expected: Floats,
    left: float,
) -> tuple[Floats, Floats]:
    """The most probable difficulty of every prompt, and the curvature there."""
    found, curve = difficulty, np.ones_like(difficulty)
    for _ in range(_NEWTON):
        p = expit(ability - slope * found[:, None])
        pull = (found - expected) / left
        gradient = -((scores - p) * slope).sum(axis=1) - pull
        curve = (p * (1 - p) * slope**2).sum(axis=1) + 1 / left
        found = np.clip(found + np.clip(gradient / curve, -1, 1), -6, 6)
    return found, curve
