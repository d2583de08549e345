"""Every deployment of a policy, judged for one request: a score, or the reason it is out.

What does not change from request to request (medium, retirement, disqualification, what was
measured) is judged once for each task and day and remembered; what a few requests demand beyond
that is `routing.demands`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

from orchestra_kit.core.decision import Candidate
from orchestra_kit.core.request import Context
from orchestra_kit.cost.estimate import expected_cost
from orchestra_kit.policy.capabilities import Capability
from orchestra_kit.policy.policy import Policy
from orchestra_kit.routing.affinity import warm_tokens
from orchestra_kit.routing.demands import FEATURES, Demands
from orchestra_kit.routing.scoring import p90_of, score
from orchestra_kit.routing.snapshot import Snapshot

__all__ = ["Candidates"]


_NONE: Mapping[str, float] = MappingProxyType({})
_COSTS_KEPT = 20_000
"""Estimates remembered by one router, some two megabytes."""


@dataclass(frozen=True, slots=True)
class _Standing:
    """What is true of a deployment at a task on a day, whatever the request."""

    deployment: str
    dropped: Candidate | None
    """The candidate that it always is, where nothing about the request can save it."""
    cell: Capability | None
    latency: float | None
    window: int | None


class Candidates:
    """Judges the deployments of one policy."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._known: dict[tuple[str, date], tuple[_Standing, ...]] = {}
        self._costs: dict[tuple[str, str, int, int, int, date], float | None] = {}
        models = policy.models.values()
        self._features = FEATURES.union(*(model.supports for model in models))

    def judge(
        self,
        context: Context,
        snapshot: Snapshot,
        named: Collection[str],
        named_by: str,
        demands: Demands | None = None,
        chances: Mapping[str, float] = _NONE,
    ) -> tuple[Candidate, ...]:
        """A candidate for every deployment of the policy, in its order.

        `named` are the deployments that the matching rule or the task's chain name, `named_by` the
        words for them; others are out. Of several reasons the most lasting is given. `chances` are
        the scores foretold of this request, by deployment; for the others the task's mean counts.
        """
        return tuple(
            [
                standing.dropped
                or self._judge(standing, context, snapshot, named, named_by, demands, chances)
                for standing in self._standings(context.task, snapshot.today)
            ]
        )

    def _judge(
        self,
        standing: _Standing,
        context: Context,
        snapshot: Snapshot,
        named: Collection[str],
        named_by: str,
        demands: Demands | None,
        chances: Mapping[str, float],
    ) -> Candidate:
        name, cell, latency = standing.deployment, standing.cell, standing.latency
        assert cell is not None
        assert latency is not None
        task, tier = self._policy.tasks[context.task], self._policy.tiers[context.tier]
        chance = chances.get(name)
        quality, foretold = (cell.quality, False) if chance is None else (chance, True)
        why = self._unfit(standing, context.tokens + task.max_output_tokens, demands)
        if why:
            return Candidate(
                deployment=name,
                quality=quality,
                foretold=foretold,
                latency=latency,
                dropped_because=why,
            )
        cost = self._expected_cost(name, context, snapshot)
        why = _why_not_now(name, cost, context.task, snapshot, named, named_by)
        points = None
        if not why:
            points = score(
                tier,
                task.must,
                quality=quality,
                cost=cost,
                latency=latency,
                downgrade=snapshot.downgrades(context.task),
                value=float(task.value[context.tier]) if tier.value else 0.0,
            )
        return Candidate(
            deployment=name,
            score=points,
            quality=quality,
            foretold=foretold,
            cost=cost,
            latency=latency,
            dropped_because=why,
        )

    def _unfit(self, standing: _Standing, needs: int, demands: Demands | None) -> str:
        """Why a deployment cannot serve this request at any time; empty where it can."""
        if standing.window is not None and needs > standing.window:
            return (
                f"the request and its answer may need {needs:,} tokens, its context window holds "
                f"{standing.window:,}"
            )
        if demands is None:
            return ""
        deployment = self._policy.deployments[standing.deployment]
        return demands.unmet(deployment, self._policy.models[deployment.model], self._features)

    def _expected_cost(self, deployment: str, context: Context, snapshot: Snapshot) -> float | None:
        """Dollars; remembered, for an estimate depends on a few whole numbers only."""
        warm = warm_tokens(context) if snapshot.warm == deployment else 0
        key = (deployment, context.task, context.words, context.tokens, warm, snapshot.today)
        if key not in self._costs:
            if len(self._costs) >= _COSTS_KEPT:
                self._costs.clear()
            amount = expected_cost(
                self._policy, deployment, context.task, context, snapshot.today, warm_tokens=warm
            )
            self._costs[key] = None if amount is None else float(amount)
        return self._costs[key]

    def _standings(self, task: str, today: date) -> tuple[_Standing, ...]:
        key = (task, today)
        if key not in self._known:
            # A virtual clock walks through many days; only the present one is asked for again.
            self._known = {k: v for k, v in self._known.items() if k[1] == today}
            self._known[key] = tuple(
                self._standing(name, task, today) for name in self._policy.deployments
            )
        return self._known[key]

    def _standing(self, deployment: str, task: str, today: date) -> _Standing:
        policy, needed = self._policy, self._policy.tasks[task].makes
        model_name, model = policy.deployments[deployment].model, policy.model_of(deployment)
        cell = policy.capabilities.cell(deployment, task)
        why = ""
        if model.makes != needed:
            why = f"makes {model.makes}, this task needs {needed}"
        elif model.access == "manual":
            why = f"{model_name} is done by hand and cannot be called"
        elif policy.retired(model_name, today):
            why = f"{model_name} is retired since {model.retired}"
        elif task in model.never_for:
            why = f"{model_name} is disqualified for {task}"
        elif cell is None:
            why = f"was never measured at {task}"
        return _Standing(
            deployment=deployment,
            dropped=Candidate(deployment=deployment, dropped_because=why) if why else None,
            cell=cell,
            latency=None if cell is None else p90_of(cell),
            window=model.context_window,
        )


def _why_not_now(
    name: str,
    cost: float | None,
    task: str,
    snapshot: Snapshot,
    named: Collection[str],
    named_by: str,
) -> str:
    if cost is None and snapshot.needs_price_for(task):
        return "its price is not known, and a spend budget is on"
    if name not in named:
        return f"not named by {named_by}"
    return snapshot.unavailable.get(name, "")
