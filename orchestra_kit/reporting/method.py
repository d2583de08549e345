"""The method box: where the figures come from, how they were made, how to make them again."""

from __future__ import annotations

import platform
from datetime import datetime
from importlib.metadata import version

from orchestra_kit.analytics.alerts import FEWEST
from orchestra_kit.analytics.intervals import MINIMUM
from orchestra_kit.analytics.measures import MEASURES
from orchestra_kit.analytics.weekly import WeekAnalysis
from orchestra_kit.analytics.wording import count_text, figure
from orchestra_kit.bench.run import Run
from orchestra_kit.core.answer import Source
from orchestra_kit.reporting.blocks import Block, Cell, definitions, folded, joined

__all__ = ["method_box"]

_SOURCES = {
    Source.SIMULATED: "simulated: no model was called. Latency, quality and failures are drawn "
    "from the policy's simulation profiles; prices are those of its price book",
    Source.RECORDED: "recorded: answers that real models gave earlier, replayed",
    Source.LIVE: "live: answers of real providers",
}
_PACKAGES = ("orchestra_kit", "numpy", "pandas", "scipy", "matplotlib")


def method_box(week: WeekAnalysis, suite: Run | None) -> Block:
    """Period, source, n, exclusions, policy, seeds, statistics, versions, and the command."""
    traffic = week.traffic
    said: dict[str, Cell] = {
        "Period": f"{week.week}: {week.week.period}, the end excluded",
        "Time zone": "UTC throughout",
        "Data": _SOURCES[traffic.source] if traffic.source else "none",
        "Requests": f"{len(traffic.now):,} this week{_coverage(week)}; "
        f"{len(traffic.requests) - len(traffic.now):,} in the {traffic.weeks_before} weeks before, "
        f"of which {traffic.weeks_held} hold data",
        "Left out": _left_out(week),
        "Policy": _policy(week),
        "Runs": ", ".join(traffic.runs) or "none",
        "Seeds": ", ".join(str(seed) for seed in traffic.seeds) or "none",
        "Intervals": "95 %. Requests of one hour resemble each other, so that the hour is the "
        "unit: Wilson's interval at the effective sample size for shares, Student's t between "
        "hours for means and ratios, order statistics for quantiles",
        "Verdicts": f"“shows”: p below 0.05 after Holm's correction over the {len(week.overall)} "
        "measures of the scorecard, and the whole interval beyond what is worth acting on; "
        "“suggests”: false discovery rate below 0.10; otherwise “no evidence”; “not enough data” "
        f"below n = {MINIMUM}",
        "Alerts": f"judged in windows of their own length, from Monday 00:00; windows with fewer "
        f"than {FEWEST} requests are not judged",
        "Suite": f"run {suite.id}" if suite else "none",
        "Versions": ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
        + f", Python {platform.python_version()}",
        "To reproduce": f"orchestra report weekly --week {week.week}",
    }
    meanings: dict[str, Cell] = {m.title: _meaning(name) for name, m in MEASURES.items()}
    return joined(definitions(said), folded("What each measure means", definitions(meanings)))


def _meaning(name: str) -> str:
    measure = MEASURES[name]
    margin = (
        f"{100 * measure.margin:g} %"
        if measure.relative
        else figure(measure.margin, measure.unit)
        if measure.unit == "score"
        else f"{100 * measure.margin:g} points"
    )
    return f"{measure.means}; changes below {margin} are not worth acting on"


def _coverage(week: WeekAnalysis) -> str:
    span = week.traffic.span
    if span is None:
        return ""
    return f" (from {_short(span[0])} to {_short(span[1])})"


def _short(moment: datetime) -> str:
    return f"{moment:%a %H:%M}"


def _left_out(week: WeekAnalysis) -> str:
    parts = [
        f"{count_text(count, 'request')} of unfinished days"
        if name == "unfinished days"
        else f"{count_text(count, f'{name} request')}, which are never mixed with others"
        for name, count in week.traffic.excluded.items()
    ]
    if week.spend.unknown:
        parts.append(f"costs of {count_text(week.spend.unknown, 'attempt')} of unknown price")
    if week.spend.possible:
        parts.append(
            f"up to {figure(week.spend.possible, 'dollars')} of attempts whose answer was "
            "never seen"
        )
    return "; ".join(parts) or "nothing"


def _policy(week: WeekAnalysis) -> str:
    said = f"{week.policy.name}, version {week.policy.hash}: its targets and alerts are applied"
    others = {name: n for name, n in week.traffic.policies.items() if name != week.policy.hash}
    if others:
        listed = ", ".join(f"{name} ({n:,} requests)" for name, n in others.items())
        also = "also " if week.policy.hash in week.traffic.policies else ""
        said += f"; this week's traffic was {also}decided by version {listed}"
    return said
