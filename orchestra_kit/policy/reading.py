"""From a document to a checked value, with every fault told in the reader's words."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from typing import Any, Literal, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError

from orchestra_kit.core.errors import ConfigError, Problem
from orchestra_kit.policy.document import Document, KeyPath

__all__ = ["read_as"]

M = TypeVar("M", bound=BaseModel)

_SAYINGS = {
    "missing": "is missing.",
    "string_type": "must be text.",
    "int_type": "must be a whole number.",
    "int_parsing": "must be a whole number.",
    "int_from_float": "must be a whole number.",
    "float_type": "must be a number.",
    "float_parsing": "must be a number.",
    "bool_type": "must be true or false.",
    "bool_parsing": "must be true or false.",
    "dict_type": "must be a mapping (key: value).",
    "model_type": "must be a mapping (key: value).",
    "tuple_type": "must be a list.",
    "list_type": "must be a list.",
    "finite_number": "must be a finite number.",
    "date_type": "must be a date such as 2026-10-23.",
    "date_parsing": "must be a date such as 2026-10-23.",
    "date_from_datetime_parsing": "must be a date such as 2026-10-23.",
}


def read_as(
    model: type[M],
    document: Document,
    error: type[ConfigError],
    more: Iterable[Problem] = (),
) -> M:
    """The document as `model`; raises `error` with all faults of the document, of its shape and
    of `more` together."""
    problems = [*document.problems, *more]
    try:
        value = model.model_validate(document.data)
    except ValidationError as fault:
        problems += _shape_problems(model, document, fault)
    else:
        if not problems:
            return value
    raise error(_once_each(problems))


def _shape_problems(
    model: type[BaseModel], document: Document, fault: ValidationError
) -> Iterator[Problem]:
    for item in fault.errors(include_url=False, include_context=True, include_input=False):
        path = _document_path(document, item["loc"])
        kind = str(item["type"])
        if kind == "extra_forbidden":
            yield document.problem(path, "is not a known key.", _nearest_key(model, item["loc"]))
        elif kind == "missing":
            yield document.problem(path, "is missing.", "Add it.")
        else:
            yield document.problem(path, _saying(kind, item), _hint(item))


def _document_path(document: Document, loc: tuple[str | int, ...]) -> KeyPath:
    """pydantic's location without the marks of unions and of mapping keys."""
    path: KeyPath = ()
    for part in loc:
        if (*path, part) in document.lines or part is loc[-1]:
            path = (*path, part)
    return tuple(p for p in path if p != "[key]")


def _saying(kind: str, item: Any) -> str:
    if kind in _SAYINGS:
        return _SAYINGS[kind]
    context = item.get("ctx", {})
    if kind == "value_error":
        return f"{context.get('error', 'is not valid')}."
    if kind == "literal_error":
        return f"must be one of {str(context['expected']).replace(chr(39), '')}."
    if kind in {"greater_than_equal", "less_than_equal", "greater_than", "less_than"}:
        word = {"ge": "at least", "le": "at most", "gt": "more than", "lt": "less than"}
        for key, name in word.items():
            if key in context:
                return f"must be {name} {context[key]:g}."
    if kind == "string_pattern_mismatch" and "env:" in str(context.get("pattern")):
        return "must name an environment variable as env:NAME, never hold the key itself."
    if kind == "string_pattern_mismatch":
        return "must be a name of letters, digits, dots and dashes (at most 80)."
    if kind in {"too_short", "string_too_short"}:
        return "is empty."
    if kind in {"too_long", "string_too_long"}:
        return f"is too long (at most {context.get('max_length')})."
    return f"is not valid ({str(item['msg']).lower()})."


def _hint(item: Any) -> str:
    return "Give each an entry." if item["type"] == "too_short" else ""


def _nearest_key(model: type[BaseModel], loc: tuple[str | int, ...]) -> str:
    owner = _owner(model, loc[:-1])
    known = [field.alias or name for name, field in owner.model_fields.items()]
    close = difflib.get_close_matches(str(loc[-1]), known, n=1)
    return f"Did you mean “{close[0]}”?" if close else f"Known keys: {', '.join(known)}."


def _owner(model: type[BaseModel], loc: tuple[str | int, ...]) -> type[BaseModel]:
    """The model that a location lies in; of a union the one that pydantic's tag names."""
    owner, keyed = model, False
    choices: tuple[type[BaseModel], ...] = (model,)
    for part in loc:
        if keyed:  # the key of a mapping, which may well be spelt as some field is
            keyed = False
            continue
        field = next((f for n, f in owner.model_fields.items() if part in {n, f.alias}), None)
        if field is None:
            owner = next((choice for choice in choices if part in _tags(choice)), owner)
        elif found := tuple(_models_in(field.annotation)):
            owner, choices = found[0], found
            keyed = get_origin(field.annotation) is dict
    return owner


def _tags(model: type[BaseModel]) -> Iterator[object]:
    """What pydantic may call a member of a tagged union: the only values of some field."""
    for field in model.model_fields.values():
        if get_origin(field.annotation) is Literal:
            yield from get_args(field.annotation)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models_in(part)


def _once_each(problems: Iterable[Problem]) -> list[Problem]:
    """One problem a place: the first told of it is the most telling."""
    kept: dict[tuple[str, str], Problem] = {}
    for problem in problems:
        kept.setdefault((problem.file, problem.path), problem)
    return list(kept.values())
