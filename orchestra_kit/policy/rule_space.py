"""The requests on which rules can differ, and what each rule says to them.

A condition compares fields with constants, so that it can only change its mind at a constant. The
space therefore holds, for each field, the constants that conditions compare it with, their
neighbours on both sides, the ends of its range and a value that no condition names. Where the whole
product is too large, every rule gets its share of points that vary its own fields, and the rest is
drawn at random from a fixed seed.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import TypeAlias

from orchestra_kit.core.errors import ConditionError
from orchestra_kit.policy.comparisons import Literal as Value
from orchestra_kit.policy.comparisons import (
    comparisons,
    conjuncts,
    literals,
    names_beside,
    without_comparisons,
)
from orchestra_kit.policy.conditions import FIELDS, Condition, Fields
from orchestra_kit.policy.policy import Policy

__all__ = ["MOST_POINTS", "Point", "RuleSpace", "Value", "compares_only", "survey"]

Point: TypeAlias = Mapping[str, Value]

MOST_POINTS = 20_000
"""Requests that are tried; `orchestra check` stays under a few seconds with it."""
_SEED = 20261123

_SHARE, _SCORE = (0.0, 1.0), (0.0, 100.0)
_RANGES: dict[str, tuple[float, float]] = {
    "confidence": _SHARE,
    "budget_left": _SHARE,
    "complexity": _SCORE,
    "ambiguity": _SCORE,
    "difficulty": _SCORE,
    "hour": (0, 23),
}
_OTHERS: dict[str, tuple[str, ...]] = {
    "language": ("und", "fr", "ja", "sw"),
    "format": ("text", "table", "list"),
}
"""Values of a text field, of which the first that no condition names is tried as well."""
_LIKELY: dict[str, tuple[str, ...]] = {
    "language": (
        *("ar", "da", "de", "el", "en", "es", "fi", "fr", "he", "hi", "it", "ja", "ko", "nl"),
        *("no", "pl", "pt", "ru", "sv", "th", "tr", "uk", "und", "zh"),
    ),
    "format": ("json", "list", "markdown", "table", "text"),
}
"""Values of a text field that is looked into by more than a comparison, such as ``matches``."""
_FURTHER = (1, 2, 10)
"""Multiples of the constants that a field which is calculated with may have to reach."""
_EVERYDAY: dict[str, Value] = {
    "confidence": 1.0,
    "words": 0,
    "tokens": 50,
    "complexity": 30.0,
    "ambiguity": 10.0,
    "difficulty": 30.0,
    "code": False,
    "maths": False,
    "language": "en",
    "format": "text",
    "attachments": 0,
    "urgent": False,
    "session_turns": 0,
    "budget_left": 1.0,
    "hour": 12,
}
"""A request that only asks for its task: no rule but a general one should catch it."""


@dataclass(frozen=True)
class RuleSpace:
    """What the rules of a policy say to the points tried."""

    points: Sequence[Point]
    complete: bool
    """Whether every combination was tried, not only a sample."""
    matched: tuple[int, ...]
    """For each point, the rules that match it: bit i stands for rule i."""

    @property
    def evidence(self) -> str:
        """How much was looked at, for the reader of a finding."""
        how = "all combinations" if self.complete else "a seeded sample of the combinations"
        return f"tried on {len(self.points):,} requests, {how} of the rules' boundary values"

    def matches(self, rule: int) -> Iterator[int]:
        """Numbers of the points that a rule matches."""
        return (n for n, bits in enumerate(self.matched) if bits >> rule & 1)

    def first(self, point: int) -> int | None:
        """The rule that decides a point; None where none matches."""
        bits = self.matched[point]
        return (bits & -bits).bit_length() - 1 if bits else None

    def shown(self, point: int, fields: Sequence[str]) -> str:
        """A point in words, by the fields named."""
        values = self.points[point]
        return ", ".join(f"{name} {values[name]}" for name in fields)


def survey(policy: Policy, *, most: int = MOST_POINTS) -> RuleSpace:
    """Try the rules of a policy on at most `most` requests, the same ones every time."""
    axes = _axes(policy)
    size = math.prod(len(values) for values in axes.values())
    complete = size <= most
    points = (
        [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]
        if complete
        else _sample(policy.conditions, axes, most)
    )
    conditions = policy.conditions
    matched = []
    for point in points:
        fields = Fields(point)
        matched.append(sum(1 << i for i, c in enumerate(conditions) if c.holds(fields)))
    return RuleSpace(points, complete, tuple(matched))


def _axes(policy: Policy) -> dict[str, tuple[Value, ...]]:
    """The values of each field that are worth trying."""
    constants: dict[str, set[Value]] = {name: set() for name in FIELDS}
    for condition in policy.conditions:
        for name, found in _constants(condition).items():
            constants[name] |= found
    axes: dict[str, tuple[Value, ...]] = {
        "task": tuple(policy.tasks),
        "tier": tuple(policy.tiers),
    }
    for name, kind in FIELDS.items():
        if name in axes:
            continue
        if kind == "bool":
            axes[name] = (False, True)
        elif kind == "str":
            named = {v for v in constants[name] if isinstance(v, str)}
            unnamed = next((v for v in _OTHERS[name] if v not in named), "other")
            axes[name] = tuple(sorted(named | {str(_EVERYDAY[name]), unnamed}))
        else:
            axes[name] = _around(name, kind, constants[name])
    used = {field for condition in policy.conditions for field in condition.fields}
    return {
        name: values if name in used or name in {"task", "tier"} else (_EVERYDAY[name],)
        for name, values in axes.items()
    }


def compares_only(condition: Condition) -> bool:
    """Whether a condition does no more than compare its fields with constants, so that the
    boundary values of its fields tell all of it."""
    switches = {name for name, kind in FIELDS.items() if kind == "bool"}
    return names_beside(condition.text) <= switches | {"true", "false"}


def _around(name: str, kind: str, constants: set[Value]) -> tuple[Value, ...]:
    low, high = _RANGES.get(name, (0, math.inf))
    found: set[Value] = {_EVERYDAY[name]}
    for constant in constants:
        if isinstance(constant, str):
            continue
        step = 0.01 if high == 1.0 else 1
        for value in (constant - step, constant, constant + step):
            found.add(round(value) if kind == "int" else round(float(value), 6))
    found |= {v for v in (low, high) if math.isfinite(v)}
    inside = {v for v in found if not isinstance(v, str) and low <= v <= high}
    return tuple(sorted(int(v) if kind == "int" else float(v) for v in inside))


def _constants(condition: Condition) -> dict[str, set[Value]]:
    """Constants by the field that they are compared with.

    A constant whose field cannot be told (``matches(…)``, arithmetic) counts for every field of its
    kind that the condition reads.
    """
    found: dict[str, set[Value]] = {name: set() for name in condition.fields}
    for field, values in comparisons(condition.text):
        if field in found:
            found[field].update(values)
    for name in names_beside(condition.text) & found.keys():
        found[name].update(_LIKELY.get(name, ()))
        if FIELDS[name] in {"int", "float"}:
            numbers = {n for n in literals(condition.text) if not isinstance(n, (str, bool))}
            found[name].update(n * times for n in numbers for times in _FURTHER)
    for constant in literals(without_comparisons(condition.text)):
        for name in condition.fields:
            if (FIELDS[name] == "str") == isinstance(constant, str):
                found[name].add(constant)
    return found


def _sample(
    conditions: Sequence[Condition], axes: Mapping[str, Sequence[Value]], most: int
) -> list[Point]:
    """Points around each rule, everyday ones and random ones, `most` in all."""
    random = Random(_SEED)
    points: list[Point] = []
    share = max(8, most // (2 * max(1, len(conditions))))
    for condition in conditions:
        narrow = _narrowed(condition, axes)
        own = [*narrow]
        for number, values in enumerate(_combinations(own, narrow, share // 2, random)):
            point = _random_point(axes, random) if number % 2 else _everyday_point(axes, random)
            points.append({**point, **dict(zip(own, values, strict=True))})
    everyday = itertools.product(axes["task"], axes["tier"])
    points += [{**_everyday_point(axes, random), "task": a, "tier": b} for a, b in everyday]
    points += [_random_point(axes, random) for _ in range(most - len(points))]
    return points[:most]


def _narrowed(
    condition: Condition, axes: Mapping[str, Sequence[Value]]
) -> dict[str, Sequence[Value]]:
    """The values of a condition's fields by which each of its parts that reads one field alone can
    be true; all values of a field for which there is none. A narrow rule would hardly ever be met
    by chance."""
    found = {name: axes[name] for name in axes if name in condition.fields}
    for part in conjuncts(condition.text):
        try:
            alone = Condition(part)
        except ConditionError:  # not a condition by itself
            continue
        if len(alone.fields) != 1:
            continue
        (name,) = alone.fields
        holds = [v for v in found[name] if alone.holds(Fields({**_EVERYDAY, name: v}))]
        found[name] = holds or found[name]
    return found


def _combinations(
    names: Sequence[str], axes: Mapping[str, Sequence[Value]], most: int, random: Random
) -> list[tuple[Value, ...]]:
    """All combinations of some fields, each twice; a sample of twice `most` where they are many."""
    if math.prod(len(axes[name]) for name in names) <= most:
        return [v for v in itertools.product(*(axes[name] for name in names)) for _ in range(2)]
    return [tuple(random.choice(axes[name]) for name in names) for _ in range(2 * most)]


def _random_point(axes: Mapping[str, Sequence[Value]], random: Random) -> dict[str, Value]:
    return {name: values[int(random.random() * len(values))] for name, values in axes.items()}


def _everyday_point(axes: Mapping[str, Sequence[Value]], random: Random) -> dict[str, Value]:
    return {
        name: _EVERYDAY[name] if name in _EVERYDAY else random.choice(values)
        for name, values in axes.items()
    }
