"""The scenario suite in a report: what was checked, what failed and why."""

from __future__ import annotations

from orchestra_kit.bench.run import Run
from orchestra_kit.bench.verdicts import ScenarioResult, Verdict
from orchestra_kit.core.money import format_usd
from orchestra_kit.reporting.blocks import (
    Block,
    Cell,
    Column,
    badge,
    folded,
    joined,
    note,
    small,
    table,
)

__all__ = ["suite_table"]

_TONE = {Verdict.MET: "good", Verdict.MISSED: "bad", Verdict.ERROR: "bad", Verdict.UNSCORED: "warn"}
_WORD = {Verdict.MET: "passed", Verdict.MISSED: "failed", Verdict.ERROR: "engine broke"}


def suite_table(run: Run, policy_hash: str) -> Block:
    """The run in a sentence, the scenarios that did not pass, and all others behind a line."""
    open_ones = [r for r in run.results if r.verdict is not Verdict.MET]
    passed = [r for r in run.results if r.verdict is Verdict.MET]
    summary = run.summary().sentence()
    about = (
        f"{summary[:1].upper()}{summary[1:]}. Run of {run.started:%d %B %Y} with "
        f"{'1 epoch' if run.epochs == 1 else f'{run.epochs} epochs'}, {run.source.value} answers, "
        f"seed {run.seed}."
    )
    if run.policy_hash != policy_hash:
        about += f" The policy was another one then: version {run.policy_hash}."
    blocks = [note(about)]
    if open_ones:
        blocks.append(_scenarios(open_ones, "Scenarios that did not pass, and why"))
    if passed:
        caption = f"Scenarios that passed: {len(passed)} of {len(run.results)}"
        blocks.append(folded(caption, _scenarios(passed, caption)))
    return joined(*blocks)


def _scenarios(results: list[ScenarioResult], caption: str) -> Block:
    return table(
        (
            Column("Scenario"),
            Column("Result"),
            Column("Route"),
            Column("Latency", number=True),
            Column("Quality", number=True),
            Column("Cost", number=True),
            Column("Why", text=True),
        ),
        [_row(result) for result in results],
        caption=f"{caption}.",
    )


def _row(result: ScenarioResult) -> list[Cell]:
    latency, quality, cost = (result.figure(name) for name in ("latency", "quality", "cost"))
    routes = dict.fromkeys(" → ".join(cell.route) or "nobody" for cell in result.cells)
    called = any(cell.attempts for cell in result.cells)
    return [
        small(result.scenario.id, result.scenario.is_),
        badge(_WORD.get(result.verdict, result.verdict.value), _TONE[result.verdict]),
        "; ".join(routes),
        "–" if latency is None else f"{latency:.1f} s",
        "–" if quality is None else f"{quality:.3f}",
        format_usd(cost) if called else "–",
        "; ".join(result.why) or "as expected",
    ]
