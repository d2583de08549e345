"""The tables that judge: findings, scorecard, targets, changes, and what stands behind pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd
from markupsafe import Markup

from orchestra_kit.analytics.changes import Change
from orchestra_kit.analytics.findings import Finding
from orchestra_kit.analytics.measures import MEASURES
from orchestra_kit.analytics.targets import TargetResult, TargetVerdict, mixed_target
from orchestra_kit.analytics.weekly import WeekAnalysis
from orchestra_kit.analytics.wording import (
    UNKNOWN,
    change_interval_text,
    change_text,
    count_text,
    figure,
    interval_text,
    limit_text,
)
from orchestra_kit.outcomes.statistics import Evidence
from orchestra_kit.reporting.blocks import (
    Block,
    Cell,
    Column,
    badge,
    folded,
    joined,
    note,
    shown,
    small,
    table,
)

__all__ = [
    "changes_table",
    "findings_list",
    "latency_table",
    "scorecard_table",
    "targets_table",
    "tiles",
    "trend_table",
]

_TILES = ("availability", "cost_per_request", "quality", "p90_latency")
_TARGET_TONE = {
    TargetVerdict.MET: "good",
    TargetVerdict.MISSED: "bad",
    TargetVerdict.OPEN: "warn",
    TargetVerdict.FEW: "plain",
}
_HEADLINES = 5


def findings_list(findings: Sequence[Finding]) -> Block:
    """The most important findings, the first set larger, the others behind a line."""
    if not findings:
        return note("Nothing stands out this week.")
    head, rest = findings[:_HEADLINES], findings[_HEADLINES:]
    shown_first = _finding_items(head, first=True)
    if not rest:
        return shown_first
    return joined(
        shown_first, folded(f"{count_text(len(rest), 'more finding')}", _finding_items(rest))
    )


def _finding_items(findings: Sequence[Finding], *, first: bool = False) -> Block:
    items = [
        Markup('<li><span class="verdict">{}</span><span{}>{}</span><small>{}</small></li>').format(
            badge(f.verdict.value, f.tone),
            Markup(' class="first"') if first and i == 0 else Markup(),
            shown(f.sentence, longest=500),
            shown(f.more, longest=300),
        )
        for i, f in enumerate(findings)
    ]
    return Block(Markup('<ol class="findings">\n{}\n</ol>').format(Markup("\n").join(items)))


def tiles(week: WeekAnalysis) -> Block:
    """Four figures at a glance, each with interval and change."""
    by_name = {change.measure.name: change for change in week.overall}
    items = []
    for name in _TILES:
        change = by_name[name]
        unit = change.measure.unit
        against = (
            f"change {change_text(change)}"
            if change.verdict is not Evidence.TOO_LITTLE
            else "too few data to compare"
        )
        items.append(
            Markup(
                '<div><dt>{}</dt><dd><span class="value">{}</span><br>'
                '<span class="range">{}</span><br><span class="change">{}</span>'
                "</dd></div>"
            ).format(
                shown(change.measure.title),
                shown(figure(change.now.value, unit)),
                shown(interval_text(change.now, unit) or UNKNOWN),
                shown(against),
            )
        )
    return joined(
        Block(Markup('<dl class="tiles">\n{}\n</dl>').format(Markup("\n").join(items))),
        note("Under each figure its 95 % interval, and its change against the weeks before."),
    )


def scorecard_table(week: WeekAnalysis) -> Block:
    """Every measure: this week, its target, the week before, the weeks before, the verdict."""
    last = {change.measure.name: change for change in week.last_week}
    rows: list[list[Cell]] = []
    for change in week.overall:
        measure = change.measure
        unit = measure.unit
        rows.append(
            [
                measure.title,
                _with_interval(change, now=True),
                _target_text(week, measure.name),
                figure(last[measure.name].before.value, unit),
                figure(change.before.value, unit),
                small(change_text(change), change_interval_text(change)),
                _change_badge(change),
            ]
        )
    weeks = week.traffic.weeks_held
    block = table(
        (
            Column("Measure"),
            Column("This week", number=True),
            Column("Target or limit", number=True),
            Column("Last week", number=True),
            Column(_weeks_title(weeks), number=True),
            Column("Change", number=True),
            Column("Verdict"),
        ),
        rows,
        caption=f"Scorecard of {week.week} over {len(week.traffic.now):,} requests. "
        "Under each figure its 95 % interval; changes are against all weeks before together.",
    )
    return block


def _with_interval(change: Change, *, now: bool) -> Markup:
    found = change.now if now else change.before
    unit = change.measure.unit
    return small(figure(found.value, unit), interval_text(found, unit))


def _weeks_title(weeks: int) -> str:
    return {0: "Weeks before", 1: "1 week before"}.get(weeks, f"{weeks} weeks before")


def _target_text(week: WeekAnalysis, name: str) -> Cell:
    unit = MEASURES[name].unit
    wanted = mixed_target(name, week.traffic.now, week.policy.tasks)
    if wanted is not None:
        sign = "≥" if MEASURES[name].better == "higher" else "≤"
        return small(f"{sign} {figure(wanted, unit)}", "for this mix of tasks")
    for alert in week.policy.file.alerts:
        if alert.watch == name and alert.task is None and alert.tier is None:
            limit = float(alert.over if alert.over is not None else alert.under or 0.0)
            sign = "≤" if alert.over is not None else "≥"
            return small(f"{sign} {limit_text(limit, unit)}", "alert")
    return UNKNOWN


def _change_badge(change: Change) -> Markup:
    if change.verdict is Evidence.TOO_LITTLE:
        return badge("not enough data")
    if change.verdict is Evidence.NONE:
        return badge("no evidence")
    word = "better" if change.better else "worse"
    tone = "good" if change.better else "bad"
    return badge(f"{change.verdict.value} {word}", tone)


def targets_table(targets: Sequence[TargetResult]) -> Block:
    """Each task's criteria, met or missed."""
    tasks = list(dict.fromkeys(target.task for target in targets))
    measures = list(dict.fromkeys(target.measure.name for target in targets))
    by_place = {(t.task, t.measure.name): t for t in targets}
    rows: list[list[Cell]] = []
    for task in tasks:
        row: list[Cell] = [task, f"{by_place[task, measures[0]].requests:,}"]
        row += [_target_cell(by_place[task, name]) for name in measures]
        rows.append(row)
    met = sum(t.verdict is TargetVerdict.MET for t in targets)
    return table(
        (
            Column("Task"),
            Column("Requests", number=True),
            *(Column(MEASURES[name].title) for name in measures),
        ),
        rows,
        caption=f"Targets of the policy: {met} of {len(targets)} met. A target counts as met or "
        "missed only where the whole 95 % interval lies on one side of it.",
    )


