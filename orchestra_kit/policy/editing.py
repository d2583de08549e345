"""A policy's file with some of its thresholds set to other values, and nothing else touched.

Comments, order, layout and quotes stay: only the digits change. What was written is read back, so
that an edit that did not say what was meant never leaves here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import yaml

from orchestra_kit.core.errors import PolicyError
from orchestra_kit.policy.document import KeyPath
from orchestra_kit.policy.policy import Policy
from orchestra_kit.policy.schema import PolicyFile
from orchestra_kit.policy.thresholds import Threshold, cuts, thresholds

__all__ = ["Settings", "edited", "with_settings"]

Settings: TypeAlias = Mapping[str, float]
"""Values of thresholds by their keys."""


def edited(policy: Policy, settings: Settings) -> str:
    """The text of the policy's file with thresholds changed.

    Raises PolicyError for a key that is none of its thresholds, a value out of its range, and
    where the file is not the one that was loaded.
    """
    known = {threshold.key: threshold for threshold in thresholds(policy)}
    if Policy.load(policy.path).file != policy.file:
        raise PolicyError(
            f"{policy.path} is no longer the policy that was loaded;", hint="load it again."
        )
    raw = policy.path.read_bytes().decode("utf-8")
    text = raw.removeprefix("\ufeff")
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    edits = []
    for key, value in settings.items():
        threshold = _known(known, key, value)
        if value != threshold.value:
            start, end = _place(root, text, threshold, policy)
            edits.append((start, end, threshold.format(value)))
    for start, end, words in sorted(edits, reverse=True):
        text = text[:start] + words + text[end:]
    return ("\ufeff" if raw.startswith("\ufeff") else "") + text


def with_settings(policy: Policy, settings: Settings) -> Policy:
    """The policy with thresholds changed, in memory only. Raises PolicyError as `edited` does."""
    known = {threshold.key: threshold for threshold in thresholds(policy)}
    data = policy.file.model_dump(mode="json", by_alias=True)
    rules = [rule.when for rule in policy.rules]
    # From the right, so that the places of a condition's other cuts hold.
    for key in sorted(settings, key=lambda key: -known[key].place if key in known else 0):
        threshold = _known(known, key, settings[key])
        if settings[key] == threshold.value:
            continue
        if threshold.kind == "cut":
            number = int(threshold.path[1])
            start, end = cuts(rules[number])[threshold.place].number
            words = threshold.format(settings[key])
            rules[number] = rules[number][:start] + words + rules[number][end:]
            data["rules"][number]["when"] = rules[number]
        else:
            _set(data, threshold.path, threshold.format(settings[key]), threshold)
    return Policy(PolicyFile.model_validate(data), policy.path)


def _known(known: Mapping[str, Threshold], key: str, value: float) -> Threshold:
    threshold = known.get(key)
    if threshold is None:
        raise PolicyError(f"The policy has no threshold “{key}”.")
    if not threshold.low <= value <= threshold.high:
        raise PolicyError(
            f"{threshold.words} cannot be {value:g};",
            hint=f"it lies from {threshold.low:g} to {threshold.high:g}.",
        )
    return threshold


def _set(data: dict[str, object], path: KeyPath, value: str, threshold: Threshold) -> None:
    here: object = data
    for part in path[:-1]:
        here = here[part]  # type: ignore[index]
    here[path[-1]] = value if threshold.kind == "budget" else float(value)  # type: ignore[index]


def _place(
    root: yaml.Node | None, text: str, threshold: Threshold, policy: Policy
) -> tuple[int, int]:
    """Where the number's digits stand in the file's text."""
    node = _node(root, threshold.path)
    if isinstance(node, yaml.ScalarNode):
        start, end = node.start_mark.index, node.end_mark.index
        if threshold.kind != "cut":
            return start, end
        if node.style in {"'", '"'}:
            start, end = start + 1, end - 1
        found = cuts(text[start:end])
        if [cut.value for cut in found] == [cut.value for cut in cuts(str(node.value))]:
            first, last = found[threshold.place].number
            return start + first, start + last
    raise PolicyError(
        f"{threshold.words} cannot be found in {policy.path};",
        hint="write the rule's condition on one line, without escapes.",
    )


def _node(node: yaml.Node | None, path: KeyPath) -> yaml.Node | None:
    for part in path:
        if isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            node = node.value[part] if part < len(node.value) else None
        elif isinstance(node, yaml.MappingNode):
            node = next((value for key, value in node.value if key.value == part), None)
        else:
            return None
    return node
