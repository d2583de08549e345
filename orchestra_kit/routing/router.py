"""One decision: from a request and a snapshot of the world to the deployments to try, in order.

The steps, each explained by the decision that comes out: classify, measure, find the first rule
that holds or the override that replaces it, judge every deployment, and order those that may be
called by score, room, warmth and load, moving a small part of the traffic where the task says so.
Pure: the same request, snapshot and seed give the same decision, in any process.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from orchestra_kit.core.decision import Candidate, Classification, Decision
from orchestra_kit.core.display import clean_text
from orchestra_kit.core.errors import InvalidRequestError, PolicyError
from orchestra_kit.core.ids import stable_seed
from orchestra_kit.core.request import Context, Request
from orchestra_kit.policy.policy import Policy
from orchestra_kit.policy.schema import Link
from orchestra_kit.routing.candidates import Candidates
from orchestra_kit.routing.classification import Classifier
from orchestra_kit.routing.context import measure
from orchestra_kit.routing.demands import Demands
from orchestra_kit.routing.foresight import Foreseen, Foresight
from orchestra_kit.routing.ordering import LONGEST_CHAIN, NO_MOVES, Groups, Moves, Order, Ordering
from orchestra_kit.routing.plan import CONFIDENCE_FLOOR, DEFAULT_CHAIN, OVERRIDE, Plan, Plans
from orchestra_kit.routing.scoring import best_first
from orchestra_kit.routing.snapshot import Snapshot
from orchestra_kit.routing.success import SuccessModel

__all__ = ["CONFIDENCE_FLOOR", "DEFAULT_CHAIN", "LONGEST_CHAIN", "OVERRIDE", "Router"]


class Router:
    """Decides by one policy. `classifier` may be None where every request declares its task.

    With a model of `success`, what it foretells of a request takes the place of the mean quality
    at the task, for the deployments whose model it knows.

    Without `explore` no request tries another deployment to keep its figures fresh or because it
    did well lately, whatever share of them the policy gives away: what decides is then the rules
    alone.
    """

    def __init__(
        self,
        policy: Policy,
        classifier: Classifier | None,
        *,
        seed: int,
        explore: bool = True,
        success: SuccessModel | None = None,
    ) -> None:
        self.policy = policy
        self.classifier = classifier
        self.seed = seed
        self._explore = explore
        self._foresight = Foresight(policy, success)
        self._candidates = Candidates(policy)
        self._plans = Plans(policy)
        self._weights = {name: d.weight for name, d in policy.deployments.items()}
        self._links = {
            name: {target: link for link in task.chain for target in policy.targets(link.use)}
            for name, task in policy.tasks.items()
        }
        self._exploring = {name: Moves(task.explore) for name, task in policy.tasks.items()}
        self._hash = policy.hash

    def decide(self, request: Request, snapshot: Snapshot) -> Decision:
        """The decision on one request.

        Raises InvalidRequestError for an empty request, an unknown tier or an unknown declared
        task, and PolicyError where the task must be classified and no classifier was given.
        """
        classification = self.classify(request)
        foreseen = self._foresight.of(request, classification)
        context = self._measured(request, classification, foreseen, snapshot)
        plan, candidates = self._considered(request, foreseen, classification, context, snapshot)
        order, thrift = Order(), ""
        planned: tuple[str, ...] = ()
        if not plan.review:
            ordering = self._ordering(plan, candidates, snapshot, context.task)
            uniform = partial(self._uniform, request.id)
            order = ordering.draw(self._moves(plan, context.task, snapshot), uniform)
            planned = order.chain
            if order.chain and _thrifty(plan, snapshot, context.task):
                thrift = " (a spend budget asks for cheaper choices)"
            if _hindered(plan, snapshot):
                planned = self._planned(
                    plan, candidates, foreseen, context, snapshot, request, order
                )
        return Decision(
            request_id=request.id,
            classification=classification,
            rule=plan.rule,
            because=plan.because + _unmet(plan, candidates) + thrift + order.note,
            chain=order.chain,
            candidates=candidates,
            planned=planned,
            propensity=order.propensity,
            policy=self.policy.name,
            policy_hash=self._hash,
            seed=self.seed,
            context=context,
            review=plan.review,
            moved=order.moved,
        )

    def distribution(self, request: Request, snapshot: Snapshot) -> dict[str, float]:
        """The probability of every deployment to head the chain of a request like this one, over
        all that is drawn; they sum to 1. Empty where nothing may be called or a person decides.

        A decision's `propensity` is the one of its choice. Raises as `decide` does.
        """
        classification = self.classify(request)
        context = self.measure(request, classification, snapshot)
        return self.distribution_of(request, classification, context, snapshot)

    def distribution_of(
        self,
        request: Request,
        classification: Classification,
        context: Context,
        snapshot: Snapshot,
    ) -> dict[str, float]:
        """`distribution` of a request that was classified and measured before. Its text is read
        by a model of success alone; where it was not kept, means at the task stand in. Raises
        KeyError for a task or tier that the policy does not have."""
        foreseen = self._foresight.of(request, classification)
        plan, candidates = self._considered(request, foreseen, classification, context, snapshot)
        if plan.review:
            return {}
        ordering = self._ordering(plan, candidates, snapshot, context.task)
        return ordering.distribution(self._moves(plan, context.task, snapshot))

    @property
    def foresees(self) -> bool:
        """Whether what is in a request's text may decide, beside its context."""
        return self._foresight.active

    def classify(self, request: Request) -> Classification:
        """The task of a request: what its sender declared, or else what the classifier says."""
        if not request.text or request.text.isspace():
            raise InvalidRequestError("The request is empty.", hint="Say what is wanted.")
        if request.tier not in self.policy.tiers:
            raise _unknown("tier", request.tier, self.policy.tiers)
        if request.task is not None:
            if request.task not in self.policy.tasks:
                raise _unknown("task", request.task, self.policy.tasks)
            return Classification(request.task, 1.0, {request.task: 1.0}, by="sender")
        if self.classifier is None:
            raise PolicyError(
                f"The classifier of policy “{self.policy.name}” has not been trained;",
                hint=f"run `orchestra train {self.policy.path}`, or declare the request's task.",
            )
        found = self.classifier.classify(request.text)
        if found.task not in self.policy.tasks:
            raise PolicyError(
                f"The classifier knows a task “{found.task}” that policy “{self.policy.name}” "
                "does not have;",
                hint=f"run `orchestra train {self.policy.path}`.",
            )
        return found

    def measure(
        self, request: Request, classification: Classification, snapshot: Snapshot
    ) -> Context:
        """The context of a classified request."""
        foreseen = self._foresight.of(request, classification)
        return self._measured(request, classification, foreseen, snapshot)

    def link(self, task: str, deployment: str) -> Link:
        """Timeout and triggers of a deployment at a task.

        A deployment that only a rule names inherits those of the task's first link.
        """
        links = self._links[task]
        found = links.get(deployment) or next(iter(links.values()))
        return found if found.use == deployment else found.model_copy(update={"use": deployment})

    def _measured(
        self,
        request: Request,
        classification: Classification,
        foreseen: Foreseen,
        snapshot: Snapshot,
    ) -> Context:
        left = snapshot.left_for(classification.task)
        return measure(request, classification, budget_left=left, difficulty=foreseen.difficulty)

    def _considered(
        self,
        request: Request,
        foreseen: Foreseen,
        classification: Classification,
        context: Context,
        snapshot: Snapshot,
    ) -> tuple[Plan, tuple[Candidate, ...]]:
        """What applies to a request, and every deployment judged for it.

        An override replaces the rules, not the person that a request must go to. One that names
        nothing that can be used is passed over, and the plan says so.
        """
        plan, demands, passed = self._plans.find(context, classification), Demands.of(request), ""
        if snapshot.overrides and not plan.review:
            for override, instead in self._plans.overriding(snapshot.overrides, context):
                if instead is None:
                    passed += f" (override to {override.use} passed over: the policy has none)"
                    continue
                found = self._judged(instead, foreseen, context, snapshot, demands)
                used = [c for c in found if c.deployment in instead.used]
                if any(c.score is not None for c in used):
                    return replace(instead, because=instead.because + passed), found
                passed += f" (override to {override.use} passed over: {used[0].dropped_because})"
            if passed:
                plan = replace(plan, because=plan.because + passed)
        return plan, self._judged(plan, foreseen, context, snapshot, demands)

    def _judged(
        self,
        plan: Plan,
        foreseen: Foreseen,
        context: Context,
        snapshot: Snapshot,
        demands: Demands | None,
    ) -> tuple[Candidate, ...]:
        return self._candidates.judge(
            context, snapshot, plan.named, plan.naming(context.task), demands, foreseen.chances
        )

    def _moves(self, plan: Plan, task: str, snapshot: Snapshot) -> Moves:
        if not self._explore or plan.rule == OVERRIDE:
            return NO_MOVES
        adapt = self.policy.tasks[task].adapt
        if adapt is not None and task not in snapshot.unadapted:
            return Moves(adapt=adapt, seen=snapshot.arms.get(task))
        return self._exploring[task]

    def _uniform(self, request_id: str) -> float:
        """The request's one draw from [0, 1)."""
        return stable_seed("explore", self.seed, request_id) / 2**64

    def _ordering(
        self, plan: Plan, candidates: Iterable[Candidate], snapshot: Snapshot, task: str
    ) -> Ordering:
        scored = {c.deployment: c for c in candidates if c.score is not None}
        groups = self._groups(plan, scored, thrifty=_thrifty(plan, snapshot, task))
        return Ordering(groups, snapshot, self._weights, firm=plan.rule == OVERRIDE)

    def _groups(self, plan: Plan, scored: Mapping[str, Candidate], *, thrifty: bool) -> Groups:
        """All eligible deployments, each once: the best of what the rule names, the chain in its
        order, or by score where money is short, the rule's others."""
        of_rule = self._best_first(plan.uses, scored)
        links = self._best_first(plan.links, scored) if thrifty else plan.links
        taken: set[str] = set()
        groups = []
        for group in (*of_rule[:1], *links, *of_rule[1:]):
            left = tuple([name for name in group if name in scored and name not in taken])
            if left:
                taken.update(left)
                groups.append(left)
        return groups

    def _best_first(
        self, groups: Groups, scored: Mapping[str, Candidate]
    ) -> Sequence[tuple[str, ...]]:
        """What is eligible of some groups by score; a group is as good as its best."""
        found = [kept for group in groups if (kept := tuple(n for n in group if n in scored))]
        if len(found) < 2:
            return found
        everyone = {name: scored[name] for group in found for name in group}
        best = best_first(everyone.values(), self.policy.file.priorities)
        rank = {candidate.deployment: place for place, candidate in enumerate(best)}
        return sorted(found, key=lambda group: min(rank[name] for name in group))

    def _planned(
        self,
        plan: Plan,
        candidates: tuple[Candidate, ...],
        foreseen: Foreseen,
        context: Context,
        snapshot: Snapshot,
        request: Request,
        order: Order,
    ) -> tuple[str, ...]:
        """The order as it would be with every deployment available and with room."""
        everything = replace(snapshot, unavailable={}, busy={})
        if not snapshot.unavailable.keys().isdisjoint(plan.named):
            candidates = self._judged(plan, foreseen, context, everything, Demands.of(request))
        return self._ordering(plan, candidates, everything, context.task).planned(order)


