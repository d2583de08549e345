"""Other words for a request that was refused for its content."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra_kit.core.request import Request
from orchestra_kit.engine.sanitising import sanitised

ASKED = Request(
    id="req_1",
    text="Draw a gory battle",
    tier="best",
    arrived=datetime(2026, 11, 18, 12, tzinfo=UTC),
    user="ann",
    task="picture",
)


def test_other_words_make_another_request_of_the_same_lineage():
    found = sanitised(ASKED, lambda request: request.text.replace("gory", "historic"))
    assert found is not None
    assert (found.id, found.text) == ("req_1s", "Draw a historic battle")
    assert (found.user, found.tier, found.task, found.arrived) == (
        ASKED.user,
        ASKED.tier,
        ASKED.task,
        ASKED.arrived,
    )


@pytest.mark.parametrize(
    "words",
    [
        None,
        "",
        "  \n",
        "\u200b",
        "Draw a gory battle",
        "  draw a GORY   battle\n",
        "Draw a go\u200bry battle",
        "Ｄｒａｗ a gory battle",
        7,
    ],
)
def test_no_words_or_the_same_ones_make_none(words):
    assert sanitised(ASKED, lambda _: words) is None


def test_a_sanitiser_that_fails_leaves_the_refusal_as_it_is():
    def broken(_: Request) -> str:
        raise RuntimeError("no dictionary")

    assert sanitised(ASKED, broken) is None


@given(st.text(), st.sampled_from(["", " ", "\n", "\u200b", "\u202e"]))
def test_whatever_the_text_hiding_a_character_in_it_is_no_other_wording(text, hidden):
    request = Request(id="r", text=text, tier="best", arrived=ASKED.arrived)
    half = len(text) // 2
    before = f"{hidden}{text}" if hidden.isspace() else f"{text[:half]}{hidden}{text[half:]}"
    assert sanitised(request, lambda _: before) is None
