"""``orchestra suite``: scenarios with expected routes and targets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orchestra_kit.cli.app import app
from orchestra_kit.cli.output import JsonFlag, show, show_json

__all__: list[str] = []

suite = typer.Typer(no_args_is_help=True, help="Scenarios with expected routes and targets.")
app.add_typer(suite, name="suite")


@suite.callback()
def _group() -> None:
    """Scenarios with expected routes and targets."""


@suite.command()
def run(
    file: Annotated[Path, typer.Argument(help="Suite file.")],
    backend: Annotated[str, typer.Option(help="simulated, recorded or live.")] = "simulated",
    seed: Annotated[int, typer.Option(help="Seed of every cell.")] = 7,
    epochs: Annotated[int, typer.Option(min=1, max=1000, help="Repetitions of a scenario.")] = 5,
    store: Annotated[
        Path | None, typer.Option(help="Store that keeps the run, so that it can be resumed.")
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Run a suite; exit status 1 when an expectation fails or a target is missed."""
    from orchestra_kit.bench.suite import Suite
    from orchestra_kit.engine.orchestra import Orchestra
    from orchestra_kit.policy.policy import Policy
    from orchestra_kit.store.store import Store

    loaded = Suite.load(file)
    policy = Policy.load(loaded.policy_path)
    kept = Store.open(store) if store is not None else None
    try:
        with Orchestra(policy, backend=backend, seed=seed) as orchestra:
            result = loaded.run_sync(orchestra, epochs=epochs, store=kept, progress=not json)
    finally:
        if kept is not None:
            kept.close()
    if json:
        show_json(result.to_dict())
    else:
        show(result.table())
        show(f"{result.summary().sentence()} ({result.source}, seed {seed})")
    if not result.passed:
        raise typer.Exit(1)
