"""``orchestra outcomes``: tables of recorded outcomes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orchestra_kit.cli.app import app
from orchestra_kit.cli.output import JsonFlag, show, show_json

__all__: list[str] = []

outcomes = typer.Typer(no_args_is_help=True, help="Tables of recorded outcomes.")
app.add_typer(outcomes, name="outcomes")


@outcomes.callback()
def _group() -> None:
    """Tables of recorded outcomes."""


@outcomes.command()
def matrix(
    files: Annotated[list[Path], typer.Argument(help="Parquet files of outcomes.")],
    heatmap: Annotated[
        Path | None, typer.Option(help="Also draw quality as a heat map (.svg or .png).")
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Measure model x task: quality with interval, cost, latency, n, best use, disqualifiers."""
    from orchestra_kit.outcomes.table import Outcomes

    measured = Outcomes.read(*files).matrix()
    if heatmap is not None:
        measured.heatmap("quality").save(heatmap)
    if json:
        show_json(measured.to_dict())
    else:
        show(measured.to_text())
        if heatmap is not None:
            show(f"Heat map saved as {heatmap}.")
