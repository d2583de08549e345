"""Whether a foretold chance means what it says: calibration, and how far it can be trusted.

Of all the requests that are given a chance of 0.7, seven in ten should succeed. Predictors are
rarely so honest by themselves; a curve learnt on predictions that had not seen their query makes
them so, and everything told of it here was measured on queries that the curve had not seen either.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import expit, logit
from sklearn.isotonic import IsotonicRegression

from orchestra_kit.core.display import Table
from orchestra_kit.outcomes.predictors.predictor import Floats, Ints
from orchestra_kit.outcomes.statistics import Estimate, mean_estimate, mean_score
from orchestra_kit.outcomes.steps import resampled

__all__ = [
    "Calibrator",
    "Method",
    "Reliability",
    "abstention",
    "calibrated",
    "cross_calibrated",
    "difficulty",
]

Method: TypeAlias = Literal["isotonic", "platt"]

BINS = 10
ISOTONIC_FROM = 1_000
"""Queries from which an isotonic curve is drawn; below, two numbers are all that can be learnt."""
_KNOTS = 33
_RESAMPLES = 400
_EDGE = 1e-3


@dataclass(frozen=True, eq=False)
class Calibrator:
    """A rising line through knots, level beyond both ends."""

    raw: Floats
    score: Floats

    def apply(self, raw: Floats) -> Floats:
        """Calibrated chances, 0-1."""
        return np.asarray(np.interp(raw, self.raw, self.score))


def calibrated(raw: Floats, scores: Floats, method: Method | None = None) -> Calibrator:
    """The curve of one model, from predictions (n,) that had not seen their scores (n,).

    ``platt``: a logistic curve with two parameters on the log odds (Platt 1999); ``isotonic``: any
    rising curve (Zadrozny and Elkan 2002), thinned to a few knots. By default isotonic from 1,000
    queries on. Graded scores count as partly good. Raises ValueError where there is nothing.
    """
    if not len(raw):
        raise ValueError("there is nothing to calibrate by")
    chosen = method or ("isotonic" if len(raw) >= ISOTONIC_FROM else "platt")
    if float(np.ptp(raw)) < 1e-9:
        middle, mean = float(raw[0]), float(scores.mean())
        return Calibrator(np.array([middle - 1.0, middle + 1.0]), np.array([mean, mean]))
    if chosen == "platt":
        at = np.linspace(min(0.0, raw.min()), max(1.0, raw.max()), _KNOTS)
        return Calibrator(at, _platt(raw, scores)(at))
    curve = IsotonicRegression(out_of_bounds="clip").fit(raw, scores)
    # Knots at quantiles: between them the line keeps the order that steps would lose.
    at = np.unique(np.quantile(raw, np.linspace(0.01, 0.99, _KNOTS)))
    if len(at) < 2:
        at = np.array([at[0] - 1e-6, at[0] + 1e-6])
    return Calibrator(at, _smoothed(curve.predict(raw), raw, at))


def cross_calibrated(
    raw: Floats, scores: Floats, folds: Ints, method: Method | None = None
) -> Floats:
    """(n, m) predictions, each model's calibrated by a curve that was learnt on other folds."""
    found = np.empty_like(raw)
    for fold in np.unique(folds):
        held = folds == fold
        learnt = held if held.all() else ~held
        for k in range(raw.shape[1]):
            curve = calibrated(raw[learnt, k], scores[learnt, k], method)
            found[held, k] = curve.apply(raw[held, k])
    return found


def difficulty(chances: Floats) -> Floats:
    """(n,) 0-100 of chances (n, m): 100 where nobody is expected to succeed, 0 where one model is
    certain to."""
    return np.asarray(100.0 * (1.0 - chances.max(axis=1)))


