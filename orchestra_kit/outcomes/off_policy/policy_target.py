"""What a policy would do at every request of a store's log.

Where a request's text was kept, the policy classifies and measures it anew. Where it was not, the
task, its confidence and the context that were logged stand: the policy's own classifier has no say.
A log does not hold how busy deployments were, whose cache was warm, whether a spend budget asked
for cheaper choices, or what an adaptation had seen; the policy is taken for what it does without.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields as fields_of
from dataclasses import replace
from datetime import datetime
from typing import Any

from orchestra_kit.core.decision import Classification
from orchestra_kit.core.errors import InvalidRequestError, PolicyError, TableError
from orchestra_kit.core.request import Context, Request
from orchestra_kit.outcomes.off_policy.logged import LoggedTraffic
from orchestra_kit.outcomes.off_policy.target import Target
from orchestra_kit.policy.policy import Policy
from orchestra_kit.routing.classification import Classifier
from orchestra_kit.routing.router import Router
from orchestra_kit.routing.snapshot import Snapshot
from orchestra_kit.routing.success import SuccessModel

__all__ = ["policy_target"]

_NEEDED = ("at", "text", "declared", "fields", "unavailable")
_FIELDS = tuple(each.name for each in fields_of(Context))
_KEPT = 10_000
"""Distributions remembered: requests whose logged context is alike get the same."""


def policy_target(
    policy: Policy, traffic: LoggedTraffic, *, classifier: Classifier | None = None
) -> Target:
    """The policy's probabilities at each logged request, with what they do not know as notes.

    `classifier` is the policy's own where left out, if it was trained. A request that the policy
    sends to a person, or whose task or tier it does not have, has a row of zeros. Raises TableError
    for traffic that does not come from a store.
    """
    missing = [name for name in _NEEDED if name not in traffic.frame]
    if missing:
        raise TableError(
            f"The traffic does not say what a policy decides by ({', '.join(missing)} is missing).",
            hint="Read it from a store, or give the policy's probabilities.",
        )
    if classifier is None and policy.classifier_path.is_file():
        classifier = Classifier.load(policy.classifier_path)
    deciding = _Deciding(Router(policy, classifier, seed=0, success=SuccessModel.beside(policy)))
    columns = [traffic.frame[name] for name in ("request", "tier", *_NEEDED)]
    shares = [deciding.shares(*row) for row in zip(*columns, strict=True)]
    if not any(shares):
        why = "; ".join(f"{count:,} times, {word}" for word, count in deciding.unrouted.items())
        raise TableError(
            f"Policy “{policy.name}” routes none of the logged requests ({why}).",
            hint="Value it on traffic of its own tasks and tiers.",
        )
    return Target.sharing(policy.name, shares, notes=_notes(policy, deciding, len(shares)))


class _Deciding:
    def __init__(self, router: Router) -> None:
        self._router = router
        self._known: dict[object, Mapping[str, float]] = {}
        self.by_context = 0
        self.unrouted: Counter[str] = Counter()

    @property
    def foresees(self) -> bool:
        """Whether the policy reads more of a request than its context."""
        return self._router.foresees

    def shares(
        self,
        request_id: str,
        tier: str,
        at: datetime,
        text: str | None,
        declared: bool,
        fields: Mapping[str, Any],
        unavailable: Mapping[str, str],
    ) -> Mapping[str, float]:
        """The distribution at one request; empty where it is routed to nobody."""
        context = _context(fields)
        if context is None:
            self.unrouted["its context was logged by another version of orchestra_kit"] += 1
            return {}
        readable = bool(text) and (declared or self._router.classifier is not None)
        self.by_context += not readable
        request = Request(
            id=request_id,
            text=text or "",
            tier=tier,
            arrived=at,
            task=context.task if declared else None,
            session_turns=context.session_turns,
        )
        snapshot = Snapshot(
            today=at.date(), unavailable=unavailable, budget_left=context.budget_left
        )
        try:
            if readable:
                found = self._router.classify(request)
                attached = context.attachments
                context = self._router.measure(request, found, snapshot)
                context = replace(context, attachments=attached)
            else:
                found = self._as_logged(context, declared)
            shares = self._remembered(request, found, context, snapshot)
        except (InvalidRequestError, PolicyError) as error:
            self.unrouted[str(error.args[0]).rstrip(".;")] += 1
            return {}
        if not shares:
            self.unrouted["it goes to a person, or nothing may be called"] += 1
        return shares

    def _as_logged(self, context: Context, declared: bool) -> Classification:
        policy = self._router.policy
        for what, name, known in (
            ("task", context.task, policy.tasks), ("tier", context.tier, policy.tiers),
        ):  # fmt: skip
            if name not in known:
                raise InvalidRequestError(f"There is no {what} “{name}” in this policy.")
        by = "sender" if declared else "classifier"
        return Classification(context.task, context.confidence, by=by)

    def _remembered(
        self, request: Request, found: Classification, context: Context, snapshot: Snapshot
    ) -> Mapping[str, float]:
        text = request.text if self._router.foresees else ""
        key = (context, found.by, snapshot.today, tuple(snapshot.unavailable), text)
        if key not in self._known:
            if len(self._known) >= _KEPT:
                self._known.clear()
            self._known[key] = self._router.distribution_of(request, found, context, snapshot)
        return self._known[key]


def _context(fields: Mapping[str, Any]) -> Context | None:
    """A context as it was logged; None where a field is not there that it has today."""
    try:
        return Context(**{name: fields[name] for name in _FIELDS if name in fields})
    except TypeError:
        return None


def _notes(policy: Policy, deciding: _Deciding, n: int) -> Sequence[str]:
    return tuple(_told(policy, deciding, n))


def _told(policy: Policy, deciding: _Deciding, n: int) -> Iterable[str]:
    if without := deciding.by_context:
        yield (
            f"{without:,} of {n:,} requests were decided by their logged task and context, for "
            "their texts are not kept or the policy's classifier is not trained."
        )
        if deciding.foresees:
            yield (
                f"Of the requests whose texts are not kept, what {policy.name} would foretell of "
                "their success is not known; the means at their tasks stand in."
            )
    for why, count in deciding.unrouted.items():
        yield f"{policy.name} routes {count:,} of {n:,} requests to nobody: {why}."
    adapting = [name for name, task in policy.tasks.items() if task.adapt is not None]
    if adapting:
        yield (
            f"{policy.name} adapts {', '.join(adapting)}; what it would have seen is not known, so "
            "that the share it may move is taken to be spread evenly."
        )
    if len({d.model for d in policy.deployments.values()}) < len(policy.deployments):
        yield "Loads were not logged; equal deployments are taken to share by their weights."