def _target_cell(target: TargetResult) -> Markup:
    unit = target.measure.unit
    sign = "≥" if target.measure.better == "higher" else "≤"
    wanted = f"{sign} {limit_text(target.target, unit)}"
    if target.verdict is TargetVerdict.FEW:
        return small(badge(target.verdict.value), f"{wanted}; n = {target.found.n:,}")
    found = f"{figure(target.found.value, unit)} ({interval_text(target.found, unit)})"
    return small(
        badge(target.verdict.value, _TARGET_TONE[target.verdict]),
        Markup("{}<br>{}").format(shown(found), shown(f"target {wanted}")),
    )


def changes_table(changes: Sequence[Change]) -> Block:
    """The measures of each task against the weeks before."""
    rows: list[list[Cell]] = [
        [
            c.scope,
            c.measure.title,
            figure(c.now.value, c.measure.unit),
            figure(c.before.value, c.measure.unit),
            small(change_text(c), change_interval_text(c)),
            _change_badge(c),
        ]
        for c in changes
    ]
    return table(
        (
            Column("Task"),
            Column("Measure"),
            Column("This week", number=True),
            Column("Weeks before", number=True),
            Column("Change", number=True),
            Column("Verdict"),
        ),
        rows,
        caption=f"Every task against the weeks before: {len(changes)} comparisons, "
        "corrected for their number.",
    )


def trend_table(trend: pd.DataFrame) -> Block:
    """The figures behind the trend."""
    weeks = list(dict.fromkeys(trend["week"]))
    rows: list[list[Cell]] = []
    for name, part in trend.groupby("measure", sort=False):
        unit = MEASURES[str(name)].unit
        cells = [figure(float(value), unit) for value in part["value"]]
        rows.append([MEASURES[str(name)].title, *cells])
    return table(
        (Column("Measure"), *(Column(week, number=True) for week in weeks)),
        rows,
        caption="The figures behind the picture.",
    )


def latency_table(latency: pd.DataFrame) -> Block:
    """The figures behind the latency picture."""
    rows: list[list[Cell]] = []
    for task, part in latency.groupby("task", sort=False):
        by_name = {str(row["quantile"]): row for row in part.to_dict("records")}
        cells: list[Cell] = []
        for name in ("p50", "p90"):
            value, low, high = (float(by_name[name][end]) for end in ("value", "low", "high"))
            reach = f"{figure(low, 'seconds')} to {figure(high, 'seconds')}"
            cells.append(small(figure(value, "seconds"), "" if math.isnan(low) else reach))
        first = by_name["p90"]
        rows.append(
            [
                str(task),
                f"{int(first['n']):,}",
                *cells,
                f"≤ {limit_text(first['target'], 'seconds')}",
            ]
        )
    return table(
        (
            Column("Task"),
            Column("Answered", number=True),
            Column("p50", number=True),
            Column("p90", number=True),
            Column("Target for p90", number=True),
        ),
        rows,
        caption="The figures behind the picture; 95 % intervals.",
    )
