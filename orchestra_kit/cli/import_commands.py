"""``orchestra outcomes import``: outcomes that other tools have recorded, as a table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orchestra_kit.cli.outcomes_commands import outcomes
from orchestra_kit.cli.output import JsonFlag, show, show_json

__all__: list[str] = []


@outcomes.command("import")
def import_(
    files: Annotated[list[Path], typer.Argument(help="Files of one or of several formats.")],
    to: Annotated[Path, typer.Option(help="Parquet file to write.")],
    format: Annotated[
        str | None,
        typer.Option(
            help="schema, wide, suite, litellm, otel, inspect or promptfoo; "
            "otherwise each file's own is found."
        ),
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Import outcomes of other tools into one table; what a file does not say stays missing."""
    from orchestra_kit.core.errors import TableError
    from orchestra_kit.outcomes.importing import import_outcomes
    from orchestra_kit.outcomes.importing.summary import Summary

    if to.suffix.lower() != ".parquet":
        raise TableError(f"{to} does not end in .parquet, and Parquet is what is written.")
    if any(to.resolve() == file.resolve() for file in files):
        raise TableError(f"{to} is one of the files to import.", hint="Name another one to write.")
    imported = import_outcomes(*files, format=format)
    imported.write(to)
    summary = Summary.of(imported)
    if json:
        show_json({"to": str(to), **summary.to_dict()})
    else:
        show(summary.to_text())
        show(f"\nWritten to {to}.")
