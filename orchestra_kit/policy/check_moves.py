"""Findings about what moves or saves traffic: hedging, caching, adapting, weights, guardrails."""

from __future__ import annotations

from collections.abc import Iterator

from orchestra_kit.policy.findings import Finding, Subject
from orchestra_kit.policy.schema import Guardrail, Task

__all__ = ["move_findings"]


def move_findings(subject: Subject) -> Iterator[Finding]:
    """What is switched on and has nothing to work on."""
    for name, task in subject.policy.tasks.items():
        yield from _hedging(subject, name, task)
        yield from _caching(subject, name, task)
        yield from _adapting(subject, name, task)
    yield from _weights(subject)
    yield from _guardrails(subject)


def _hedging(subject: Subject, name: str, task: Task) -> Iterator[Finding]:
    if task.hedge is None:
        return
    path = ("tasks", name, "hedge")
    if task.makes != "text":
        yield subject.finding(
            "error",
            "hedging",
            path,
            f"“{name}” makes {task.makes}, and only text is hedged: a second {task.makes} costs as "
            "much as the first and cannot be called back.",
            "Remove `hedge`.",
        )
    elif _targets(subject, task) < 2:
        yield subject.finding(
            "warning",
            "hedging",
            path,
            f"the chain of “{name}” has one deployment, so that there is none to hedge with.",
            "Remove `hedge`, or add a link.",
        )


def _caching(subject: Subject, name: str, task: Task) -> Iterator[Finding]:
    if task.cache is not None and task.makes != "text":
        yield subject.finding(
            "error",
            "caching",
            ("tasks", name, "cache"),
            f"“{name}” makes {task.makes}, and only text is kept.",
            "Remove `cache`.",
        )


def _adapting(subject: Subject, name: str, task: Task) -> Iterator[Finding]:
    if task.adapt is None:
        return
    policy = subject.policy
    measured = {
        deployment
        for _, use in subject.named()
        for deployment in policy.targets(use)
        if policy.capabilities.cell(deployment, name)
        and policy.model_of(deployment).makes == task.makes
    }
    if len(measured) < 2:
        yield subject.finding(
            "warning",
            "adaptation",
            ("tasks", name, "adapt"),
            f"no two deployments that are named anywhere were measured at “{name}”, so that there "
            "is nothing to choose between.",
            "Add a link and run `orchestra measure`, or remove `adapt`.",
        )
    if task.explore:
        yield subject.finding(
            "note",
            "adaptation",
            ("tasks", name, "explore"),
            f"“{name}” adapts, and its floor of {task.adapt.floor:.0%} keeps every deployment "
            "measured: `explore` has no effect beside it.",
            "Remove `explore`.",
        )
    if task.adapt.floor * max(2, len(measured)) > task.adapt.within:
        yield subject.finding(
            "note",
            "adaptation",
            ("tasks", name, "adapt", "floor"),
            f"{len(measured)} deployments with a floor of {task.adapt.floor:.1%} each take up all "
            f"of the {task.adapt.within:.0%} that may be moved: they share it evenly, whatever "
            "they do.",
            "Lower `floor`, or raise `within`.",
        )


def _weights(subject: Subject) -> Iterator[Finding]:
    policy = subject.policy
    shared = {
        deployment
        for _, use in subject.named()
        if len(targets := policy.targets(use)) > 1
        for deployment in targets
    }
    for name, deployment in policy.deployments.items():
        if deployment.weight != 1.0 and name not in shared:
            yield subject.finding(
                "note",
                "weight",
                ("deployments", name, "weight"),
                f"“{name}” shares its calls with no other deployment, so that its weight has no "
                "effect.",
                f"Name the model “{deployment.model}” in a chain or a rule, or remove `weight`.",
            )


def _guardrails(subject: Subject) -> Iterator[Finding]:
    policy = subject.policy
    seen: dict[tuple[str, str | None], int] = {}
    for index, guardrail in enumerate(policy.file.guardrails):
        path = ("guardrails", index)
        watched = [guardrail.task] if guardrail.task else list(policy.tasks)
        if not any(policy.tasks[task].adapt for task in watched):
            what = f"“{guardrail.task}” does not adapt" if guardrail.task else "no task adapts"
            yield subject.finding(
                "note",
                "guardrail",
                path,
                f"{what}: nothing changes by itself, so that this guards only what people change "
                "while it runs.",
                "Nothing, if that is meant; or let the task `adapt`.",
            )
        if guardrail.watch != "cost" and guardrail.over >= 1:
            yield subject.finding(
                "warning",
                "guardrail",
                (*path, "over"),
                f"a share of requests is never over {_share(guardrail)}, so that it never acts.",
                "Write a share below 1, such as 0.1.",
            )
        key = (guardrail.watch, guardrail.task)
        if key in seen:
            yield subject.finding(
                "note",
                "guardrail",
                path,
                f"it watches the same as number {seen[key] + 1}: the lower bound decides.",
                "Keep one of the two.",
            )
        seen.setdefault(key, index)


def _share(guardrail: Guardrail) -> str:
    return f"{float(guardrail.over):g}"


def _targets(subject: Subject, task: Task) -> int:
    return sum(len(subject.policy.targets(link.use)) for link in task.chain)
