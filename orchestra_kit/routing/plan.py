"""What applies to a request before its deployments are compared: a rule, an override, a person."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from orchestra_kit.core.decision import Classification, Override
from orchestra_kit.core.request import Context
from orchestra_kit.policy.conditions import Fields
from orchestra_kit.policy.policy import Policy

__all__ = ["CONFIDENCE_FLOOR", "DEFAULT_CHAIN", "OVERRIDE", "Plan", "Plans"]

DEFAULT_CHAIN = "default chain"
"""Stands for the rule where none matched."""
CONFIDENCE_FLOOR = "confidence floor"
"""Stands for the rule where the classifier was too unsure."""
OVERRIDE = "override"
"""Stands for the rule where a person's word replaces the rules."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The deployments to consider, by the words of the policy."""

    rule: str
    because: str
    uses: tuple[tuple[str, ...], ...] = ()
    """What a rule or an override names, each with the equal deployments that it means."""
    links: tuple[tuple[str, ...], ...] = ()
    """What the task's chain names, likewise."""
    review: bool = False

    used: tuple[str, ...] = field(init=False)
    """All that the rule names, as deployments."""
    named: tuple[str, ...] = field(init=False)
    """All that is considered, as deployments."""

    def __post_init__(self) -> None:
        used = dict.fromkeys(name for group in self.uses for name in group)
        links = dict.fromkeys(name for group in self.links for name in group)
        object.__setattr__(self, "used", tuple(used))
        object.__setattr__(self, "named", tuple(used | links))

    def naming(self, task: str) -> str:
        """Words for who named them."""
        if not self.uses:
            return f"the chain of {task}"
        by = "the override" if self.rule == OVERRIDE else f"rule “{self.rule}”"
        return f"{by} nor by the chain of {task}"


class Plans:
    """Finds the plan of a request, by one policy."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._uses = [tuple(policy.targets(name) for name in rule.use) for rule in policy.rules]
        self._links = {
            name: tuple(policy.targets(link.use) for link in task.chain)
            for name, task in policy.tasks.items()
        }
        # Finished plans, for nothing about a rule's plan depends on the request.
        self._of_rule = {
            (number, task): Plan(rule.name, rule.because, () if rule.review else uses, links,
                                 review=rule.review)
            for number, (rule, uses) in enumerate(zip(policy.rules, self._uses, strict=True))
            for task, links in self._links.items()
        }  # fmt: skip
        self._of_chain = {
            task: Plan(
                DEFAULT_CHAIN, "no rule matches, so that the task's chain applies", (), links
            )
            for task, links in self._links.items()
        }

    def find(self, context: Context, classification: Classification) -> Plan:
        """The first rule that holds, review where the classifier is unsure, or else the chain."""
        found = self._first_rule(context)
        if found is not None and found.review:
            return found
        floor = self._policy.file.confidence_floor
        if classification.by == "classifier" and classification.confidence < floor:
            return Plan(
                CONFIDENCE_FLOOR,
                f"the task is {classification.confidence:.0%} sure, below the policy's {floor:.0%}",
                review=True,
            )
        return found or self._of_chain[context.task]

    def overriding(
        self, overrides: tuple[Override, ...], context: Context
    ) -> Iterator[tuple[Override, Plan | None]]:
        """The overrides that cover a request, in their order, each with its plan; None where the
        policy does not know what it names."""
        needed = self._policy.tasks[context.task].makes
        for override in overrides:
            if override.task not in {"", context.task} or override.tier not in {"", context.tier}:
                continue
            try:
                targets = self._policy.targets(override.use)
            except KeyError:
                yield override, None
                continue
            if not override.task and self._policy.model_of(targets[0]).makes != needed:
                continue
            because = (
                f"{override.because} ({override.by}, until {override.until:%Y-%m-%d %H:%M} UTC)"
            )
            yield override, Plan(OVERRIDE, because, (targets,), self._links[context.task])

    def _first_rule(self, context: Context) -> Plan | None:
        fields = Fields.of(context)
        for number, condition in enumerate(self._policy.conditions):
            if condition.holds(fields):
                return self._of_rule[number, context.task]
        return None
