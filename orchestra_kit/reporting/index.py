"""The folder's front page: every period with its status, and the links between the pages.

Everything is read from the JSON twins beside the pages, so that nothing has to be rendered again
and a lost index can be made anew.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from markupsafe import Markup

from orchestra_kit.analytics.week import Week
from orchestra_kit.reporting.exporter import Page, page_html
from orchestra_kit.reporting.files import replace_file

__all__ = ["failure_name", "page_name", "refresh_index", "twin_name"]

_PERIODS = re.compile(r"<!--periods-->.*?<!--/periods-->", re.DOTALL)
_TWIN = re.compile(r"weekly-(?P<week>\d{4}-W\d{2})\.json")
_FAILURE = re.compile(r"weekly-(?P<week>\d{4}-W\d{2})\.failed\.html")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    period: str
    dates: str
    page: str
    status: str
    tone: str
    headline: str
    requests: str
    source: str
    failure: str


def page_name(week: Week) -> str:
    """File of a week's page."""
    return f"weekly-{week.label}.html"


def twin_name(week: Week) -> str:
    """File of a week's facts."""
    return f"weekly-{week.label}.json"


def failure_name(week: Week) -> str:
    """File of a week's error page."""
    return f"weekly-{week.label}.failed.html"


def refresh_index(folder: Path) -> Path:
    """Write ``index.html`` anew and the links of every page; returns its path.

    Raises ReportError where the folder cannot be written.
    """
    entries = _entries(folder)
    pages = [entry for entry in entries if entry.page]
    for place, entry in enumerate(pages):
        newer = pages[place - 1] if place else None
        older = pages[place + 1] if place + 1 < len(pages) else None
        _link(folder / entry.page, older, newer)
    html = page_html("index.html.j2", page=_head(), entries=entries)
    index = folder / "index.html"
    replace_file(index, html.encode())
    return index


def _head() -> Page:
    return Page(
        title="Reports",
        eyebrow="orchestra_kit",
        heading="Reports",
        period="",
        source="",
        status="",
        tone="plain",
        reason="",
    )


def _entries(folder: Path) -> list[_Entry]:
    """Every week that has a page, an error page, or lies between two that have; newest first."""
    twins = {Week.parse(m["week"]): p for p in folder.iterdir() if (m := _TWIN.fullmatch(p.name))}
    failed = {Week.parse(m["week"]) for p in folder.iterdir() if (m := _FAILURE.fullmatch(p.name))}
    known = sorted({*twins, *failed})
    if not known:
        return []
    weeks, week = [], known[0]
    while week <= known[-1]:
        weeks.append(week)
        week = week.shifted(1)
    return [_entry(folder, w, twins.get(w), w in failed) for w in reversed(weeks)]


def _entry(folder: Path, week: Week, twin: Path | None, failed: bool) -> _Entry:
    facts = _facts(twin) if twin and (folder / page_name(week)).is_file() else {}
    status = str(facts.get("status") or ("Failed" if failed else "No report"))
    requests = facts.get("requests")
    return _Entry(
        period=week.label,
        dates=_dates(week),
        page=page_name(week) if facts else "",
        status=status,
        tone=str(facts.get("tone") or ("bad" if failed else "plain")),
        headline=str(facts.get("headline") or "–"),
        requests=f"{requests:,}" if isinstance(requests, int) else "–",
        source=str(facts.get("source") or "–"),
        failure=failure_name(week) if failed else "",
    )


def _facts(twin: Path) -> dict[str, object]:
    try:
        found = json.loads(twin.read_text("utf-8"))
    except (OSError, ValueError):
        # A twin that cannot be read must not keep the others from being listed.
        return {}
    return found if isinstance(found, dict) else {}


def _dates(week: Week) -> str:
    first, last = week.period.starts, week.shifted(1).period.starts
    final = datetime.fromtimestamp(last.timestamp() - 1, last.tzinfo)
    month = "" if first.month == final.month else f" {first:%b}"
    return f"{first.day}{month} – {final.day} {final:%b %Y}"


def _link(page: Path, older: _Entry | None, newer: _Entry | None) -> None:
    """Put links to the neighbours into a page; its bytes depend on which neighbours there are."""
    links = Markup('<p><a href="index.html">All reports</a></p>')
    if older:
        links += Markup('<p><a href="{}" rel="prev">← {}</a></p>').format(older.page, older.period)
    if newer:
        links += Markup('<p><a href="{}" rel="next">{} →</a></p>').format(newer.page, newer.period)
    before = page.read_text("utf-8")
    block = f'<!--periods--><div class="periods">{links}</div><!--/periods-->'
    after = _PERIODS.sub(lambda _: block, before, count=1)
    if after != before:
        replace_file(page, after.encode())
