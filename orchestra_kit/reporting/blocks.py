"""The pieces of a page: tables, badges, notes. Every text that goes in comes out escaped.

A piece shows itself in Jupyter, so that a report's notebook reads the same as its page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from orchestra_kit.core.display import clean_text
from orchestra_kit.reporting.privacy import public_text

__all__ = [
    "FACTS_TYPE",
    "Block",
    "Cell",
    "Column",
    "badge",
    "definitions",
    "folded",
    "joined",
    "note",
    "shown",
    "small",
    "table",
]

Cell = str | Markup
"""Plain text, which is escaped, or the Markup of this module, which is not."""
LONGEST_CELL = 240
"""Characters after which a cell's text is folded."""
FACTS_TYPE = "application/vnd.orchestra-kit.facts+json"
"""The output by which a notebook tells the renderer what it found; never shown."""


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a page, as safe HTML."""

    html: Markup

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return {"text/html": str(self.html), "text/plain": self.html.striptags()}


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its heading and how its cells are set."""

    title: str
    number: bool = False
    text: bool = False
    """Running text, which may wrap anywhere."""

    @property
    def kind(self) -> Markup:
        """The class attribute of its cells."""
        name = "number" if self.number else "text" if self.text else ""
        return Markup(' class="{}"').format(name) if name else Markup()


def shown(text: object, *, longest: int = LONGEST_CELL) -> Markup:
    """Any text, fit to stand in a page: without control characters, paths or secrets, folded
    where it is long, and escaped."""
    # Before folding, so that no secret is cut in two; and after cleaning, so that none hides
    # behind an invisible character.
    return escape(public_text(clean_text(public_text(str(text)), longest=longest)))


def table(
    columns: Sequence[Column],
    rows: Sequence[Sequence[Cell]],
    *,
    caption: str,
    headed: bool = True,
) -> Block:
    """A table with a caption and scopes; the first cell of each row heads it if `headed`."""
    head = Markup().join(
        Markup('<th scope="col"{}>{}</th>').format(c.kind, shown(c.title)) for c in columns
    )
    body = Markup("\n").join(_row(columns, row, headed) for row in rows)
    # A table wider than the page scrolls in its own region, which the keyboard can reach.
    return Block(
        Markup(
            '<div class="wide" role="region" tabindex="0" aria-label="{label}">\n<table>\n'
            "<caption>{caption}</caption>\n<thead><tr>{head}</tr></thead>\n"
            "<tbody>\n{body}\n</tbody>\n</table>\n</div>"
        ).format(
            label=shown(caption.split(".")[0]),
            caption=shown(caption, longest=600),
            head=head,
            body=body,
        )
    )


def _row(columns: Sequence[Column], row: Sequence[Cell], headed: bool) -> Markup:
    cells = []
    for place, (column, cell) in enumerate(zip(columns, row, strict=True)):
        heads = headed and place == 0
        frame = '<th scope="row"{}>{}</th>' if heads else "<td{}>{}</td>"
        cells.append(Markup(frame).format(column.kind, _inner(cell)))
    return Markup("<tr>{}</tr>").format(Markup().join(cells))


def badge(word: str, tone: str = "plain") -> Markup:
    """A word with a mark before it, so that it is told by more than its colour."""
    mark = {"good": "✓", "bad": "✕", "warn": "!"}.get(tone, "·")
    return Markup('<span class="badge {}"><span aria-hidden="true">{}</span> {}</span>').format(
        tone, mark, shown(word)
    )


def small(main: Cell, below: Cell) -> Markup:
    """A value with something smaller under it, such as its interval."""
    if not below:
        return _inner(main)
    return Markup("{}<small>{}</small>").format(_inner(main), _inner(below))


def note(text: Cell) -> Block:
    """A remark under a table or figure."""
    return Block(Markup('<p class="note">{}</p>').format(_inner(text, longest=1200)))


def folded(summary: str, *inside: Block) -> Block:
    """What only some readers want to see, behind a line that unfolds it."""
    return Block(
        Markup("<details><summary>{}</summary>\n{}</details>").format(
            shown(summary), joined(*inside).html
        )
    )


def joined(*blocks: Block) -> Block:
    """Several pieces as one."""
    return Block(Markup("\n").join(block.html for block in blocks))


def definitions(pairs: Mapping[str, Cell]) -> Block:
    """Terms with what they mean here, such as the method box."""
    items = Markup("\n").join(
        Markup("<dt>{}</dt><dd>{}</dd>").format(shown(term), _inner(said, longest=2000))
        for term, said in pairs.items()
    )
    return Block(Markup('<dl class="method">\n{}\n</dl>').format(items))


def _inner(cell: Cell, *, longest: int = LONGEST_CELL) -> Markup:
    return cell if isinstance(cell, Markup) else shown(cell, longest=longest)
