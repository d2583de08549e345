"""How a request ends that nobody answered, in words for the one who waits."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra_kit import Policy
from orchestra_kit.core.errors import FailureClass
from orchestra_kit.core.reply import ReplyStatus
from orchestra_kit.engine.ending import (
    APPROVAL_QUEUE,
    REVIEW_QUEUE,
    ending_for,
    review_ending,
)
from orchestra_kit.engine.playbook import PLAYBOOK
from orchestra_kit.policy.schema import Degradation
from orchestra_kit.shipped import path

QUEUED = Degradation(queue="batch", say="High demand. Your text is queued.")
NOT_QUEUED = Degradation(say="Not now. Please try again in a few minutes.")
FAILURES = st.sampled_from([None, *FailureClass])
DEGRADATIONS = st.sampled_from([QUEUED, NOT_QUEUED])

JARGON = re.compile(
    r"\d{3}|_|\b(gpt|claude|gemini|grok|openai|anthropic|model|deployment|provider|api|http|"
    r"token|context|breaker|circuit|retry|retries|timeout|quota|rate|server|chain|fallback|"
    r"exception|error|null|none|json|policy|auth|key|tier|request id)\b",
    re.IGNORECASE,
)

PROMISED = {
    FailureClass.CONTENT: ReplyStatus.REFUSED,
    FailureClass.BUDGET: ReplyStatus.BLOCKED,
    FailureClass.BAD_REQUEST: ReplyStatus.UNAVAILABLE,
    FailureClass.CONTEXT: ReplyStatus.UNAVAILABLE,
}


def is_plain(said: str) -> bool:
    return (
        not JARGON.search(said)
        and said[0].isupper()
        and said.endswith(".")
        and "\n" not in said
        and len(said) <= 200
    )


@given(failure=FAILURES, then=DEGRADATIONS, to_person=st.booleans())
def test_whatever_failed_the_sender_reads_plain_sentences(failure, then, to_person):
    ending = ending_for(failure, then, to_person=to_person)
    assert is_plain(ending.say), ending.say


def test_the_test_for_jargon_finds_it():
    assert not is_plain("Error 429 from gpt-5.")
    assert not is_plain("The circuit is open.")
    assert not is_plain("rate_limit_exceeded.")


def test_the_shipped_messages_are_plain_too():
    policy = Policy.load(path("examples/contentforge/orchestra.yaml"))
    for task in policy.tasks.values():
        said = task.then.say
        assert not JARGON.search(said), said


@given(failure=FAILURES, then=DEGRADATIONS, to_person=st.booleans())
def test_a_request_is_kept_only_where_somebody_will_take_it_up(failure, then, to_person):
    ending = ending_for(failure, then, to_person=to_person)
    if failure in PROMISED:
        assert ending.status is PROMISED[failure]
        of_person = failure is FailureClass.CONTENT and to_person
        assert ending.queue == (REVIEW_QUEUE if of_person else None)
    else:
        assert ending.say == then.say
        assert ending.queue == then.queue
        assert ending.status is (ReplyStatus.QUEUED if then.queue else ReplyStatus.UNAVAILABLE)


@given(failure=FAILURES, then=DEGRADATIONS, approvable=st.booleans())
def test_the_playbook_says_how_operators_are_told_of_every_such_ending(failure, then, approvable):
    ending = ending_for(failure, then, to_person=False, needs_approval=approvable)
    assert ending.entry in PLAYBOOK
    assert ending.entry.alert is not None
    assert ending.entry.ends is not None
    assert ending.reason == (failure.value if failure else "no deployment was available")


def test_what_somebody_may_approve_waits_for_them():
    ending = ending_for(FailureClass.BUDGET, QUEUED, to_person=False, needs_approval=True)
    assert (ending.status, ending.queue) == (ReplyStatus.QUEUED, APPROVAL_QUEUE)
    assert ending.tell == "billing owner"
    assert is_plain(ending.say)
    other = ending_for(FailureClass.SERVER, QUEUED, to_person=False, needs_approval=True)
    assert other.queue == "batch"  # it did not end for want of money


def test_the_task_says_who_takes_up_an_exhausted_chain_and_the_playbook_where_it_does_not():
    named = QUEUED.model_copy(update={"tell": "night shift"})
    assert ending_for(FailureClass.SERVER, named, to_person=False).tell == "night shift"
    assert ending_for(FailureClass.SERVER, QUEUED, to_person=False).tell == "ops"
    assert ending_for(FailureClass.CONTENT, named, to_person=True).tell == "human review"


@pytest.mark.parametrize(
    ("failure", "word"),
    [
        (FailureClass.CONTENT, "rephrase"),
        (FailureClass.CONTEXT, "shorten"),
        (FailureClass.BAD_REQUEST, "change"),
        (FailureClass.BUDGET, "ask the team"),
    ],
)
def test_what_the_sender_can_do_is_said(failure, word):
    assert word in ending_for(failure, QUEUED, to_person=False).say


def test_a_request_for_a_person_waits_for_one_and_alarms_nobody():
    ending = review_ending("the task is unclear")
    assert ending.status is ReplyStatus.REVIEW
    assert ending.queue == REVIEW_QUEUE
    assert ending.reason == "the task is unclear"
    assert ending.entry is None
    assert is_plain(ending.say)
