"""Faults that one key alone does not show: names that lead nowhere, cycles, bad conditions.

Works on the raw document, so that it finds what it can in a file whose shape is wrong as well.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any

from orchestra_kit.core.errors import ConditionError, Problem
from orchestra_kit.policy.conditions import Condition
from orchestra_kit.policy.document import Document, KeyPath

__all__ = ["reference_problems", "targets"]

_CALLABLE = "a deployment of this policy, nor a model that has one"


def targets(
    name: str, models: Mapping[str, Any], deployments: Mapping[str, Any]
) -> tuple[str, ...]:
    """The deployments that a name means: itself, a model's in the order of the file, or those of
    the successor of a legacy model, which has none.

    Takes raw mappings, whose values may be anything. Empty where the name leads nowhere or round in
    a circle.
    """
    seen: set[str] = set()
    while name not in deployments:
        served = tuple(
            each
            for each, deployment in deployments.items()
            if isinstance(deployment, Mapping) and deployment.get("model") == name
        )
        if served:
            return served
        model = models.get(name)
        if name in seen or not isinstance(model, Mapping) or not model.get("successor"):
            return ()
        seen.add(name)
        name = str(model["successor"])
    return (name,)


def reference_problems(document: Document) -> Iterator[Problem]:
    """Every fault between the keys of a policy document."""
    data = document.data
    if not isinstance(data, Mapping):
        return
    names = _Names(data)
    yield from _models(document, names)
    yield from _deployments(document, names)
    yield from _tasks(document, names)
    yield from _rules(document, names)
    yield from _alerts(document, names)
    yield from _guardrails(document, names)
    yield from _budgets(document, names)


class _Names:
    def __init__(self, data: Mapping[str, Any]) -> None:
        self.tiers = _mapping(data, "tiers")
        self.tasks = _mapping(data, "tasks")
        self.models = _mapping(data, "models")
        self.deployments = _mapping(data, "deployments")

    def targets(self, name: str) -> tuple[str, ...]:
        return targets(name, self.models, self.deployments)

    @property
    def callable(self) -> dict[str, Any]:
        """What a chain or a rule may name: deployments, and models that lead to one."""
        return {name: None for name in (*self.deployments, *self.models) if self.targets(str(name))}


def _mapping(data: Any, key: str) -> dict[str, Any]:
    value = data.get(key) if isinstance(data, Mapping) else None
    return value if isinstance(value, dict) else {}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _unknown(
    document: Document, path: KeyPath, what: str, name: object, known: Iterable[str]
) -> Problem:
    choices = sorted(known)
    close = difflib.get_close_matches(str(name), choices, n=1)
    hint = f"Did you mean “{close[0]}”?" if close else f"Known are: {', '.join(choices) or 'none'}."
    return document.problem(path, f"“{name}” is not {what}.", hint)


def _models(document: Document, names: _Names) -> Iterator[Problem]:
    for name, model in names.models.items():
        successor = model.get("successor") if isinstance(model, dict) else None
        if not isinstance(successor, str):  # of another kind: its shape is told elsewhere
            continue
        path = ("models", name, "successor")
        if successor not in names.models and successor not in names.deployments:
            yield _unknown(
                document,
                path,
                "a model of this policy",
                successor,
                names.models | names.deployments,
            )
            continue
        trail = [name]
        while isinstance(successor, str) and successor not in names.deployments:
            if successor in trail:
                circle = " → ".join([*trail, successor])
                yield document.problem(
                    path, f"leads round in a circle: {circle}.", "Let one of them end the line."
                )
                break
            trail.append(successor)
            following = names.models.get(successor)
            successor = following.get("successor") if isinstance(following, dict) else None


def _deployments(document: Document, names: _Names) -> Iterator[Problem]:
    for name, deployment in names.deployments.items():
        if not isinstance(deployment, dict):
            continue
        model = deployment.get("model")
        path = ("deployments", name, "model")
        if not isinstance(model, str):
            continue
        if model not in names.models:
            yield _unknown(document, path, "a model of this policy", model, names.models)
        elif _mapping(names.models, model).get("access") == "manual":
            yield document.problem(
                path,
                f"“{model}” is done by hand and cannot be called.",
                "Remove the deployment and give the work to a person.",
            )


def _tasks(document: Document, names: _Names) -> Iterator[Problem]:
    for task_name, task in names.tasks.items():
        if not isinstance(task, dict):
            continue
        base: KeyPath = ("tasks", task_name)
        for tier in _mapping(task, "value"):
            if tier not in names.tiers:
                yield _unknown(document, (*base, "value", tier), "a tier", tier, names.tiers)
        missing = sorted(names.tiers.keys() - _mapping(task, "value").keys())
        if missing and "value" in task:
            yield document.problem(
                (*base, "value"),
                f"gives no value for {', '.join(missing)}.",
                "Give every tier its value.",
            )
        yield from _chain(document, names, task_name, task)


def _chain(
    document: Document, names: _Names, task_name: str, task: Mapping[str, Any]
) -> Iterator[Problem]:
    first_use: dict[str, str] = {}
    for index, link in enumerate(_listed(task.get("chain"))):
        if not isinstance(link, dict) or "use" not in link:
            continue
        path: KeyPath = ("tasks", task_name, "chain", index, "use")
        use = link["use"]
        if not isinstance(use, str):
            continue
        meant = names.targets(use)
        if not meant:
            if use in names.models and _is_retired(names.models[use]):
                yield document.problem(
                    path, f"“{use}” is retired and has no successor.", "Name its successor."
                )
            else:
                yield _unknown(document, path, _CALLABLE, use, names.callable)
            continue
        again = next((target for target in meant if target in first_use), None)
        if again is not None:
            by = f" (both “{first_use[again]}” and “{use}” mean it)" if use != again else ""
            yield document.problem(
                path,
                f"the chain comes back to “{again}”{by}: a cycle.",
                "Use each deployment once.",
            )
            continue
        first_use.update(dict.fromkeys(meant, use))
        makes, needed = _makes(names, meant[0]), task.get("makes", "text")
        if makes and makes != needed:
            yield document.problem(
                path, f"“{use}” makes {makes}, this task needs {needed}.", "Use another."
            )


def _makes(names: _Names, deployment: str) -> str | None:
    model = _mapping(names.deployments, deployment).get("model")
    found = names.models.get(model) if isinstance(model, str) else None
    return str(found.get("makes", "text")) if isinstance(found, dict) else None


def _is_retired(model: Any) -> bool:
    return isinstance(model, dict) and isinstance(model.get("retired"), (str, date))


def _rules(document: Document, names: _Names) -> Iterator[Problem]:
    first: dict[str, int] = {}
    data = document.data
    for index, rule in enumerate(_listed(data.get("rules"))):
        if not isinstance(rule, dict):
            continue
        path: KeyPath = ("rules", index)
        name = str(rule.get("name", ""))
        if name and name in first:
            yield document.problem(
                (*path, "name"),
                f"“{name}” names two rules (first on line {first[name]}).",
                "Rename one.",
            )
        first.setdefault(name, document.line((*path, "name")))
        uses = rule.get("use", [])
        for use in [uses] if isinstance(uses, str) else _listed(uses):
            if isinstance(use, str) and not names.targets(use):
                yield _unknown(document, (*path, "use"), _CALLABLE, use, names.callable)
        if bool(rule.get("review")) == bool(uses):
            yield document.problem(
                path, "must either `use` a deployment or ask for `review`.", "Write one of the two."
            )
        when = rule.get("when")
        if isinstance(when, str):
            try:
                Condition(when)
            except ConditionError as error:
                fault = error.problems[0]
                yield document.problem((*path, "when"), fault.message, fault.hint)


def _alerts(document: Document, names: _Names) -> Iterator[Problem]:
    data = document.data
    for index, alert in enumerate(_listed(data.get("alerts"))):
        if not isinstance(alert, dict):
            continue
        for key, known in (("task", names.tasks), ("tier", names.tiers)):
            if isinstance(alert.get(key), str) and alert[key] not in known:
                yield _unknown(document, ("alerts", index, key), f"a {key}", alert[key], known)
        if (alert.get("over") is None) == (alert.get("under") is None):
            yield document.problem(
                ("alerts", index), "must say either `over` or `under`.", "Write one of the two."
            )


def _guardrails(document: Document, names: _Names) -> Iterator[Problem]:
    for index, guardrail in enumerate(_listed(document.data.get("guardrails"))):
        task = guardrail.get("task") if isinstance(guardrail, dict) else None
        if isinstance(task, str) and task not in names.tasks:
            yield _unknown(document, ("guardrails", index, "task"), "a task", task, names.tasks)


def _budgets(document: Document, names: _Names) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for index, budget in enumerate(_listed(document.data.get("budgets"))):
        if not isinstance(budget, dict):
            continue
        path: KeyPath = ("budgets", index)
        name = budget.get("name")
        if isinstance(name, str) and name in first:
            yield document.problem(
                (*path, "name"),
                f"“{name}” names two budgets (first on line {first[name]}).",
                "Rename one.",
            )
        elif isinstance(name, str):
            first[name] = document.line((*path, "name"))
        known = {"task": names.tasks, "tier": names.tiers}.get(str(budget.get("scope")))
        for only in _listed(budget.get("only")):
            if known is not None and isinstance(only, str) and only not in known:
                yield _unknown(document, (*path, "only"), f"a {budget['scope']}", only, known)
