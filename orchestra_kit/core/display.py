"""How a value shows itself: a small table, as text in a terminal and as escaped HTML in Jupyter.

Everything shown here may hold text that a model or a stranger wrote; it is escaped, stripped of
control and direction-changing characters, and folded where it is long.
"""

from __future__ import annotations

import dataclasses
import html
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any, ClassVar, Protocol

__all__ = ["Drawing", "Shown", "Table", "clean_text", "plain"]

_LONGEST = 400
_KEPT = {"\n", "\t"}


def clean_text(text: str, *, longest: int = _LONGEST) -> str:
    """Text fit to be shown: no control or bidi-override characters, folded at `longest`."""
    head = text[: longest + 1]
    shown = "".join(
        c if c in _KEPT or unicodedata.category(c) not in {"Cc", "Cf", "Cs"} else "·" for c in head
    )
    return f"{shown[:longest]}… ({len(text):,} characters)" if len(text) > longest else shown


def plain(value: Any) -> Any:
    """A value as JSON knows it: money and moments as text, enums by value, dataclasses as dicts."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(v) for v in value]
    return value


@dataclasses.dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under headings; columns named in `right` are aligned to the right."""

    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    title: str = ""
    right: frozenset[str] = frozenset()

    def _cells(self) -> list[list[str]]:
        return [["" if c is None else clean_text(str(c)) for c in row] for row in self.rows]

    def to_text(self) -> str:
        """The table in aligned columns of plain text."""
        cells = [[c.replace("\n", " ") for c in row] for row in self._cells()]
        widths = [
            max([len(name), *(len(row[i]) for row in cells)]) for i, name in enumerate(self.columns)
        ]

        def line(row: Sequence[str]) -> str:
            parts = [
                c.rjust(w) if name in self.right else c.ljust(w)
                for c, w, name in zip(row, widths, self.columns, strict=True)
            ]
            return "  ".join(parts).rstrip()

        lines = [self.title] if self.title else []
        lines += [line(self.columns), line(["─" * w for w in widths])]
        return "\n".join([*lines, *(line(row) for row in cells)])

    def to_html(self) -> str:
        """The table as HTML, every cell escaped, with a caption and column scopes."""

        def cell(tag: str, name: str, text: str, extra: str = "") -> str:
            style = (
                ' style="text-align:right"' if name in self.right else ' style="text-align:left"'
            )
            return f"<{tag}{extra}{style}>{html.escape(text)}</{tag}>"

        head = "".join(cell("th", n, n, ' scope="col"') for n in self.columns)
        body = "".join(
            "<tr>"
            + "".join(cell("td", n, c) for n, c in zip(self.columns, row, strict=True))
            + "</tr>"
            for row in self._cells()
        )
        caption = f"<caption>{html.escape(self.title)}</caption>" if self.title else ""
        return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

    def __str__(self) -> str:
        return self.to_text()

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return {"text/plain": self.to_text(), "text/html": self.to_html()}


class Drawing(Protocol):
    """A finished figure, as floors below the one that draws know it."""

    @property
    def alt(self) -> str:
        """The figure in words."""
        ...

    @property
    def caption(self) -> str:
        """Measure, n, period and source."""
        ...

    def save(self, path: Path | str) -> Path:
        """Write it as the path's ending says, ``.svg`` or ``.png``."""
        ...


class Shown:
    """Gives a frozen dataclass `to_dict` and a table of its fields as its picture."""

    __slots__ = ()
    _hidden: ClassVar[frozenset[str]] = frozenset()

    def to_dict(self) -> dict[str, Any]:
        """The value as JSON knows it."""
        result = plain(self)
        assert isinstance(result, dict)
        return result

    def table(self) -> Table:
        """The value as a table of two columns."""
        return Table(("field", "value"), list(self._shown_fields()), title=type(self).__name__)

    def _shown_fields(self) -> Iterable[tuple[str, object]]:
        for field in dataclasses.fields(self):  # type: ignore[arg-type]
            if field.name not in self._hidden:
                yield field.name, plain(getattr(self, field.name))

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        table = self.table()
        return {"text/plain": table.to_text(), "text/html": table.to_html()}
