"""Making and reading pages in tests, without a kernel where one is not the point."""

from __future__ import annotations

from pathlib import Path

import html5lib
import nbformat
from IPython.core.formatters import format_display_data
from IPython.core.interactiveshell import InteractiveShell
from nbformat import NotebookNode, v4

from orchestra_kit import shipped
from orchestra_kit.reporting.exporter import PageExporter
from orchestra_kit.reporting.render import _page
from orchestra_kit.reporting.sections import facts_of
from orchestra_kit.reporting.weekly import WeeklyReport

POLICY = shipped.path("examples/contentforge/orchestra.yaml")
NOTEBOOK = shipped.path("reports/weekly.ipynb")

_ACTIVE = {
    "script", "iframe", "object", "embed", "form", "input", "button", "textarea", "base", "link",
    "svg", "math", "template", "noscript", "audio", "video", "source", "frame", "frameset",
    "applet", "marquee", "dialog", "portal",
}  # fmt: skip


def executed(report: WeeklyReport) -> NotebookNode:
    """The report's notebook with the outputs that a kernel would give, made in this process."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    InteractiveShell.instance()
    for cell in notebook.cells:
        if cell.cell_type != "code" or "report." not in cell.source:
            continue
        value = eval(cell.source, {"report": report})  # noqa: S307 - our own notebook
        if value is not None:
            data, metadata = format_display_data(value)
            cell.outputs = [v4.new_output("display_data", data, metadata=metadata)]
    return notebook


def page_of(report: WeeklyReport) -> str:
    """The page of a report, without kernel or file."""
    notebook = executed(report)
    html, _ = PageExporter(_page(facts_of(notebook))).from_notebook_node(notebook)
    return html


def live_parts(page: str) -> list[str]:
    """Whatever in a page could act, load or send; empty for an inert one."""
    tree = html5lib.parse(page, namespaceHTMLElements=False)
    found = []
    for element in tree.iter():
        name = str(element.tag)
        if name in _ACTIVE:
            found.append(name)
        if name == "style" and str(element.text).strip() != _css():
            found.append(f"style {str(element.text)[:40]}")
        for attribute, value in element.attrib.items():
            found += _live_attribute(name, str(attribute).lower(), value)
    return found


def _live_attribute(element: str, name: str, value: str) -> list[str]:
    told = [f"{element} {name}={value[:60]}"]
    if name.startswith("on") or name in {"style", "srcset", "formaction", "action", "ping"}:
        return told
    if name == "src":
        return [] if value.startswith(("data:image/svg+xml,", "data:image/png;base64,")) else told
    if name == "href":
        ours = value.startswith("#") or value == "index.html" or value.startswith("weekly-2")
        return [] if ours else told
    if element == "meta" and name == "http-equiv":
        return [] if value == "Content-Security-Policy" else told
    return []


def _css() -> str:
    return Path(shipped.path("reports/template/page.css")).read_text("utf-8").strip()


def text_of(page: str) -> str:
    """All text that a reader sees, scripts and styles left out."""
    tree = html5lib.parse(page, namespaceHTMLElements=False)
    body = tree.find("body")
    return "".join(body.itertext())
