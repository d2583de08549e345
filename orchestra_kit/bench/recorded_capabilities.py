"""The capability matrix of a policy, read off outcomes that were recorded."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pandas as pd

from orchestra_kit.bench.measure import Measured, pairs_of
from orchestra_kit.core.errors import BenchError
from orchestra_kit.outcomes.statistics import mean_score
from orchestra_kit.outcomes.table import Outcomes
from orchestra_kit.policy.capabilities import Capabilities, Capability
from orchestra_kit.policy.policy import Policy

__all__ = ["capabilities_from"]

_FEWEST = 2
"""Scored answers below which a cell says nothing of its own spread, and is left out."""


def capabilities_from(outcomes: Outcomes, policy: Policy, *, on: date | None = None) -> Measured:
    """What the recorded answers say of each deployment at each task that it can serve.

    Quality is the mean score with its 95 % interval over prompts; seconds are those that the
    recording measured, so they hold for its machine. `on` dates the figures where the table does
    not. Raises BenchError where the table and the policy share no model and task.
    """
    frame = outcomes.frame
    cells: dict[str, dict[str, Capability]] = {}
    unscored = []
    failures: dict[str, dict[str, int]] = {}
    for deployment, task in pairs_of(policy):
        model = policy.deployments[deployment].model
        rows = frame[(frame["model"] == model) & (frame["task"] == task)]
        if rows.empty:
            continue
        if "failure" in rows and rows["failure"].notna().any():
            for failure, count in rows["failure"].value_counts().items():
                counts = failures.setdefault(deployment, {})
                counts[str(failure)] = counts.get(str(failure), 0) + int(count)
        cell = _cell(rows)
        if cell is None:
            unscored.append(f"{deployment} at {task}")
        else:
            cells.setdefault(deployment, {})[task] = cell
    if not cells:
        raise BenchError(
            "the outcomes hold no model and task of this policy.",
            hint="Record the policy's own deployments.",
        )
    period = outcomes.recorded_from_to
    source = outcomes.source.value
    capabilities = Capabilities(
        source=source,
        measured=period[1].date() if period else on or datetime.now(UTC).date(),
        how=f"computed from {len(outcomes)} {source} outcomes; seconds are those of the machine "
        "that recorded them; n counts scored answers",
        cells=cells,
    )
    asked = int(frame.groupby(["model", "task"], observed=True).size().max())
    return Measured(
        capabilities=capabilities, asked=asked, failures=failures, unscored=tuple(unscored)
    )


def _cell(rows: pd.DataFrame) -> Capability | None:
    scored = rows[rows["score"].notna()]
    seconds = rows["latency_s"].dropna()
    if len(scored) < _FEWEST or seconds.empty:
        return None
    quality = mean_score(scored["score"].to_numpy(), scored["query_id"].to_numpy())
    assert quality.low is not None
    assert quality.high is not None
    tokens = rows["output_tokens"].dropna()
    return Capability(
        quality=round(quality.value, 4),
        quality_low=round(quality.low, 4),
        quality_high=round(quality.high, 4),
        p50=max(0.001, round(float(seconds.quantile(0.5, interpolation="higher")), 3)),
        p95=max(0.001, round(float(seconds.quantile(0.95, interpolation="higher")), 3)),
        output_tokens=round(float(tokens.mean()), 1) if len(tokens) else 0.0,
        n=len(scored),
    )
