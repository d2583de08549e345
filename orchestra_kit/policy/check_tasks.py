"""Findings about tasks and money: examples that blur the taxonomy, budgets that cannot act."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations, pairwise

from orchestra_kit.core.errors import PolicyError
from orchestra_kit.core.ids import content_hash
from orchestra_kit.policy.findings import Finding, Subject

__all__ = ["budget_findings", "taxonomy_findings"]

FEWEST_EXAMPLES = 20
"""Below it a classifier of words has little to learn from, and its calibration even less."""
_LADDER = {
    "note_at": "tells its operators",
    "downgrade_at": "downgrades",
    "throttle_at": "throttles",
    "block_at": "blocks",
}
"""The steps of a budget in the order in which they are meant to be taken, and what each does."""
ALIKE = 0.8
"""Share of words in common (Jaccard) from which two examples count as the same request."""


def taxonomy_findings(subject: Subject) -> Iterator[Finding]:
    """Whether the tasks' examples keep them apart, and whether the classifier learned them."""
    policy = subject.policy
    examples: dict[str, tuple[str, ...]] = {}
    for name, task in policy.tasks.items():
        path = ("tasks", name, "examples")
        try:
            examples[name] = policy.examples(name)
        except (PolicyError, OSError, UnicodeDecodeError):
            yield subject.finding(
                "error", "no examples", path, f"{task.examples} holds none that can be read.",
                "Write one request a line.",
            )  # fmt: skip
            continue
        if len(examples[name]) < FEWEST_EXAMPLES:
            yield subject.finding(
                "warning", "few examples", path,
                f"{task.examples} holds {len(examples[name])} examples.",
                f"Write at least {FEWEST_EXAMPLES}; 50 varied ones are better.",
            )  # fmt: skip
    yield from _overlapping(subject, examples)
    yield from _classifier(subject, examples)


def _overlapping(subject: Subject, examples: dict[str, tuple[str, ...]]) -> Iterator[Finding]:
    words = {
        task: [frozenset(re.findall(r"\w+", line.lower())) for line in lines]
        for task, lines in examples.items()
    }
    for one, other in combinations(examples, 2):
        for a, first in enumerate(words[one]):
            for b, second in enumerate(words[other]):
                shared = len(first & second)
                if not shared or shared < ALIKE * (len(first) + len(second) - shared):
                    continue
                same = first == second
                yield subject.finding(
                    "error" if same else "warning",
                    "overlapping tasks",
                    ("tasks", other, "examples"),
                    f"“{examples[other][b]}” is an example of {other}, and "
                    + (f"of {one} as well" if same else f"of {one} is “{examples[one][a]}”")
                    + ": a request must belong to one task.",
                    "Decide for one of the two.",
                )


def _classifier(subject: Subject, examples: dict[str, tuple[str, ...]]) -> Iterator[Finding]:
    policy = subject.policy
    hint = "Run `orchestra train`."

    def finding(message: str) -> Finding:
        return subject.finding("warning", "classifier", ("classifier",), message, hint)

    file = policy.file.classifier
    try:
        learned = json.loads(policy.classifier_path.read_bytes())
        tasks, digest, version = learned["tasks"], learned["examples"], learned["version"]
    except FileNotFoundError:
        yield finding(
            f"there is no {file}: requests that do not declare their task cannot be read."
        )
        return
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        yield finding(f"{file} cannot be read.")
        return
    if set(map(str, tasks)) != set(policy.tasks):
        yield finding(f"{file} was trained for other tasks: {', '.join(map(str, tasks))}.")
    elif digest != content_hash({"version": version, "tasks": examples}, length=16):
        yield finding(f"{file} was trained on other examples than the present ones.")


def budget_findings(subject: Subject) -> Iterator[Finding]:
    """Spend budgets that cannot act, or that shadow each other."""
    seen: dict[tuple[str, str, str, tuple[str, ...]], list[str]] = defaultdict(list)
    for index, budget in enumerate(subject.policy.file.budgets):
        path = ("budgets", index)
        for (step, does), (later_step, later_does) in pairwise(_LADDER.items()):
            share, later = getattr(budget, step), getattr(budget, later_step)
            if share > later:
                yield subject.finding(
                    "warning", "budget", (*path, step),
                    f"“{budget.name}” {later_does} at {later:.0%} before it {does} at {share:.0%}.",
                    f"Set `{step}` to at most `{later_step}`.",
                )  # fmt: skip
        if budget.only and budget.scope == "global":
            yield subject.finding(
                "warning", "budget", (*path, "only"),
                f"“{budget.name}” covers everything, so that `only` has no effect.",
                "Set a scope, or remove `only`.",
            )  # fmt: skip
        key = (budget.scope, budget.per, budget.time_zone, budget.only)
        if seen[key]:
            yield subject.finding(
                "note", "budget", path,
                f"“{budget.name}” covers the same as “{seen[key][0]}”: the smaller one decides.",
                "Keep one of the two.",
            )  # fmt: skip
        seen[key].append(budget.name)
