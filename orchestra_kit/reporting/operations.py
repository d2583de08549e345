"""The tables of what happened: where requests ended, what failed, what alarmed."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from orchestra_kit.analytics.alerts import AlertRecord
from orchestra_kit.analytics.fallback import STEPS, Waterfall
from orchestra_kit.analytics.findings import unit_of
from orchestra_kit.analytics.measures import MEASURES
from orchestra_kit.analytics.wording import (
    UNKNOWN,
    count_text,
    figure,
    interval_text,
    limit_text,
    share_text,
)
from orchestra_kit.reporting.blocks import (
    Block,
    Cell,
    Column,
    badge,
    note,
    small,
    table,
)
from orchestra_kit.store.types import from_micros

__all__ = ["alerts_table", "failures_table", "fallback_table", "incidents_table"]


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
        [
            str(row["deployment"]),
            str(row["failure"]),
            f"{row['count']:,}",
            f"{row['sends']:,}",
            share_text(float(row["share"])),
        ]
        for row in failures.head(most).to_dict("records")
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
            Column("Fired a week before", number=True),
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
        else badge(
            "once" if alert.fired == 1 else f"{alert.fired:,} times", "bad" if certain else "warn"
        )
    )
    when = f"{alert.worst_at:%a %H:%M}" if alert.worst_at else ""
    scope = f"{MEASURES[alert.watch].title if alert.watch in MEASURES else 'Spend'}"
    return [
        small(alert.name, f"{scope}{', ' + alert.scope if alert.scope else ''}"),
        small(
            f"{sign} {limit_text(alert.threshold, unit)}", f"for {_duration(alert.window_seconds)}"
        ),
        state,
        small(f"{alert.minutes:,.0f}", "" if alert.quiet else f"{certain:,.0f} beyond chance"),
        small(figure(alert.worst, unit), when),
        f"{before.fired / weeks:,.1f}" if weeks else UNKNOWN,
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
