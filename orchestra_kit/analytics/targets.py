"""Whether each task met what its policy asks of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import pandas as pd

from orchestra_kit.analytics.intervals import MINIMUM
from orchestra_kit.analytics.measures import MEASURES, Measure, estimate
from orchestra_kit.outcomes.statistics import Estimate
from orchestra_kit.policy.schema import Criteria, Task

__all__ = ["TargetResult", "TargetVerdict", "judge_target", "judge_targets", "mixed_target"]


class TargetVerdict(StrEnum):
    """How a criterion came out."""

    MET = "met"
    """The whole interval lies on the right side."""
    MISSED = "missed"
    """The whole interval lies on the wrong side."""
    OPEN = "too close to call"
    """The interval holds the target."""
    FEW = "too few data"


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetResult:
    """One criterion of one task."""

    task: str
    measure: Measure
    target: float
    found: Estimate
    requests: int
    """Requests of the task."""
    verdict: TargetVerdict

    @property
    def gap(self) -> float:
        """How far beyond the target, as a share of it: positive is worse; NaN if unmeasured."""
        if not self.target or math.isnan(self.found.value):
            return math.nan
        far = (self.found.value - self.target) / abs(self.target)
        return far if self.measure.better == "lower" else -far


def judge_targets(requests: pd.DataFrame, tasks: Mapping[str, Task]) -> tuple[TargetResult, ...]:
    """Every criterion of every task of the policy, tasks without requests included."""
    parts = dict(iter(requests.groupby(requests["task"].astype(object))))
    found = []
    for name, task in tasks.items():
        part = parts.get(name, requests.iloc[:0])
        for measure, target in _criteria(task.must):
            value = estimate(measure, part)
            found.append(
                TargetResult(
                    task=name,
                    measure=measure,
                    target=target,
                    found=value,
                    requests=len(part),
                    verdict=judge_target(measure, value, target),
                )
            )
    return tuple(found)


def judge_target(measure: Measure, found: Estimate, target: float) -> TargetVerdict:
    """The verdict on a target that is to be reached (higher) or kept (lower)."""
    if found.n < MINIMUM or found.interval is None:
        return TargetVerdict.FEW
    low, high = found.interval
    if measure.better == "higher":
        met, missed = low >= target, high < target
    else:
        met, missed = high <= target, low > target
    if met:
        return TargetVerdict.MET
    return TargetVerdict.MISSED if missed else TargetVerdict.OPEN


def mixed_target(name: str, requests: pd.DataFrame, tasks: Mapping[str, Task]) -> float | None:
    """What the tasks' criteria amount to over this mix of tasks; None where they do not add up.

    Means add up, weighted by the tasks' shares; quantiles do not.
    """
    if name not in {"quality", "cost_per_request"}:
        return None
    counted = requests[requests["status"] == "answered"] if name == "quality" else requests
    shares = counted["task"].astype(object).value_counts(normalize=True)
    known = {str(task): share for task, share in shares.items() if task in tasks}
    total = math.fsum(known.values())
    if not total:
        return None
    wanted = {
        task: tasks[task].must.quality if name == "quality" else float(tasks[task].must.cost)
        for task in known
    }
    return math.fsum(share * wanted[task] for task, share in known.items()) / total


def _criteria(must: Criteria) -> tuple[tuple[Measure, float], ...]:
    return (
        (MEASURES["quality"], must.quality),
        (MEASURES["p90_latency"], must.p90_latency),
        (MEASURES["cost_per_request"], float(must.cost)),
    )
