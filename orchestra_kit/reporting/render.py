"""Rendering a report: parameters in, a page in its place out, and never a half one.

papermill executes the notebook and nbconvert makes the page, both as libraries of this process,
so that their imports are paid for once.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from orchestra_kit import shipped
from orchestra_kit.analytics.coverage import last_full_week
from orchestra_kit.analytics.week import Week
from orchestra_kit.core.display import Shown, plain
from orchestra_kit.core.errors import MissingSecret, OrchestraError, ReportError
from orchestra_kit.core.secrets import secret
from orchestra_kit.policy.policy import Policy
from orchestra_kit.reporting.execution import execute
from orchestra_kit.reporting.exporter import Page, PageExporter, page_html
from orchestra_kit.reporting.files import one_at_a_time, replace_file
from orchestra_kit.reporting.index import failure_name, page_name, refresh_index, twin_name
from orchestra_kit.reporting.parameters import WeeklyParameters, read_parameters
from orchestra_kit.reporting.privacy import check_page, public_text
from orchestra_kit.reporting.sections import facts_of
from orchestra_kit.store.store import Store

__all__ = ["DEADLINE_SECONDS", "RenderedReport", "render_weekly"]

DEADLINE_SECONDS = 120.0
"""A weekly report takes ten seconds; ten times that is a fault."""
LARGEST_BYTES = 400 * 1024
"""So that a page can be mailed and opens at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedReport(Shown):
    """A report that is in its place."""

    page: Path
    index: Path
    week: str
    status: str
    """``On target``, ``Needs attention``, ``Off target`` or ``No data``."""
    headline: str
    """The most important finding."""
    key_figures: tuple[tuple[str, str], ...]
    """Figures with their intervals, and the targets met and missed, as text."""
    seconds: float
    bytes: int

    def to_dict(self) -> dict[str, Any]:
        """The value as JSON knows it, with the paths as text."""
        return {
            name: str(value) if isinstance(value, Path) else plain(value)
            for name, value in ((f.name, getattr(self, f.name)) for f in fields(self))
        }


def render_weekly(
    *,
    store: Path,
    policy: Path,
    week: str | None = None,
    out: Path,
    suite_run: str | None = None,
    deadline_seconds: float = DEADLINE_SECONDS,
    notebook: Path | None = None,
) -> RenderedReport:
    """Render a week's page into `out`, with its facts as JSON, its scorecard as CSV, and the index.

    Without `week` it is the last full one in the store; without `suite_run` the latest run of the
    suite. A store or week without requests gives a page that says so. Raises ConfigError for a
    wrong parameter, StoreError and PolicyError for files that cannot be read, and ReportError when
    the report cannot be made: a short error page is then beside the last good one, which stays.
    """
    began = time.monotonic()
    chosen = _choose_week(store, week)
    parameters = read_parameters(
        {
            "store": str(store.resolve()),
            "policy": str(policy.resolve()),
            "week": chosen.label,
            "suite_run": suite_run or "",
        }
    )
    _learn_secrets(policy)
    with one_at_a_time(out):
        source = notebook or shipped.path("reports/weekly.ipynb")
        try:
            page, facts = _make(source, parameters, deadline_seconds)
        except OrchestraError as error:
            _tell_of_failure(out, chosen, error)
            raise
        return _publish(out, chosen, page, facts, time.monotonic() - began)


def _choose_week(store: Path, week: str | None) -> Week:
    asked = None if week is None else Week.parse(week)
    # Also where the week is given: a wrong store is told at once, and not on an error page.
    with Store.open(store, read_only=True) as opened:
        found = asked or last_full_week(opened)
    return found or Week.of(datetime.now(UTC)).shifted(-1)


def _learn_secrets(policy: Path) -> None:
    """Read the keys that the policy names, for no other reason than to find them in the page."""
    for deployment in Policy.load(policy).deployments.values():
        with contextlib.suppress(MissingSecret):
            secret(deployment.key, os.environ)


