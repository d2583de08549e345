"""The tables of the weekly report, from a week's analysis."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd
from markupsafe import Markup

from orchestra_kit.analytics.alerts import AlertRecord
from orchestra_kit.analytics.changes import Change
from orchestra_kit.analytics.fallback import STEPS, Waterfall
from orchestra_kit.analytics.findings import Finding, unit_of
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
    share_text,
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
from orchestra_kit.store.types import from_micros

__all__ = [
    "alerts_table",
    "changes_table",
    "costs_table",
    "failures_table",
    "fallback_table",
    "findings_list",
    "incidents_table",
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
            f"{change_text(change)} against the weeks before"
            if change.verdict is not Evidence.TOO_LITTLE
            else "too few data to compare"
        )
        items.append(
            Markup(
                '<div><dt>{}</dt><dd><span class="value">{}</span><br>'
                '<span class="range">95 % interval {}</span><br><span class="change">{}</span>'
                "</dd></div>"
            ).format(
                shown(change.measure.title),
                shown(figure(change.now.value, unit)),
                shown(interval_text(change.now, unit) or UNKNOWN),
                shown(against),
            )
        )
    return Block(Markup('<dl class="tiles">\n{}\n</dl>').format(Markup("\n").join(items)))


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
            return small(f"{sign} {figure(limit, unit)}", "alert")
    return UNKNOWN


def _change_badge(change: Change) -> Markup:
    if change.verdict is Evidence.TOO_LITTLE:
        return badge("not enough data")
    if change.verdict is Evidence.NONE:
        return badge("no evidence of a change")
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
    wanted = f"{sign} {figure(target.target, unit)}"
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


def fallback_table(whole: Waterfall, by_task: dict[str, Waterfall]) -> Block:
    """Where the requests of each task ended."""
    rows: list[list[Cell]] = []
    for name, falls in (("All tasks", whole), *by_task.items()):
        ends: list[Cell] = [f"{falls.ended[step]:,}" for step in STEPS]
        beside = sum(falls.beside.values())
        available = small(
            share_text(falls.availability.value), interval_text(falls.availability, "share")
        )
        rows.append([name, f"{falls.due:,}", *ends, f"{beside:,}", available])
    return table(
        (
            Column("Task"),
            Column("Due", number=True),
            *(Column(step[:1].upper() + step[1:], number=True) for step in STEPS),
            Column("Not due", number=True),
            Column("Availability", number=True),
        ),
        rows,
        caption="Where requests ended. Not due: sent to a person, refused by a content policy or "
        "stopped by a budget.",
    )


def failures_table(failures: pd.DataFrame, *, most: int = 8) -> Block:
    """What failed most often."""
    rows: list[list[Cell]] = [
        [str(r.deployment), str(r.failure), f"{r.count:,}", f"{r.sends:,}", share_text(r.share)]
        for r in failures.head(most).itertuples(index=False)
    ]
    if not rows:
        return note("No attempt failed.")
    total = int(failures["count"].sum())
    return table(
        (
            Column("Deployment"),
            Column("Failure"),
            Column("Attempts failed", number=True),
            Column("Attempts sent", number=True),
            Column("Share", number=True),
        ),
        rows,
        caption=f"The most frequent of {count_text(total, 'failed attempt')}.",
    )


def costs_table(costs: pd.DataFrame, by: Sequence[str], *, caption: str, most: int = 12) -> Block:
    """Cost by one or two labels, with what could not be priced."""
    shown_rows, rest = costs.head(most), costs.iloc[most:]
    rows: list[list[Cell]] = [_cost_row(row, by) for row in shown_rows.to_dict("records")]
    if len(rest):
        rows.append(
            [
                f"{len(rest)} more",
                *[""] * (len(by) - 1),
                f"{int(rest['attempts'].sum()):,}",
                figure(float(rest["cost"].sum()), "dollars"),
                share_text(float(rest["share"].sum())),
                UNKNOWN,
                f"{int(rest['unknown'].sum()):,}",
            ]
        )
    return table(
        (
            *(Column(name[:1].upper() + name[1:]) for name in by),
            Column("Attempts", number=True),
            Column("Cost", number=True),
            Column("Share", number=True),
            Column("An attempt", number=True),
            Column("Unpriced", number=True),
        ),
        rows,
        caption=caption,
    )


def _cost_row(row: dict[str, object], by: Sequence[str]) -> list[Cell]:
    cost, attempts = float(str(row["cost"])), int(str(row["attempts"]))
    unknown, possible = int(str(row["unknown"])), float(str(row["possible"]))
    priced = attempts - unknown
    each = cost / priced if priced and not math.isnan(cost) else math.nan
    beside = f"up to {figure(possible, 'dollars')} more" if possible > 0 else ""
    return [
        *(str(row[name]) or "(none)" for name in by),
        f"{attempts:,}",
        small("unknown" if math.isnan(cost) else figure(cost, "dollars"), beside),
        share_text(float(str(row["share"]))),
        figure(each, "dollars"),
        f"{unknown:,}" if unknown else "0",
    ]


def alerts_table(now: Sequence[AlertRecord], before: Sequence[AlertRecord], weeks: int) -> Block:
    """Every alert of the policy, those that did not fire included."""
    if not now:
        return note("The policy sets no alerts.")
    rows = [_alert_row(a, b, weeks) for a, b in zip(now, before, strict=True)]
    fired = sum(not alert.quiet for alert in now)
    return table(
        (
            Column("Alert"),
            Column("Limit", number=True),
            Column("Fired", number=True),
            Column("Minutes in breach", number=True),
            Column("Worst", number=True),
            Column("A week, before", number=True),
            Column("Then", text=True),
        ),
        rows,
        caption=f"Alerts: {fired} of {len(now)} fired. Minutes beyond chance lie in windows whose "
        "interval, at 95 % over all windows together, is wholly beyond the limit.",
    )


def _alert_row(alert: AlertRecord, before: AlertRecord, weeks: int) -> list[Cell]:
    unit = unit_of(alert.watch)
    sign = "≤" if alert.above else "≥"
    certain = alert.minutes_beyond_chance
    state = (
        badge("did not fire", "good")
        if alert.quiet
        else badge(f"{alert.fired:,} ×", "bad" if certain else "warn")
    )
    when = f"{alert.worst_at:%a %H:%M}" if alert.worst_at else ""
    scope = f"{MEASURES[alert.watch].title if alert.watch in MEASURES else 'Spend'}"
    return [
        small(alert.name, f"{scope}{', ' + alert.scope if alert.scope else ''}"),
        small(f"{sign} {figure(alert.threshold, unit)}", f"for {_duration(alert.window_seconds)}"),
        state,
        small(f"{alert.minutes:,.0f}", "" if alert.quiet else f"{certain:,.0f} beyond chance"),
        small(figure(alert.worst, unit), when),
        f"{before.fired / weeks:,.1f} ×" if weeks else UNKNOWN,
        "; ".join(alert.then) or UNKNOWN,
    ]


def _duration(seconds: float) -> str:
    if seconds < 3600:
        return f"{seconds / 60:g} min"
    return f"{seconds / 3600:g} h"


def incidents_table(incidents: pd.DataFrame, *, most: int = 15) -> Block:
    """What operators were told, gathered."""
    if incidents.empty:
        return note("Operators were told nothing this week.")
    tones = {"critical": "bad", "warning": "warn"}
    rows: list[list[Cell]] = []
    for row in incidents.head(most).to_dict("records"):
        first, last = from_micros(int(row["first"])), from_micros(int(row["last"]))
        until = f"last {last:%a %H:%M}" if row["count"] > 1 else ""
        rows.append(
            [
                badge(str(row["severity"]), tones.get(str(row["severity"]), "plain")),
                small(str(row["kind"]).replace("_", " "), str(row["deployment"])),
                f"{row['count']:,}",
                small(f"{first:%a %H:%M}", until),
                str(row["message"]),
            ]
        )
    told = int(incidents["count"].sum())
    return table(
        (
            Column("Severity"),
            Column("What"),
            Column("Times", number=True),
            Column("First"),
            Column("In words", text=True),
        ),
        rows,
        caption=f"Operators were told {count_text(told, 'time')}; times are UTC.",
        headed=False,
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
        by_name = part.set_index("quantile")
        cells: list[Cell] = []
        for name in ("p50", "p90"):
            row = by_name.loc[name]
            reach = f"{figure(row['low'], 'seconds')} to {figure(row['high'], 'seconds')}"
            known = not math.isnan(row["low"])
            cells.append(small(figure(row["value"], "seconds"), reach if known else ""))
        first = by_name.iloc[0]
        rows.append(
            [str(task), f"{int(first['n']):,}", *cells, f"≤ {figure(first['target'], 'seconds')}"]
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
