"""What can be read from a condition's text without evaluating it."""

from __future__ import annotations

import pytest

from orchestra_kit.policy.comparisons import conjuncts, names_beside


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("urgent", ["urgent"]),
        ("code && !maths", ["code", "!maths"]),
        ('task == "a && b" && words > 5', ['task == "a && b"', "words > 5"]),
        ("(code && maths) && hour in [1, 2]", ["(code && maths)", "hour in [1, 2]"]),
        ("code && maths || urgent", ["code && maths || urgent"]),
        ("code ? maths && urgent : false", ["code ? maths && urgent : false"]),
        ("(code || maths) && urgent", ["(code || maths)", "urgent"]),
    ],
)
def test_a_long_and_falls_into_the_parts_that_must_all_be_true(text: str, parts: list[str]) -> None:
    assert list(conjuncts(text)) == parts


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('task == "words" && words > 5 && !code', {"code"}),
        ("words - tokens > 5", {"words"}),
        ('language.matches("^fr") && 5 < words', {"language", "matches"}),
    ],
)
def test_names_beside_comparisons_are_those_that_are_calculated_with(
    text: str, names: set[str]
) -> None:
    assert names_beside(text) == names