def _make(
    notebook: Path, parameters: WeeklyParameters, deadline_seconds: float
) -> tuple[bytes, Mapping[str, object]]:
    executed = execute(notebook, parameters.model_dump(), deadline_seconds=deadline_seconds)
    facts = facts_of(executed)
    html, _ = PageExporter(_page(facts)).from_notebook_node(executed)
    check_page(html, [Path(parameters.store), Path(parameters.policy)])
    page = html.encode()
    if len(page) > LARGEST_BYTES:
        raise ReportError(
            f"The page would have {len(page) / 1024:.0f} KB, and {LARGEST_BYTES // 1024} KB are "
            "allowed."
        )
    return page, facts


def _page(facts: Mapping[str, object]) -> Page:
    week = Week.parse(str(facts["period"]))
    policy = public_text(str(facts["policy"]))
    return Page(
        title=f"{policy}, week {week.label}: {facts['status']}",
        eyebrow=f"Weekly report, {policy}",
        heading=f"Week {week.number} of {week.year}",
        period=str(week.period),
        source=str(facts["source"]),
        status=str(facts["status"]),
        tone=str(facts["tone"]),
        reason=str(facts["reason"]),
    )


def _publish(
    out: Path, week: Week, page: bytes, facts: Mapping[str, object], seconds: float
) -> RenderedReport:
    twin = dict(facts) | {
        "page": page_name(week),
        "bytes": len(page),
        "sha256": hashlib.sha256(page).hexdigest(),
        "rendered_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds, 2),
    }
    text = json.dumps(_public(twin), ensure_ascii=False, indent=1, allow_nan=False)
    # The page last: whoever sees it finds the rest beside it.
    replace_file(out / f"weekly-{week.label}.csv", _scorecard_csv(facts))
    replace_file(out / twin_name(week), text.encode())
    replace_file(out / page_name(week), page)
    with contextlib.suppress(OSError):
        (out / failure_name(week)).unlink()
    index = refresh_index(out)
    written = out / page_name(week)
    return RenderedReport(
        page=written,
        index=index,
        week=week.label,
        status=str(facts["status"]),
        headline=str(facts["headline"]),
        key_figures=tuple((str(n), str(v)) for n, v in cast(list[list[str]], facts["key_figures"])),
        seconds=seconds,
        bytes=written.stat().st_size,
    )


def _public(value: object) -> object:
    """Every text of a structure without secrets and paths."""
    if isinstance(value, str):
        return public_text(value)
    if isinstance(value, Mapping):
        return {str(name): _public(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_public(inner) for inner in value]
    return value


def _scorecard_csv(facts: Mapping[str, object]) -> bytes:
    """The scorecard, one row a measure; an absent figure is an empty cell."""
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    parts = ("now", "before", "change")
    ends = ("value", "low", "high", "n")
    writer.writerow(
        ["week", "source", "measure", "unit", *(f"{p}_{e}" for p in parts for e in ends), "verdict"]
    )
    for row in cast(list[dict[str, dict[str, object]]], facts["scorecard"]):
        figures = [row[part][end] for part in parts for end in ends]
        writer.writerow(
            [
                facts["period"],
                facts["source"],
                row["measure"],
                row["unit"],
                *figures,
                row["verdict"],
            ]
        )
    return target.getvalue().encode()


def _tell_of_failure(out: Path, week: Week, error: OrchestraError) -> None:
    """Write the error page beside the last good one, and list it."""
    good = (out / page_name(week)).is_file()
    html = page_html(
        "failure.html.j2",
        page=Page(
            title=f"Week {week.label}: no report",
            eyebrow="Weekly report",
            heading=f"Week {week.number} of {week.year}",
            period=str(week.period),
            source="",
            status="Report failed",
            tone="bad",
            reason="This report could not be made.",
        ),
        cause=public_text(str(error)),
        last_good=page_name(week) if good else "",
        command=f"orchestra report weekly --week {week.label}",
    )
    replace_file(out / failure_name(week), html.encode())
    refresh_index(out)
