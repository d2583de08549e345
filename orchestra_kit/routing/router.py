"""One decision: from a request and a snapshot of the world to the deployments to try, in order.

The steps, each explained by the decision that comes out: classify, measure, find the first rule
that holds, judge every deployment, choose, and now and then choose another to keep its figures
fresh. Pure: the same request, snapshot and seed give the same decision, in any process.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from orchestra_kit.core.decision import Candidate, Classification, Decision
from orchestra_kit.core.display import clean_text
from orchestra_kit.core.errors import InvalidRequestError, PolicyError
from orchestra_kit.core.ids import stable_seed
from orchestra_kit.core.request import Context, Request
from orchestra_kit.policy.conditions import Fields
from orchestra_kit.policy.policy import Policy
from orchestra_kit.policy.schema import Link, Rule
from orchestra_kit.routing.candidates import Candidates
from orchestra_kit.routing.classification import Classifier
from orchestra_kit.routing.context import measure
from orchestra_kit.routing.scoring import best_first
from orchestra_kit.routing.snapshot import Snapshot

__all__ = ["CONFIDENCE_FLOOR", "DEFAULT_CHAIN", "LONGEST_CHAIN", "Router"]

DEFAULT_CHAIN = "default chain"
"""Stands for the rule where none matched."""
CONFIDENCE_FLOOR = "confidence floor"
"""Stands for the rule where the classifier was too unsure."""
LONGEST_CHAIN = 3
"""Deployments that one request may be tried on."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """What applies to a request before deployments are judged."""

    rule: str
    because: str
    uses: tuple[str, ...]
    review: bool = False


@dataclass(frozen=True, slots=True)
class _Order:
    """Deployments in order, and the probability that the first was chosen."""

    chain: tuple[str, ...]
    propensity: float
    note: str = ""
    explored: bool = False


class Router:
    """Decides by one policy. `classifier` may be None where every request declares its task.

    Without `explore` no request tries another deployment to keep its figures fresh, whatever share
    of them the policy gives away: what decides is then the rules alone.
    """

    def __init__(
        self, policy: Policy, classifier: Classifier | None, *, seed: int, explore: bool = True
    ) -> None:
        self.policy = policy
        self.classifier = classifier
        self.seed = seed
        self._explore = explore
        self._candidates = Candidates(policy)
        self._uses = [tuple(policy.resolve(name) for name in rule.use) for rule in policy.rules]
        self._links = {
            name: {policy.resolve(link.use): link for link in task.chain}
            for name, task in policy.tasks.items()
        }
        self._hash = policy.hash

    def decide(self, request: Request, snapshot: Snapshot) -> Decision:
        """The decision on one request.

        Raises InvalidRequestError for an empty request, an unknown tier or an unknown declared
        task, and PolicyError where the task must be classified and no classifier was given.
        """
        classification = self.classify(request)
        task = classification.task
        context = measure(request, classification, budget_left=snapshot.left_for(task))
        plan = self._plan(context, classification)
        named = (*plan.uses, *self._links[task])
        candidates = self._candidates.judge(context, snapshot, named, _naming(plan, task))
        order = planned = _Order((), 1.0)
        if not plan.review:
            out_now = snapshot.unavailable
            order = self._order(plan, context, candidates, request.id)
            planned = order
            if any(name in out_now for name in named):
                planned = self._as_planned(plan, context, snapshot, named, order)
        return Decision(
            request_id=request.id,
            classification=classification,
            rule=plan.rule,
            because=plan.because + order.note,
            chain=order.chain,
            candidates=candidates,
            planned=planned.chain,
            propensity=order.propensity,
            policy=self.policy.name,
            policy_hash=self._hash,
            seed=self.seed,
            context=context,
            review=plan.review,
        )

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

    def link(self, task: str, deployment: str) -> Link:
        """Timeout and triggers of a deployment at a task.

        A deployment that only a rule names inherits those of the task's first link.
        """
        links = self._links[task]
        found = links.get(deployment) or next(iter(links.values()))
        return found if found.use == deployment else found.model_copy(update={"use": deployment})

    def _plan(self, context: Context, classification: Classification) -> _Plan:
        matched = self._first_rule(context)
        if matched is not None and matched[0].review:
            return _Plan(matched[0].name, matched[0].because, (), review=True)
        floor = self.policy.file.confidence_floor
        if classification.by == "classifier" and classification.confidence < floor:
            return _Plan(
                CONFIDENCE_FLOOR,
                f"the task is {classification.confidence:.0%} sure, below the policy's {floor:.0%}",
                (),
                review=True,
            )
        if matched is None:
            return _Plan(DEFAULT_CHAIN, "no rule matches, so that the task's chain applies", ())
        return _Plan(matched[0].name, matched[0].because, matched[1])

    def _first_rule(self, context: Context) -> tuple[Rule, tuple[str, ...]] | None:
        fields = Fields.of(context)
        conditions = self.policy.conditions
        for rule, uses, condition in zip(self.policy.rules, self._uses, conditions, strict=True):
            if condition.holds(fields):
                return rule, uses
        return None

    def _order(
        self, plan: _Plan, context: Context, candidates: Iterable[Candidate], request_id: str
    ) -> _Order:
        """The greedy order, or with the task's small probability another one that explores."""
        scored = {c.deployment: c for c in candidates if c.score is not None}
        greedy = self._greedy(plan, context.task, scored)
        share = self.policy.tasks[context.task].explore if self._explore else 0.0
        if len(scored) < 2 or not share:
            return _Order(greedy[:LONGEST_CHAIN], 1.0, _unmet(plan, greedy))
        # One draw decides both whether to explore and, by its remainder, what.
        draw = stable_seed("explore", self.seed, request_id) / 2**64
        first = greedy[0]
        if draw < share:
            first = greedy[min(int(draw / share * len(greedy)), len(greedy) - 1)]
        propensity = share / len(greedy) + (1.0 - share if first == greedy[0] else 0.0)
        if first == greedy[0]:
            return _Order(greedy[:LONGEST_CHAIN], propensity, _unmet(plan, greedy))
        chain = tuple(dict.fromkeys([first, *greedy]))[:LONGEST_CHAIN]
        note = f" ({first} goes before {greedy[0]} this time, to keep its figures fresh)"
        return _Order(chain, propensity, note, explored=True)

    def _greedy(self, plan: _Plan, task: str, scored: dict[str, Candidate]) -> tuple[str, ...]:
        """All eligible deployments: the rule's best, the chain in its order, the rule's others."""
        priorities = self.policy.file.priorities
        of_rule = [
            c.deployment
            for c in best_first((scored[n] for n in set(plan.uses) if n in scored), priorities)
        ]
        of_chain = [name for name in self._links[task] if name in scored]
        return tuple(dict.fromkeys([*of_rule[:1], *of_chain, *of_rule[1:]]))

    def _as_planned(
        self,
        plan: _Plan,
        context: Context,
        snapshot: Snapshot,
        named: tuple[str, ...],
        order: _Order,
    ) -> _Order:
        """The order as it would be with every deployment available.

        An exploring choice stays at the head: it was not made for want of the primary.
        """
        everything = Snapshot(
            today=snapshot.today,
            budget_left=snapshot.budget_left,
            downgrade=snapshot.downgrades(context.task),
            needs_price=snapshot.needs_price_for(context.task),
        )
        candidates = self._candidates.judge(context, everything, named, "")
        scored = {c.deployment: c for c in candidates if c.score is not None}
        greedy = self._greedy(plan, context.task, scored)
        if order.explored:
            greedy = tuple(dict.fromkeys([order.chain[0], *greedy]))
        return _Order(greedy[:LONGEST_CHAIN], 1.0)


def _unmet(plan: _Plan, greedy: tuple[str, ...]) -> str:
    """What to add where the rule's own deployments are all out, or everything is."""
    if not greedy:
        return " (but nothing that is named for it can be used now)"
    if not plan.uses or greedy[0] in plan.uses:
        return ""
    return f" ({' and '.join(plan.uses)} cannot be used now, so that the task's chain applies)"


def _naming(plan: _Plan, task: str) -> str:
    if plan.uses:
        return f"rule “{plan.rule}” nor by the chain of {task}"
    return f"the chain of {task}"


def _unknown(what: str, name: str, known: Iterable[str]) -> InvalidRequestError:
    choices = list(known)
    close = difflib.get_close_matches(name[:80], choices, n=1)
    hint = f"Did you mean “{close[0]}”?" if close else f"Known are: {', '.join(choices)}."
    shown = clean_text(name, longest=80)
    return InvalidRequestError(f"There is no {what} “{shown}” in this policy.", hint=hint)
