"""What a report says of itself to programs: the index, the JSON twin and the command line."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from orchestra_kit.analytics.alerts import AlertRecord
from orchestra_kit.analytics.changes import Change
from orchestra_kit.analytics.targets import TargetResult, TargetVerdict
from orchestra_kit.analytics.weekly import Standing, WeekAnalysis
from orchestra_kit.analytics.wording import count_text, figure, interval_text
from orchestra_kit.bench.run import Run
from orchestra_kit.outcomes.statistics import Estimate
from orchestra_kit.reporting.blocks import FACTS_TYPE

__all__ = ["SCHEMA", "Facts", "weekly_facts"]

SCHEMA = 1
"""Version of the facts' shape."""
_TONE = {
    Standing.GOOD: "good",
    Standing.WATCH: "warn",
    Standing.BAD: "bad",
    Standing.NONE: "plain",
}


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts that show themselves to the renderer, and to nobody else."""

    data: Mapping[str, object]

    def _repr_mimebundle_(self, **_: object) -> dict[str, object]:
        return {FACTS_TYPE: dict(self.data), "text/plain": "Facts of the report, for the index."}


def weekly_facts(week: WeekAnalysis, suite: Run | None) -> Facts:
    """The facts of a week: status, headline, key figures, scorecard, targets, alerts, suite."""
    standing = _standing(week, suite)
    traffic = week.traffic
    return Facts(
        {
            "schema": SCHEMA,
            "kind": "weekly",
            "period": week.week.label,
            "starts": week.week.period.starts.isoformat(),
            "ends": week.week.period.ends.isoformat(),
            "policy": week.policy.name,
            "policy_hash": week.policy.hash,
            "source": traffic.source.value if traffic.source else "",
            "status": standing.value,
            "tone": _TONE[standing],
            "reason": _reason(week, suite),
            "headline": week.headline,
            "requests": len(traffic.now),
            "requests_before": len(traffic.requests) - len(traffic.now),
            "key_figures": _key_figures(week),
            "findings": [
                {"sentence": f.sentence, "verdict": f.verdict.value, "more": f.more}
                for f in week.findings
            ],
            "scorecard": [_change(change) for change in week.overall],
            "targets": [_target(target) for target in week.targets],
            "alerts": [_alert(alert) for alert in week.alerts],
            "suite": None if suite is None else _suite(suite),
        }
    )


def _standing(week: WeekAnalysis, suite: Run | None) -> Standing:
    if week.standing is Standing.GOOD and suite is not None and not suite.passed:
        return Standing.WATCH
    return week.standing


def _reason(week: WeekAnalysis, suite: Run | None) -> str:
    parts = []
    if week.empty:
        parts.append(f"No request arrived in {week.week}")
    else:
        verdicts = [target.verdict for target in week.targets]
        parts.append(f"{verdicts.count(TargetVerdict.MET)} of {len(verdicts)} targets met")
        others = (TargetVerdict.MISSED, TargetVerdict.OPEN, TargetVerdict.FEW)
        parts += [f"{verdicts.count(v)} {v.value}" for v in others if v in verdicts]
        fired = sum(not alert.quiet for alert in week.alerts)
        certain = sum(alert.minutes_beyond_chance > 0 for alert in week.alerts)
        of_all = f"{fired} of {count_text(len(week.alerts), 'alert')} fired"
        parts.append(f"{of_all}, {certain} beyond chance" if fired else of_all)
    if suite is not None:
        total = len(suite.results)
        parts.append(f"{total - len(suite.failures)} of {total} scenarios passed")
    return "; ".join(parts) + "."


def _key_figures(week: WeekAnalysis) -> list[list[str]]:
    if week.empty:
        return [["requests", "0"]]
    by_name = {change.measure.name: change for change in week.overall}
    found = [["requests", f"{len(week.traffic.now):,}"]]
    for name, title in (
        ("availability", "availability"),
        ("cost_per_request", "cost a request"),
        ("quality", "quality"),
        ("p90_latency", "p90 latency"),
    ):
        change = by_name[name]
        unit = change.measure.unit
        text = figure(change.now.value, unit)
        if reach := interval_text(change.now, unit):
            text += f" (95 % interval {reach}, n = {change.now.n:,})"
        found.append([title, text])
    for verdict in TargetVerdict:
        told = [f"{t.task} {t.measure.title}" for t in week.targets if t.verdict is verdict]
        if told and verdict is not TargetVerdict.MET:
            found.append([f"targets {verdict.value}", ", ".join(told)])
    met = sum(t.verdict is TargetVerdict.MET for t in week.targets)
    found.append(["targets met", f"{met} of {len(week.targets)}"])
    return found


def _estimate(found: Estimate) -> dict[str, object]:
    return {
        "value": None if math.isnan(found.value) else found.value,
        "low": found.low,
        "high": found.high,
        "n": found.n,
    }


def _change(change: Change) -> dict[str, object]:
    return {
        "measure": change.measure.name,
        "unit": change.measure.unit,
        "now": _estimate(change.now),
        "before": _estimate(change.before),
        "change": _estimate(change.change) | {"relative": change.measure.relative},
        "verdict": change.verdict.value,
    }


def _target(target: TargetResult) -> dict[str, object]:
    return {
        "task": target.task,
        "measure": target.measure.name,
        "unit": target.measure.unit,
        "target": target.target,
        "found": _estimate(target.found),
        "verdict": target.verdict.value,
    }


def _alert(alert: AlertRecord) -> dict[str, object]:
    return {
        "name": alert.name,
        "watch": alert.watch,
        "scope": alert.scope,
        "threshold": alert.threshold,
        "fired": alert.fired,
        "minutes": alert.minutes,
        "minutes_beyond_chance": alert.minutes_beyond_chance,
        "worst": None if math.isnan(alert.worst) else alert.worst,
        "worst_at": alert.worst_at.isoformat() if alert.worst_at else None,
    }


def _suite(suite: Run) -> dict[str, object]:
    return {
        "run": suite.id,
        "passed": suite.passed,
        "summary": suite.summary().sentence(),
        "failures": [
            {"scenario": r.scenario.id, "verdict": r.verdict.value, "why": list(r.why)}
            for r in suite.failures
        ],
    }
