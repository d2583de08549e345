"""``orchestra outcomes``: tables of recorded outcomes."""

from __future__ import annotations

from datetime import UTC, datetime
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
    against: Annotated[
        Path | None,
        typer.Option(help="A policy whose targets and expectations the outcomes are held against."),
    ] = None,
    revised: Annotated[
        Path | None,
        typer.Option(help="With --against: write what to expect from now on to this file."),
    ] = None,
    on: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Day to which evidence is aged; today if absent."),
    ] = None,
    oldest: Annotated[
        int, typer.Option(min=0, help="Days after which evidence counts as old.")
    ] = 90,
    json: JsonFlag = False,
) -> None:
    """Measure model x task: quality with interval, rank, cost, latency, n, use, disqualifiers.

    With --against, exit status 1 where a target is shown missed by a deployment that the policy
    uses for the task.
    """
    from orchestra_kit.outcomes.table import Outcomes
    from orchestra_kit.policy.policy import Policy

    if revised is not None and against is None:
        raise typer.BadParameter("--revised needs --against, the policy that is revised.")
    policy = None if against is None else Policy.load(against)
    measured = Outcomes.read(*files).matrix()
    day = (on or datetime.now(UTC)).date()
    ages = measured.ages(day, oldest=oldest, policy=policy)
    held = None if policy is None else measured.against(policy)
    if heatmap is not None:
        measured.heatmap("quality").save(heatmap)
    if revised is not None and held is not None:
        held.revised().write(revised)
    if json:
        told = {**measured.to_dict(), "ages": ages.to_dict()}
        show_json(told if held is None else {**told, "against": held.to_dict()})
    else:
        show(measured.to_text())
        show(f"\n{ages.finding()}.")
        if held is not None:
            show(f"\n{held.to_text()}")
        for path, what in ((heatmap, "Heat map saved"), (revised, "Revised capabilities written")):
            if path is not None:
                show(f"{what} as {path}.")
    if held is not None and held.missed:
        raise typer.Exit(1)
