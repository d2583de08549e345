"""Training of the success model that a policy decides by, on recorded outcomes.

Learned here, written as plain numbers, evaluated by `routing.success` without numpy. What is
reported of it was measured on queries that neither the model nor its calibration had seen.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from orchestra_kit.core.display import Table
from orchestra_kit.core.errors import TableError
from orchestra_kit.core.ids import content_hash
from orchestra_kit.outcomes.folds import folds_of
from orchestra_kit.outcomes.grid import Grid
from orchestra_kit.outcomes.predictors.predictor import Fitted, Floats, TwoWays, cross_fitted
from orchestra_kit.outcomes.predictors.reliability import (
    Reliability,
    calibrated,
    cross_calibrated,
    difficulty,
)
from orchestra_kit.outcomes.predictors.words import SURFACE as SURFACE_WEIGHT
from orchestra_kit.outcomes.predictors.words import TASK, FittedWords, Words
from orchestra_kit.outcomes.statistics import Estimate, difference
from orchestra_kit.outcomes.table import Outcomes
from orchestra_kit.policy.policy import Policy
from orchestra_kit.routing.success import ENCODER, VERSION, SuccessModel
from orchestra_kit.routing.surface import SURFACE

__all__ = ["FEWEST", "LARGEST", "TrainedSuccess", "train_success"]

FEWEST = 100
"""Queries below which nothing is learnt that could be told from chance."""
LARGEST = 3_000_000
"""Bytes of ``success.json``, about; bounds the vocabulary."""
_FOLDS = 5
_FEATURES = 24_000
_PENALTY = 12.0
_DIGITS = 4
_A_NUMBER, _A_NAME = 9, 24
"""Bytes that a weight and a feature's name take in the file, about."""


@dataclass(frozen=True, eq=False)
class TrainedSuccess:
    """A success model fresh from training."""

    model: SuccessModel
    """As floor 2 will evaluate it."""
    document: Mapping[str, Any]
    """What `save` writes."""
    reliability: Reliability
    """Of all models together, on queries that were not learnt from."""
    gain: Estimate
    """What choosing the likeliest model by it brings over the best single model, per query."""
    grid: Grid
    """What was learnt from."""
    chances: Floats
    """(n, m) calibrated chances of its queries, out of fold."""

    def save(self, path: Path) -> None:
        """Write ``success.json``: whole or not at all, alike for equal outcomes and seed."""
        text = json.dumps(self.document, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
        beside = path.with_name(f"{path.name}.{os.getpid()}.part")
        try:
            beside.write_text(f"{text}\n", encoding="utf-8", newline="\n")
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)

    def report(self) -> dict[str, object]:
        """What was measured, as JSON knows it."""
        return {"policy": self.document["policy"], "models": list(self.model.models),
                "features": len(self.document["vocabulary"]), "outcomes": self.document["outcomes"],
                **self.document["measured"]}  # fmt: skip

    def table(self) -> Table:
        """Each model's mean score and how well it is foretold."""
        rows = []
        for k, name in enumerate(self.grid.models):
            found = Reliability.of(self.chances[:, k], self.grid.scores[:, k])
            rows.append(
                (name, f"{self.grid.scores[:, k].mean():.3f}", found.error.format(3),
                 found.brier.format(3), f"{found.of_mean.value:.3f}")
            )  # fmt: skip
        columns = ("model", "mean score", "calibration error", "Brier", "Brier of the mean")
        title = (
            f"Success of {len(rows)} models, foretold for n={self.grid.n:,} queries by what was "
            f"learnt from others; choosing the likeliest brings {self.gain.format(3)} over the "
            "best single model"
        )
        return Table(columns, rows, title=title, right=frozenset(columns[1:]))


