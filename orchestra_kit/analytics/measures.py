"""The figures by which a week of traffic is judged, each with how it is computed and worded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from orchestra_kit.analytics import intervals
from orchestra_kit.outcomes.statistics import Estimate

__all__ = ["MEASURES", "Measure", "Unit", "estimate", "measure_named", "with_acceptance"]

Unit = Literal["share", "seconds", "dollars", "score"]
_DUE = ("answered", "queued", "unavailable")
"""The ends of requests that a model should have answered. A request that went to a person, that a
content policy refused or that a spend budget stopped ended as the policy says it should."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One figure of the scorecard."""

    name: str
    title: str
    phrase: str
    """As the subject of a sentence."""
    unit: Unit
    better: Literal["higher", "lower"]
    margin: float
    """The smallest change worth acting on: points of a share or score, else a relative change."""
    means: str
    """The definition, for the method box."""
    of: Callable[[pd.DataFrame], Estimate]

    @property
    def relative(self) -> bool:
        """Whether a change is told as a share of what was before."""
        return self.unit in {"seconds", "dollars"}

    def change(self, now: Estimate, before: Estimate) -> Estimate:
        """The change from `before`, in the terms in which this measure's changes are told."""
        compare = intervals.relative_change if self.relative else intervals.difference
        return compare(now, before)


def with_acceptance(requests: pd.DataFrame, floors: dict[str, float]) -> pd.DataFrame:
    """The requests with a column `accepted`: 1 for an answer at or above its task's quality
    floor, 0 for everything else that ended, missing for an answer that was not scored."""
    floor = requests["task"].astype(object).map(floors).astype(float).fillna(0.0)
    accepted = (requests["quality"] >= floor).astype(float)
    accepted[requests["quality"].isna()] = np.nan
    accepted[requests["status"] != "answered"] = 0.0
    return requests.assign(accepted=accepted)


def estimate(measure: Measure, requests: pd.DataFrame) -> Estimate:
    """The measure over requests, with a 95 % interval; NaN where there is nothing to measure."""
    return measure.of(requests) if len(requests) else intervals.nothing()


def measure_named(name: str) -> Measure:
    """The measure of that name; raises KeyError for others."""
    return MEASURES[name]


def _hours(frame: pd.DataFrame) -> npt.NDArray[np.int64]:
    return frame["hour"].to_numpy()


def _availability(requests: pd.DataFrame) -> Estimate:
    due = requests[requests["status"].isin(_DUE)]
    return intervals.share((due["status"] == "answered").to_numpy(bool), _hours(due))


def _fallback(requests: pd.DataFrame) -> Estimate:
    answered = requests[requests["status"] == "answered"]
    return intervals.share((answered["chain_tier"] > 0).to_numpy(bool), _hours(answered))


def _review(requests: pd.DataFrame) -> Estimate:
    return intervals.share((requests["status"] == "review").to_numpy(bool), _hours(requests))


def _latency(q: float) -> Callable[[pd.DataFrame], Estimate]:
    def of(requests: pd.DataFrame) -> Estimate:
        answered = requests[requests["status"] == "answered"]
        return intervals.quantile(answered["seconds"].to_numpy(float), q, _hours(answered))

    return of


def _cost(requests: pd.DataFrame) -> Estimate:
    return intervals.mean(requests["cost"].to_numpy(float), _hours(requests))


def _cost_per_accepted(requests: pd.DataFrame) -> Estimate:
    return intervals.ratio(
        requests["cost"].to_numpy(float), requests["accepted"].to_numpy(float), _hours(requests)
    )


def _quality(requests: pd.DataFrame) -> Estimate:
    answered = requests[requests["status"] == "answered"]
    return intervals.mean(answered["quality"].to_numpy(float), _hours(answered))


def _latency_measure(percent: int) -> Measure:
    return Measure(
        name=f"p{percent}_latency",
        title=f"p{percent} latency",
        phrase=f"p{percent} latency",
        unit="seconds",
        better="lower",
        margin=0.05,
        means=f"{percent} % of the answered requests took no longer, from arrival to reply",
        of=_latency(percent / 100),
    )


_ALL = (
    Measure(
        name="availability", title="Availability", phrase="availability", unit="share",
        better="higher", margin=0.001, of=_availability,
        means="answered requests of those answered, queued or unavailable",
    ),
    Measure(
        name="cost_per_request", title="Cost a request", phrase="the cost of a request",
        unit="dollars", better="lower", margin=0.02, of=_cost,
        means="dollars of all attempts, mean over all requests whose prices are known",
    ),
    Measure(
        name="cost_per_accepted", title="Cost an accepted answer",
        phrase="the cost of an accepted answer", unit="dollars", better="lower", margin=0.02,
        of=_cost_per_accepted,
        means="dollars of all requests over the answers at or above their task's quality floor; "
        "unscored answers are left out",
    ),
    Measure(
        name="quality", title="Quality", phrase="quality", unit="score", better="higher",
        margin=0.005, of=_quality, means="mean score, 0 to 1, of the scored answers",
    ),
    _latency_measure(50),
    _latency_measure(90),
    _latency_measure(95),
    _latency_measure(99),
    Measure(
        name="fallback_share", title="Answered by a fallback",
        phrase="the share answered by a fallback", unit="share", better="lower", margin=0.002,
        of=_fallback, means="answers from the second or third tier of a chain, of all answers",
    ),
    Measure(
        name="review_share", title="Sent to a person",
        phrase="the share sent to a person", unit="share", better="lower", margin=0.005,
        of=_review, means="requests for human review, of all requests",
    ),
)  # fmt: skip
MEASURES: dict[str, Measure] = {measure.name: measure for measure in _ALL}
