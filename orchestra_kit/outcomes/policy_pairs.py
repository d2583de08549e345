"""Which deployment of a policy may serve which task, and which does."""

from __future__ import annotations

from collections.abc import Iterator

from orchestra_kit.policy.policy import Policy
from orchestra_kit.policy.rule_space import survey

__all__ = ["pairs_in_use", "pairs_of"]

_POINTS = 4_000
"""Requests on which the rules are tried: under a second."""


def pairs_of(policy: Policy) -> Iterator[tuple[str, str]]:
    """Each deployment with each task that it can serve: same medium, not disqualified for it."""
    for deployment in policy.deployments:
        model = policy.model_of(deployment)
        for name, task in policy.tasks.items():
            if model.makes == task.makes and name not in model.never_for:
                yield deployment, name


def pairs_in_use(policy: Policy) -> frozenset[tuple[str, str]]:
    """The pairs of deployment and task that the policy sends requests to: those of a task's chain,
    and those named by a rule that decides one of the requests on which the rules are tried."""
    named = {
        (deployment, task)
        for task, definition in policy.tasks.items()
        for link in definition.chain
        for deployment in policy.targets(link.use)
    }
    if policy.rules:
        space = survey(policy, most=_POINTS)
        for number, point in enumerate(space.points):
            first = space.first(number)
            if first is not None:
                uses = (d for name in policy.rules[first].use for d in policy.targets(name))
                named.update((deployment, str(point["task"])) for deployment in uses)
    return frozenset(named & set(pairs_of(policy)))
