"""``orchestra report``: pages for stakeholders."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orchestra_kit.cli.app import app
from orchestra_kit.cli.output import JsonFlag, show, show_json
from orchestra_kit.cli.policy_commands import default_policy

__all__ = ["DEFAULT_OUT"]

DEFAULT_OUT = Path("reports/rendered")
"""Where pages and the demo's store go, seen from where the command runs."""

report = typer.Typer(no_args_is_help=True, help="Pages for stakeholders.")
app.add_typer(report, name="report")


@report.callback()
def _group() -> None:
    """Pages for stakeholders."""


@report.command()
def weekly(
    week: Annotated[
        str | None, typer.Option(help="ISO week such as 2026-W47; the last full one when left out.")
    ] = None,
    store: Annotated[Path, typer.Option(help="Store to report on.")] = DEFAULT_OUT / "store.db",
    policy: Annotated[
        Path | None, typer.Option(help="Policy file; the ContentForge example when left out.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of the pages.")] = DEFAULT_OUT,
    json: JsonFlag = False,
) -> None:
    """Render the weekly report and the index of all reports."""
    from orchestra_kit.reporting.render import render_weekly

    rendered = render_weekly(store=store, policy=default_policy(policy), week=week, out=out)
    if json:
        show_json(rendered.to_dict())
    else:
        show(f"{rendered.status}: {rendered.headline}")
        show(f"{rendered.page} ({rendered.bytes / 1024:.0f} KB, {rendered.seconds:.1f} s)")
        show(f"{rendered.index}")
