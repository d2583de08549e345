"""Which model of a table a policy would ask first for each of its queries.

The router itself decides, with every deployment available, nothing spent and nothing explored.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

import numpy as np
import numpy.typing as npt

from orchestra_kit.core.errors import InvalidRequestError, PolicyError
from orchestra_kit.core.request import Request
from orchestra_kit.outcomes.grid import Grid
from orchestra_kit.policy.policy import Policy
from orchestra_kit.routing.classification import Classifier
from orchestra_kit.routing.router import Router
from orchestra_kit.routing.snapshot import Snapshot
from orchestra_kit.routing.success import SuccessModel

__all__ = ["PolicyPicks", "policy_picks"]

Ints = npt.NDArray[np.int64]
_TIER = "standard"


@dataclass(frozen=True)
class PolicyPicks:
    """What a policy does with the queries of a grid."""

    name: str
    picks: Ints
    """(n,) the grid's column of the first model asked; -1 where it has none."""
    notes: tuple[str, ...]
    """Where that is not known and why, one sentence each."""


def policy_picks(policy: Policy, grid: Grid, *, today: date) -> PolicyPicks:
    """The policy's first choice for each query, on a day.

    A query whose task the policy has is sent with that task declared; for the others the policy's
    classifier decides, where it was trained. They are of the tier ``standard``, or of the first.
    """
    trained = policy.classifier_path.is_file()
    classifier = Classifier.load(policy.classifier_path) if trained else None
    success = SuccessModel.beside(policy)
    router = Router(policy, classifier, seed=0, explore=False, success=success)
    places = {name: k for k, name in enumerate(grid.models)}
    snapshot, absent, nobody = Snapshot(today=today), Counter[str](), Counter[str]()
    arrived = datetime.combine(today, time(), UTC)
    tier = _TIER if _TIER in policy.tiers else next(iter(policy.tiers))
    picks = np.full(grid.n, -1, dtype=np.int64)
    for k, (prompt, task) in enumerate(zip(grid.prompts, grid.tasks, strict=True)):
        declared = task if task in policy.tasks else None
        asked = Request(id=str(k), text=prompt, tier=tier, arrived=arrived, task=declared)
        try:
            decision = router.decide(asked, snapshot)
        except (InvalidRequestError, PolicyError) as error:
            nobody[str(error.args[0]).rstrip(".;")] += 1
            continue
        if not decision.chain:
            nobody["a person decides" if decision.review else "nothing may be called"] += 1
            continue
        deployment = policy.deployments[decision.chain[0]]
        names = (deployment.model, deployment.served_as)
        picks[k] = next((places[name] for name in names if name in places), -1)
        if picks[k] < 0:
            absent[deployment.model] += 1
    known = sum(task in policy.tasks for task in grid.tasks)
    return PolicyPicks(policy.name, picks, tuple(_notes(policy, grid.n, known, absent, nobody)))


def _notes(
    policy: Policy, n: int, known: int, absent: Counter[str], nobody: Counter[str]
) -> Iterable[str]:
    if absent:
        named = ", ".join(f"{model} ({count:,})" for model, count in absent.most_common())
        yield (
            f"Policy “{policy.name}” asks models first that are not among those compared, for "
            f"{absent.total():,} of {n:,} queries: {named}."
        )
    for reason, count in nobody.most_common():
        yield f"Policy “{policy.name}” asks nobody for {count:,} of {n:,} queries: {reason}."
    if known < n:
        yield (
            f"The task of {n - known:,} of {n:,} queries is not one of policy “{policy.name}”; "
            "its classifier decides on them."
        )
    if absent.total() + nobody.total() == n:
        yield f"Policy “{policy.name}” has therefore no point here."
