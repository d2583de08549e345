"""Conditions are compiled once, see declared fields only, and cannot break a request."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra_kit.core.errors import ConditionError
from orchestra_kit.core.request import Context
from orchestra_kit.policy.conditions import FIELDS, LONGEST, Condition, Fields


def context(**changes: object) -> Context:
    values: dict[str, object] = {
        "task": "article", "tier": "basic", "confidence": 1.0, "words": 0, "tokens": 10,
        "complexity": 20.0, "ambiguity": 5.0, "code": False, "maths": False, "language": "en",
        "format": "text", "attachments": 0, "urgent": False, "session_turns": 0,
        "budget_left": 1.0, "hour": 12,
    }  # fmt: skip
    return Context(**{**values, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ('task == "article" && words > 2000', False),
        ('task == "article" && words >= 0', True),
        ('task in ["article", "letter"] && !code', True),
        ('language.startsWith("e")', True),
        ('task == "x.all(" || tier == "words == 1"', False),
        ("0 <= words && size(task) == 7", True),
        ("words * 2 + 1 == 1 && -1 < words", True),
        ("confidence < 0.75 || hour == 12", True),
        ("complexity > 70", False),
    ],
)
def test_a_condition_is_true_of_a_request_or_not(text: str, holds: bool) -> None:
    assert Condition(text).holds(Fields.of(context())) is holds


def test_whole_numbers_and_fractions_compare() -> None:
    assert Condition("words > 0.5").holds(Fields.of(context(words=1)))
    assert Condition("complexity > 70").holds(Fields.of(context(complexity=70.5)))


def test_the_fields_are_those_of_a_request() -> None:
    assert Condition("words > 1 && code").fields == {"words", "code"}
    assert set(FIELDS) == set(Context.__dataclass_fields__)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("wordz > 5", "wordz"),
        ("words >", "does not parse"),
        ('words == "many"', "different kinds"),
        ('words in [1, "two"]', "different kinds"),
        ("1 == task && words > 1", "different kinds"),
        ("code == 1", "different kinds"),
        ('words < "many"', "different kinds"),
        ("[1, 2].all(words, words > 0)", "loops (`all`)"),
        ("words + 1", "not true or false"),
        ("words", "not true or false"),
        ('task.replace("a", "b") == "x"', "calls `replace`"),
        ("", "does not parse"),
        ("x" * (LONGEST + 1), "longer than 500"),
        ('task == "' + "a" * 2000 + '"', "longer than 500"),
        ("__import__('os')", "calls `__import__`"),
    ],
)
def test_what_is_not_a_condition_is_refused_in_one_sentence(text: str, words: str) -> None:
    with pytest.raises(ConditionError) as caught:
        Condition(text)
    assert words in caught.value.problems[0].message


def test_a_misspelt_field_is_told_with_the_nearest_one() -> None:
    with pytest.raises(ConditionError) as caught:
        Condition("complexty > 3")
    assert caught.value.problems[0].hint == "Did you mean `complexity`?"


def test_what_cannot_be_evaluated_does_not_hold() -> None:
    condition = Condition("words / attachments > 1")
    assert not condition.holds(Fields.of(context(attachments=0)))
    assert condition.holds(Fields.of(context(words=4, attachments=2)))


def test_a_loop_over_a_literal_and_deep_brackets_end() -> None:
    with pytest.raises(ConditionError):
        Condition("[1, 2].all(x, x > words)")
    with pytest.raises(ConditionError):
        Condition("(" * 240 + "code" + ")" * 240)


@given(st.text(max_size=60))
def test_any_text_is_a_condition_or_a_condition_error(text: str) -> None:
    try:
        condition = Condition(text)
    except ConditionError:
        return
    assert isinstance(condition.holds(Fields.of(context())), bool)


@given(st.integers(0, 10**6), st.floats(0, 100), st.booleans(), st.sampled_from(["en", "de"]))
def test_a_condition_agrees_with_the_same_words_in_python(
    words: int, complexity: float, code: bool, language: str
) -> None:
    fields = Fields.of(context(words=words, complexity=complexity, code=code, language=language))
    text = '(words > 2000 && complexity > 70.0) || (code && language in ["de", "fr"])'
    expected = (words > 2000 and complexity > 70.0) or (code and language in ["de", "fr"])
    assert Condition(text).holds(fields) is expected
