"""``orchestra check``, ``train`` and ``measure``: what is done to a policy before it is used."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestra_kit.cli.app import app
from orchestra_kit.cli.output import JsonFlag, show, show_json
from orchestra_kit.policy.policy import Policy
from orchestra_kit.shipped import path as shipped_path

if TYPE_CHECKING:
    from orchestra_kit.policy.check import Finding

__all__ = ["PolicyArgument", "default_policy", "show_findings"]

PolicyArgument = Annotated[
    Path | None,
    typer.Argument(help="Policy file; the ContentForge example when left out.", show_default=False),
]


def default_policy(given: Path | None) -> Path:
    """The policy a command works on."""
    return given or shipped_path("examples/contentforge/orchestra.yaml")


def show_findings(findings: Iterable[Finding]) -> None:
    """Each finding in a paragraph of its own."""
    for finding in findings:
        show(textwrap.fill(str(finding), 110, subsequent_indent="    "))


@app.command()
def check(
    policy: PolicyArgument = None,
    prices: Annotated[
        bool, typer.Option("--prices", help="Compare the price book with genai-prices as well.")
    ] = False,
    json: JsonFlag = False,
) -> None:
    """Read a policy, tell every fault in it, and what would surprise its owner later."""
    from orchestra_kit.policy.check import check as find

    loaded, today = Policy.load(default_policy(policy)), datetime.now(UTC).date()
    findings = find(loaded, today=today)
    if prices:
        from orchestra_kit.policy.price_crosscheck import crosscheck

        compared = crosscheck(loaded, today)
        findings = (*findings, *compared)
    if json:
        show_json({"policy": loaded.name, "policy_hash": loaded.hash, "findings": findings})
    else:
        show(loaded.table())
        show_findings(findings)
        if prices and not compared:
            show("The price book agrees with genai-prices.")
    if any(finding.severity == "error" for finding in findings):
        raise typer.Exit(1)


@app.command()
def train(
    policy: PolicyArgument = None,
    seed: Annotated[int, typer.Option(help="Seed of the cross-validation.")] = 0,
    json: JsonFlag = False,
) -> None:
    """Train the task classifier on the policy's labelled examples, and calibrate it."""
    from orchestra_kit.outcomes.classifier_training import train_classifier

    loaded = Policy.load(default_policy(policy))
    trained = train_classifier(loaded, seed=seed)
    trained.save(loaded.classifier_path)
    if json:
        show_json(trained.report())
    else:
        show(trained.table())
        show(f"Saved as {loaded.classifier_path}.")


@app.command()
def measure(
    policy: PolicyArgument = None,
    backend: Annotated[str, typer.Option(help="simulated, recorded or live.")] = "simulated",
    n: Annotated[int, typer.Option(min=2, help="Requests for each deployment and task.")] = 200,
    seed: Annotated[int, typer.Option(help="Seed of simulated answers.")] = 7,
) -> None:
    """Measure every deployment at every task it can do, and write the capability matrix."""
    from orchestra_kit.bench.measure import measure_capabilities

    loaded = Policy.load(default_policy(policy))
    measured = measure_capabilities(loaded, backend=backend, n=n, seed=seed)
    target = loaded.folder / loaded.file.capabilities
    measured.write(target)
    show(
        f"Measured {sum(len(c) for c in measured.cells.values())} cells of {n}; saved as {target}."
    )
