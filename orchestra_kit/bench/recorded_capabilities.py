"""The capability matrix of a policy, read off outcomes that were recorded."""

from __future__ import annotations

from datetime import UTC, date, datetime

from orchestra_kit.bench.measure import Measured
from orchestra_kit.core.errors import BenchError
from orchestra_kit.outcomes.clusters import clusters_of
from orchestra_kit.outcomes.expected_cells import capability_of
from orchestra_kit.outcomes.policy_pairs import pairs_of
from orchestra_kit.outcomes.table import Outcomes
from orchestra_kit.policy.capabilities import Capabilities, Capability
from orchestra_kit.policy.policy import Policy

__all__ = ["capabilities_from"]


def capabilities_from(outcomes: Outcomes, policy: Policy, *, on: date | None = None) -> Measured:
    """What the recorded answers say of each deployment at each task that it can serve.

    Quality is the mean score with its 95 % interval over prompts; seconds are those that the
    recording measured, so they hold for its machine. `on` dates the figures where the table does
    not. Raises BenchError where the table and the policy share no model and task.
    """
    frame = outcomes.frame
    frame = frame.assign(cluster=clusters_of(frame))
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
        cell = capability_of(rows)
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
