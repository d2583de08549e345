"""The week in sentences: each made from a test, none from a point estimate alone.

A finding says what, by how much, with its interval, n and comparison, and ends in one of the fixed
verdict words. They are ranked by how much depends on them: missed targets by gap and traffic
first, then alerts, then changes, then what is good to know.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from orchestra_kit.analytics.alerts import AlertRecord
from orchestra_kit.analytics.attribution import Spend
from orchestra_kit.analytics.changes import Change
from orchestra_kit.analytics.fallback import Waterfall
from orchestra_kit.analytics.measures import MEASURES, Unit
from orchestra_kit.analytics.targets import TargetResult, TargetVerdict
from orchestra_kit.analytics.wording import (
    change_interval_text,
    change_text,
    count_text,
    figure,
    interval_text,
    limit_text,
    share_text,
    times_text,
)
from orchestra_kit.outcomes.statistics import Evidence

__all__ = ["Finding", "rank_findings"]

_MISSED, _ALERT, _WORSE, _RESCUED, _BETTER, _OPEN, _COST, _STEADY = 80, 60, 50, 40, 30, 20, 15, 10
"""Where each kind of finding begins; what it weighs within its kind adds less than 20."""
_WITHIN_CHANCE = 5
_NUMBERS = ("no week", "the week", "the two weeks", "the three weeks", "the four weeks")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One sentence about the week."""

    sentence: str
    """What was found, with interval and n."""
    verdict: Evidence
    tone: str
    """``good``, ``bad`` or ``plain``."""
    weight: float
    """Higher is more important; only the order means anything."""
    more: str = ""
    """Where to look, or what it rests on."""


def rank_findings(
    *,
    targets: Sequence[TargetResult],
    alerts: Sequence[AlertRecord],
    overall: Sequence[Change],
    by_task: Sequence[Change],
    fallback: Waterfall,
    spend: Spend,
    costs: pd.DataFrame,
    weeks: int = 4,
) -> tuple[Finding, ...]:
    """All findings of a week, the most important first.

    `costs` is the attribution by task and model, `weeks` the number of earlier weeks that hold
    data. A change of one task is left out where all tasks together show it.
    """
    before = f"{_NUMBERS[weeks]} before" if weeks < len(_NUMBERS) else f"the {weeks} weeks before"
    told = {(c.measure.name, c.better) for c in overall if c.verdict is Evidence.SHOWS}
    found = [
        *_missed(targets),
        *_open(targets),
        *_fired(alerts),
        *(_changed(c, before) for c in overall if c.verdict in {Evidence.SHOWS, Evidence.SUGGESTS}),
        *(
            _changed(c, before)
            for c in by_task
            if c.verdict is Evidence.SHOWS and (c.measure.name, c.better) not in told
        ),
        *_rescued(fallback),
        *_unpriced(spend),
        *_largest_cost(costs),
        *_steady(overall, before),
    ]
    return tuple(sorted(found, key=lambda finding: (-finding.weight, finding.sentence)))


def _missed(targets: Sequence[TargetResult]) -> Iterator[Finding]:
    total = sum({t.task: t.requests for t in targets}.values()) or 1
    for target in targets:
        if target.verdict is not TargetVerdict.MISSED:
            continue
        part = target.requests / total
        yield Finding(
            sentence=f"{_subject(target.task)} misses its {_criterion(target)} target: "
            f"{_found(target)} against {_bound(target)}.",
            verdict=Evidence.SHOWS,
            tone="bad",
            weight=_MISSED + 19 * min(1.0, max(target.gap, 0) * (0.5 + part)),
            more=f"{share_text(part)} of the week's requests; {share_text(target.gap)} "
            "beyond the target.",
        )


def _open(targets: Sequence[TargetResult]) -> Iterator[Finding]:
    for target in targets:
        if target.verdict is TargetVerdict.OPEN:
            yield Finding(
                sentence=f"Whether {target.task} meets its {_criterion(target)} target cannot be "
                f"told: {_found(target)} against {_bound(target)}.",
                verdict=Evidence.NONE,
                tone="plain",
                weight=_OPEN,
                more="The interval holds the target.",
            )


def _fired(alerts: Sequence[AlertRecord]) -> Iterator[Finding]:
    fired = [alert for alert in alerts if not alert.quiet]
    for alert in fired:
        certain = alert.minutes_beyond_chance
        if not certain:
            continue
        unit = unit_of(alert.watch)
        when = f" on {alert.worst_at:%A} at {alert.worst_at:%H:%M} UTC" if alert.worst_at else ""
        yield Finding(
            sentence=f"The alert “{alert.name}” fired {times_text(alert.fired)}, "
            f"{alert.minutes:,.0f} minutes in breach, {certain:,.0f} of them beyond chance; at "
            f"worst {figure(alert.worst, unit)}{when}, against a limit of "
            f"{limit_text(alert.threshold, unit)}.",
            verdict=Evidence.SHOWS,
            tone="bad",
            weight=_ALERT + 19 * min(1.0, certain / (24 * 60)),
            more=f"Judged in {count_text(alert.judged, 'window')} of "
            f"{alert.window_seconds / 60:g} minutes.",
        )
    within = [alert for alert in fired if not alert.minutes_beyond_chance]
    if within:
        listed = ", ".join(f"“{a.name}” {times_text(a.fired)}" for a in within)
        yield Finding(
            sentence=f"What fired within chance: {listed}.",
            verdict=Evidence.NONE,
            tone="plain",
            weight=_WITHIN_CHANCE,
            more="In no window does the whole interval lie beyond the limit; such a limit is tight "
            "for windows so small.",
        )


