"""Findings about the decision list: rules that never decide, overlaps, gaps, wrong targets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from orchestra_kit.policy.findings import Finding, Subject
from orchestra_kit.policy.rule_space import RuleSpace, compares_only, survey

__all__ = ["rule_findings"]

_PAIRS_SHOWN = 5


def rule_findings(subject: Subject) -> Iterator[Finding]:
    """Every finding about rules; each says on how many requests it was tried."""
    if not subject.policy.rules:
        return
    space = survey(subject.policy)
    deciding = _deciding(space)
    yield from _idle(subject, space, deciding)
    yield from _overlaps(subject, space)
    yield from _gaps(subject, space)
    yield from _targets(subject, space)
    for index, rule in enumerate(subject.policy.rules):
        if len(rule.because.split()) < 3:
            yield subject.finding(
                "warning",
                "no reason",
                ("rules", index, "because"),
                f"“{rule.because.strip()}” does not say why.",
                "Write the reason in a sentence: it is what an explanation shows.",
            )


def _deciding(space: RuleSpace) -> Counter[int]:
    """How many points each rule decides."""
    return Counter(first for n in range(len(space.points)) if (first := space.first(n)) is not None)


def _idle(subject: Subject, space: RuleSpace, deciding: Counter[int]) -> Iterator[Finding]:
    """Rules that are never true, or never the first to be true."""
    rules = subject.policy.rules
    for index, rule in enumerate(rules):
        if deciding[index]:
            continue
        path = ("rules", index, "when")
        before = Counter(
            first for n in space.matches(index) if (first := space.first(n)) is not None
        )
        if not before:
            sure = compares_only(subject.policy.conditions[index])
            yield subject.finding(
                "error" if sure else "warning",
                "rule never true",
                path,
                f"“{rule.name}” matched none ({space.evidence}).",
                "Correct the condition, or remove the rule."
                if sure
                else "Correct the condition, unless a request that was not tried makes it true.",
            )
            continue
        names = ", ".join(f"“{rules[i].name}”" for i, _ in before.most_common(3))
        yield subject.finding(
            "error",
            "shadowed rule",
            path,
            f"“{rule.name}” never decides: wherever it holds, {names} came first "
            f"({space.evidence}).",
            "Move it up, or remove it.",
        )


def _overlaps(subject: Subject, space: RuleSpace) -> Iterator[Finding]:
    """Pairs of rules of which neither is a case of the other, yet both match some requests."""
    rules = subject.policy.rules
    alone: Counter[int] = Counter()
    both: Counter[tuple[int, int]] = Counter()
    for bits in space.matched:
        found = [i for i in range(len(rules)) if bits >> i & 1]
        alone.update(found)
        both.update((a, b) for k, a in enumerate(found) for b in found[k + 1 :])
    partial = [
        (count, a, b)
        for (a, b), count in both.items()
        if count < alone[a] and count < alone[b] and _differ(subject, a, b)
    ]
    if not partial:
        return
    partial.sort(key=lambda item: (-item[0], item[1:]))
    shown = "; ".join(
        f"“{rules[a].name}” before “{rules[b].name}”" for _, a, b in partial[:_PAIRS_SHOWN]
    )
    more = len(partial) - _PAIRS_SHOWN
    yield subject.finding(
        "note",
        "overlapping rules",
        ("rules",),
        f"{len(partial)} pairs of rules share requests and decide differently, so that their order "
        f"matters: {shown}{f'; and {more} more' if more > 0 else ''} ({space.evidence}).",
        "Nothing, if the order is meant.",
    )


def _differ(subject: Subject, a: int, b: int) -> bool:
    first, second = subject.policy.rules[a], subject.policy.rules[b]
    return not first.review and not second.review and set(first.use) != set(second.use)


def _gaps(subject: Subject, space: RuleSpace) -> Iterator[Finding]:
    """Requests that no rule decides, by task: there the task's chain applies."""
    policy = subject.policy
    everything, undecided, example = Counter[str](), Counter[str](), dict[str, int]()
    for number, point in enumerate(space.points):
        task = str(point["task"])
        everything[task] += 1
        if not space.matched[number]:
            undecided[task] += 1
            example.setdefault(task, number)
    reviewing = {i for i, rule in enumerate(policy.rules) if rule.review}
    guarded = {
        str(space.points[n]["task"])
        for n in range(len(space.points))
        if (first := space.first(n)) is not None and first not in reviewing
    }
    fields = [f for f in space.points[0] if f not in {"task"} and _varies(space, f)]
    for task, count in undecided.items():
        if task not in guarded:
            message = f"no rule is about “{task}”: its chain decides alone ({space.evidence})."
        else:
            message = (
                f"no rule decides {count / everything[task]:.0%} of the requests tried, such as "
                f"{space.shown(example[task], fields[:6])}: the chain does ({space.evidence})."
            )
        yield subject.finding("note", "no rule", ("tasks", task), message, "Nothing, if meant.")


