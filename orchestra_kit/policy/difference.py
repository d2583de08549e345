"""What changed between two versions of a policy, one sentence a change.

Thresholds are named by what they are; anything else by where it stands. Rules are known by their
names, so that one that only moved is told as moved.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from orchestra_kit.core.display import clean_text
from orchestra_kit.policy.document import dotted
from orchestra_kit.policy.policy import Policy
from orchestra_kit.policy.thresholds import cuts, thresholds

__all__ = ["difference_in_words"]

_LONGEST = 80


def difference_in_words(before: Policy, after: Policy) -> tuple[str, ...]:
    """The changes of the policy file, in its order; empty where it decides alike.

    Prices, capabilities and the classifier beside it are not compared.
    """
    old, new = (p.file.model_dump(mode="json", by_alias=True) for p in (before, after))
    said = [*_thresholds(before, after)]
    first, last = ({rule.name: rule for rule in p.rules} for p in (before, after))
    said += [f"rule “{name}” is gone" for name in first if name not in last]
    said += [f"rule “{name}” is new" for name in last if name not in first]
    kept = [name for name in first if name in last]
    if kept != [name for name in last if name in first]:
        said.append("the order of the rules")
    for name in kept:
        one, other = (r.model_dump(mode="json") for r in (first[name], last[name]))
        if _bare(one["when"]) == _bare(other["when"]):
            one["when"] = other["when"]
        said += [f"{words} of rule “{name}”{rest}" for words, rest in _told(one, other, ())]
    for data in (old, new):
        data.pop("rules")
    for threshold in thresholds(before):
        if threshold.kind != "cut":
            _same(old, new, threshold.path)
    said += [f"{words}{rest}" for words, rest in _told(old, new, ())]
    return tuple(said)


def _thresholds(before: Policy, after: Policy) -> Iterator[str]:
    new = {t.words: t for t in thresholds(after)}
    for threshold in thresholds(before):
        other = new.get(threshold.words)
        if other is not None and other.value != threshold.value:
            old, now = threshold.format(threshold.value), other.format(other.value)
            yield f"{threshold.words} from {old} to {now}"


def _told(old: object, new: object, path: tuple[str | int, ...]) -> Iterator[tuple[str, str]]:
    if old == new:
        return
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in dict.fromkeys([*old, *new]):
            yield from _told(old.get(key), new.get(key), (*path, key))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for place, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from _told(one, other, (*path, place))
    elif old is None:
        yield dotted(path), f" is new: {_shown(new)}"
    elif new is None:
        yield dotted(path), f" is gone, was {_shown(old)}"
    else:
        yield dotted(path), f" from {_shown(old)} to {_shown(new)}"


def _same(old: Any, new: Any, path: tuple[str | int, ...]) -> None:
    """Make a place that was told already alike in both."""
    for part in path[:-1]:
        try:
            old, new = old[part], new[part]
        except (KeyError, IndexError):
            return
    if path[-1] in old and path[-1] in new:
        old[path[-1]] = new[path[-1]]


def _bare(condition: str) -> str:
    """A condition without the numbers of its cuts."""
    for cut in reversed(cuts(condition)):
        condition = condition[: cut.number[0]] + "#" + condition[cut.number[1] :]
    return condition


def _shown(value: object) -> str:
    return clean_text(str(value), longest=_LONGEST)
