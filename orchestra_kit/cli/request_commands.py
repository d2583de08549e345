"""``orchestra route`` and ``run``: one request, decided or answered."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orchestra_kit.cli.app import app
from orchestra_kit.cli.output import JsonFlag, show, show_json
from orchestra_kit.cli.policy_commands import default_policy
from orchestra_kit.core.display import plain
from orchestra_kit.engine.orchestra import Orchestra
from orchestra_kit.policy.policy import Policy
from orchestra_kit.routing.explanation import tree

__all__: list[str] = []

Text = Annotated[str, typer.Argument(help="The request.")]
PolicyOption = Annotated[
    Path | None,
    typer.Option("--policy", help="Policy file; the ContentForge example when left out."),
]
TierOption = Annotated[str, typer.Option(help="Tier of service.")]
TaskOption = Annotated[
    str | None, typer.Option(help="Declare the task; the classifier decides when left out.")
]
SeedOption = Annotated[int, typer.Option(help="Seed of exploration and simulation.")]


@app.command()
def route(
    text: Text,
    tier: TierOption = "standard",
    task: TaskOption = None,
    policy: PolicyOption = None,
    seed: SeedOption = 0,
    as_tree: Annotated[
        bool, typer.Option("--tree", help="Every step: rules tried, what was measured, who lost.")
    ] = False,
    json: JsonFlag = False,
) -> None:
    """Decide who should answer a request and explain the decision; nothing is called."""
    loaded = Policy.load(default_policy(policy))
    with Orchestra(loaded, backend="simulated", seed=seed) as orchestra:
        decision = orchestra.explain(text, tier=tier, task=task)
    if not json:
        show(tree(decision, loaded) if as_tree else decision.table())
        return
    show_json(
        {
            "task": decision.task,
            "confidence": decision.classification.confidence,
            "rule": decision.rule,
            "because": decision.because,
            "review": decision.review,
            "chain": decision.chain,
            "candidates": [plain(candidate) for candidate in decision.candidates],
            "propensity": decision.propensity,
            "policy": decision.policy,
            "policy_hash": decision.policy_hash,
            "seed": decision.seed,
            "context": plain(decision.context),
        }
    )


@app.command()
def run(
    text: Text,
    tier: TierOption = "standard",
    task: TaskOption = None,
    policy: PolicyOption = None,
    backend: Annotated[str, typer.Option(help="simulated, recorded or live.")] = "simulated",
    store: Annotated[
        Path | None, typer.Option(help="Store that keeps the trace; orchestra.db for live.")
    ] = None,
    seed: SeedOption = 0,
    json: JsonFlag = False,
) -> None:
    """Send a request through the policy and show the reply with every attempt."""
    loaded = Policy.load(default_policy(policy))
    if backend == "live" and store is None:
        store = Path("orchestra.db")
    with Orchestra(loaded, backend=backend, seed=seed, store=store) as orchestra:
        reply = orchestra.run_sync(text, tier=tier, task=task)
    if json:
        show_json(reply.to_dict())
    else:
        show(reply.decision.sentence())
        show(reply.table())
    if not reply.answered:
        raise typer.Exit(1)
