"""Five estimators of what a policy would have brought, each as a value and its influence.

The influence of a request is how much it moves the estimate, times n; its mean is 0. The variance
of any estimate, or of a difference of two on the same requests, is that of a mean of influences, by
clusters. With r the outcome, w the weight π(a|x)/p, and q the cross-fitted expectation:

==========================  =========================  ==========================================
direct method               mean Σ π·q                 biased where q is wrong
IPS                         mean w·r                   Horvitz and Thompson 1952
SNIPS                       Σ w·r / Σ w                Hájek 1971; Swaminathan and Joachims 2015
clipped IPS                 mean min(w, c)·r           Ionides 2008: c = √n; biased downwards
doubly robust               mean Σ π·q + w·(r − q)     Dudík, Langford and Li 2011
==========================  =========================  ==========================================
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from orchestra_kit.outcomes.off_policy.reward_model import Fitted

__all__ = [
    "Estimator",
    "Influenced",
    "clipped",
    "direct",
    "doubly_robust",
    "estimate",
    "ips",
    "snips",
]

_Floats = npt.NDArray[np.float64]


class Estimator(StrEnum):
    """How a value is worked out."""

    DOUBLY_ROBUST = "doubly robust"
    SNIPS = "SNIPS"
    IPS = "IPS"
    CLIPPED = "clipped IPS"
    DIRECT = "direct method"


@dataclass(frozen=True, eq=False)
class Influenced:
    """An estimate and what each request adds to it."""

    value: float
    influence: _Floats
    """One number a request, of mean 0, in the unit of the outcome."""
    cap: float | None = None
    """The largest weight that is let through; None where all are."""
    bias: float = 0.0
    """How far the value may lie below the truth by being clipped, at most."""


def estimate(
    probabilities: _Floats, weights: _Floats, outcomes: _Floats, fitted: Fitted, *, most: float
) -> Mapping[Estimator, Influenced]:
    """All five over the same requests; `most` is the largest outcome that there can be."""
    return {
        Estimator.DOUBLY_ROBUST: doubly_robust(probabilities, weights, fitted),
        Estimator.SNIPS: snips(weights, outcomes),
        Estimator.IPS: ips(weights, outcomes),
        Estimator.CLIPPED: clipped(weights, outcomes, most=most),
        Estimator.DIRECT: direct(probabilities, fitted),
    }


def direct(probabilities: _Floats, fitted: Fitted) -> Influenced:
    """What the model expects of the policy.

    The influence counts the requests that were drawn and the fit of the model to them; no interval
    knows by how much a model of the wrong shape is wrong.
    """
    of_policy = (probabilities * fitted.expected).sum(axis=1)
    value = float(of_policy.mean())
    moved = of_policy - value + fitted.pull(probabilities) * fitted.residuals
    return Influenced(value, moved - moved.mean())


def ips(weights: _Floats, outcomes: _Floats) -> Influenced:
    """Every outcome counted as often as the policy would have caused it."""
    found = weights * outcomes
    value = float(found.mean())
    return Influenced(value, found - value)


def snips(weights: _Floats, outcomes: _Floats) -> Influenced:
    """The same over the sum of the weights; its variance is a ratio's (delta method).

    Raises ValueError where no weight is positive.
    """
    mean = float(weights.mean())
    if mean <= 0:
        raise ValueError("nothing that the policy would do was ever done")
    value = float((weights * outcomes).mean() / mean)
    return Influenced(value, weights * (outcomes - value) / mean)


def clipped(
    weights: _Floats, outcomes: _Floats, *, most: float, cap: float | None = None
) -> Influenced:
    """IPS with no weight above `cap`, √n by default.

    Outcomes are at least 0, so that it errs downwards, by `most` times the mean of what was cut off
    the weights at most.
    """
    limit = math.sqrt(len(weights)) if cap is None else cap
    cut = np.minimum(weights, limit)
    found = ips(cut, outcomes)
    return Influenced(found.value, found.influence, limit, float((weights - cut).mean()) * most)


def doubly_robust(probabilities: _Floats, weights: _Floats, fitted: Fitted) -> Influenced:
    """The model's expectation, mended by the weighted residuals: right where either is."""
    found = (probabilities * fitted.expected).sum(axis=1) + weights * fitted.residuals
    value = float(found.mean())
    return Influenced(value, found - value)
