"""What changed against the weeks before, with one verdict a measure, corrected for their number."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from orchestra_kit.analytics.intervals import MINIMUM, nothing, two_sided_p
from orchestra_kit.analytics.measures import Measure, estimate
from orchestra_kit.outcomes.statistics import Estimate, Evidence, holm

__all__ = ["SHOWS_AT", "SUGGESTS_AT", "Change", "changes", "false_discovery_rates"]

SHOWS_AT = 0.05
"""*shows*: p after Holm's correction is below it, and the interval lies beyond the margin."""
SUGGESTS_AT = 0.10
"""*suggests*: the false discovery rate is below it, and the value lies beyond the margin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One measure now and before."""

    measure: Measure
    scope: str
    """A task; empty for all requests."""
    now: Estimate
    before: Estimate
    change: Estimate
    """Points for shares and scores, a relative change for seconds and dollars."""
    p: float
    """Two-sided; NaN where there is no interval."""
    verdict: Evidence = Evidence.TOO_LITTLE

    @property
    def better(self) -> bool:
        """Whether the change is in the right direction."""
        up = self.change.value > 0
        return up if self.measure.better == "higher" else not up


def changes(
    measures: Sequence[Measure], now: pd.DataFrame, before: pd.DataFrame, *, by_task: bool = False
) -> tuple[Change, ...]:
    """The measures over `now` against `before`, as one family: all of them, or each by task."""
    if by_task:
        tasks = sorted(now["task"].astype(object).unique())
        pairs = [(t, now[now["task"] == t], before[before["task"] == t]) for t in tasks]
    else:
        pairs = [("", now, before)]
    found = [
        _change(measure, scope, part, earlier)
        for scope, part, earlier in pairs
        for measure in measures
    ]
    known = [place for place, change in enumerate(found) if not math.isnan(change.p)]
    p = [found[place].p for place in known]
    for place, corrected, rate in zip(known, holm(p), false_discovery_rates(p), strict=True):
        verdict = _verdict(found[place], float(corrected), rate)
        found[place] = replace(found[place], verdict=verdict)
    return tuple(found)


def false_discovery_rates(p: Sequence[float]) -> list[float]:
    """The p-values adjusted by Benjamini and Hochberg (1995), in the order given."""
    order = sorted(range(len(p)), key=lambda place: -p[place])
    rates, lowest = [1.0] * len(p), 1.0
    for rank, place in enumerate(order):
        lowest = min(lowest, p[place] * len(p) / (len(p) - rank))
        rates[place] = lowest
    return rates


def _change(measure: Measure, scope: str, now: pd.DataFrame, before: pd.DataFrame) -> Change:
    found, earlier = estimate(measure, now), estimate(measure, before)
    few = min(found.n, earlier.n) < MINIMUM
    change = nothing(min(found.n, earlier.n)) if few else measure.change(found, earlier)
    return Change(
        measure=measure,
        scope=scope,
        now=found,
        before=earlier,
        change=change,
        p=two_sided_p(change),
    )


def _verdict(change: Change, corrected: float, rate: float) -> Evidence:
    margin = change.measure.margin
    low, high = change.change.bounds
    if corrected < SHOWS_AT and (low > margin or high < -margin):
        return Evidence.SHOWS
    if rate < SUGGESTS_AT and abs(change.change.value) > margin:
        return Evidence.SUGGESTS
    return Evidence.NONE
