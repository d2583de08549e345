"""``orchestra tune``: better thresholds for a policy, found and judged on recorded outcomes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orchestra_kit.cli.app import app
from orchestra_kit.cli.output import JsonFlag, show, show_json
from orchestra_kit.core.errors import ConfigError

__all__: list[str] = []


@app.command()
def tune(
    outcomes: Annotated[list[Path], typer.Argument(help="Parquet files of outcomes.")],
    policy: Annotated[Path, typer.Option(help="The policy to tune.")],
    goal: Annotated[str, typer.Option(help="What gets better: cost, quality or latency.")] = "cost",
    keep_quality: Annotated[
        float | None, typer.Option(help="Least quality, as a factor of today's; for cost: 0.98.")
    ] = None,
    most_cost: Annotated[
        float | None, typer.Option(help="Greatest cost, as a factor of today's; for quality: 1.")
    ] = None,
    most_latency: Annotated[
        float | None, typer.Option(help="Greatest latency, as a factor of today's.")
    ] = None,
    tier_mix: Annotated[
        str | None, typer.Option(help="Requests by tier, such as premium=1,basic=3; else alike.")
    ] = None,
    declared: Annotated[
        bool, typer.Option(help="Senders say their task, as the outcomes have it.")
    ] = False,
    judge: Annotated[
        str, typer.Option(help="Who judges answers: recorded, signal (learnt) or none.")
    ] = "recorded",
    review_quality: Annotated[
        float | None, typer.Option(help="Quality, 0-1, of what a person answers.")
    ] = None,
    review_cost: Annotated[
        float | None, typer.Option(help="Dollars that a person's answer costs.")
    ] = None,
    report_share: Annotated[
        float, typer.Option(min=0.05, max=0.95, help="Of the prompts, kept out of the search.")
    ] = 0.4,
    per_week: Annotated[float, typer.Option(min=1, help="Requests a week.")] = 10_000,
    seed: Annotated[int, typer.Option(help="Seed of the split and of the search.")] = 0,
    save: Annotated[
        Path | None, typer.Option(help="Save the version here if the goal is shown to be reached.")
    ] = None,
    overwrite: Annotated[bool, typer.Option(help="Allow --save to replace a file.")] = False,
    json: JsonFlag = False,
) -> None:
    """Tune a policy's thresholds; status 1 where no improvement is shown on the report part."""
    from orchestra_kit.outcomes.table import Outcomes
    from orchestra_kit.outcomes.tuning import Assumptions, Goal, tune
    from orchestra_kit.policy.policy import Policy

    if goal not in ("cost", "quality", "latency"):
        raise ConfigError(f"There is no goal “{goal}”.", hint="Say cost, quality or latency.")
    if judge not in ("recorded", "signal", "none"):
        raise ConfigError(f"There is no judge “{judge}”.", hint="Say recorded, signal or none.")
    if keep_quality is None and goal != "quality":
        keep_quality = 0.98
    if most_cost is None and goal == "quality":
        most_cost = 1.0
    found = tune(
        Outcomes.read(*outcomes),
        Policy.load(policy),
        Goal(aim=goal, keep_quality=keep_quality, most_cost=most_cost, most_latency=most_latency),  # type: ignore[arg-type]
        Assumptions(
            tiers=None if tier_mix is None else _mix(tier_mix),
            declared=declared,
            judge=judge,  # type: ignore[arg-type]
            review_quality=review_quality,
            review_cost=review_cost,
        ),
        report_share=report_share,
        requests_per_week=per_week,
        seed=seed,
        progress=not json,
    )
    saved = None
    if save is not None and found.improved:
        saved = found.save(save, overwrite=overwrite)
    if json:
        show_json({**found.to_dict(), "saved": None if saved is None else str(saved.path)})
    else:
        show(found.to_text())
        if saved is not None:
            show(f"Saved as {saved.path}, version {saved.hash}.")
        elif save is not None:
            show("Not saved: no improvement is shown.")
    if not found.improved:
        raise typer.Exit(1)


def _mix(text: str) -> dict[str, float]:
    """The shares of ``premium=1,basic=3``."""
    found = {}
    for part in text.split(","):
        name, equals, share = part.partition("=")
        try:
            found[name.strip()] = float(share)
        except ValueError:
            equals = ""
        if not equals:
            raise ConfigError(
                f"“{part[:40]}” is no share of a tier.", hint="Write it like premium=1,basic=3."
            )
    return found
