"""``orchestra outcomes train``: learn the success of a policy's models from recorded outcomes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orchestra_kit.cli.outcomes_commands import outcomes
from orchestra_kit.cli.output import JsonFlag, show, show_json
from orchestra_kit.policy.policy import Policy

__all__: list[str] = []


@outcomes.command()
def train(
    files: Annotated[list[Path], typer.Argument(help="Parquet files of outcomes.")],
    policy: Annotated[Path, typer.Option(help="The policy whose models are to be foretold.")],
    seed: Annotated[int, typer.Option(help="Seed of the cross-validation.")] = 0,
    json: JsonFlag = False,
) -> None:
    """Learn how likely each of a policy's models is to succeed at a request, and calibrate it.

    Written as success.json beside the policy: from then on the engine scores by what is foretold
    of a request, in place of the mean at its task. Remove the file to go back.
    """
    from orchestra_kit.outcomes.predictors.success_training import train_success
    from orchestra_kit.outcomes.table import Outcomes

    loaded = Policy.load(policy)
    trained = train_success(Outcomes.read(*files), loaded, seed=seed)
    trained.save(loaded.success_path)
    if json:
        show_json(trained.report())
        return
    show(trained.table())
    show(trained.reliability.table())
    for note in trained.grid.notes:
        show(note)
    show(f"Saved as {loaded.success_path}.")
