"""Both ledgers keep what they are told, each send ends once, and waiting costs no virtual time."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Coroutine
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, select

from orchestra_kit.core.answer import Source
from orchestra_kit.core.clock import SystemClock, VirtualClock
from orchestra_kit.core.errors import AttemptOutcome, StoreError
from orchestra_kit.store import schema
from orchestra_kit.store.buffered import BufferedLedger
from orchestra_kit.store.ledger import DiscardingLedger, Ledger
from orchestra_kit.store.store import Store
from orchestra_kit.store.text import Capture
from tests.store.values import (
    SEED,
    START,
    a_decision,
    a_notice,
    a_reply,
    a_request,
    an_attempt,
    an_entry,
    an_incident,
    an_intent,
    started_run,
)


async def _a_whole_request(ledger: Ledger, number: int = 0) -> None:
    """The primary times out, the secondary answers."""
    request = a_request(number)
    await ledger.begin(an_intent(request, 0))
    lost = an_attempt(request, 0, outcome=AttemptOutcome.UNKNOWN, cost=None, upper="0.12")
    await ledger.finish(lost)
    await ledger.begin(an_intent(request, 1))
    won = an_attempt(request, 1)
    await ledger.finish(won)
    await ledger.enqueue(an_entry(request))
    await ledger.notice(a_notice(number))
    await ledger.incident(an_incident(number))
    await ledger.record(request, a_reply(request, lost, won))
    await ledger.flush()


_OF_A_RUN = {"requests", "decisions", "attempts", "queue", "notices", "incidents"}


def _everything(store: Store, run_id: str) -> dict[str, list[tuple[object, ...]]]:
    tables = [t for t in schema.metadata.sorted_tables if t.name in _OF_A_RUN]
    return {
        table.name: [
            tuple(row)
            for row in store.rows(
                select(*(c for c in table.c if c.name != "run_id"))
                .where(table.c.run_id == run_id)
                .order_by(*table.primary_key.columns)
            )
        ]
        for table in tables
    }


def _play(clock: SystemClock | VirtualClock, coroutine: Coroutine[Any, Any, None]) -> None:
    clock.run_sync(coroutine)


def test_a_request_is_kept_with_all_that_was_measured_of_it(any_store, clock):
    run_id = started_run(any_store)
    _play(clock, _a_whole_request(any_store.ledger(run_id, Source.SIMULATED, clock)))
    (row,) = any_store.rows(select(schema.requests))
    request = a_request()
    assert row._asdict() == {
        "id": request.id,
        "run_id": run_id,
        "source": "simulated",
        "at": START,
        "policy": "contentforge",
        "policy_hash": "0123456789ab",
        "seed": SEED,
        "task": "article",
        "tier": "premium",
        "user": "ana",
        "feature": "editor",
        "session": "session-0",
        "prompt_hash": any_store.capture.digest(request.text),
        "prompt": None,
        "words": 1200,
        "tokens": 64,
        "complexity": 41.5,
        "language": "en",
        "classified_by": "classifier",
        "confidence": 0.93,
        "rule": "premium long article",
        "review": False,
        "choice": "gpt-5",
        "propensity": 0.97,
        "status": "answered",
        "deployment": "claude-sonnet",
        "model": "claude-sonnet",
        "chain_tier": 1,
        "attempts": 2,
        "cost": Decimal("0.0391"),
        "cost_upper": Decimal("0.12"),
        "seconds": 8.4,
        "quality": 0.91,
        "scorer": "simulated",
        "message": "",
        "team": "",
        "workflow": "",
        "incident": "",
        "repeats": None,
        "cost_avoided": None,
    }


def test_a_decision_is_kept_with_its_candidates_and_context(any_store, clock):
    run_id = started_run(any_store)
    _play(clock, _a_whole_request(any_store.ledger(run_id, Source.SIMULATED, clock)))
    (row,) = any_store.rows(select(schema.decisions))
    decision = a_decision(a_request())
    assert row.chain == list(decision.chain)
    assert row.planned is None, "the plan is left out where it is the chain"
    assert row.context == decision.context.to_dict()
    assert row.because == decision.because
    assert row.candidates[0] == ["gpt-5", 0.812346, 0.91, 0.0321, 9.2]
    assert row.candidates[2] == ["gemini-pro", 0.7, 0.85, None, 8.1]
    reason = decision.candidates[3].dropped_because
    assert row.candidates[3] == ["other-0", None, None, None, None, reason]


def test_attempts_are_kept_with_their_ends_and_costs(any_store, clock):
    run_id = started_run(any_store)
    _play(clock, _a_whole_request(any_store.ledger(run_id, Source.SIMULATED, clock)))
    lost, won = any_store.rows(select(schema.attempts).order_by(schema.attempts.c.number))
    assert (lost.state, lost.outcome, lost.failure) == ("done", "unknown", "timeout")
    assert (lost.cost, lost.cost_upper, lost.input_tokens) == (None, Decimal("0.12"), None)
    assert (won.state, won.outcome, won.failure) == ("done", "answered", None)
    assert (won.cost, won.cost_upper, won.quality) == (Decimal("0.0391"), None, 0.91)
    assert (won.input_tokens, won.output_tokens, won.reasoning_tokens) == (64, 1500, 300)
    assert (won.usage_status, won.at, won.seconds) == ("reported", START, 8.25)


def test_the_queue_and_the_notices_are_kept(any_store, clock):
    run_id = started_run(any_store)
    _play(clock, _a_whole_request(any_store.ledger(run_id, Source.SIMULATED, clock)))
    (waiting,) = any_store.open_queue("batch")
    assert waiting.entry == an_entry(a_request())
    (notice,) = any_store.rows(select(schema.notices))
    assert (notice.kind, notice.severity, notice.at) == ("breaker_opened", "warning", START)


def test_both_ledgers_leave_the_same_rows(any_store, clock):
    durable, buffered = started_run(any_store), started_run(any_store)
    kept = any_store.ledger(durable, Source.SIMULATED, clock)
    held = BufferedLedger(buffered, Source.SIMULATED, capture=any_store.capture)
    for number in range(3):
        _play(clock, _a_whole_request(kept, number))
        _play(clock, _a_whole_request(held, number))
    any_store.write(pickle.loads(pickle.dumps(held.drain())))
    assert any_store.count_requests(durable) == 3
    expected = _everything(any_store, durable)
    found = _everything(any_store, buffered)
    for rows in (*expected.values(), *found.values()):
        assert rows
    for name in ("queue", "notices"):  # numbered by the database, in the order of writing
        expected[name] = [row[1:] for row in expected[name]]
        found[name] = [row[1:] for row in found[name]]
    assert found == expected


def test_an_intent_is_committed_before_begin_returns(any_store, clock):
    run_id = started_run(any_store)
    ledger = any_store.ledger(run_id, Source.SIMULATED, clock)
    seen = []

    async def begin():
        await ledger.begin(an_intent(a_request()))
        seen.extend(any_store.rows(select(schema.attempts.c.state, schema.attempts.c.cost_upper)))

    _play(clock, begin())
    assert [tuple(row) for row in seen] == [("sending", Decimal("0.12"))]


def test_virtual_time_stands_still_while_a_row_is_committed(store, clock):
    ledger = store.ledger(started_run(store), Source.SIMULATED, clock)

    async def note_while_another_sleeps():
        async with asyncio.TaskGroup() as group:
            group.create_task(clock.sleep(1000))
            await asyncio.sleep(0)
            for number in range(20):
                await _a_whole_request(ledger, number)
            assert clock.monotonic() == 0

    _play(clock, note_while_another_sleeps())
    assert clock.now() == START + timedelta(seconds=1000)


def test_many_requests_at_once_are_all_kept(any_store):
    clock = SystemClock()
    run_id = started_run(any_store)
    ledger = any_store.ledger(run_id, Source.SIMULATED, clock)

    async def all_at_once():
        await asyncio.gather(*(_a_whole_request(ledger, number) for number in range(200)))

    _play(clock, all_at_once())
    assert any_store.count_requests(run_id) == 200
    states = select(schema.attempts.c.state, func.count()).group_by(schema.attempts.c.state)
    assert [tuple(row) for row in any_store.rows(states)] == [("done", 400)]


def test_a_bad_row_costs_only_its_own_caller_the_commit(any_store):
    clock = SystemClock()
    run_id = started_run(any_store)
    ledger = any_store.ledger(run_id, Source.SIMULATED, clock)

    async def record(number: int) -> None:
        request = a_request(number)
        await ledger.record(request, a_reply(request, an_attempt(request)))

    async def crowd() -> list[BaseException | None]:
        await record(0)
        return await asyncio.gather(*map(record, [1, 2, 0, 3, 4]), return_exceptions=True)

    results = clock.run_sync(crowd())
    assert [type(result) for result in results] == [type(None)] * 2 + [StoreError] + [
        type(None)
    ] * 2
    assert any_store.count_requests(run_id) == 5


def test_of_two_endings_the_first_stands(any_store, clock):
    run_id = started_run(any_store)
    held = BufferedLedger("another", Source.SIMULATED)

    async def end_twice(ledger: Ledger) -> None:
        request = a_request()
        await ledger.begin(an_intent(request))
        await ledger.finish(an_attempt(request))
        await ledger.finish(an_attempt(request, outcome=AttemptOutcome.FAILED, cost="0"))

    _play(clock, end_twice(any_store.ledger(run_id, Source.SIMULATED, clock)))
    _play(clock, end_twice(held))
    any_store.write(held.drain())
    outcomes = any_store.rows(select(schema.attempts.c.outcome))
    assert [row.outcome for row in outcomes] == ["answered", "answered"]


def test_a_second_beginning_or_record_is_refused(store, clock):
    request = a_request()
    durable = store.ledger(started_run(store), Source.SIMULATED, clock)
    for ledger in (durable, BufferedLedger("another", Source.SIMULATED)):

        async def twice(ledger: Ledger = ledger) -> None:
            await ledger.begin(an_intent(request))
            with pytest.raises(StoreError):
                await ledger.begin(an_intent(request))
            attempt = an_attempt(request)
            await ledger.finish(attempt)
            await ledger.record(request, a_reply(request, attempt))
            with pytest.raises(StoreError):
                await ledger.record(request, a_reply(request, attempt))

        _play(clock, twice())


def test_a_row_is_written_although_its_writer_was_cancelled(store):
    clock = SystemClock()
    run_id = started_run(store)
    ledger = store.ledger(run_id, Source.SIMULATED, clock)

    async def give_up():
        task = asyncio.ensure_future(ledger.begin(an_intent(a_request())))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await ledger.flush()

    _play(clock, give_up())
    (row,) = store.rows(select(schema.attempts.c.state))
    assert row.state == "sending"


def test_what_is_on_its_way_when_a_buffer_is_drained_comes_with_the_next(store, clock):
    run_id = started_run(store)
    ledger = BufferedLedger(run_id, Source.SIMULATED)
    request = a_request()
    _play(clock, ledger.begin(an_intent(request)))
    assert len(ledger.drain()) == 0
    _play(clock, ledger.finish(an_attempt(request)))
    batch = ledger.drain()
    assert len(batch.attempts) == 1
    assert batch.spent == Decimal("0.0391")
    assert len(ledger.drain()) == 0


def test_an_attempt_that_was_never_sent_is_kept_but_not_counted(store, clock):
    run_id = started_run(store)
    ledger = store.ledger(run_id, Source.SIMULATED, clock)
    request = a_request()

    async def refuse():
        unsent = an_attempt(request, outcome=AttemptOutcome.NOT_SENT, cost="0")
        await ledger.finish(unsent)
        await ledger.record(request, a_reply(request, unsent))

    _play(clock, refuse())
    (row,) = store.rows(select(schema.requests))
    assert (row.attempts, row.status, row.message) == (0, "queued", "Your content is queued.")
    assert (row.chain_tier, row.quality, row.cost_upper) == (None, None, Decimal(0))
    (attempt,) = store.rows(select(schema.attempts))
    assert (attempt.outcome, attempt.state) == ("not_sent", "done")


def test_an_attempt_without_a_bound_leaves_the_request_without_one(store, clock):
    run_id = started_run(store)
    request = a_request()

    async def lose():
        lost = an_attempt(request, outcome=AttemptOutcome.UNKNOWN, cost=None, upper=None)
        ledger = store.ledger(run_id, Source.SIMULATED, clock)
        await ledger.finish(lost)
        await ledger.record(request, a_reply(request, lost))

    _play(clock, lose())
    (row,) = store.rows(select(schema.requests.c.cost_upper))
    assert row.cost_upper is None


def test_a_closed_store_refuses_to_note_anything(path, clock):
    store = Store.open(path)
    ledger = store.ledger(started_run(store), Source.SIMULATED, clock)
    store.close()
    with pytest.raises(StoreError, match="is closed"):
        _play(clock, ledger.begin(an_intent(a_request())))


def test_a_discarding_ledger_takes_everything_and_keeps_nothing(clock):
    _play(clock, _a_whole_request(DiscardingLedger()))


def test_the_key_of_the_digests_does_not_show_itself():
    capture = Capture("hash", b"a secret key of this store")
    assert "secret" not in repr(capture)


def test_an_ending_is_written_with_its_reply_or_not_at_all(any_store, clock):
    request = a_request()
    attempt = an_attempt(request)

    async def answered_twice(ledger: Ledger) -> None:
        await ledger.begin(an_intent(request))
        await ledger.record(request, a_reply(request, attempt), [attempt])
        other = replace(an_attempt(request), id="another")
        with pytest.raises(StoreError):
            await ledger.record(request, a_reply(request, other), [other])

    held = BufferedLedger("another", Source.SIMULATED)
    _play(clock, answered_twice(any_store.ledger(started_run(any_store), Source.SIMULATED, clock)))
    _play(clock, answered_twice(held))
    any_store.write(held.drain())
    rows = any_store.rows(select(schema.attempts.c.id, schema.attempts.c.state))
    assert [tuple(row) for row in rows] == [(attempt.id, "done")] * 2
