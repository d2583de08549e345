"""From an executed notebook to the pieces of a page, letting nothing through but what is ours.

Two walls stand between a hostile string and the reader. Our builders escape every text when they
make HTML; and here every piece of HTML passes an allow-list that knows no script, no style, no
handler, no form and no address but a place in the page itself. Images are re-encoded as data;
every other kind of output is dropped.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import nh3
from markupsafe import Markup
from nbconvert.filters.markdown import markdown2html
from nbformat import NotebookNode

from orchestra_kit.core.errors import ReportError
from orchestra_kit.reporting.blocks import FACTS_TYPE
from orchestra_kit.reporting.images import IMAGE_DATA, data_address, size_of

__all__ = ["Section", "facts_of", "safe_html", "sections_of"]

_TAGS = {
    "a", "abbr", "b", "br", "caption", "code", "dd", "details", "div", "dl", "dt", "em",
    "figcaption", "figure", "h3", "h4", "img", "li", "ol", "p", "small", "span", "strong", "sub",
    "summary", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul",
}  # fmt: skip
_ATTRIBUTES = {
    "*": {"class", "id"},
    "a": {"href"},
    "abbr": {"title"},
    "div": {"role", "tabindex", "aria-label", "aria-labelledby"},
    "img": {"src", "alt", "width", "height"},
    "span": {"aria-hidden"},
    "th": {"scope", "colspan", "rowspan"},
    "td": {"colspan", "rowspan"},
}
_PICTURE_TYPES = ("image/svg+xml", "image/png")


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the page, under a heading that the contents list."""

    id: str
    title: str
    body: Markup
    """Safe HTML."""


def safe_html(text: str) -> Markup:
    """The HTML without anything that could act, load or style."""
    cleaned = nh3.clean(
        text,
        tags=_TAGS,
        clean_content_tags={"script", "style"},
        attributes=_ATTRIBUTES,
        attribute_filter=_attribute,
        strip_comments=True,
        link_rel=None,
        url_schemes={"data"},
    )
    return Markup(cleaned)


def _attribute(tag: str, name: str, value: str) -> str | None:
    if name == "src":
        return value if IMAGE_DATA.fullmatch(value) else None
    if name == "href":
        return value if tag == "a" and re.fullmatch(r"#[\w-]+", value) else None
    if name == "id":
        return value if re.fullmatch(r"[a-z][\w-]*", value) else None
    return value


def sections_of(notebook: NotebookNode) -> tuple[Section, ...]:
    """The notebook's parts: each begins at a Markdown cell with a heading of the second level.

    What stands before the first heading belongs to the notebook's reader, not to the page's, and
    is left out. A section without any output is left out too. Raises ReportError for a figure
    without a description.
    """
    found: list[Section] = []
    title, parts = "", list[Markup]()
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            heading, _, rest = cell.source.strip().partition("\n")
            if heading.startswith("## "):
                found += _section(title, parts)
                title, parts = heading.removeprefix("## ").strip(), []
                cell_text = rest.strip()
            else:
                cell_text = cell.source.strip()
            if cell_text:
                parts.append(_prose(cell_text))
        elif cell.cell_type == "code":
            parts += [shown for output in cell.outputs if (shown := _output(output))]
    return (*found, *_section(title, parts))


def facts_of(notebook: NotebookNode) -> Mapping[str, object]:
    """What the notebook says of itself; raises ReportError where it says nothing."""
    for cell in reversed(notebook.cells):
        for output in cell.get("outputs", ()):
            facts = output.get("data", {}).get(FACTS_TYPE)
            if isinstance(facts, Mapping):
                return dict(facts)
    raise ReportError(
        "The notebook ran but stated no facts for the index.",
        hint="Its last cell must show the report's facts.",
    )


def _section(title: str, parts: list[Markup]) -> Iterator[Section]:
    if title and any("<" in part for part in parts):
        identity = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or "section"
        yield Section(identity, title, Markup("\n").join(parts))


def _prose(text: str) -> Markup:
    return safe_html(f'<div class="prose">{markdown2html(text)}</div>')


def _output(output: NotebookNode) -> Markup | None:
    if output.output_type not in {"display_data", "execute_result"}:
        return None
    data = output.data
    for kind in _PICTURE_TYPES:
        if kind in data:
            return _figure(kind, data[kind], output.metadata)
    if "text/html" in data:
        return safe_html(data["text/html"])
    if "text/markdown" in data:
        return _prose(data["text/markdown"])
    return None


def _figure(kind: str, content: str, metadata: Mapping[str, object]) -> Markup:
    own = metadata.get(kind)
    about = {**metadata, **(own if isinstance(own, Mapping) else {})}
    alt = str(about.get("alt") or "").strip()
    if not alt:
        raise ReportError(
            "A figure of the report has no description for those who cannot see it.",
            hint="Show it as a picture with alt text.",
        )
    size = size_of(content) if kind == "image/svg+xml" else None
    # The page knows the height before the picture is decoded, and nothing jumps.
    extent = f' width="{size[0]}" height="{size[1]}"' if size else ""
    caption = str(about.get("caption") or "")
    note = f"<figcaption>{html.escape(caption)}</figcaption>" if caption else ""
    return safe_html(
        f'<figure><img src="{data_address(kind, content)}" alt="{html.escape(alt)}"{extent}>'
        f"{note}</figure>"
    )
