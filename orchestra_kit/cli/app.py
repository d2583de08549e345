"""The command's frame: which commands there are, and how each way of ending is told.

A person sees one sentence for a fault of theirs and never a traceback; ``ORCHESTRA_DEBUG=1``
shows it to whoever looks for a fault of ours.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module

import typer

from orchestra_kit.core.errors import ConfigError, OrchestraError
from orchestra_kit.core.secrets import scrub

__all__ = ["app", "main"]

app = typer.Typer(
    name="orchestra",
    help="Decide which model answers what, measure the decision, and prove it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

_COMMANDS = (
    "policy",
    "request",
    "suite",
    "outcomes",
    "import",
    "value",
    "tune",
    "train",
    "evaluate",
    "claims",
    "record",
    "report",
    "demo",
    "store",
    "cache",
    "doctor",
    "queue",
    "override",
    "playbook",
)


def main() -> None:
    """Run the command of this process and exit with its status."""
    for name in _COMMANDS:
        import_module(f"orchestra_kit.cli.{name}_commands")
    try:
        app(standalone_mode=True)
    except OrchestraError as error:
        _tell(error)
        sys.exit(2)
    except KeyboardInterrupt:
        _say("\norchestra: stopped; what was finished is kept. Run the same command to go on.")
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:
        if os.environ.get("ORCHESTRA_DEBUG"):
            raise
        _say(
            f"orchestra: a fault in orchestra_kit itself ({type(error).__name__}). What was "
            "finished is kept. Run again with ORCHESTRA_DEBUG=1 for the details to report."
        )
        sys.exit(70)


def _tell(error: OrchestraError) -> None:
    if not isinstance(error, ConfigError) or len(error.problems) == 1:
        _say(f"orchestra: {error}")
        return
    _say(f"orchestra: {len(error.problems)} problems:")
    for problem in (*error.problems, error.hint):
        if problem:
            _say(f"  {problem}")


def _say(text: str) -> None:
    typer.echo(scrub(text), err=True)
