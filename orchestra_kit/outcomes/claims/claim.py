"""The claims as they are usually made, and in one sentence how each can be measured.

A claim is a range of one figure. Which of its ends is the least that it promises depends on the
figure: of a rise in quality the lower, of a change in cost the upper.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from orchestra_kit.core.display import Shown

__all__ = ["CLAIMS", "Claim", "Unit"]


class Unit(StrEnum):
    """How a figure reads."""

    CHANGE = "change"
    """Relative to a baseline: 0.31 is +31 %."""
    SHARE = "share"
    """0.995 is 99.5 %."""
    FACTOR = "factor"
    """2.0 is twice."""

    def text(self, value: float) -> str:
        """One figure, with a true minus."""
        if self is Unit.FACTOR:
            return f"{value:.2f}×"
        if self is Unit.SHARE:
            return f"{100 * value:.1f} %"
        rounded = round(100 * value, 1)
        sign = "+" if rounded > 0 else "−" if rounded < 0 else ""
        return f"{sign}{abs(rounded):.1f} %"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim(Shown):
    """One figure that is claimed."""

    name: str
    about: str
    """The mechanism that is said to bring it."""
    words: str
    """As quoted."""
    how: str
    """What is measured, in one sentence."""
    low: float
    high: float
    better: Literal["higher", "lower"]
    unit: Unit = Unit.CHANGE
    nothing: float | None = 0.0
    """The figure where the mechanism does nothing; None where there is no such figure."""

    @property
    def least(self) -> float:
        """The end of the range that promises least."""
        return self.low if self.better == "higher" else self.high

    def reached(self, value: float) -> bool:
        """Whether a figure lies within the range, or beyond it in the claim's favour."""
        return value >= self.least if self.better == "higher" else value <= self.least


CLAIMS: tuple[Claim, ...] = (
    Claim(
        name="routing_quality",
        about="Task-aware routing",
        words="quality +31 to +47 %",
        how="mean score of one model a request, chosen by the task's label alone, against always "
        "the best single model",
        low=0.31,
        high=0.47,
        better="higher",
    ),
    Claim(
        name="routing_cost",
        about="Task-aware routing",
        words="cost −40 to −60 %",
        how="mean cost of one model a request, chosen by the task's label alone so that quality is "
        "kept, against always the best single model",
        low=-0.60,
        high=-0.40,
        better="lower",
    ),
    Claim(
        name="fallback_availability",
        about="Fallback",
        words="availability from 95–97 % to 99.5–99.9 %",
        how="share of requests that got an answer from any deployment of their chain",
        low=0.995,
        high=0.999,
        better="higher",
        unit=Unit.SHARE,
        nothing=None,
    ),
    Claim(
        name="fallback_errors",
        about="Fallback",
        words="87 % fewer errors seen by users",
        how="requests that still got no answer, among those that the first deployment of their "
        "chain did not answer",
        low=-0.87,
        high=-0.87,
        better="lower",
    ),
    Claim(
        name="workflow_quality",
        about="Workflows of several steps",
        words="quality +45 to +70 %",
        how="mean score of a workflow of several steps against one call of the same model",
        low=0.45,
        high=0.70,
        better="higher",
    ),
    Claim(
        name="framework_cost",
        about="Cost framework",
        words="cost −50 to −75 %",
        how="mean cost of the router that was cheapest at 95 % of the best single model's quality "
        "in training, against always that model",
        low=-0.75,
        high=-0.50,
        better="lower",
    ),
    Claim(
        name="framework_quality",
        about="Cost framework",
        words="within 5 to 8 % of the best quality",
        how="mean score of the same router at the same point, against always the best single model",
        low=-0.08,
        high=-0.05,
        better="higher",
        nothing=None,
    ),
    Claim(
        name="dynamic_availability",
        about="Dynamic routing",
        words="availability +15 to +25 %",
        how="share of requests that got an answer by the policy, with its rules, chains and "
        "breakers, against one fixed deployment a task with the same retries",
        low=0.15,
        high=0.25,
        better="higher",
    ),
    Claim(
        name="dynamic_cost",
        about="Dynamic routing",
        words="cost −18 to −30 %",
        how="mean cost of an answered request by the policy, with its rules, chains and breakers, "
        "against one fixed deployment a task with the same retries",
        low=-0.30,
        high=-0.18,
        better="lower",
    ),
    Claim(
        name="prediction_low_quality",
        about="Quality prediction",
        words="low-quality output −40 to −60 %",
        how="share of answers scored under 0.5 where the model is chosen by predicted quality at "
        "no more cost than the best single model's, against always that model",
        low=-0.60,
        high=-0.40,
        better="lower",
    ),
    Claim(
        name="prediction_expensive",
        about="Quality prediction",
        words="expensive use −25 to −35 %",
        how="share of requests sent to models that cost at least half of the best single model, "
        "where the model is chosen by predicted quality so that quality is kept, against all",
        low=-0.35,
        high=-0.25,
        better="lower",
    ),
    Claim(
        name="ensemble_quality",
        about="Ensembles",
        words="quality +30 to +50 %",
        how="mean score of the answer that most of the five best models give, against always the "
        "best single model",
        low=0.30,
        high=0.50,
        better="higher",
    ),
    Claim(
        name="ensemble_cost",
        about="Ensembles",
        words="at 2 to 5 times the cost",
        how="mean cost of asking those five, against always the best single model",
        low=2.0,
        high=5.0,
        better="lower",
        unit=Unit.FACTOR,
        nothing=None,
    ),
    Claim(
        name="escalation_cost",
        about="Escalation",
        words="cost −35 to −55 %",
        how="mean cost of a learned cascade, cheap answers first, run so that quality is kept, "
        "against always the best single model",
        low=-0.55,
        high=-0.35,
        better="lower",
    ),
    Claim(
        name="escalation_failed",
        about="Escalation",
        words="a failed cheap attempt costs 10 to 20 % of an expensive success",
        how="mean cost of the first model of that cascade where it scored under 0.5, over the mean "
        "cost of the best single model where it scored 0.5 or more",
        low=0.10,
        high=0.20,
        better="lower",
        unit=Unit.SHARE,
        nothing=None,
    ),
)  # fmt: skip
