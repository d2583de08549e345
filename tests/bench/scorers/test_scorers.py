"""Each scorer with right, wrong and hostile answers."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra_kit.bench.scorers import SCORERS, scorer
from orchestra_kit.core.errors import BenchError

NUMBER = {"name": "number", "expected": 1250}
CHOICE = {"name": "choice", "labels": ["positive", "negative", "neutral"], "expected": "positive"}
FIELDS = {"name": "json_fields", "expected": {"name": "Ana", "age": 41, "tags": ["a", "b"]}}
FACTS = {"name": "facts", "facts": ["Elmsworth", ["600", "six hundred"]], "max_words": 10}
EXAMPLES = [
    NUMBER,
    CHOICE,
    FIELDS,
    FACTS,
    {"name": "constraints", "max_words": 5, "include": ["tea"], "sentences": 1, "bullets": 0,
     "language": "en", "json_keys": "a"},
]  # fmt: skip


def value(spec: dict[str, object], answer: str) -> float | None:
    return scorer(spec).score(answer).value


@pytest.mark.parametrize(
    "answer",
    ["1250", "1,250.", "**$1,250.00**", "600 + 650 = 1250", r"\boxed{1250} pages in 8 minutes"],
)
def test_the_last_number_is_the_answer(answer):
    assert value(NUMBER, answer) == 1.0


@pytest.mark.parametrize(
    "answer",
    ["1251", "1250 is not 7", "-1250", "−1250", "12.50", "twelve", "9" * 5_000, r"\boxed{x} 1250"],
)
def test_another_number_or_none_is_wrong(answer):
    assert value(NUMBER, answer) == 0.0


def test_a_tolerance_is_as_wide_as_it_says():
    spec = {"name": "number", "expected": 3.14, "tolerance": 0.01}
    assert [value(spec, text) for text in ("3.15", "3.13", "3.16")] == [1.0, 1.0, 0.0]


def test_what_an_answer_comes_down_to_is_given_for_voting():
    assert scorer(NUMBER).short_answer("about $1,251 in all") == "1251"
    assert scorer(CHOICE).short_answer("Neutral, I think") == "neutral"
    assert scorer(CHOICE).short_answer("positive or negative") is None
    assert scorer(FACTS).short_answer("anything") is None


@pytest.mark.parametrize(
    "answer",
    ["positive", "Positive.", "**Positive**", "The sentiment is positive.",
     "Positive. It is not negative at all."],
)  # fmt: skip
def test_the_label_that_is_named_is_the_answer(answer):
    assert value(CHOICE, answer) == 1.0


@pytest.mark.parametrize(
    "answer",
    ["negative", "positive, negative or neutral", "It may be positive or neutral.", "seropositive",
     "Neutral. Not positive."],
)  # fmt: skip
def test_another_label_several_or_none_is_wrong(answer):
    assert value(CHOICE, answer) == 0.0


@pytest.mark.parametrize(
    ("answer", "share"),
    [
        ('{"name": "Ana", "age": 41, "tags": ["a", "b"]}', 1.0),
        ('Here:\n```json\n{"name": " ANA", "age": "41", "tags": ["A", "b"], "more": 1}\n```', 1.0),
        ('{"name": "Ana", "age": 42, "tags": ["a", "b"]}', 2 / 3),
        ('{"name": "Ana", "age": 41, "tags": ["b", "a"]}', 2 / 3),
        ('{"name": "Ana"}', 1 / 3),
        ('{"name": {"first": "Ana"}, "age": [41], "tags": "a"}', 0.0),
        ('{name: "Ana"}', 0.0),
        ("Ana, 41", 0.0),
        ("{" * 50_000, 0.0),
        ('{"a":' * 20_000, 0.0),
        ('{"age": NaN, "name": true, "tags": null}', 0.0),
    ],
)
def test_json_scores_the_share_of_fields_that_are_right(answer, share):
    assert value(FIELDS, answer) == pytest.approx(share)


def test_null_and_truth_are_compared_strictly():
    spec = {"name": "json_fields", "expected": {"a": None, "b": False, "c": 2.5}}
    assert value(spec, '{"a": null, "b": false, "c": 2.50}') == 1.0
    assert value(spec, '{"a": "", "b": 0, "c": "two"}') == 0.0


@pytest.mark.parametrize(
    ("answer", "share"),
    [
        ("Elmsworth plants 600 trees.", 1.0),
        ("ELMSWORTH plants six hundred trees.", 1.0),
        ("A town plants 600 trees.", 0.5),
        ("A town plants 6000 trees.", 0.0),
        ("Elmsworth plants 600 trees " + "and more " * 3 + "so", 0.9),
        ("Elmsworth 600 " + "word " * 500, 0.0),
    ],
)
def test_facts_count_as_far_as_the_length_allows(answer, share):
    assert value(FACTS, answer) == pytest.approx(share)


def test_thousands_are_the_same_however_they_are_written():
    spec = {"name": "facts", "facts": ["84000"], "max_words": 9}
    assert value(spec, "He gave 84,000 pounds.") == 1.0


@pytest.mark.parametrize(
    ("constraint", "kept", "broken"),
    [
        ({"words": 3}, "one two three", "one two"),
        ({"min_words": 2}, "one two", "one"),
        ({"max_words": 2}, "one - two", "one two three"),
        ({"sentences": 2}, "It rains. Take 2.5 umbrellas!", "It rains, take one."),
        ({"sentences": 1}, "No end", "One. Two."),
        ({"bullets": 2}, "- a\n- b\nand text", "- a\nb"),
        ({"numbered": 2}, "1. a\n2) b", "1 a\n2 b"),
        ({"lines": 2}, "a\n\nb\n", "a"),
        ({"words_a_line": 2}, "- one two\n\n- one two", "one two\none"),
        ({"max_words_a_line": 2}, "one two\none", "one two three"),
        ({"include": "tea"}, "Green TEA!", "teapot"),
        ({"exclude": "tea"}, "teapot", "Tea"),
        ({"starts_with": "Dear"}, '"Dear all,"', "My dear"),
        ({"ends_with": "soon."}, "See you soon.\n", "soon. Bye"),
        ({"ends_with": "ride on"}, "Now ride on!", "Ride on now"),
        ({"ends_with": "soon."}, "Soon.", "soon!"),
        ({"initials": "wet"}, "We walk\n- Every\nTime", "We walk\nTo\nEat"),
        ({"lower_case": True}, "all small", "Not all"),
        ({"upper_case": True}, "LOUD 1", "Loud"),
        ({"no_commas": True}, "a b", "a, b"),
        ({"no_digits": True}, "two", "2"),
        ({"json_keys": ["a", "b"]}, '```json\n{"b": 1, "a": 2}\n```', '{"a": 1, "b": 2, "c": 3}'),
        ({"json_keys": "a"}, '{"a": 1}', 'Here: {"a": 1}'),
        ({"language": "fr"}, "Le thé est bon pour la santé et le goût.", "Tea is good for you."),
    ],
)
def test_each_constraint_tells_kept_from_broken(constraint, kept, broken):
    spec = {"name": "constraints", **constraint}
    assert value(spec, kept) == 1.0
    assert value(spec, broken) == 0.0


def test_constraints_score_the_share_that_is_kept_and_name_the_others():
    found = scorer({"name": "constraints", "max_words": 2, "include": ["tea", "milk"]}).score("tea")
    assert found.value == pytest.approx(2 / 3)
    assert found.reason == "breaks include milk"


@pytest.mark.parametrize("spec", EXAMPLES, ids=lambda spec: spec["name"])
@pytest.mark.parametrize("answer", ["", "   \n"])
def test_an_empty_answer_scores_nothing_but_is_scored(spec, answer):
    found = scorer(spec).score(answer)
    assert found.value == 0.0
    assert found.reason == "the answer is empty"


@pytest.mark.parametrize("spec", EXAMPLES, ids=lambda spec: spec["name"])
@pytest.mark.parametrize(
    "answer",
    ["{" * 300_000, "1," * 300_000, " " * 300_000 + "x", "\n" * 300_000 + "x", "a" * 2_000_000,
     "positive " * 100_000, "```\n" * 100_000, ". " * 200_000, "9" * 300_000, "\\boxed{" * 50_000],
    ids=str.__len__,
)  # fmt: skip
def test_no_answer_holds_a_scorer_up(spec, answer):
    started = time.perf_counter()
    assert scorer(spec).score(answer).scored
    assert time.perf_counter() - started < 5


@pytest.mark.parametrize("spec", EXAMPLES, ids=lambda spec: spec["name"])
@given(answer=st.text(max_size=200))
def test_every_answer_gets_a_score_between_0_and_1(spec, answer):
    found = scorer(spec).score(answer)
    assert found.value is not None
    assert 0 <= found.value <= 1
    assert found.scorer == spec["name"]


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({"name": "taste"}, "no scorer"),
        ({}, "no scorer"),
        ({"name": "number"}, "expected"),
        ({"name": "number", "expected": 1, "tollerance": 2}, "tollerance"),
        ({"name": "choice", "labels": ["a", "b"], "expected": "c"}, "not among the labels"),
        ({"name": "choice", "labels": ["a"], "expected": "a"}, "labels"),
        ({"name": "facts", "facts": [], "max_words": 5}, "facts"),
        ({"name": "constraints"}, "sets no constraint"),
        ({"name": "json_fields", "expected": {}}, "expected"),
        ({"name": "python_tests", "function": "f", "tests": [{"call": "x", "gives": "1"}]},
         "no literal"),
        ({"name": "python_tests", "function": "f(", "tests": [{"call": "1", "gives": "1"}]},
         "function"),
    ],
)  # fmt: skip
def test_a_description_that_is_wrong_is_told(spec, why):
    with pytest.raises(BenchError, match=why):
        scorer(spec)


def test_the_registry_names_every_scorer():
    assert {name: kind.model_fields["name"].default for name, kind in SCORERS.items()} == {
        name: name for name in SCORERS
    }
