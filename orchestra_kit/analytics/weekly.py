"""One week, analysed: everything that the weekly report shows, computed once."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import pandas as pd

from orchestra_kit.analytics.alerts import AlertRecord, evaluate_alert
from orchestra_kit.analytics.attribution import Spend, attribute, total_spend
from orchestra_kit.analytics.changes import Change, changes
from orchestra_kit.analytics.fallback import (
    Waterfall,
    failure_counts,
    waterfall,
    waterfall_by_task,
)
from orchestra_kit.analytics.findings import Finding, rank_findings
from orchestra_kit.analytics.incidents import incidents
from orchestra_kit.analytics.measures import MEASURES, Measure, estimate, with_acceptance
from orchestra_kit.analytics.targets import TargetResult, TargetVerdict, judge_targets
from orchestra_kit.analytics.traffic import Traffic
from orchestra_kit.analytics.week import Week
from orchestra_kit.policy.policy import Policy

__all__ = ["Standing", "WeekAnalysis", "analyse_week"]

_TREND = ("availability", "cost_per_request", "cost_per_accepted", "quality", "p90_latency",
          "fallback_share")  # fmt: skip
_BY_TASK = ("availability", "cost_per_request", "quality", "p90_latency")


class Standing(StrEnum):
    """The week in a word."""

    GOOD = "On target"
    WATCH = "Needs attention"
    BAD = "Off target"
    NONE = "No data"


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekAnalysis:
    """The results for one week of one source of data."""

    week: Week
    traffic: Traffic
    policy: Policy
    overall: tuple[Change, ...]
    """Every measure, against the weeks before; one family of tests."""
    last_week: tuple[Change, ...]
    """Every measure against the week before alone; shown, not tested."""
    by_task: tuple[Change, ...]
    targets: tuple[TargetResult, ...]
    trend: pd.DataFrame
    """One row a measure and week: `measure`, `week`, `value`, `low`, `high`, `n`."""
    latency: pd.DataFrame
    """One row a task and quantile: `task`, `quantile`, `value`, `low`, `high`, `n`, `target`."""
    fallback: Waterfall
    fallback_by_task: dict[str, Waterfall]
    failures: pd.DataFrame
    costs: pd.DataFrame
    """Attribution by task and model."""
    features: pd.DataFrame
    """Attribution by feature."""
    spend: Spend
    alerts: tuple[AlertRecord, ...]
    alerts_before: tuple[AlertRecord, ...]
    """The same alerts over the weeks before."""
    incidents: pd.DataFrame
    findings: tuple[Finding, ...]

    @property
    def empty(self) -> bool:
        """Whether the week holds no request."""
        return self.traffic.now.empty

    @property
    def standing(self) -> Standing:
        """The week in a word: a missed target, or else anything that shows or suggests harm."""
        if self.empty:
            return Standing.NONE
        if any(target.verdict is TargetVerdict.MISSED for target in self.targets):
            return Standing.BAD
        if any(finding.tone == "bad" for finding in self.findings):
            return Standing.WATCH
        return Standing.GOOD

    @property
    def headline(self) -> str:
        """The most important finding."""
        if self.empty:
            return f"The store holds no request of {self.week}."
        return self.findings[0].sentence if self.findings else "Nothing stands out."


def analyse_week(traffic: Traffic, policy: Policy) -> WeekAnalysis:
    """Everything about the week of `traffic`, judged by the policy's targets and alerts."""
    floors = {name: task.quality_floor for name, task in policy.tasks.items()}
    requests = with_acceptance(traffic.requests, floors)
    now, before = requests[requests["age"] == 0], requests[requests["age"] > 0]
    attempts = traffic.attempts
    measures = tuple(MEASURES.values())
    overall = changes(measures, now, before)
    by_task = changes([MEASURES[name] for name in _BY_TASK], now, before, by_task=True)
    targets = judge_targets(now, policy.tasks)
    alerts = tuple(evaluate_alert(a, now, traffic.week.period) for a in policy.file.alerts)
    fallback, spend = waterfall(now), total_spend(attempts)
    costs = attribute(attempts, ("task", "model"))
    return WeekAnalysis(
        week=traffic.week,
        traffic=traffic,
        policy=policy,
        overall=overall,
        last_week=changes(measures, now, before[before["age"] == 1]),
        by_task=by_task,
        targets=targets,
        trend=_trend(requests, traffic),
        latency=_latency(now, policy),
        fallback=fallback,
        fallback_by_task=waterfall_by_task(now),
        failures=failure_counts(attempts),
        costs=costs,
        features=attribute(attempts, ("feature",)),
        spend=spend,
        alerts=alerts,
        alerts_before=tuple(evaluate_alert(a, before, traffic.before) for a in policy.file.alerts),
        incidents=incidents(traffic.notices),
        findings=rank_findings(
            targets=targets,
            alerts=alerts,
            overall=overall,
            by_task=by_task,
            fallback=fallback,
            spend=spend,
            costs=costs,
            weeks=traffic.weeks_held,
        )
        if len(now)
        else (),
    )


def _trend(requests: pd.DataFrame, traffic: Traffic) -> pd.DataFrame:
    rows = []
    for name in _TREND:
        for age in range(traffic.weeks_before, -1, -1):
            found = estimate(MEASURES[name], requests[requests["age"] == age])
            rows.append(
                {
                    "measure": name,
                    "week": traffic.week.shifted(-age).label,
                    "value": found.value,
                    "low": found.bounds[0],
                    "high": found.bounds[1],
                    "n": found.n,
                }
            )
    return pd.DataFrame(rows)


def _latency(now: pd.DataFrame, policy: Policy) -> pd.DataFrame:
    quantiles: tuple[Measure, ...] = (MEASURES["p50_latency"], MEASURES["p90_latency"])
    rows = []
    for name, task in policy.tasks.items():
        part = now[now["task"] == name]
        for measure in quantiles:
            found = estimate(measure, part)
            rows.append(
                {
                    "task": name,
                    "quantile": measure.name.removesuffix("_latency"),
                    "value": found.value,
                    "low": found.bounds[0],
                    "high": found.bounds[1],
                    "n": found.n,
                    "target": task.must.p90_latency,
                }
            )
    return pd.DataFrame(rows)
