"""``orchestra doctor``: one line for each thing that may be wrong, and how to mend it."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestra_kit.cli.app import app
from orchestra_kit.cli.output import JsonFlag, show, show_json
from orchestra_kit.cli.policy_commands import PolicyArgument, default_policy
from orchestra_kit.core.secrets import scrub

__all__: list[str] = []


@app.command()
def doctor(
    policy: PolicyArgument = None,
    store: Annotated[
        str | None, typer.Option(help="Path or address of a store to look at.", show_default=False)
    ] = None,
    redis: Annotated[
        str | None, typer.Option(help="Address of a Redis to look at.", show_default=False)
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Look at everything that may be wrong here; status 1 when something is."""
    from orchestra_kit.cli.doctor_checks import machine
    from orchestra_kit.cli.doctor_places import of_policy, of_redis, of_store

    checks = [*machine(), *of_policy(default_policy(policy))]
    if store is not None:
        checks += of_store(store)
    if redis is not None:
        checks += of_redis(redis)
    if json:
        show_json(checks)
    else:
        for check in checks:
            show(scrub(str(check)))
    if any(check.word == "error" for check in checks):
        raise typer.Exit(1)