def train_success(outcomes: Outcomes, policy: Policy, *, seed: int = 0) -> TrainedSuccess:
    """Learn the success of a policy's models from outcomes whose tasks are the policy's.

    Ridge regression on words, surface and task (`Words`), then a calibration curve for each model
    from out-of-fold predictions. Outcomes of other models are left out; of tasks that the policy
    does not have, the words are learnt from. Raises TableError where the outcomes have none of the
    policy's models, or fewer than 100 queries that all of them were scored on.
    """
    names = _models(outcomes, policy)
    grid = Grid.of(outcomes, names, responses=False)
    if grid.n < FEWEST:
        raise TableError(
            f"Only {grid.n:,} queries were scored on all of {', '.join(names)}; success is learnt "
            f"from at least {FEWEST}."
        )
    words = _words(len(names))
    with threadpool_limits(limits=1):
        folds = folds_of(grid.prompts, _FOLDS, seed)
        raw = cross_fitted(words, grid, folds, with_tasks=True, seed=seed)
        chances = cross_calibrated(raw, grid.scores, folds)
        fitted = _labelled(words.fit(grid.prompts, grid.tasks, grid.scores, seed=seed))
    reliability = Reliability.of(chances, grid.scores, seed=seed)
    picked = grid.scores[np.arange(grid.n), chances.argmax(axis=1)]
    gain = difference(picked, grid.scores[:, grid.best_single], seed=seed)
    document = {
        "kind": "orchestra_kit success model",
        "version": VERSION,
        "encoder": ENCODER,
        "policy": policy.name,
        "models": list(grid.models),
        "outcomes": _digest(grid),
        "source": grid.source.value,
        "seed": seed,
        "measured": _measured(grid, chances, reliability, gain),
        "calibration": [
            {"raw": _rounded(curve.raw, 6), "score": _rounded(curve.score, 5)}
            for curve in (calibrated(raw[:, k], grid.scores[:, k]) for k in range(len(grid.models)))
        ],
        **_numbers(fitted, policy),
    }
    return TrainedSuccess(SuccessModel.of(document), document, reliability, gain, grid, chances)


def _words(models: int) -> Words:
    """What is learnt: words and pairs. Pieces of words take several times as long to look up for
    each request, and with tasks known foretold nothing better in cross-validation."""
    room = LARGEST // (_A_NAME + _A_NUMBER * (models + 1))
    return Words(features=min(_FEATURES, room), pieces=False, penalty=_PENALTY)


def _models(outcomes: Outcomes, policy: Policy) -> list[str]:
    """The outcomes' models that the policy can call, by the model's or the deployment's name."""
    called = {deployment.model for deployment in policy.deployments.values()}
    found = [name for name in outcomes.models if name in called or name in policy.deployments]
    if not found:
        have, want = ", ".join(sorted(outcomes.models)[:8]), ", ".join(sorted(called)[:8])
        raise TableError(
            f"The outcomes have none of the models of policy “{policy.name}”: they have {have}; "
            f"the policy calls {want}."
        )
    return found


def _labelled(fitted: Fitted) -> FittedWords:
    assert isinstance(fitted, TwoWays)
    found = fitted.learnt(labelled=True)
    assert isinstance(found, FittedWords)
    return found


def _numbers(fitted: FittedWords, policy: Policy) -> dict[str, Any]:
    """The weights as the file holds them; tasks that the policy does not have are left out."""
    reading = fitted.reading
    v, s = len(reading.text.idf), len(SURFACE)
    tasks = zip(fitted.view.means.tasks, fitted.weights[v + s :] * TASK, strict=False)
    return {
        "vocabulary": reading.text.names(),
        "idf": _rounded(reading.text.idf, 4),
        "weights": [_rounded(row, _DIGITS) for row in fitted.weights[:v]],
        "bias": _rounded(fitted.bias, 6),
        "surface": {
            "names": list(SURFACE),
            "mean": _rounded(reading.mean, 6),
            "scale": _rounded(1 / reading.spread, 6),
            "weights": [_rounded(row * SURFACE_WEIGHT, 6) for row in fitted.weights[v : v + s]],
        },
        "tasks": {name: _rounded(row, 6) for name, row in tasks if name in policy.tasks},
    }


def _measured(
    grid: Grid, chances: Floats, reliability: Reliability, gain: Estimate
) -> dict[str, object]:
    hard = difficulty(chances)
    return {
        "n": grid.n,
        "calibration_error": _told(reliability.error),
        "brier": _told(reliability.brier),
        "brier_of_the_mean": _told(reliability.of_mean),
        "gain_over_best_single": _told(gain),
        "best_single": grid.models[grid.best_single],
        "difficulty": {f"p{q}": round(float(np.percentile(hard, q)), 1) for q in (10, 50, 90)},
        "how": "five-fold cross-validation; the calibration of each fold fitted on the other four",
        "notes": list(grid.notes),
    }


def _told(found: Estimate) -> dict[str, float | int | None]:
    low, high = found.interval or (None, None)
    return {
        "value": round(found.value, 5),
        "low": None if low is None else round(low, 5),
        "high": None if high is None else round(high, 5),
        "n": found.n,
    }


def _rounded(values: Floats, digits: int) -> list[float]:
    return [round(float(value), digits) + 0.0 for value in values]


def _digest(grid: Grid) -> str:
    """Of what was learnt from: prompts, tasks, models and scores."""
    rows = [grid.prompts.tolist(), grid.tasks.tolist(), grid.scores.round(6).tolist()]
    return content_hash({"version": VERSION, "models": list(grid.models), "rows": rows}, length=16)
