"""``orchestra cache``: the answers that are kept to be given again."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Annotated

import typer

from orchestra_kit.cli.app import app
from orchestra_kit.cli.output import JsonFlag, show, show_json
from orchestra_kit.core.display import Table
from orchestra_kit.core.errors import StoreError
from orchestra_kit.store.shared import SharedState
from orchestra_kit.store.shared_answers import SharedAnswers
from orchestra_kit.store.store import Store

__all__: list[str] = []

cache = typer.Typer(no_args_is_help=True, help="Answers that are kept to be given again.")
app.add_typer(cache, name="cache")

StoreOption = Annotated[str, typer.Option(help="Store that keeps them.")]


@cache.callback()
def _group() -> None:
    """Answers that are kept to be given again."""


@cache.command("list")
def list_(store: StoreOption = "orchestra.db", json: JsonFlag = False) -> None:
    """Show how many answers a store keeps that are fresh, by policy and task."""
    with Store.open(store, read_only=True) as opened:
        kept = opened.kept_answers(datetime.now(UTC))
    if json:
        show_json([found.to_dict() for found in kept])
        return
    rows = [(k.policy, k.task, k.source, f"{k.answers:,}", f"{k.characters:,}") for k in kept]
    columns = ("policy", "task", "source", "answers", "characters")
    title = f"{sum(k.answers for k in kept):,} answers are kept"
    show(Table(columns, rows, title=title, right=frozenset({"answers", "characters"})))


@cache.command()
def forget(
    policy: Annotated[str, typer.Argument(help="Name of the policy.")],
    task: Annotated[
        str, typer.Argument(help="Task; all of the policy when left out.", show_default=False)
    ] = "",
    store: StoreOption = "orchestra.db",
    shared: Annotated[
        str | None,
        typer.Option(
            help="Forget what this Redis keeps instead, such as redis://127.0.0.1:6379/0.",
            show_default=False,
        ),
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Give no answer again that was kept so far, of a task or of a whole policy."""
    if shared is None:
        with Store.open(store) as opened:
            dropped = opened.forget_answers(policy, task)
    else:
        dropped = asyncio.run(_forget_shared(shared, policy, task))
    if json:
        show_json({"policy": policy, "task": task, "forgotten": dropped})
        return
    of = f"“{task}” of {policy}" if task else policy
    show(f"{dropped:,} answers of {of} were forgotten.")


async def _forget_shared(address: str, policy: str, task: str) -> int:
    state = SharedState(address, cache=True)
    try:
        if not await state.reachable():
            raise StoreError(
                f"Redis at {state.shown} does not answer ({state.last_error}).",
                hint="Check the address, and that it runs.",
            )
        return await SharedAnswers(state).forget(policy, task)
    finally:
        await state.close()
