"""The log of what failed: only named fields, bounded, and never a word of the prompt."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestra_kit.core.answer import Source
from orchestra_kit.core.errors import AttemptOutcome, FailureClass
from orchestra_kit.core.reply import Attempt
from orchestra_kit.core.request import Request
from orchestra_kit.engine.failure_log import LONGEST_LINE, MOST_LINES, Seen, log_record, write_log
from orchestra_kit.engine.playbook import PLAYBOOK, entry_for

NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)
ASKED = Request(
    id="req_1", text="Tell me about tea in Assam", tier="best", arrived=NOON, user="ann"
)
FAILED = Attempt(
    id="req_1.0",
    request_id="req_1",
    number=0,
    tier_of_chain=0,
    deployment="first",
    model="first-1",
    outcome=AttemptOutcome.FAILED,
    failure=FailureClass.SERVER,
    message="first answered 500 (oops): the words of a provider",
    started=NOON,
    seconds=1.5,
    usage=None,
    cost=Decimal("0.01"),
    cost_upper=None,
)
SEEN = Seen(request=ASKED, at=NOON, source=Source.LIVE, attempt=FAILED)
SERVER = entry_for(FailureClass.SERVER)
TEXTS = st.text(max_size=3000)


def test_a_record_holds_the_entrys_fields_that_are_known_and_its_name():
    record = log_record(SERVER, SEEN)
    assert record == {
        "event": "server_error",
        "at": "2026-11-18T12:00:00+00:00",
        "request_id": "req_1",
        "tier": "best",
        "source": "live",
        "number": 0,
        "deployment": "first",
        "model": "first-1",
        "outcome": "failed",
        "failure": "server",
        "seconds": 1.5,
        "message": "first answered 500 (oops)",
    }
    assert set(record) <= {"event", *SERVER.log_fields}


def test_money_is_text_and_what_is_unknown_is_left_out():
    timeout = entry_for(FailureClass.TIMEOUT)
    assert log_record(timeout, SEEN)["cost"] == "0.01"
    assert "cost_upper" not in log_record(timeout, SEEN)


@settings(max_examples=60, deadline=None)
@given(entry=st.sampled_from(PLAYBOOK), text=TEXTS, user=TEXTS, message=TEXTS, deployment=TEXTS)
def test_whatever_is_in_it_a_record_is_one_line_of_bounded_json(
    entry, text, user, message, deployment
):
    seen = replace(
        SEEN,
        request=replace(ASKED, text=text, user=user, feature=user, id=user),
        attempt=replace(FAILED, message=message, deployment=deployment, model=deployment),
    )
    line = json.dumps(log_record(entry, seen), ensure_ascii=False, separators=(",", ":"))
    assert len(line.encode()) <= LONGEST_LINE
    assert "\n" not in line


def test_the_longest_values_that_there_can_be_are_cut():
    wide = "\U0001f9ff" * 5000
    asked = replace(ASKED, id=wide, user=wide, team=wide, feature=wide, workflow=wide, tier=wide)
    failed = replace(FAILED, deployment=wide, model=wide, message=wide)
    for entry in PLAYBOOK:
        seen = replace(SEEN, request=asked, attempt=failed, queue=wide, incident=wide)
        line = json.dumps(log_record(entry, seen), ensure_ascii=False, separators=(",", ":"))
        assert len(line.encode()) <= LONGEST_LINE


@pytest.mark.parametrize(
    "message",
    [
        "cannot read Tell me about tea in Assam",
        "CANNOT READ  tell me about\ntea in assam",
        "cannot read …about tea in Ass…",
        "first answered 400: in “Tell me about tea in Assam”",
    ],
)
def test_words_of_the_prompt_never_reach_the_log(message):
    seen = replace(SEEN, attempt=replace(FAILED, message=message))
    for entry in PLAYBOOK:
        assert "tea in" not in json.dumps(log_record(entry, seen)).casefold()


def test_beside_a_prompt_too_long_to_search_no_message_is_kept():
    seen = replace(SEEN, request=replace(ASKED, text="tea " * 50_000))
    assert "message" not in log_record(SERVER, seen)


def test_keys_are_hidden():
    seen = replace(SEEN, attempt=replace(FAILED, message="bad key sk-abcdefghijklmnop1234"))
    assert log_record(SERVER, seen)["message"] == "bad key [hidden]"


def test_a_line_is_json_and_as_loud_as_the_alert(caplog):
    caplog.set_level(logging.INFO, logger="orchestra_kit")
    write_log(
        [(SERVER, SEEN), (entry_for(FailureClass.LOCAL), SEEN), (SERVER, replace(SEEN, quiet=True))]
    )
    assert [r.levelname for r in caplog.records] == ["WARNING", "ERROR", "INFO"]
    assert json.loads(caplog.records[0].getMessage())["event"] == "server_error"


def test_a_request_writes_less_than_32_kb_whatever_befalls_it(caplog):
    caplog.set_level(logging.INFO, logger="orchestra_kit")
    wide = "\U0001f9ff" * 5000
    seen = replace(SEEN, attempt=replace(FAILED, deployment=wide, model=wide, message=wide))
    write_log([(SERVER, seen)] * 500 + [(entry_for(FailureClass.LOCAL), seen)])
    assert len(caplog.records) == MOST_LINES
    assert caplog.records[-1].levelname == "ERROR"
    assert sum(len(r.getMessage().encode()) + 1 for r in caplog.records) <= 32_768


def test_nothing_is_printed_where_nobody_asked_for_a_log(capfd):
    logger = logging.getLogger("orchestra_kit")
    assert logger.handlers
    logger.propagate, before = False, logger.propagate
    try:
        write_log([(SERVER, SEEN)])
    finally:
        logger.propagate = before
    assert capfd.readouterr() == ("", "")