def _changed(change: Change, weeks: str) -> Finding:
    better = change.better
    base = _BETTER if better else _WORSE
    size = abs(change.change.value) / (change.measure.margin or 1)
    doubt = 0 if change.verdict is Evidence.SHOWS else 8
    phrase = change.measure.phrase
    subject = f"For {change.scope}, {phrase}" if change.scope else _upper(phrase)
    moved = "rose" if change.change.value > 0 else "fell"
    unit = change.measure.unit
    return Finding(
        sentence=f"{subject} {moved} by {change_text(change).lstrip('+−')} against {weeks} "
        f"(95 % interval {change_interval_text(change)}): {figure(change.now.value, unit)} after "
        f"{figure(change.before.value, unit)}.",
        verdict=change.verdict,
        tone="good" if better else "bad",
        weight=base + min(11.0, math.log1p(size) * 2) - doubt - (4 if change.scope else 0),
        more=_observations(change),
    )


def _rescued(fallback: Waterfall) -> Iterator[Finding]:
    saved = fallback.rescued
    if not saved.n or saved.value <= 0:
        return
    count = fallback.ended["secondary"] + fallback.ended["tertiary"]
    yield Finding(
        sentence=f"Fallback answered {count_text(count, 'request')} that the first choice did not, "
        f"{share_text(saved.value)} of those due (95 % interval "
        f"{interval_text(saved, 'share')}, n = {saved.n:,}).",
        verdict=Evidence.SHOWS if saved.bounds[0] > 0 else Evidence.NONE,
        tone="good",
        weight=_RESCUED + 10 * min(1.0, saved.value * 5),
        more=f"Availability {share_text(fallback.availability.value)}; with the first choice "
        f"alone {share_text(fallback.first_choice.value)}.",
    )


def _unpriced(spend: Spend) -> Iterator[Finding]:
    if spend.unknown:
        yield Finding(
            sentence=f"{count_text(spend.unknown, 'attempt')} of {spend.attempts:,} have no known "
            "price, so that the week's cost is higher than stated.",
            verdict=Evidence.SHOWS,
            tone="bad",
            weight=_ALERT - 5 + 10 * spend.unknown / max(spend.attempts, 1),
            more="Add the missing prices to the policy's price book.",
        )


def _largest_cost(costs: pd.DataFrame) -> Iterator[Finding]:
    priced = costs[costs["cost"] > 0]
    if len(priced) < 2:
        return
    first = priced.iloc[0]
    yield Finding(
        sentence=f"The largest part of the cost, {share_text(float(first['share']))}, is "
        f"{first['task']} by {first['model']}: {figure(float(first['cost']), 'dollars')} for "
        f"{count_text(int(first['attempts']), 'attempt')}.",
        verdict=Evidence.SHOWS,
        tone="plain",
        weight=_COST,
        more="Counted, not estimated.",
    )


def _steady(overall: Sequence[Change], weeks: str) -> Iterator[Finding]:
    """What a reader would ask about first and did not change."""
    for change in overall:
        if change.measure.name not in {"quality", "availability", "cost_per_request"}:
            continue
        if change.verdict is Evidence.NONE:
            yield Finding(
                sentence=f"No change of {change.measure.phrase} that is worth acting on against "
                f"{weeks}: {change_text(change)} (95 % interval {change_interval_text(change)}).",
                verdict=Evidence.NONE,
                tone="plain",
                weight=_STEADY,
                more=_observations(change),
            )
        elif change.verdict is Evidence.TOO_LITTLE:
            yield Finding(
                sentence=f"Whether {change.measure.phrase} changed against {weeks} cannot be told.",
                verdict=Evidence.TOO_LITTLE,
                tone="plain",
                weight=_STEADY - 1,
                more=_observations(change),
            )


def _observations(change: Change) -> str:
    before = count_text(change.before.n, "observation")
    return f"{count_text(change.now.n)} against {before}."


def unit_of(watch: str) -> Unit:
    """The unit of what an alert watches."""
    return "dollars" if watch == "spend" else MEASURES[watch].unit


def _subject(task: str) -> str:
    return f"{_upper(task)}"


def _criterion(target: TargetResult) -> str:
    return {"quality": "quality", "p90_latency": "p90 latency"}.get(target.measure.name, "cost")


def _found(target: TargetResult) -> str:
    unit = target.measure.unit
    each = " a request" if unit == "dollars" else ""
    return (
        f"{figure(target.found.value, unit)}{each} (95 % interval "
        f"{interval_text(target.found, unit)}, n = {target.found.n:,})"
    )


def _bound(target: TargetResult) -> str:
    word = "at least" if target.measure.better == "higher" else "at most"
    return f"{word} {limit_text(target.target, target.measure.unit)}"


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
