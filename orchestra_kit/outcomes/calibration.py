"""How far a classifier's probabilities may be believed: fitted, and then measured.

Everything works on scores of requests that the scoring model had not seen. What is reported is
cross-fitted: the calibration that judges a fold was fitted on the other folds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit, logsumexp

from orchestra_kit.outcomes.statistics import proportion
from orchestra_kit.routing.classification import Calibration

__all__ = ["Judgement", "Proportion", "Unseen", "calibrate", "calibration_error", "judge"]

_Vector = npt.NDArray[np.float64]
_Labels = npt.NDArray[np.int64]

BINS = 10
"""Of equal numbers of requests, for the calibration error."""
OFF_TOPIC_WEIGHT = 0.1
"""Weight of all off-topic lines together, where all examples together weigh 1: as if one request
in eleven were off topic. More of it makes requests that are on topic look less sure than they are
right: at 0.5 the calibration error on the ContentForge examples is three times as large."""
_START = np.array([0.0, 0.0, 1.0])
_BOUNDS = ((-4.0, 4.0), (-12.0, 12.0), (-3.0, 3.5))
"""Of the logarithm of the temperature, the offset, and the logarithm of the slope: a positive
slope, so that knowing more of a request never lowers the trust in it."""


@dataclass(frozen=True)
class Unseen:
    """Raw scores of requests by models that had not seen them."""

    scores: _Vector
    """One row a request, one column a task."""
    known: _Vector
    """Share of each request that its model knew, 0-1."""
    truth: _Labels
    """Index of the task; -1 for off-topic lines."""
    fold: _Labels

    def where(self, mask: npt.NDArray[np.bool_]) -> Unseen:
        """The requests that the mask keeps."""
        return Unseen(self.scores[mask], self.known[mask], self.truth[mask], self.fold[mask])

    def probabilities(self, calibration: Calibration) -> _Vector:
        """Calibrated probabilities, one row a request."""
        rows = [
            calibration.apply(scores.tolist(), float(known))
            for scores, known in zip(self.scores, self.known, strict=True)
        ]
        return np.asarray(rows).reshape(len(rows), self.scores.shape[1])


class Proportion(TypedDict):
    """A share with its 95 % Wilson interval and the number it is a share of."""

    value: float
    low: float
    high: float
    n: int


class Judgement(TypedDict):
    """What was measured of a classifier, as it is written into its file."""

    n: int
    accuracy: Proportion
    calibration_error: float
    """Expected calibration error: mean distance of confidence from accuracy, 0-1."""
    brier: float
    """Mean squared distance of the probabilities from the truth, 0-2."""
    log_loss: float
    below_floor: Proportion
    """Examples that would go to human review."""
    accuracy_above_floor: Proportion
    """Of the examples that would not."""
    off_topic_below_floor: Proportion
    """Off-topic lines that would go to human review."""
    confidence_floor: float
    confusion: dict[str, dict[str, int]]
    """How many examples of a task (outer name) were taken for which (inner name)."""
    how: str


def calibrate(unseen: Unseen) -> Calibration:
    """The calibration that makes the scores likeliest, rounded to four decimals.

    Examples are to be called what they are, off-topic lines to be evenly spread over the tasks;
    the loss is cross-entropy. With a single task there is nothing to calibrate.
    """
    if unseen.scores.shape[1] == 1:
        return Calibration(temperature=1.0, offset=0.0, slope=1.0)
    found = minimize(_loss, _START, args=(unseen,), method="L-BFGS-B", bounds=_BOUNDS)
    heat, offset, slope = (float(value) for value in found.x)
    return Calibration(
        temperature=round(float(np.exp(heat)), 4),
        offset=round(offset, 4),
        slope=round(float(np.exp(slope)), 4),
    )


def judge(unseen: Unseen, tasks: Sequence[str], floor: float) -> Judgement:
    """Accuracy, calibration and confusion on requests that neither the model nor its calibration
    had seen; `floor` is the confidence below which a person decides."""
    probabilities = np.zeros_like(unseen.scores)
    for fold in np.unique(unseen.fold):
        held_out = unseen.fold == fold
        calibration = calibrate(unseen.where(~held_out))
        probabilities[held_out] = unseen.where(held_out).probabilities(calibration)
    inside = unseen.truth >= 0
    truth, given = unseen.truth[inside], probabilities[inside]
    guess, sure = given.argmax(axis=1), given.max(axis=1)
    right = guess == truth
    off_topic = probabilities[~inside].max(axis=1)
    chosen = np.clip(given[np.arange(len(truth)), truth], 1e-12, 1.0)
    confusion = {
        task: {
            other: int(np.sum((truth == row) & (guess == column)))
            for column, other in enumerate(tasks)
        }
        for row, task in enumerate(tasks)
    }
    return Judgement(
        n=len(truth),
        accuracy=_proportion(int(right.sum()), len(truth)),
        calibration_error=round(calibration_error(sure, right), 4),
        brier=round(float(np.mean(np.sum((given - np.eye(len(tasks))[truth]) ** 2, axis=1))), 4),
        log_loss=round(float(-np.mean(np.log(chosen))), 4),
        below_floor=_proportion(int(np.sum(sure < floor)), len(truth)),
        accuracy_above_floor=_proportion(
            int(right[sure >= floor].sum()), int((sure >= floor).sum())
        ),
        off_topic_below_floor=_proportion(int(np.sum(off_topic < floor)), len(off_topic)),
        confidence_floor=floor,
        confusion=confusion,
        how="five-fold cross-validation; the calibration of each fold fitted on the other four",
    )


def calibration_error(confidence: _Vector, right: npt.NDArray[np.bool_]) -> float:
    """Expected calibration error over ten bins of equal numbers (Naeini et al., AAAI 2015, with
    bins by rank, which leaves none nearly empty). 0-1; 0.0 of nothing."""
    if not len(confidence):
        return 0.0
    order = np.argsort(confidence, kind="stable")
    bins = np.array_split(order, min(BINS, len(order)))
    gaps = [len(b) * abs(float(confidence[b].mean()) - float(right[b].mean())) for b in bins]
    return sum(gaps) / len(confidence)


def _loss(point: _Vector, unseen: Unseen) -> float:
    temperature, offset, slope = np.exp(point[0]), point[1], np.exp(point[2])
    trust = expit(offset + slope * unseen.known)[:, None]
    scaled = unseen.scores / temperature
    shares = np.exp(scaled - logsumexp(scaled, axis=1, keepdims=True))
    logs = np.log(np.clip(trust * shares + (1 - trust) / shares.shape[1], 1e-12, 1.0))
    inside = unseen.truth >= 0
    loss = -float(np.mean(logs[np.flatnonzero(inside), unseen.truth[inside]]))
    if not inside.all():
        loss += OFF_TOPIC_WEIGHT * -float(np.mean(logs[~inside]))
    return loss


def _proportion(count: int, n: int) -> Proportion:
    """With Wilson's interval; of nothing or of one, everything is possible."""
    if not n:
        return Proportion(value=0.0, low=0.0, high=1.0, n=0)
    share = proportion(count, n)
    low, high = share.interval or (0.0, 1.0)
    return Proportion(value=round(share.value, 4), low=round(low, 4), high=round(high, 4), n=n)
