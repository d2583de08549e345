"""How results reach a terminal: as a table for people, as JSON for programs."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from orchestra_kit.core.display import Table, plain

__all__ = ["JsonFlag", "show", "show_json"]

JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


def show(table: Table | str) -> None:
    """Print a table or a sentence."""
    typer.echo(str(table))


def show_json(value: Any) -> None:
    """Print a value as JSON, NaN-free and in a fixed order of keys as given."""
    typer.echo(json.dumps(plain(value), ensure_ascii=False, indent=2, allow_nan=False))