def _varies(space: RuleSpace, field: str) -> bool:
    return len({point[field] for point in space.points[:200]}) > 1


def _targets(subject: Subject, space: RuleSpace) -> Iterator[Finding]:
    """What rules name for tasks that they decide: wrong medium, disqualified, too small a window,
    never measured."""
    policy = subject.policy
    fewest: dict[tuple[int, str], int] = {}
    for number, point in enumerate(space.points):
        first = space.first(number)
        if first is not None:
            key, tokens = (first, str(point["task"])), int(point["tokens"])
            fewest[key] = min(tokens, fewest.get(key, tokens))
    for (index, task), tokens in sorted(fewest.items()):
        rule = policy.rules[index]
        for name in rule.use:
            for deployment in policy.targets(name):
                shown = f"“{name}”," if deployment == name else f"“{name}”, so to “{deployment}”,"
                yield from _target(subject, index, task, deployment, shown)
                yield from _window(subject, index, task, deployment, shown, tokens)
    yield from _blind(subject, space)


def _target(
    subject: Subject, index: int, task: str, deployment: str, shown: str
) -> Iterator[Finding]:
    policy = subject.policy
    rule, needed, model = policy.rules[index], policy.tasks[task].makes, policy.model_of(deployment)
    path = ("rules", index, "use")
    if model.makes != needed:
        yield subject.finding(
            "error",
            "wrong medium",
            path,
            f"“{rule.name}” sends {task} to {shown} which makes {model.makes}, not {needed}.",
            "Name the task in the condition, or another deployment.",
        )
    elif task in model.never_for:
        yield subject.finding(
            "error",
            "disqualified model",
            path,
            f"“{rule.name}” sends {task} to {shown} whose model is disqualified for it.",
            "Use another deployment.",
        )
    elif policy.capabilities.cell(deployment, task) is None:
        yield subject.finding(
            "warning",
            "never measured",
            path,
            f"“{rule.name}” sends {task} to {shown} which was never measured at it: it would be "
            "passed over.",
            "Run `orchestra measure`.",
        )


def _window(
    subject: Subject, index: int, task: str, deployment: str, shown: str, tokens: int
) -> Iterator[Finding]:
    """A window that not even the shortest request fits of those that a rule decides."""
    policy = subject.policy
    rule, definition = policy.rules[index], policy.tasks[task]
    model, needed = policy.model_of(deployment), tokens + definition.max_output_tokens
    window = model.context_window
    if window and needed > window and model.makes == definition.makes == "text":
        yield subject.finding(
            "error",
            "window too small",
            ("rules", index, "use"),
            f"“{rule.name}” sends {task} to {shown} whose window holds {window:,} tokens; a "
            f"request and its answer may take {needed:,} at the least.",
            "Use a model with a larger window, or lower max_output_tokens.",
        )


def _blind(subject: Subject, space: RuleSpace) -> Iterator[Finding]:
    """Rules about attachments that name what takes in nothing but text."""
    policy = subject.policy
    bare = {
        first
        for n, point in enumerate(space.points)
        if not point["attachments"] and (first := space.first(n)) is not None
    }
    for index, rule in enumerate(policy.rules):
        if index in bare or "attachments" not in policy.conditions[index].fields:
            continue
        for name in rule.use:
            if all(policy.model_of(d).reads == ("text",) for d in policy.targets(name)):
                yield subject.finding(
                    "warning",
                    "reads only text",
                    ("rules", index, "use"),
                    f"“{rule.name}” is about attachments, and “{name}” takes in nothing but text: "
                    "it would be passed over for a picture.",
                    "Say what it takes in under `reads` of its model, or use another.",
                )
