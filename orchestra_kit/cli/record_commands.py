"""``orchestra record``: real answers of live deployments, scored and kept."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orchestra_kit.cli.app import app
from orchestra_kit.cli.output import show

__all__: list[str] = []


@app.command()
def record(
    policy: Annotated[Path, typer.Argument(help="Policy whose deployments answer.")],
    prompts: Annotated[Path, typer.Option(help="Prompts with their scorers (YAML).")],
    out: Annotated[Path, typer.Option(help="Parquet file to write.")],
    journal: Annotated[
        Path | None, typer.Option(help="Where answers are kept as they come; beside --out.")
    ] = None,
) -> None:
    """Send every prompt to every deployment, score the answers and write the outcomes."""
    from orchestra_kit.bench.recording import record as record_outcomes
    from orchestra_kit.policy.policy import Policy

    loaded = Policy.load(policy)
    kept = journal or out.with_suffix(".journal.jsonl")
    written = record_outcomes(loaded, prompts=prompts, out=out, journal=kept)
    show(f"Recorded {written} outcomes in {out}; the journal is {kept}.")
