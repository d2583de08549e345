"""``orchestra queue``: requests that wait for a quieter hour, a person or an approval."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, cast

import typer

from orchestra_kit.cli.app import app
from orchestra_kit.cli.output import JsonFlag, show, show_json
from orchestra_kit.cli.policy_commands import default_policy
from orchestra_kit.core.display import Table, clean_text
from orchestra_kit.core.reply import ReplyStatus
from orchestra_kit.engine.ending import APPROVAL_QUEUE
from orchestra_kit.engine.intake import Asked
from orchestra_kit.engine.orchestra import Orchestra
from orchestra_kit.policy.policy import Policy
from orchestra_kit.store.store import Store

__all__: list[str] = []

queue = typer.Typer(no_args_is_help=True, help="Requests that wait.")
app.add_typer(queue, name="queue")

_QUEUED_AGAIN = (ReplyStatus.QUEUED, ReplyStatus.REVIEW)
"""An entry of its own stands for the request then."""

NameArgument = Annotated[str, typer.Argument(help="Queue, such as batch or human review.")]
StoreOption = Annotated[Path, typer.Option(help="Store that holds the queue.")]


@queue.callback()
def _group() -> None:
    """Requests that wait for a quieter hour, a person or an approval."""


@queue.command("list")
def list_(
    name: NameArgument, store: StoreOption = Path("orchestra.db"), json: JsonFlag = False
) -> None:
    """Show the requests that wait in a queue, the oldest first."""
    with Store.open(store, read_only=True) as opened:
        waiting = opened.open_queue(name)
    if json:
        show_json([entry.to_dict() for entry in waiting])
        return
    rows = [
        (w.id, w.entry.at.strftime("%Y-%m-%d %H:%M"), w.entry.task, w.entry.tier, w.entry.reason,
         clean_text(w.entry.text, longest=60))
        for w in waiting
    ]  # fmt: skip
    columns = ("number", "since (UTC)", "task", "tier", "reason", "request")
    show(Table(columns, rows, title=f"{len(rows)} requests wait in “{name}”"))


@queue.command()
def run(
    name: NameArgument,
    policy: Annotated[
        Path | None, typer.Option(help="Policy file; the ContentForge example when left out.")
    ] = None,
    store: StoreOption = Path("orchestra.db"),
    backend: Annotated[str, typer.Option(help="simulated, recorded or live.")] = "live",
    number: Annotated[
        list[int] | None, typer.Option(help="Only the entry of this number; may be repeated.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of exploration and simulation.")] = 0,
    json: JsonFlag = False,
) -> None:
    """Answer the requests that wait in a queue; those that are answered leave it.

    To run the queue “spend approval” is to approve what is in it. Exit status 1 when a request
    could not be answered: it waits on.
    """
    loaded = Policy.load(default_policy(policy))
    replies = []
    with Store.open(store) as opened:
        waiting = [w for w in opened.open_queue(name) if not number or w.id in number]
        with Orchestra(loaded, backend=backend, seed=seed, store=opened) as orchestra:
            for found in waiting:
                entry = found.entry
                asked = {
                    **entry.asked,
                    "tier": entry.tier,
                    "task": entry.task,
                    "approved": name == APPROVAL_QUEUE,
                }
                reply = orchestra.run_sync(entry.text, **cast(Asked, asked))
                replies.append(reply)
                if reply.answered or reply.status in _QUEUED_AGAIN:
                    opened.finish_queued(found.id)
                if not json:
                    show(reply.table())
    if json:
        show_json([reply.to_dict() for reply in replies])
    else:
        show(f"{sum(r.answered for r in replies)} of {len(replies)} requests were answered.")
    if not all(reply.answered for reply in replies):
        raise typer.Exit(1)
