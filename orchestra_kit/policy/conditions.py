"""Conditions of rules: CEL, compiled once, checked against the fields that requests have.

A condition sees the fields of `core.request.Context` and nothing else, may call only the few
functions listed here, and is at most 500 characters long. All fields are always supplied, so
evaluating one cannot fail for want of a field.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import cel

from orchestra_kit.core.errors import ConditionError, Problem
from orchestra_kit.core.request import Context
from orchestra_kit.policy.comparisons import comparisons, without_strings

__all__ = ["FIELDS", "LONGEST", "Condition", "Fields"]

LONGEST = 500
FIELDS: dict[str, str] = {
    f.name: str(f.type).removesuffix(" | None") for f in dataclasses.fields(Context)
}
"""Name and type of every field a condition may use. A field that may be missing is null then:
comparing it with a number is neither true nor false, so that such a condition does not hold."""

_FUNCTIONS = frozenset(
    {"size", "contains", "startsWith", "endsWith", "matches", "has", "int", "double", "string"}
)
_KINDS = {"str": "text", "int": "a number", "float": "a number", "bool": "true or false"}
_NAME = re.compile(r"[A-Za-z_]\w*")
_LOOP = re.compile(r"\.\s*(all|exists|exists_one|map|filter)\s*\(")
_EXAMPLE: dict[str, object] = {"str": "", "float": 0.0, "int": 0, "bool": False}


class Fields:
    """A context in the form that conditions evaluate: built once, used by every rule."""

    __slots__ = ("_native",)

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._native = cel.Context(variables=dict(values))

    @classmethod
    def of(cls, context: Context) -> Fields:
        """The fields of a request's context."""
        return cls({name: getattr(context, name) for name in FIELDS})


class Condition:
    """One compiled condition. Raises ConditionError for text that is not a usable condition."""

    __slots__ = ("_program", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._program = _compile(text)

    def __repr__(self) -> str:
        return f"Condition({self.text!r})"

    @property
    def fields(self) -> frozenset[str]:
        """The fields it reads."""
        return frozenset(self._program.variables())

    def holds(self, fields: Fields) -> bool:
        """Whether it is true of a request; a condition that cannot be evaluated is not."""
        try:
            return self._program.execute(fields._native) is True
        except (TypeError, ValueError, RuntimeError, ArithmeticError):
            return False


@cache
def _compile(text: str) -> Any:
    def refuse(message: str, hint: str) -> ConditionError:
        return ConditionError(Problem("", 0, "", message, hint))

    if len(text) > LONGEST:
        raise refuse(f"the condition is longer than {LONGEST} characters.", "Split the rule.")
    try:
        program = cel.compile(text)
    except (ValueError, TypeError, RuntimeError, RecursionError) as fault:
        detail = str(fault).split("ERROR: <input>:")[-1].split("\n")[0].split(" expecting ")[0]
        raise refuse(
            f"the condition does not parse (line:column {detail.strip()}).",
            'Write it like: task == "article" && words > 2000.',
        ) from None
    for name in program.variables():
        if name not in FIELDS:
            close = difflib.get_close_matches(name, FIELDS, n=1)
            hint = f"Did you mean `{close[0]}`?" if close else f"Use one of: {', '.join(FIELDS)}."
            raise refuse(f"the condition names `{name}`, which requests do not have.", hint)
    for name in program.functions():
        if _NAME.fullmatch(name) and name not in _FUNCTIONS:
            allowed = ", ".join(sorted(_FUNCTIONS))
            raise refuse(f"the condition calls `{name}`.", f"Allowed are: {allowed}.")
    if loop := _LOOP.search(without_strings(text)):
        raise refuse(f"the condition loops (`{loop[1]}`).", "Write the comparisons out.")
    _refuse_wrong_types(program, refuse)
    for field, constants in comparisons(text):
        if field in FIELDS and any(_kind(c) != _KINDS[FIELDS[field]] for c in constants):
            raise refuse(
                "the condition compares values of different kinds.",
                f"`{field}` is {_KINDS[FIELDS[field]]}.",
            )
    return program


def _kind(constant: object) -> str:
    return _KINDS[type(constant).__name__]


def _refuse_wrong_types(program: Any, refuse: Any) -> None:
    sample = cel.Context(variables={name: _EXAMPLE[kind] for name, kind in FIELDS.items()})
    try:
        result = program.execute(sample)
    except (ValueError, ArithmeticError):
        return
    except (TypeError, RuntimeError) as fault:
        if "overload" not in str(fault):
            return
        kinds = ", ".join(f"{n} is {FIELDS[n]}" for n in sorted(program.variables()))
        raise refuse(
            "the condition compares values of different kinds.", f"Here {kinds}."
        ) from None
    if not isinstance(result, bool):
        raise refuse("the condition is not true or false.", "Compare the value with something.")
