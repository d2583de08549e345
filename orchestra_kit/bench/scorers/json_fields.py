"""Fields extracted to JSON."""

from __future__ import annotations

import json
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from orchestra_kit.bench.scorers.scorer import Scorer, folded, unfenced
from orchestra_kit.core.answer import Score

__all__ = ["JsonFields"]

_Leaf: TypeAlias = str | int | float | bool | None
_MOST_TRIES = 200
"""Opening braces at which an object is looked for; text full of them holds none."""


class JsonFields(Scorer):
    """The share of `expected` fields that the first JSON object of the answer has right.

    Text is compared without regard to case and spaces, numbers by value, lists in order. Fields
    that were not asked for are ignored; an answer without a JSON object scores 0.
    """

    name: Literal["json_fields"] = "json_fields"
    expected: Annotated[dict[str, _Leaf | list[_Leaf]], Field(min_length=1)]

    def _judge(self, answer: str) -> Score:
        found = _first_object(answer)
        if found is None:
            return self._scored(0.0, "holds no JSON object")
        given = {folded(name): value for name, value in found.items()}
        wrong = [
            name
            for name, value in self.expected.items()
            if folded(name) not in given or not _alike(given[folded(name)], value)
        ]
        share = 1 - len(wrong) / len(self.expected)
        return self._scored(share, f"wrong: {', '.join(wrong)}" if wrong else "")


def _first_object(text: str) -> dict[str, object] | None:
    decoder = json.JSONDecoder()
    for source in (*unfenced(text), text):
        start = -1
        for _ in range(_MOST_TRIES):
            start = source.find("{", start + 1)
            if start < 0:
                break
            try:
                value, _end = decoder.raw_decode(source, start)
            except (ValueError, RecursionError):
                continue
            if isinstance(value, dict) and value:
                return value
    return None


def _alike(given: object, expected: object) -> bool:
    if isinstance(expected, list):
        return (
            isinstance(given, list)
            and len(given) == len(expected)
            and all(_alike(g, e) for g, e in zip(given, expected, strict=True))
        )
    if isinstance(expected, bool) or expected is None:
        return given is expected
    if isinstance(expected, (int, float)):
        return _number(given) == float(expected)
    return isinstance(given, (str, int, float)) and folded(str(given)) == folded(str(expected))


def _number(value: object) -> float | None:
    """A number, also where it was written as text."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        return float(folded(value).lstrip("$") if isinstance(value, str) else value)
    except (ValueError, OverflowError):
        return None
