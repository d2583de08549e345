"""``orchestra outcomes value``: what another policy would have brought on logged traffic."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orchestra_kit.cli.outcomes_commands import outcomes
from orchestra_kit.cli.output import JsonFlag, show, show_json
from orchestra_kit.policy.policy import Policy

__all__: list[str] = []

LOGGED = "logged"


@outcomes.command()
def value(
    store: Annotated[str, typer.Option(help="Path or address of the store with the traffic.")],
    policy: Annotated[Path, typer.Option(help="The policy to value.")],
    against: Annotated[
        str, typer.Option(help="`logged`, or another policy's file, to compare it with.")
    ] = LOGGED,
    seed: Annotated[int, typer.Option(help="Seed of the cross-fitting.")] = 0,
    json: JsonFlag = False,
) -> None:
    """Value a policy on logged traffic, or say that it cannot be; status 1 where it cannot."""
    from orchestra_kit.outcomes.off_policy import (
        Verdict,
        logged_traffic,
        policy_target,
        value_policy,
    )
    from orchestra_kit.store.store import Store

    wanted = Policy.load(policy)
    other = None if against == LOGGED else Policy.load(Path(against))
    with Store.open(store, read_only=True) as opened:
        traffic = logged_traffic(opened)
    found = value_policy(
        traffic,
        policy_target(wanted, traffic),
        against=None if other is None else policy_target(other, traffic),
        seed=seed,
    )
    if json:
        show_json({**found.to_dict(), "verdict": found.verdict, "sentences": found.sentences()})
    else:
        show(found.table())
        for line in (*found.sentences(), *found.notes):
            show(line)
        for why, count in found.left_out.items():
            show(f"Left out: {count:,} {why}.")
    if found.verdict is Verdict.NOT_ESTIMABLE:
        raise typer.Exit(1)
