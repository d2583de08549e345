"""The nbconvert exporter of our pages: our own template, sandboxed, everything escaped."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import FileSystemLoader, StrictUndefined
from jinja2.sandbox import SandboxedEnvironment
from markupsafe import Markup
from nbconvert.exporters.templateexporter import TemplateExporter
from nbformat import NotebookNode
from traitlets.config import Config

from orchestra_kit import shipped
from orchestra_kit.reporting.sections import sections_of

__all__ = ["Page", "PageExporter", "page_html"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What a page says around its sections."""

    title: str
    """For the browser's tab and for search."""
    eyebrow: str
    """Above the heading: what kind of page this is."""
    heading: str
    period: str
    source: str
    """``simulated``, ``recorded`` or ``live``; empty where there is no data."""
    status: str
    tone: str
    """``good``, ``warn``, ``bad`` or ``plain``: the colour of the status."""
    reason: str
    """Why the status is what it is, in one sentence."""


class PageExporter(TemplateExporter):
    """Turns an executed notebook into one HTML file without script, code or outside request."""

    output_mimetype = "text/html"

    def __init__(self, page: Page) -> None:
        folder = str(shipped.path("reports/template"))
        super().__init__(  # type: ignore[no-untyped-call]
            template_file="page.html.j2", template_paths=[folder]
        )
        self._page = page

    @property
    def default_config(self) -> Config:
        """No preprocessors: the sections are taken from the notebook as it is."""
        return Config()

    def _file_extension_default(self) -> str:
        return ".html"

    def _create_environment(self) -> SandboxedEnvironment:
        return _environment(Path(self.template_paths[0]))

    def from_notebook_node(  # type: ignore[override] # as nbconvert's own template exporters
        self, nb: NotebookNode, resources: dict[str, Any] | None = None, **_: object
    ) -> tuple[str, dict[str, Any]]:
        """The page of an executed notebook; raises ReportError for a figure without alt text."""
        variables = {"page": self._page, "sections": sections_of(nb), "periods": Markup("")}
        html: str = self.template.render(**variables)
        return html, dict(resources or {})


def page_html(template: str, **variables: object) -> str:
    """One of the shipped templates, filled in; used for pages that no notebook makes."""
    environment = _environment(shipped.path("reports/template"))
    return environment.get_template(template).render(**variables)


def _environment(folder: Path) -> SandboxedEnvironment:
    return SandboxedEnvironment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
