"""Where requests end: at the first choice, at a fallback, in the queue, or with an apology."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from orchestra_kit.analytics import intervals
from orchestra_kit.outcomes.statistics import Estimate

__all__ = ["STEPS", "Waterfall", "failure_counts", "waterfall", "waterfall_by_task"]

STEPS = ("primary", "secondary", "tertiary", "queue", "user error")
"""The steps in the order in which a request falls through them."""

_TIERS = ("primary", "secondary", "tertiary")
_BESIDE = ("review", "refused", "blocked")


@dataclass(frozen=True, slots=True, kw_only=True)
class Waterfall:
    """How many requests ended at each step."""

    ended: dict[str, int]
    """Requests by step; the sum is `due`."""
    beside: dict[str, int]
    """Requests that no chain was to answer: to a person, refused, stopped by a budget."""
    first_choice: Estimate
    """Share of the due requests that the first choice answered."""
    availability: Estimate
    """Share of the due requests that any tier answered."""
    rescued: Estimate
    """Share of the due requests that only a fallback answered."""

    @property
    def due(self) -> int:
        """Requests that a model should have answered."""
        return sum(self.ended.values())

    @property
    def total(self) -> int:
        """All requests."""
        return self.due + sum(self.beside.values())

    def frame(self) -> pd.DataFrame:
        """One row a step: requests that reached it, that ended there, and those still open."""
        ended = [self.ended[step] for step in STEPS]
        reached = [self.due - sum(ended[:i]) for i in range(len(STEPS))]
        after = [r - e for r, e in zip(reached, ended, strict=True)]
        share = [e / self.due if self.due else float("nan") for e in ended]
        return pd.DataFrame(
            {"step": STEPS, "reached": reached, "ended": ended, "open": after, "share": share}
        )


def waterfall(requests: pd.DataFrame) -> Waterfall:
    """The waterfall of a frame of requests; every request is counted exactly once."""
    status = requests["status"].to_numpy(object)
    tier = requests["chain_tier"].to_numpy(np.int64)
    answered = status == "answered"
    ended = {
        # Chains have at most three tiers; an answer of unknown tier came from the first.
        name: int((answered & (np.clip(tier, 0, 2) == place)).sum())
        for place, name in enumerate(_TIERS)
    }
    ended["queue"] = int((status == "queued").sum())
    ended["user error"] = int((status == "unavailable").sum())
    beside = {name: int((status == name).sum()) for name in _BESIDE}
    due = np.isin(status, ("answered", "queued", "unavailable"))
    hours = requests["hour"].to_numpy(np.int64)[due]
    first = (answered & (tier <= 0))[due]
    return Waterfall(
        ended=ended,
        beside=beside,
        first_choice=intervals.share(first, hours),
        availability=intervals.share(answered[due], hours),
        rescued=intervals.share((answered & (tier > 0))[due], hours),
    )


def waterfall_by_task(requests: pd.DataFrame) -> dict[str, Waterfall]:
    """The waterfall of each task, in the order of their names."""
    return {str(task): waterfall(part) for task, part in requests.groupby("task", observed=True)}


def failure_counts(attempts: pd.DataFrame) -> pd.DataFrame:
    """Attempts that did not answer, by deployment and class of failure: count, and share of all
    sends to that deployment; most frequent first."""
    sent = attempts[attempts["outcome"] != "not_sent"]
    sends = sent.groupby("deployment", observed=True).size()
    failed = sent[sent["outcome"] != "answered"]
    counts = (
        failed.groupby(["deployment", "failure"], observed=True)
        .size()
        .rename("count")
        .reset_index()
    )
    if counts.empty:
        return pd.DataFrame(columns=["deployment", "failure", "count", "sends", "share"])
    counts["sends"] = counts["deployment"].astype(object).map(sends).astype(int)
    counts["share"] = counts["count"] / counts["sends"]
    order = ["count", "deployment", "failure"]
    return counts.astype({"deployment": object, "failure": object}).sort_values(
        order, ascending=[False, True, True], ignore_index=True
    )
