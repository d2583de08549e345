"""What failing requests leave behind: incidents, notices and lines in the log."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from decimal import Decimal

import pytest

from orchestra_kit.core.errors import AttemptOutcome, FailureClass, ProviderError, StoreFull
from orchestra_kit.core.reply import Incident, ReplyStatus, Severity
from orchestra_kit.cost.budgets import Spender, Spent
from orchestra_kit.engine.closing import Closing
from orchestra_kit.engine.course import Course
from orchestra_kit.engine.incidents import Incidents
from orchestra_kit.engine.playbook import entry_for
from orchestra_kit.store.store import Store
from tests.engine.small import NOON, Kept, an_orchestra, play, told, well

FAILURES = [f for f in FailureClass if f not in {
    FailureClass.BUDGET, FailureClass.CIRCUIT, FailureClass.LIMIT, FailureClass.CANCELLED
}]  # fmt: skip


class Whole(Kept):
    """A ledger that keeps incidents as well."""

    def __init__(self) -> None:
        super().__init__()
        self.incidents: list[Incident] = []

    async def incident(self, incident: Incident) -> None:
        self.incidents.append(incident)


@pytest.fixture
def logged(caplog):
    """The records so far."""
    caplog.set_level(logging.INFO, logger="orchestra_kit")
    return lambda: [(r.levelname, json.loads(r.getMessage())) for r in caplog.records]


def fails(failure: FailureClass):
    outcome = AttemptOutcome.REFUSED if failure is FailureClass.CONTENT else AttemptOutcome.FAILED

    async def doing(call, clock):
        raise ProviderError(
            f"{call.deployment} failed: {call.text}", failure=failure, outcome=outcome
        )

    return doing


def everywhere(orchestra, failure: FailureClass) -> None:
    told(orchestra).doings = {d: fails(failure) for d in ("first", "second", "third", "voice")}


def ask(orchestra, text="Write to my secret aunt Zuleika", **asked):
    asked = {"tier": "best", "task": "letter", "user": "ann", **asked}
    return play(orchestra, orchestra.handle(orchestra.request(text, **asked)))


def test_where_all_goes_well_nothing_is_left_behind(small, logged):
    ledger = Whole()
    with an_orchestra(small, store=ledger) as orchestra:
        assert ask(orchestra).incident == ""
    assert (logged(), ledger.incidents, ledger.notices) == ([], [], [])


@pytest.mark.parametrize("failure", FAILURES)
def test_whatever_fails_the_log_is_bounded_and_holds_no_word_of_the_prompt(small, failure, logged):
    with an_orchestra(small, store=Whole()) as orchestra:
        everywhere(orchestra, failure)
        ask(orchestra)
    lines = logged()
    assert lines
    assert lines[0][1]["event"] == entry_for(failure).kind
    assert sum(len(json.dumps(record)) for _, record in lines) <= 32_768
    assert "Zuleika" not in json.dumps(lines)


def test_an_exhausted_chain_is_one_incident_for_all_its_requests(small, logged):
    ledger = Whole()
    with an_orchestra(small, store=ledger) as orchestra:
        everywhere(orchestra, FailureClass.OVERLOADED)
        replies = [ask(orchestra) for _ in range(3)]
    assert {r.status for r in replies} == {ReplyStatus.QUEUED}
    opened = {i.id: i for i in ledger.incidents}
    exhausted = next(i for i in opened.values() if i.kind == "chain_exhausted")
    assert {r.incident for r in replies} == {exhausted.id}
    assert (exhausted.about, exhausted.severity) == ("letter", Severity.CRITICAL)
    assert [n.kind for n in ledger.notices if n.kind == "chain_exhausted"] == ["chain_exhausted"]
    ends = [(level, record) for level, record in logged() if record["event"] == "chain_exhausted"]
    assert len(ends) == 3
    assert ends[0][0] == "ERROR"
    assert ends[0][1]["incident"] == exhausted.id
    assert (ends[0][1]["status"], ends[0][1]["queue"]) == ("queued", "later")
    assert ends[0][1]["failure"] == "overloaded"


def test_a_failure_that_another_deployment_made_good_is_logged_quietly(small, logged):
    ledger = Whole()
    with an_orchestra(small, store=ledger) as orchestra:
        told(orchestra).doings = {"first": fails(FailureClass.OVERLOADED)}
        assert ask(orchestra).answered
    assert {level for level, _ in logged()} == {"INFO"}
    assert {record["deployment"] for _, record in logged()} == {"first"}
    assert ledger.incidents == []


def test_a_refusal_leaves_incident_user_hash_and_time_but_not_the_prompt(small, tmp_path, logged):
    place = tmp_path / "store.db"
    with Store.open(place, durable=False) as store:
        with an_orchestra(small, store=store) as orchestra:
            orchestra._versions.current._closing = Closing(
                policy=small,
                source=orchestra.source,
                clock=orchestra.clock,
                ledger=orchestra._journal.ledger,
                notices=orchestra._notices,
                digest=store.capture.digest,
            )
            everywhere(orchestra, FailureClass.CONTENT)
            reply = ask(orchestra)
            assert told(orchestra).sent == [("first", told(orchestra).sent[0][1])]
        digest = store.capture.digest("Write to my secret aunt Zuleika")
        (kept,) = store.incidents()
        assert [e.entry.reason for e in store.open_queue("human review")] == ["content"]
    assert (reply.status, reply.incident) == (ReplyStatus.REFUSED, kept.id)
    assert (kept.kind, kept.escalated) == ("content_refused", "human review")
    ((level, record),) = logged()
    assert level == "WARNING"
    assert (record["incident"], record["user"]) == (kept.id, "ann")
    assert (record["prompt_hash"], record["queue"]) == (digest, "human review")
    assert record["at"].startswith("2026-11-18T12:")
    assert "Zuleika" not in kept.message


def test_operators_are_told_of_each_senders_refusal(small):
    ledger = Whole()
    with an_orchestra(small, store=ledger) as orchestra:
        everywhere(orchestra, FailureClass.CONTENT)
        for user in ("ann", "ann", "bob"):
            ask(orchestra, user=user, tier="basic")
    found = [n for n in ledger.notices if n.kind == "content_refused"]
    assert ["user ann" in found[0].message, "user bob" in found[1].message] == [True, True]
    assert len(found) == 2
    assert ledger.incidents[0].id in found[0].message
    assert ledger.queued == []  # a person looks at the best tier's


def test_a_refusal_that_other_words_got_past_is_told_of_all_the_same(small, logged):
    async def picky(call, clock):
        if "aunt" in call.text:
            return await fails(FailureClass.CONTENT)(call, clock)
        return await well(call, clock)

    ledger = Whole()
    with an_orchestra(
        small, store=ledger, sanitiser=lambda request: "Write to my relative"
    ) as orchestra:
        told(orchestra).doings = {"first": picky}
        reply = ask(orchestra)
    assert reply.answered
    assert reply.incident == ledger.incidents[0].id
    assert [(level, r["event"]) for level, r in logged()] == [("WARNING", "content_refused")]


def test_a_request_too_long_for_one_but_not_for_all_befalls_nobody(small, logged):
    ledger = Whole()
    with an_orchestra(small, store=ledger) as orchestra:
        told(orchestra).doings = {"first": fails(FailureClass.CONTEXT)}
        assert ask(orchestra).answered
    assert (ledger.incidents, ledger.notices) == ([], [])
    assert [level for level, _ in logged()] == ["INFO"]


def test_our_own_fault_is_told_at_once_although_another_answered(small, logged):
    async def broken(call, clock):
        raise ZeroDivisionError

    ledger = Whole()
    with an_orchestra(small, store=ledger) as orchestra:
        told(orchestra).doings = {"first": broken}
        reply = ask(orchestra)
    assert reply.answered
    assert [(i.kind, i.about) for i in ledger.incidents] == [("our_own_fault", "first")]
    assert reply.incident == ledger.incidents[0].id
    assert logged()[0][0] == "ERROR"


def test_a_spend_budget_that_is_used_up_is_told_once_at_the_end(small, logged):
    ledger = Whole()
    spent = [Spent(Spender(), NOON, Decimal(360))]
    with an_orchestra(small, store=ledger, spent=spent) as orchestra:
        reply = ask(orchestra)
    assert reply.status is ReplyStatus.BLOCKED
    assert [(level, r["event"]) for level, r in logged()] == [("ERROR", "spend_blocked")]
    assert [i.kind for i in ledger.incidents] == ["spend_blocked"]


def test_a_request_that_waits_for_a_person_is_no_incident(small, logged):
    ledger = Whole()
    with an_orchestra(small, store=ledger) as orchestra:
        request = orchestra.request("Write a letter", tier="best", task="letter")
        decision = replace(orchestra.explain("x", tier="best", task="letter"), review=True)
        course = Course(request=request, decision=decision, deadline=60.0)
        reply = play(orchestra, orchestra._versions.current._closing.reply(course, 0.0))
    assert (reply.status, reply.incident) == (ReplyStatus.REVIEW, "")
    assert len(ledger.queued) == 1
    assert (logged(), ledger.incidents, ledger.notices) == ([], [], [])


def test_a_store_that_keeps_nothing_is_counted_and_logged(small, logged):
    ledger = Whole()
    with an_orchestra(small, store=ledger) as orchestra:
        request = orchestra.request("Write a letter", tier="best", task="letter")
        aftermath = orchestra._versions.current._closing.aftermath
        play(orchestra, aftermath.store_failed(request, StoreFull("no room on /secret/place")))
    ((level, record),) = logged()
    assert (level, record["event"], record["message"]) == ("ERROR", "store_failing", "StoreFull")
    assert [(i.kind, i.about) for i in ledger.incidents] == [("store_failing", "store")]


def test_the_incidents_of_health_and_of_requests_are_the_same(small):
    ledger = Whole()
    with an_orchestra(small, store=ledger) as orchestra:
        incidents = Incidents(orchestra.clock, ledger.incident)
        orchestra._versions.current._closing = Closing(
            policy=small,
            source=orchestra.source,
            clock=orchestra.clock,
            ledger=ledger,
            notices=orchestra._notices,
            incidents=incidents,
        )
        told(orchestra).doings = {"first": fails(FailureClass.SERVER)}
        opened = play(orchestra, incidents.out("first", FailureClass.SERVER))
        assert ask(orchestra).incident == opened
        assert incidents.open[0].requests == 1
