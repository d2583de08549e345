"""``orchestra override`` and ``changes``: a word in place of the rules, and the journal."""

from __future__ import annotations

import contextlib
import getpass
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated

import typer

from orchestra_kit.cli.app import app
from orchestra_kit.cli.moments import moment_of
from orchestra_kit.cli.output import JsonFlag, show, show_json
from orchestra_kit.cli.policy_commands import PolicyArgument, default_policy
from orchestra_kit.core.clock import SystemClock
from orchestra_kit.core.decision import Override
from orchestra_kit.core.display import Table
from orchestra_kit.core.errors import ConfigError, StoreBusy
from orchestra_kit.engine.overrides import Overrides, check_names
from orchestra_kit.policy.policy import Policy
from orchestra_kit.policy.schema import seconds_of
from orchestra_kit.store.store import Store

__all__: list[str] = []

override = typer.Typer(
    name="override",
    help="Put a deployment before the rules for a while.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(override)

StoreOption = Annotated[
    str, typer.Option(help="Path of a store, or postgresql://user@host/database.")
]
ByOption = Annotated[
    str | None, typer.Option(help="Who asks for it; whose login this is when left out.")
]


@override.command()
def add(
    use: Annotated[str, typer.Option(help="Deployment or model to try first.")],
    lasting: Annotated[str, typer.Option("--for", help="How long, such as 2h.")],
    because: Annotated[str, typer.Option(help="The reason, for the journal.")],
    policy: PolicyArgument = None,
    task: Annotated[str, typer.Option(help="Only this task.", show_default=False)] = "",
    tier: Annotated[str, typer.Option(help="Only this tier.", show_default=False)] = "",
    by: ByOption = None,
    store: StoreOption = "orchestra.db",
    json: JsonFlag = False,
) -> None:
    """Try a deployment first, whatever the rules say, until the time is over."""
    loaded = Policy.load(default_policy(policy))
    check_names(loaded, use, task=task, tier=tier)
    seconds = _seconds(lasting)
    with _overrides(store) as overrides:
        made = overrides.add(
            use, seconds=seconds, because=because, by=_who(by), task=task, tier=tier
        )
    if json:
        show_json(made)
        return
    show(f"{made.id}: {_scope(made)} go to {use} first until {_at(made.until)} UTC.")


@override.command()
def end(
    name: Annotated[str, typer.Argument(metavar="ID", help="Of the override.")],
    because: Annotated[str, typer.Option(help="The reason, for the journal.")] = "ended by hand",
    by: ByOption = None,
    store: StoreOption = "orchestra.db",
    json: JsonFlag = False,
) -> None:
    """Let the rules decide again."""
    with _overrides(store) as overrides:
        ended = overrides.end(name, by=_who(by), because=because)
    if json:
        show_json(ended)
        return
    show(f"{ended.id} has ended: the rules decide {_scope(ended)} again.")


@override.command("list")
def list_(store: StoreOption = "orchestra.db", json: JsonFlag = False) -> None:
    """Show the overrides that are in force, the latest first."""
    with Store.open(store, read_only=True) as opened:
        found = opened.overrides(SystemClock().now())
    if json:
        show_json(found)
        return
    rows = [(o.id, o.use, o.task, o.tier, _at(o.until), o.by, o.because) for o in found]
    columns = ("id", "use", "task", "tier", "until (UTC)", "by", "because")
    show(Table(columns, rows, title=f"Overrides in force: {len(rows)}"))


@app.command()
def changes(
    store: StoreOption = "orchestra.db",
    since: Annotated[
        str | None,
        typer.Option("--from", help="Only from this day or moment (UTC) on.", show_default=False),
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Show what was changed about routing, by whom and why, the earliest first."""
    with Store.open(store, read_only=True) as opened:
        found = opened.changes(moment_of("--from", since))
    if json:
        show_json(found)
        return
    rows = [(_at(c.at), c.kind, c.what, c.before, c.after, c.by, c.because) for c in found]
    columns = ("at (UTC)", "kind", "what", "before", "after", "by", "because")
    show(Table(columns, rows, title=f"Changes of routing: {len(rows)}"))


@contextlib.contextmanager
def _overrides(place: str) -> Iterator[Overrides]:
    """The overrides of a store that is there and that nobody else writes to."""
    clock = SystemClock()
    with Store.open(place, read_only=True):
        pass  # a store is not made by mistake of its name
    try:
        with Store.open(place) as opened:
            yield Overrides(clock, opened, known=opened.overrides(clock.now()))
    except StoreBusy as busy:
        raise StoreBusy(
            busy.args[0],
            hint="While a service writes to the store, make and end overrides in that service.",
        ) from busy


def _seconds(lasting: str) -> float:
    try:
        return seconds_of(lasting)
    except ValueError as error:
        raise ConfigError(f"--for “{lasting}” {error}.") from None


def _who(by: str | None) -> str:
    if by is not None:
        return by
    with contextlib.suppress(OSError, KeyError, ImportError):
        return getpass.getuser()
    return ""


def _scope(made: Override) -> str:
    requests = f"requests for {made.task}" if made.task else "all requests"
    return f"{requests} of the {made.tier} tier" if made.tier else requests


def _at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"