@dataclass(frozen=True, eq=False)
class Reliability:
    """Foretold chances beside what came, with intervals."""

    error: Estimate
    """Expected calibration error, 0-1: mean distance of foretold from found, over bins of equal
    numbers (Naeini and others 2015, with bins by rank). Chance alone keeps it above 0."""
    brier: Estimate
    """Mean squared distance of foretold chances from scores, 0-1."""
    of_mean: Estimate
    """The Brier score of a forecast that always tells the mean."""
    bins: pd.DataFrame
    """``foretold, found, low, high, n`` of each bin, by rising chance."""

    @classmethod
    def of(cls, foretold: Floats, scores: Floats, *, seed: int = 0) -> Reliability:
        """From chances and scores of one model, (n,), or of several, (n, m), pooled by query."""
        chance = foretold.reshape(len(foretold), -1)
        score = scores.reshape(len(scores), -1)
        n, m = chance.shape
        order = np.argsort(chance.ravel(), kind="stable")
        query = order // m
        parts = np.array_split(np.arange(n * m), min(BINS, n * m))
        flat, truth = chance.ravel()[order], score.ravel()[order]
        rows = []
        for part in parts:
            found = mean_score(truth[part], query[part])
            rows.append((float(flat[part].mean()), found.value, *found.bounds, len(part)))
        gap = flat - truth
        sums = np.zeros((len(parts), n))
        for place, part in enumerate(parts):
            np.add.at(sums[place], query[part], gap[part])
        error = float(np.abs(sums.sum(axis=1)).sum() / (n * m))
        drawn = np.concatenate(
            [np.abs(times @ sums.T).sum(axis=1) for times in resampled(n, _RESAMPLES, seed)]
        ) / (n * m)
        low, high = np.quantile(drawn, (0.025, 0.975))
        squares = ((chance - score) ** 2).mean(axis=1)
        plain = ((score.mean(axis=0) - score) ** 2).mean(axis=1)
        whole = n > 1
        return cls(
            # A resample is as far from the sample as that is from the truth, and so a bit higher.
            error=Estimate(
                error,
                max(0.0, min(error, 2 * error - float(high))) if whole else None,
                max(error, float(low), 2 * error - float(low), float(high)) if whole else None,
                n,
            ),
            brier=mean_estimate(squares),
            of_mean=mean_estimate(plain),
            bins=pd.DataFrame(rows, columns=["foretold", "found", "low", "high", "n"]),
        )

    def table(self) -> Table:
        """The bins, under a title with the error and the Brier score."""
        rows = [
            (f"{b.foretold:.2f}", f"{b.found:.2f}", f"{b.low:.2f} to {b.high:.2f}", f"{b.n:,}")
            for b in self.bins.itertuples()
        ]
        title = (
            f"Calibration error {self.error.format(3)}; Brier {self.brier.format(3)}, "
            f"of the mean alone {self.of_mean.format(3)}; n={self.error.n:,} queries"
        )
        columns = ("foretold", "found", "95 % interval", "n")
        return Table(columns, rows, title=title, right=frozenset(columns))


@dataclass(frozen=True, slots=True)
class Abstention:
    """Where to stop trusting a forecast."""

    threshold: float
    """Chance from which on requests are answered; infinite where none may be."""
    answered: float
    """Share of the queries at or above it."""
    quality: Estimate | None
    """Mean score of those; None where there are none."""


def abstention(chance: Floats, scores: Floats, target: float) -> Abstention:
    """The lowest threshold at which what is answered is shown to reach a mean score.

    `chance`, `scores`: (n,) of the model that would answer each query. The lower end of the 95 %
    interval must reach `target`, so that a few lucky queries do not open the door. Every threshold
    is looked at: O(n log n).
    """
    order = np.argsort(-chance, kind="stable")
    sorted_chance, sorted_score = chance[order], scores[order]
    n = np.arange(1, len(order) + 1)
    mean = np.cumsum(sorted_score) / n
    z = 1.959963984540054
    low = (mean + z * z / (2 * n) - z * np.sqrt(mean * (1 - mean) / n + z * z / (4 * n * n))) / (
        1 + z * z / n
    )
    last = np.append(sorted_chance[1:] < sorted_chance[:-1], True)
    fit = np.flatnonzero((low >= target) & last)
    if not len(fit):
        return Abstention(np.inf, 0.0, None)
    count = int(fit[-1]) + 1
    return Abstention(
        float(sorted_chance[count - 1]), count / len(order), mean_score(sorted_score[:count])
    )


class _Logistic:
    def __init__(self, slope: float, offset: float) -> None:
        self.slope, self.offset = slope, offset

    def __call__(self, raw: Floats) -> Floats:
        return np.asarray(expit(self.slope * _odds(raw) + self.offset))


def _odds(raw: Floats) -> Floats:
    return np.asarray(logit(np.clip(raw, _EDGE, 1 - _EDGE)))


def _platt(raw: Floats, scores: Floats) -> _Logistic:
    # Platt's own smoothing of the targets: one more success and one more failure.
    n, good = len(scores), float(scores.sum())
    top, bottom = (good + 1) / (good + 2), 1 / (n - good + 2)
    target = scores * top + (1 - scores) * bottom
    odds = _odds(raw)

    def loss(point: Floats) -> tuple[float, Floats]:
        z = np.exp(point[0]) * odds + point[1]
        p = expit(z)
        value = np.logaddexp(0, z) - target * z
        slope = (p - target) * np.exp(point[0]) * odds
        return float(value.mean()), np.array([slope.mean(), (p - target).mean()])

    found = minimize(
        loss, np.zeros(2), jac=True, method="L-BFGS-B", bounds=[(-5.0, 3.0), (-10.0, 10.0)]
    )
    return _Logistic(float(np.exp(found.x[0])), float(found.x[1]))


def _smoothed(levels: Floats, raw: Floats, at: Floats) -> Floats:
    """Mean level of the isotonic curve around each knot."""
    edges = np.concatenate([[-np.inf], (at[1:] + at[:-1]) / 2, [np.inf]])
    place = np.clip(np.searchsorted(edges, raw, side="right") - 1, 0, len(at) - 1)
    counts = np.bincount(place, minlength=len(at))
    sums = np.bincount(place, weights=levels, minlength=len(at))
    means = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
    known = np.isfinite(means)
    return np.maximum.accumulate(np.interp(at, at[known], means[known]))
