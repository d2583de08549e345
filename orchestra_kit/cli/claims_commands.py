"""``orchestra outcomes claims``: what is usually claimed, beside what was measured."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orchestra_kit.cli.outcomes_commands import outcomes
from orchestra_kit.cli.output import JsonFlag, show, show_json

__all__: list[str] = []


@outcomes.command()
def claims(
    files: Annotated[
        list[str],
        typer.Argument(
            help="Parquet files of outcomes, each by itself; joined with commas as one."
        ),
    ],
    policy: Annotated[
        Path | None,
        typer.Option(help="Policy whose simulated traffic is played; ContentForge if left out."),
    ] = None,
    requests: Annotated[
        int, typer.Option(min=0, help="Simulated requests of each kind of traffic; 0 for none.")
    ] = 2_000,
    seed: Annotated[int, typer.Option(help="Of folds, resamples and simulated traffic.")] = 0,
    json: JsonFlag = False,
) -> None:
    """Measure every claim usually made of such systems: value, interval, n, data, verdict.

    Routers learn on each table's training side and are judged on the other. Claims about outages
    are measured on simulated traffic, and labelled so.
    """
    from orchestra_kit.outcomes.claims import Ledger
    from orchestra_kit.outcomes.table import Outcomes
    from orchestra_kit.policy.policy import Policy
    from orchestra_kit.shipped import path

    tables = {}
    for text in files:
        parts = [part.strip() for part in text.split(",") if part.strip()]
        tables[" + ".join(Path(part).stem for part in parts)] = Outcomes.read(*parts)
    played = None
    if requests:
        played = Policy.load(policy or path("examples/contentforge/orchestra.yaml"))
    ledger = Ledger.measure(tables, policy=played, requests=requests, seed=seed)
    if json:
        show_json(ledger.to_dict())
    else:
        show(ledger.to_text())
