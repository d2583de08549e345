"""Whether an answer is the data that a request declared it wants: JSON, and of which shape.

Declared as the protocols do it: ``response_format`` with ``json_object`` or ``json_schema``, or
Gemini's ``responseMimeType`` and ``responseSchema``. Of JSON Schema those words are understood that
providers' structured outputs take; others are passed over, so that no good answer is turned away.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from types import MappingProxyType

from orchestra_kit.core.display import clean_text

__all__ = ["data_fault"]

_DEEPEST = 64
"""Levels of a schema that are looked at."""
_JSON = "application/json"

_IS: Mapping[str, Callable[[object], bool]] = MappingProxyType(
    {
        "object": lambda value: isinstance(value, dict),
        "array": lambda value: isinstance(value, list),
        "string": lambda value: isinstance(value, str),
        "boolean": lambda value: isinstance(value, bool),
        "null": lambda value: value is None,
        "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
        "integer": lambda value: (
            (isinstance(value, int) and not isinstance(value, bool))
            or (isinstance(value, float) and value.is_integer())
        ),
    }
)


def data_fault(text: str, parameters: Mapping[str, object]) -> str:
    """What is wrong with the data in an answer, in words; empty where nothing is or none is due."""
    schema = _declared(parameters)
    if schema is None:
        return ""
    try:
        value = json.loads(text, parse_constant=_refused)
    except (ValueError, RecursionError):
        return "it is not JSON"
    root = schema.get("$defs", schema.get("definitions"))
    return _fault(value, schema, "the answer", root if isinstance(root, Mapping) else {}, 0)


def _refused(name: str) -> object:
    raise ValueError(f"{name} is no JSON")


def _declared(parameters: Mapping[str, object]) -> Mapping[str, object] | None:
    """The schema that was asked for; empty for any object; None where no data was asked for."""
    wanted = parameters.get("response_format")
    if isinstance(wanted, Mapping) and wanted.get("type") == "json_object":
        return {"type": "object"}
    if isinstance(wanted, Mapping) and wanted.get("type") == "json_schema":
        named = wanted.get("json_schema")
        schema = named.get("schema") if isinstance(named, Mapping) else None
        return schema if isinstance(schema, Mapping) else {}
    if parameters.get("responseMimeType") == _JSON:
        schema = parameters.get("responseSchema")
        return schema if isinstance(schema, Mapping) else {}
    return None


def _fault(
    value: object, schema: object, place: str, known: Mapping[object, object], depth: int
) -> str:
    if not isinstance(schema, Mapping) or depth > _DEEPEST:
        return ""
    reference = schema.get("$ref")
    if isinstance(reference, str):
        return _fault(value, known.get(reference.rpartition("/")[2]), place, known, depth + 1)
    either = schema.get("anyOf")
    if isinstance(either, list) and all(_fault(value, s, place, known, depth + 1) for s in either):
        return f"{place} is none of the {len(either)} forms that it may have"
    if "const" in schema and value != schema["const"]:
        return f"{place} is not {_shown(schema['const'])}"
    allowed = schema.get("enum")
    if isinstance(allowed, list) and value not in allowed:
        return f"{place} is not one of {_shown(allowed)}"
    wrong = _wrong_type(value, schema)
    if wrong:
        return f"{place} is no {wrong}"
    if isinstance(value, dict):
        return _fault_of_object(value, schema, place, known, depth)
    if isinstance(value, list):
        faults = (
            _fault(item, schema.get("items"), f"item {number} of {place}", known, depth + 1)
            for number, item in enumerate(value, 1)
        )
        return next(filter(None, faults), "")
    return ""


def _fault_of_object(
    value: Mapping[str, object],
    schema: Mapping[object, object],
    place: str,
    known: Mapping[object, object],
    depth: int,
) -> str:
    required, properties = schema.get("required"), schema.get("properties")
    for name in required if isinstance(required, list) else ():
        if isinstance(name, str) and name not in value:
            return f"{place} lacks {_shown(name)}"
    properties = properties if isinstance(properties, Mapping) else {}
    for name, item in value.items():
        if name in properties:
            fault = _fault(item, properties[name], _shown(name), known, depth + 1)
            if fault:
                return fault
        elif schema.get("additionalProperties") is False:
            return f"{place} may not have {_shown(name)}"
    return ""


def _wrong_type(value: object, schema: Mapping[object, object]) -> str:
    """The type that a value should be of and is not; Gemini writes types in capitals."""
    said = schema.get("type")
    types = [str(t).lower() for t in (said if isinstance(said, list) else [said]) if t]
    if value is None and schema.get("nullable") is True:
        return ""
    known = [t for t in types if t in _IS]
    return "" if not known or any(_IS[t](value) for t in known) else " or ".join(known)


def _shown(value: object) -> str:
    return clean_text(json.dumps(value, ensure_ascii=False, default=str), longest=60)
