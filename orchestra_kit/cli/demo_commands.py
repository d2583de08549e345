"""``orchestra demo`` and ``orchestra lab``: the main job from end to end, and the workbench."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ParamSpec, TypeVar

import typer

from orchestra_kit.cli.app import app
from orchestra_kit.cli.output import show
from orchestra_kit.cli.policy_commands import show_findings
from orchestra_kit.cli.report_commands import DEFAULT_OUT
from orchestra_kit.core.display import Table
from orchestra_kit.core.errors import PolicyError
from orchestra_kit.policy.policy import Policy
from orchestra_kit.shipped import path as shipped_path

if TYPE_CHECKING:
    from orchestra_kit.analytics.week import Period
    from orchestra_kit.bench.run import Run
    from orchestra_kit.bench.traffic import Generated
    from orchestra_kit.reporting.render import RenderedReport
    from orchestra_kit.store.store import Store

__all__: list[str] = []

P = ParamSpec("P")
T = TypeVar("T")

SEED = 7
EPOCHS = 5
"""Repetitions of each scenario: a single draw of a simulated quality says little."""


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for the store and the pages.")] = DEFAULT_OUT,
    weeks: Annotated[int, typer.Option(min=1, max=52, help="Weeks of traffic.")] = 5,
    until: Annotated[
        str | None, typer.Option(help="Last ISO week; the last full one when left out.")
    ] = None,
) -> None:
    """Check, measure, run the scenarios, simulate five weeks of traffic and render the report.

    Everything is kept: a second run, also after an interruption, does only what is missing.
    """
    from orchestra_kit.analytics.week import Week
    from orchestra_kit.store.store import Store

    began = time.perf_counter()
    week = Week.parse(until) if until else Week.of(datetime.now(UTC)).shifted(-1)
    out.mkdir(parents=True, exist_ok=True)
    policy = _step("1/5 Checking the policy", _check)
    _step("2/5 Measuring the models on the shipped recording", _matrix)
    with Store.open(out / "store.db") as store:
        run = _step("3/5 Running the 28 scenarios", _suite, policy, store)
        _step("4/5 Generating traffic", _traffic, policy, store, week.period, weeks)
    report = _step("5/5 Rendering the weekly report", _report, policy, out, week.label)
    _summary(run, report, out, time.perf_counter() - began)


@app.command()
def lab() -> None:
    """Open JupyterLab on the notebooks."""
    folder = shipped_path("notebooks")
    os.execv(sys.executable, [sys.executable, "-m", "jupyterlab", f"--notebook-dir={folder}"])


def _step(title: str, work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    show(f"\n── {title}")
    return work(*arguments, **named)


def _check() -> Policy:
    from orchestra_kit.policy.check import check

    policy = Policy.load(shipped_path("examples/contentforge/orchestra.yaml"))
    findings = check(policy, today=datetime.now(UTC).date())
    show(policy.table())
    show_findings(findings)
    if any(finding.severity == "error" for finding in findings):
        raise PolicyError("The policy has errors; mend them and run the demo again.")
    return policy


def _matrix() -> None:
    from orchestra_kit.outcomes.table import Outcomes

    recording = shipped_path("examples/recorded/outcomes.parquet")
    show(Outcomes.read(recording).matrix().to_text())


def _suite(policy: Policy, store: Store) -> Run:
    from orchestra_kit.bench.suite import Suite
    from orchestra_kit.engine.orchestra import Orchestra

    suite = Suite.load(policy.folder / "suite.yaml")
    with Orchestra(policy, backend="simulated", seed=SEED) as orchestra:
        run = suite.run_sync(orchestra, epochs=EPOCHS, store=store)
    taken_up = f"; {run.reused} cells were there already" if run.reused else ""
    show(f"{run.summary().sentence()} (simulated, seed {SEED}, {EPOCHS} epochs{taken_up}).")
    for failure in run.failures:
        show(f"  {failure}")
    return run


def _traffic(policy: Policy, store: Store, last: Period, weeks: int) -> Generated:
    from orchestra_kit.bench.traffic import generate_traffic

    generated = generate_traffic(
        policy,
        store,
        demand=policy.folder / "traffic.yaml",
        first_monday=(last.starts - timedelta(weeks=weeks - 1)).date(),
        weeks=weeks,
        seed=SEED,
    )
    show(
        f"{generated.requests:,} requests over {generated.days} days (simulated, seed {SEED}); "
        f"{generated.days_reused} days were there already."
    )
    if generated.replaced:
        show(f"They replace {generated.replaced:,} that another version had generated.")
    return generated


def _report(policy: Policy, out: Path, week: str) -> RenderedReport:
    from orchestra_kit.reporting.render import render_weekly

    return render_weekly(store=out / "store.db", policy=policy.path, week=week, out=out)


def _summary(run: Run, report: RenderedReport, out: Path, seconds: float) -> None:
    rows = [*report.key_figures, ("scenarios", run.summary().sentence())]
    show("")
    show(Table(("figure", f"{report.week}, simulated"), rows, title=report.headline))
    show(f"\nweekly report  {report.page}")
    show(f"all reports    {report.index}")
    show(f"store          {out / 'store.db'}")
    show(f"done in {seconds:.0f} s")
