"""Requests of every length and script: answered or refused in one sentence, and counted rightly."""

from __future__ import annotations

import json
import logging

import pytest

from orchestra_kit.core.errors import (
    AttemptOutcome,
    FailureClass,
    InvalidRequestError,
    ProviderError,
)
from orchestra_kit.core.reply import ReplyStatus
from orchestra_kit.store.store import Store
from tests.engine.small import Told, an_orchestra, well

ODD = {
    "one": "x",
    "right to left": "اكتب رسالة \u202eعن الشاي\u202c",
    "nul": "Write \0 a letter",
    "half a pair": "Write \ud83d a letter",
    "halves in the wrong order": "\udc00\ud800 a letter",
    "combined": "e\u0301" * 500,
    "lines": "Write\u2028a\x85letter\x1b[31m",
}


async def down(call, clock):
    raise ProviderError("no", failure=FailureClass.SERVER, outcome=AttemptOutcome.FAILED)


@pytest.mark.parametrize("text", ODD.values(), ids=ODD)
def test_an_odd_text_is_sent_stored_and_logged_without_harm(small, tmp_path, caplog, text):
    sent = []

    async def taking(call, clock):
        sent.append(call.text)
        call.text.encode()  # as every protocol must
        return await well(call, clock)

    with (
        caplog.at_level(logging.DEBUG, "orchestra_kit"),
        Store.open(tmp_path / "store.db", capture="full") as store,
        an_orchestra(
            small, lambda clock: Told(clock, {"first": down, "second": taking}), store=store
        ) as orchestra,
    ):
        reply = orchestra.run_sync(text, tier="basic", task="letter")
        whole = "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text)
        assert reply.answered
        assert sent == [whole]
        assert ("were replaced" in reply.decision.because) is (whole != text)
        assert reply.decision.context.tokens >= 1
        json.dumps(reply.to_dict()).encode()
    assert caplog.records
    for record in caplog.records:
        assert isinstance(json.loads(record.getMessage()), dict)


@pytest.mark.parametrize("text", ["", " \n\t", "\u2003"])
def test_a_request_that_says_nothing_is_refused_in_one_sentence(small, text):
    with an_orchestra(small) as orchestra, pytest.raises(InvalidRequestError, match="is empty"):
        orchestra.run_sync(text, tier="basic", task="letter")


def test_ten_million_characters_end_in_plain_words_and_one_more_is_refused(small):
    text = "Write a letter. " * 625_000
    with an_orchestra(small) as orchestra:
        reply = orchestra.run_sync(text, tier="basic", task="letter")
        assert reply.status is ReplyStatus.QUEUED  # no window holds so much: nobody was asked
        assert reply.attempts == ()
        assert reply.decision.context.tokens > 1_000_000
        with pytest.raises(InvalidRequestError, match="10,000,001 characters"):
            orchestra.run_sync(text + "x", tier="basic", task="letter")
