"""The error playbook: twenty scenarios, none missing, none twice, each with all that follows."""

from __future__ import annotations

import re

import pytest

from orchestra_kit.core.errors import FailureClass
from orchestra_kit.core.reply import ReplyStatus, Severity
from orchestra_kit.engine.failure_log import LOG_FIELDS
from orchestra_kit.engine.playbook import PLAYBOOK, ending_entry, entry_for, table
from orchestra_kit.engine.playbook_entry import Closes, Detection, Entry, When
from orchestra_kit.resilience import retry
from orchestra_kit.resilience.retry import RETRY_RULES

SCENARIOS = pytest.mark.parametrize("entry", PLAYBOOK, ids=lambda entry: entry.name)


def test_there_are_twenty_under_twenty_names():
    assert len(PLAYBOOK) == 20
    assert len({entry.kind for entry in PLAYBOOK}) == 20


def test_every_failure_of_a_send_is_in_exactly_one():
    for failure in FailureClass:
        found = [
            e for e in PLAYBOOK if failure in e.detects.failures and e.detects.when is When.SEND
        ]
        assert len(found) == 1, failure
        assert entry_for(failure) is found[0]


def test_every_other_moment_is_in_exactly_one():
    for when in (When.APPROVAL, When.EXHAUSTED, When.STORE):
        assert len([entry for entry in PLAYBOOK if entry.detects.when is when]) == 1
    with pytest.raises(KeyError):
        entry_for(FailureClass.SERVER, When.STORE)


@pytest.mark.parametrize("failure", [None, *FailureClass])
@pytest.mark.parametrize("approval", [False, True])
def test_every_last_failure_ends_a_request_in_some_way(failure, approval):
    entry = ending_entry(failure, needs_approval=approval)
    assert entry.ends is not None
    if entry.detects.failures:
        assert failure in entry.detects.failures
    else:
        assert entry.name == "chain exhausted"
    assert (entry.name == "approval needed") is (approval and failure is FailureClass.BUDGET)


@SCENARIOS
def test_the_sender_reads_something_exactly_where_the_request_ends(entry):
    if entry.ends is None:
        assert entry.user_message == ""
        assert entry.queue == ""
    elif entry.detects.when is When.EXHAUSTED:
        assert entry.user_message == ""  # the task has words of its own
    else:
        assert entry.user_message.endswith(".")
    assert (entry.ends is ReplyStatus.QUEUED) <= bool(entry.queue)


@SCENARIOS
def test_what_is_told_is_handed_to_somebody_who_exists(entry):
    people = {"", "ops", "billing owner", "human review", "provider support", "security"}
    assert entry.escalation in people
    if entry.alert in (Severity.WARNING, Severity.CRITICAL):
        assert entry.escalation
    assert bool(entry.told_when) is (entry.alert is not None)


@SCENARIOS
def test_an_incident_is_announced_and_can_end(entry):
    if entry.incident:
        assert entry.alert is not None
    if entry.closes_when is Closes.BREAKER:
        rules = [RETRY_RULES[f] for f in entry.detects.failures]
        assert any(rule.weight or rule.isolates for rule in rules), "its breaker never opens"
        assert entry.ends is None
        assert entry.detects.times == 1
    assert (entry.detects.times > 1) == (entry.detects.within > 0)


def test_what_opens_a_breaker_follows_it():
    for failure, rule in RETRY_RULES.items():
        follows = entry_for(failure).closes_when is Closes.BREAKER
        if rule.weight or rule.isolates:
            assert follows, failure


@SCENARIOS
def test_only_known_fields_are_logged_and_never_the_prompt(entry):
    assert set(entry.log_fields) <= set(LOG_FIELDS)
    assert len(set(entry.log_fields)) == len(entry.log_fields)
    assert {"at", "request_id"} <= set(entry.log_fields)
    assert "text" not in LOG_FIELDS


def test_a_content_refusal_is_logged_with_incident_user_hash_and_time():
    fields = entry_for(FailureClass.CONTENT).log_fields
    assert fields[:4] == ("at", "incident", "user", "prompt_hash")


@SCENARIOS
def test_the_retry_words_say_what_the_rules_do(entry):
    counts = {"none": 0, "once": 1, "twice": 2}
    for failure in entry.detects.failures:
        rule = RETRY_RULES[failure]
        parts = [p for p in entry.retry.split("; ") if failure.value in p.partition(":")[0]]
        words = parts[0].partition(": ")[2] if parts else entry.retry
        assert counts[re.split(r"\W", words)[0]] == rule.same_target
        assert (f" {rule.wait:g} s" in words) is bool(rule.wait)
        assert (f"{rule.least_wait:g} to" in words) is bool(rule.least_wait)
        assert ("without alternative" in words) is rule.only_without_alternative
    if not entry.detects.failures:
        assert entry.retry == ""


def test_the_retry_words_change_with_the_rules(monkeypatch):
    rules = {**RETRY_RULES, FailureClass.AUTH: retry.RetryRule(same_target=3, wait=2.0)}
    monkeypatch.setattr("orchestra_kit.engine.playbook_entry.RETRY_RULES", rules)
    detects = Detection(failures=(FailureClass.AUTH,))
    entry = Entry(name="trial", detects=detects, log_fields=("at",))
    assert entry.retry == "3 times after up to 2 s, doubling"
    assert entry.to_dict()["retry"] == entry.retry


def test_the_table_has_a_row_for_each_and_names_who_reads_what():
    text = str(table())
    rows = {row[0]: row for row in table().rows}
    assert set(rows) == {entry.name for entry in PLAYBOOK}
    assert rows["server error"][3] == "nothing: the request goes on"
    assert rows["chain exhausted"][3] == "the words of the task"
    assert rows["content refused"][6] == "human review"
    assert "Please shorten it" in text
