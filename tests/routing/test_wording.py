"""Looking only where it is worth while finds the same as looking everywhere."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestra_kit.routing.context import _words
from orchestra_kit.routing.wording import (
    TRIGGERS,
    format_asked,
    is_urgent,
    mentions_code,
    mentions_maths,
    parts_of,
)

_PHRASES = (
    "python-script", "xpython", "c++ code", "c# class", "in sql", "rest api", "c++", "a class foo:",
    "def f(", "select a from b where c", "import os", "return x;", "unit tests", "stack trace",
    "stacktrace", "recompile", "</b>", "=> x", "#include", "{\n", "function that returns", "3 + 4",
    "x^2", "5% of", "∑", "\\frac", "square root", "standard deviation", "two", "12", "how-many",
    "how many", "on average", "json", "my-json", "json_schema", "as a table", "csv", "bulleted",
    "list of", "a table lamp", "mark-down", "markdown", "asap", "right away", "time-critical",
    "by end of day", "o'clock", "within the hour", "breaking news", "l’équation", "用python script",
    "prime-number", "prime numbers", "don’t", "it's", "solve for x",
)  # fmt: skip
texts = st.lists(st.sampled_from(_PHRASES) | st.text(max_size=4), max_size=6).flatmap(
    lambda found: st.sampled_from([" ", "-", "\n", "", "_", "’"]).map(
        lambda joint: joint.join(found).lower()
    )
)


@settings(max_examples=400, deadline=None)
@given(texts)
def test_no_sign_is_missed_for_want_of_its_words(text: str) -> None:
    # The characters that signs need are looked for in the text itself; the words are what may
    # be split otherwise than a pattern does. With every trigger at hand nothing is skipped.
    parts = parts_of(_words(text))
    for look in (mentions_code, mentions_maths, format_asked, is_urgent):
        assert look(text, parts) == look(text, TRIGGERS), (look.__name__, text)


@pytest.mark.parametrize(
    ("given_words", "parts"),
    [
        (["a", "b"], {"a", "b"}),
        (["time-critical"], {"time-critical", "time", "critical"}),
        (["l’équation", "it's"], {"l’équation", "l", "équation", "it's", "it", "s"}),
    ],
)
def test_joined_words_count_in_their_parts_as_well(given_words: list[str], parts: set[str]) -> None:
    assert parts_of(given_words) == parts


@pytest.mark.parametrize(
    "text", ["a c++ script", "c# developer", "it says ```x```", "if a => b", "<b>x</b>"]
)
def test_code_is_known_by_its_characters_where_no_word_tells(text: str) -> None:
    assert mentions_code(text, frozenset())
