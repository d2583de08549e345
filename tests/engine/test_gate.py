"""Answers that arrived and may not be delivered as they are: cut off, or not the data asked for."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra_kit.core.answer import Source
from orchestra_kit.core.errors import FailureClass
from orchestra_kit.engine.structured import data_fault
from orchestra_kit.policy.policy import Policy
from tests.engine.small import POLICY, Told, an_orchestra, told, well, write_policy

SCHEMA = {
    "type": "object",
    "properties": {
        "text": {"type": "string"},
        "hashtags": {"type": "array", "items": {"$ref": "#/$defs/tag"}},
        "tone": {"enum": ["warm", "dry"]},
        "words": {"type": ["integer", "null"]},
    },
    "required": ["text", "hashtags"],
    "additionalProperties": False,
    "$defs": {"tag": {"anyOf": [{"type": "string"}, {"type": "object", "required": ["tag"]}]}},
}
ASKED = {"response_format": {"type": "json_schema", "json_schema": {"schema": SCHEMA}}}
GOOD = {"text": "Run.", "hashtags": ["a", {"tag": "b"}], "tone": "dry", "words": 1.0}


class Live(Told):
    """As `Told`, and its words are real ones."""

    source = Source.LIVE


def saying(*texts, finish="stop"):
    """Each answer in turn, the last for ever; `calls` are what was asked."""
    left, calls = list(texts), []

    async def says(call, clock):
        calls.append(call)
        answer = await well(call, clock)
        text = left.pop(0) if len(left) > 1 else left[0]
        return replace(answer, text=text, finish=finish)

    says.calls = calls
    return says


def asked(orchestra, **options):
    return orchestra.run_sync("Write a letter", tier="basic", task="letter", **options)


@pytest.fixture
def again(tmp_path):
    """The small policy, in which letters are wanted whole."""
    write_policy(tmp_path)
    text = POLICY.replace(
        "max_output_tokens: 1000\n", "max_output_tokens: 1000\n    cut_off: again\n"
    )
    (tmp_path / "orchestra.yaml").write_text(text, encoding="utf-8")
    return Policy.load(tmp_path)


def test_an_answer_that_was_cut_off_is_delivered_and_says_so(small):
    cut = saying("Dear Aunt, thank you for", finish="length")
    with an_orchestra(small, lambda clock: Told(clock, {"first": cut})) as orchestra:
        reply = asked(orchestra)
    assert (reply.deployment, reply.truncated, len(reply.attempts)) == ("first", True, 1)


def test_where_whole_answers_are_wanted_it_is_asked_for_once_more_with_more_room(again):
    async def longer(call, clock):
        enough = call.max_output_tokens > 1000
        answer = await well(call, clock)
        return replace(answer, text="Dear Aunt, thank you", finish="stop" if enough else "length")

    with an_orchestra(again, lambda clock: Told(clock, {"first": longer})) as orchestra:
        reply = asked(orchestra)
    assert [a.failure for a in reply.attempts] == [FailureClass.MALFORMED, None]
    assert (reply.deployment, reply.truncated) == ("first", False)
    assert reply.cost == sum(a.cost for a in reply.attempts)


def test_where_every_answer_is_cut_off_the_first_is_delivered_and_says_so(again):
    cut = saying("Dear Aunt, thank you for", finish="length")
    doings = dict.fromkeys(("first", "second", "third"), cut)
    with an_orchestra(again, lambda clock: Told(clock, doings)) as orchestra:
        reply = asked(orchestra)
        assert len(told(orchestra).sent) <= 6
        assert all(orchestra.health.closed(name) for name in doings)
    assert (reply.answered, reply.deployment, reply.truncated) == (True, "first", True)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("Here it is: {}", "it is not JSON"),
        ('```json\n{"text": "x", "hashtags": []}\n```', "it is not JSON"),
        ('{"text": "x", "hashtags": [], "words": NaN}', "it is not JSON"),
        ('["x"]', "the answer is no object"),
        ('{"text": "x"}', 'the answer lacks "hashtags"'),
        ('{"text": 5, "hashtags": []}', '"text" is no string'),
        ('{"text": "x", "hashtags": ["a", 5]}', 'item 2 of "hashtags" is none of the 2 forms'),
        ('{"text": "x", "hashtags": [], "tone": "loud"}', '"tone" is not one of ["warm", "dry"]'),
        ('{"text": "x", "hashtags": [], "words": 1.5}', '"words" is no integer or null'),
        ('{"text": "x", "hashtags": [], "words": 1e999}', '"words" is no integer or null'),
        ('{"text": "x", "hashtags": [], "more": 1}', 'the answer may not have "more"'),
    ],
)
def test_data_that_is_not_as_declared_is_repaired_with_the_fault_told(small, text, fault):
    doing = saying(text, json.dumps(GOOD))
    with an_orchestra(small, lambda clock: Live(clock, {"first": doing})) as orchestra:
        reply = asked(orchestra, parameters=ASKED)
        assert orchestra.health.closed("first")
    assert [a.failure for a in reply.attempts] == [FailureClass.MALFORMED, None]
    assert reply.attempts[0].message.startswith(fault)
    assert fault in doing.calls[1].text
    assert json.loads(reply.text) == GOOD


def test_what_a_repair_does_not_mend_goes_to_the_next(small):
    bad, good = saying("no data"), saying(json.dumps(GOOD))
    with an_orchestra(small, lambda clock: Live(clock, {"first": bad, "second": good})) as o:
        reply = asked(o, parameters=ASKED)
    assert [a.deployment for a in reply.attempts] == ["first", "first", "second"]
    assert reply.answered


def test_data_that_nobody_gave_is_never_passed_off_as_an_answer(small):
    cut = saying('{"text": "Run", "hash', finish="length")
    doings = dict.fromkeys(("first", "second", "third"), cut)
    with an_orchestra(small, lambda clock: Live(clock, doings)) as orchestra:
        assert not asked(orchestra, parameters=ASKED).answered


@pytest.mark.parametrize(
    ("parameters", "good", "bad"),
    [
        ({"response_format": {"type": "json_object"}}, "{}", "[]"),
        ({"response_format": {"type": "json_schema"}}, "[]", "x"),
        ({"responseMimeType": "application/json"}, "5", "five"),
        (
            {
                "responseMimeType": "application/json",
                "responseSchema": {"type": "STRING", "nullable": True},
            },
            "null",
            "5",
        ),
    ],
)
def test_data_is_declared_in_the_words_of_the_protocols(parameters, good, bad):
    assert data_fault(good, parameters) == ""
    assert data_fault(bad, parameters)


@pytest.mark.parametrize("parameters", [{}, {"response_format": {"type": "text"}}, {"seed": 1}])
def test_text_is_not_looked_at_as_data(parameters):
    assert data_fault("no data", parameters) == ""


def test_words_that_are_made_up_are_not_held_to_a_schema(small):
    with an_orchestra(small) as orchestra:
        assert asked(orchestra, parameters=ASKED).answered


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)
WORDS = st.sampled_from(
    ["type", "properties", "required", "items", "enum", "anyOf", "$ref", "$defs", "const"]
)
SCHEMAS = st.recursive(
    JSON | st.sampled_from(["object", "array", "#/$defs/a"]),
    lambda inner: st.dictionaries(WORDS, inner) | st.lists(inner),
    max_leaves=20,
)


@given(JSON, SCHEMAS)
def test_no_schema_and_no_data_break_the_look(value, schema):
    asked_for = {"response_format": {"type": "json_schema", "json_schema": {"schema": schema}}}
    assert isinstance(data_fault(json.dumps(value), asked_for), str)


@given(st.integers(1, 200))
def test_a_schema_that_refers_to_itself_ends(depth):
    schema = {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}}
    asked_for = {"response_format": {"type": "json_schema", "json_schema": {"schema": schema}}}
    assert data_fault("[" * depth + "]" * depth, asked_for) == ""
