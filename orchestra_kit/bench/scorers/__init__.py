"""Scorers: each judges an answer against a description that can stand in a file.

::

    scorer({"name": "number", "expected": 42}).score("17 + 25 = 42").value   # 1.0
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, TypeAlias

from pydantic import Field, TypeAdapter, ValidationError

from orchestra_kit.bench.scorers.choice import Choice
from orchestra_kit.bench.scorers.constraints import Constraints
from orchestra_kit.bench.scorers.facts import Facts
from orchestra_kit.bench.scorers.json_fields import JsonFields
from orchestra_kit.bench.scorers.number import Number
from orchestra_kit.bench.scorers.python_tests import PythonTests
from orchestra_kit.bench.scorers.scorer import Scorer
from orchestra_kit.core.errors import BenchError

__all__ = [
    "SCORERS",
    "Choice",
    "Constraints",
    "Facts",
    "JsonFields",
    "Number",
    "PythonTests",
    "Scorer",
    "ScorerSpec",
    "scorer",
]

SCORERS: Mapping[str, type[Scorer]] = MappingProxyType(
    {
        "choice": Choice,
        "constraints": Constraints,
        "facts": Facts,
        "json_fields": JsonFields,
        "number": Number,
        "python_tests": PythonTests,
    }
)
"""Scorers by the name under which a file asks for them."""

ScorerSpec: TypeAlias = Annotated[
    Choice | Constraints | Facts | JsonFields | Number | PythonTests, Field(discriminator="name")
]
"""A scorer as a file describes it; pydantic picks the class by `name`."""

_SPEC: TypeAdapter[ScorerSpec] = TypeAdapter(ScorerSpec)


def scorer(spec: Mapping[str, object]) -> Scorer:
    """The scorer of that name with those parameters; raises BenchError for any other."""
    if spec.get("name") not in SCORERS:
        raise BenchError(
            f"There is no scorer “{spec.get('name')}”.", hint=f"Known are: {', '.join(SCORERS)}."
        )
    try:
        return _SPEC.validate_python(dict(spec))
    except ValidationError as fault:
        first = fault.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"][1:]) or "its parameters"
        raise BenchError(f"The scorer “{spec['name']}”: {where}: {first['msg']}.") from None
