"""The numbers in a policy at which its decisions change, by name, place and range.

They are what is tuned: the classifier's confidence floor, each task's quality floor, the weights of
each tier, the limits of spend budgets, and every number that a rule's condition compares a measured
field with.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from orchestra_kit.core.display import Shown
from orchestra_kit.policy.conditions import FIELDS
from orchestra_kit.policy.document import KeyPath
from orchestra_kit.policy.policy import Policy

__all__ = ["Cut", "Kind", "Threshold", "cuts", "thresholds"]

Kind: TypeAlias = Literal["confidence", "quality", "cut", "weight", "budget"]

_WIDEST = {"confidence": 1.0, "complexity": 100.0, "ambiguity": 100.0, "difficulty": 100.0,
           "budget_left": 1.0, "hour": 23.0}  # fmt: skip
_MOST_WEIGHT = 10.0
_NUMBER = r"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?"
_CUT = re.compile(
    rf"(?<![\w.])(?P<field>[a-z_]+)\s*(?P<op>[<>]=?)\s*(?P<number>{_NUMBER})(?![\w.]|\s*[-+*/%])"
    rf"|(?<![\w.])(?P<first>{_NUMBER})\s*(?P<turned>[<>]=?)\s*(?P<other>[a-z_]+)\b"
    r"(?!\s*[-+*/%.(\[])"
)
_STRING = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'")
_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_CALCULATED = re.compile(r"[-+*/%.]\s*$")


@dataclass(frozen=True, slots=True)
class Cut:
    """A field compared with a number, in a condition's text."""

    field: str
    op: str
    """As with the field on the left: ``complexity > 70`` for ``70 < complexity`` as well."""
    value: float
    span: tuple[int, int]
    """Of the whole comparison in the text."""
    number: tuple[int, int]
    """Of the number alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold(Shown):
    """One number that may be tuned."""

    key: str
    """Where it stands, dotted, such as ``tasks.article.quality_floor`` or ``rules.3.when.0``."""
    kind: Kind
    words: str
    """What it is, to be followed by “from 70 to 62”."""
    path: KeyPath
    """Of the YAML scalar that holds it."""
    place: int = 0
    """For a cut: which of the condition's."""
    value: float
    low: float
    high: float
    """The ends of its range; infinite where it has none."""
    whole: bool = False
    """Whether only whole numbers make a difference."""

    def format(self, value: float) -> str:
        """The number as it is written into a policy."""
        text = str(int(value)) if self.whole and float(value).is_integer() else f"{value:.10g}"
        return f"${text}" if self.kind == "budget" else text


def thresholds(policy: Policy) -> tuple[Threshold, ...]:
    """Every threshold of a policy, in the order of the file's parts."""
    return tuple(_all(policy))


def cuts(text: str) -> tuple[Cut, ...]:
    """Every comparison of a number field with a number, in order.

    Equality is none, nor is a comparison with something calculated.
    """
    bare = _masked(text)
    return tuple(
        found
        for match in _CUT.finditer(bare)
        if (found := _cut(match)) is not None and not _CALCULATED.search(bare[: match.start()])
    )


def _all(policy: Policy) -> Iterator[Threshold]:
    yield Threshold(
        key="confidence_floor", kind="confidence", words="the confidence floor",
        path=("confidence_floor",), value=policy.file.confidence_floor, low=0.0, high=1.0,
    )  # fmt: skip
    for name, task in policy.tasks.items():
        yield Threshold(
            key=f"tasks.{name}.quality_floor", kind="quality", words=f"the quality floor of {name}",
            path=("tasks", name, "quality_floor"), value=task.quality_floor, low=0.0, high=1.0,
        )  # fmt: skip
    for number, rule in enumerate(policy.rules):
        found = cuts(rule.when)
        for place, cut in enumerate(found):
            yield _of_cut(number, rule.name, place, cut, among=found)
    for name, tier in policy.tiers.items():
        for part in ("quality", "cost", "latency"):
            yield Threshold(
                key=f"tiers.{name}.{part}", kind="weight",
                words=f"the weight of {part} in tier {name}", path=("tiers", name, part),
                value=float(getattr(tier, part)), low=0.0, high=_MOST_WEIGHT,
            )  # fmt: skip
    for number, budget in enumerate(policy.file.budgets):
        yield Threshold(
            key=f"budgets.{number}.limit", kind="budget",
            words=f"the limit of spend budget “{budget.name}”", path=("budgets", number, "limit"),
            value=float(budget.limit), low=0.0, high=math.inf,
        )  # fmt: skip


def _of_cut(number: int, rule: str, place: int, cut: Cut, *, among: tuple[Cut, ...]) -> Threshold:
    same = [other for other in among if other.field == cut.field]
    side = f" ({cut.op})" if len(same) > 1 else ""
    return Threshold(
        key=f"rules.{number}.when.{place}", kind="cut",
        words=f"the {cut.field} cut{side} of rule “{rule}”", path=("rules", number, "when"),
        place=place, value=cut.value, low=0.0, high=_WIDEST.get(cut.field, math.inf),
        whole=FIELDS[cut.field] == "int",
    )  # fmt: skip


def _cut(match: re.Match[str]) -> Cut | None:
    field = match["field"] or match["other"]
    if FIELDS.get(field) not in {"int", "float"}:
        return None
    name = "number" if match["field"] else "first"
    op = match["op"] or _TURNED[match["turned"]]
    return Cut(field, op, float(match[name]), match.span(), match.span(name))


def _masked(text: str) -> str:
    """The text with its strings blanked, every other character where it was."""
    return _STRING.sub(lambda match: '"' + " " * (len(match[0]) - 2) + '"', text)
