"""``orchestra playbook``: what follows each of the twenty errors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated

import typer

from orchestra_kit.cli.app import app
from orchestra_kit.cli.output import JsonFlag, show, show_json
from orchestra_kit.core.display import Table
from orchestra_kit.engine.playbook import PLAYBOOK, table

__all__ = ["page"]

_HEAD = """\
# The error playbook

Twenty scenarios, by which the engine ends requests, writes its log and tells people. This page is
what `orchestra playbook --markdown` prints: change `orchestra_kit/engine/playbook.py`, and print it
again.

A send that failed is one thing, the end of a request another. Where the sender reads nothing, the
request goes on to its next deployment; where none is left, the chain is exhausted. An answer that
broke off after its reader saw part of it is delivered as incomplete.
"""
_UNSAID = 3
"""The column of what the sender reads: its sentences stand below the table."""


@app.command()
def playbook(
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print it as a page of Markdown.")
    ] = False,
    json: JsonFlag = False,
) -> None:
    """Show how each error is told, retried, said to the sender, alerted and handed on."""
    if json:
        show_json([{**entry.to_dict(), "told_when": entry.told_when} for entry in PLAYBOOK])
    elif markdown:
        typer.echo(page(), nl=False)
    else:
        show(table())


def page() -> str:
    """The playbook as a page of Markdown."""
    whole = table()
    keep = [i for i in range(len(whole.columns)) if i != _UNSAID]
    rows = [[row[i] for i in keep] for row in whole.rows]
    lines = [
        *_markdown(Table([whole.columns[i] for i in keep], rows)),
        "",
        "## What the sender reads",
        "",
        *(f"- **{e.name}** ({e.ends.value}): {_said(e.user_message)}" for e in PLAYBOOK if e.ends),
        "",
        "## What the log holds",
        "",
        "One line of JSON for each, to the logger `orchestra_kit`: at most 2 kB, at most 15 lines",
        "for one request, no word of a prompt.",
        "",
        *_logged(),
    ]
    return "\n".join([_HEAD, *lines, ""])


def _logged() -> Iterator[str]:
    """The fields of the log, each set of them once."""
    alike: dict[tuple[str, ...], list[str]] = {}
    for entry in PLAYBOOK:
        alike.setdefault(entry.log_fields, []).append(entry.name)
    for fields, names in alike.items():
        yield f"- **{', '.join(names)}**: {', '.join(f'`{name}`' for name in fields)}"


def _said(message: str) -> str:
    return f"“{message}”" if message else "the words of the task, which may also queue it"


def _markdown(table: Table) -> list[str]:
    def line(cells: Iterable[object]) -> str:
        return f"| {' | '.join(str(cell) for cell in cells)} |"

    return [line(table.columns), line("---" for _ in table.columns), *map(line, table.rows)]