def _thrifty(plan: Plan, snapshot: Snapshot, task: str) -> bool:
    """Whether money is short, so that not even the order of a chain stands above what it costs."""
    return plan.rule != OVERRIDE and snapshot.downgrades(task)


def _hindered(plan: Plan, snapshot: Snapshot) -> bool:
    """Whether something that is considered cannot be called at this moment."""
    out, busy = snapshot.unavailable, snapshot.busy
    return bool(out or busy) and any(name in out or name in busy for name in plan.named)


def _unmet(plan: Plan, candidates: Iterable[Candidate]) -> str:
    """What to add where the rule's own deployments are all out, or everything is."""
    if plan.review:
        return ""
    eligible = {c.deployment for c in candidates if c.score is not None}
    if not eligible:
        return " (but nothing that is named for it can be used now)"
    if not plan.uses or not eligible.isdisjoint(plan.used):
        return ""
    return f" ({' and '.join(plan.used)} cannot be used now, so that the task's chain applies)"


def _unknown(what: str, name: str, known: Iterable[str]) -> InvalidRequestError:
    choices = list(known)
    close = difflib.get_close_matches(name[:80], choices, n=1)
    hint = f"Did you mean “{close[0]}”?" if close else f"Known are: {', '.join(choices)}."
    shown = clean_text(name, longest=80)
    return InvalidRequestError(f"There is no {what} “{shown}” in this policy.", hint=hint)
