"""What upper floors ask of a store: runs, days, cells, policies, queues, spend."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from orchestra_kit.core.answer import Source
from orchestra_kit.core.errors import AttemptOutcome, StoreError
from orchestra_kit.store import schema
from orchestra_kit.store.reading import Spending, raw
from orchestra_kit.store.store import Store
from tests.store.values import (
    START,
    a_batch,
    a_reply,
    a_request,
    an_attempt,
    an_intent,
    started_run,
)

PARAMETERS = {"first_day": "2026-10-19", "weeks": 5}
"""As `started_run` gives them, in another order."""


def _find(store: Store, **changed: object):
    wanted = {
        "kind": "traffic",
        "name": "blog",
        "policy_hash": "0123456789ab",
        "seed": 7,
        "parameters": PARAMETERS,
    }
    return store.find_run(**wanted | changed)


def test_a_run_is_found_again_by_what_makes_it_the_same(any_store):
    run_id = started_run(any_store)
    found = _find(any_store)
    assert found is not None
    assert (found.id, found.state, found.ended) == (run_id, "running", None)
    assert found.parameters == PARAMETERS
    assert found.source is Source.SIMULATED
    any_store.finish_run(run_id)
    again = _find(any_store)
    assert again is not None
    assert again.state == "complete"
    assert again.ended is not None


@pytest.mark.parametrize(
    "changed",
    [
        {"kind": "suite"},
        {"name": "other"},
        {"policy_hash": "ffff"},
        {"seed": 8},
        {"parameters": {"weeks": 4}},
    ],
)
def test_a_run_that_differs_is_not_taken_up(any_store, changed):
    started_run(any_store)
    assert _find(any_store, **changed) is None


def test_a_failed_run_is_not_taken_up_and_the_latest_of_two_is(any_store):
    first, second = started_run(any_store), started_run(any_store)
    assert _find(any_store).id == second
    any_store.finish_run(second, "failed")
    assert _find(any_store).id == first
    assert [run.id for run in any_store.runs("traffic")] == [second, first]
    assert any_store.runs("suite") == ()


def test_ending_a_run_that_is_not_there_is_refused(any_store):
    with pytest.raises(StoreError, match="no run nothing"):
        any_store.finish_run("nothing")


def test_a_day_and_its_mark_are_written_together_or_not_at_all(any_store):
    run_id = started_run(any_store)
    day = START.date()
    any_store.write(a_batch(run_id, 1, 2), day=(run_id, day, 2))
    assert any_store.completed_days(run_id) == {day}
    with pytest.raises(StoreError, match="complete already"):
        any_store.write(a_batch(run_id, 3), day=(run_id, day, 1))
    with pytest.raises(StoreError):
        any_store.write(a_batch(run_id, 2, 4), day=(run_id, day + timedelta(days=1), 2))
    assert any_store.count_requests(run_id) == 2
    assert any_store.completed_days(run_id) == {day}


def test_two_runs_may_hold_requests_of_the_same_name(any_store):
    first, second = started_run(any_store), started_run(any_store)
    any_store.write(a_batch(first, 1, 2))
    any_store.write(a_batch(second, 1, 2, 3))
    assert (any_store.count_requests(first), any_store.count_requests(second)) == (2, 3)


def test_discarding_a_day_leaves_the_others_and_other_runs(any_store):
    run_id, other = started_run(any_store), started_run(any_store)
    second = 86_400
    any_store.write(a_batch(other, 1, second), day=(other, START.date(), 2))
    any_store.write(a_batch(run_id, 1, 2), day=(run_id, START.date(), 2))
    next_day = START.date() + timedelta(days=1)
    any_store.write(a_batch(run_id, second, second + 1, second + 2), day=(run_id, next_day, 3))
    start = START + timedelta(days=1)
    assert any_store.discard_day(run_id, start, start + timedelta(days=1)) == 3
    assert any_store.completed_days(run_id) == {START.date()}
    assert any_store.count_requests(run_id) == 2
    assert any_store.count_requests(other) == 2
    for table in (schema.decisions, schema.attempts, schema.queue):
        found = any_store.rows(select(table.c.request_id).where(table.c.run_id == run_id))
        assert {row.request_id for row in found} == {a_request(1).id, a_request(2).id}
    any_store.write(a_batch(run_id, second), day=(run_id, next_day, 1))
    assert any_store.count_requests(run_id) == 3


def test_discarding_a_day_goes_by_the_arrival_of_requests(any_store, clock):
    """A request's late sends go with it; those that no request is known of go by their time."""
    run_id = started_run(any_store)
    ledger = any_store.ledger(run_id, Source.SIMULATED, clock)
    evening, morning, cut_off = a_request(86_399), a_request(86_401), a_request(86_402)

    async def note() -> None:
        late = replace(an_attempt(evening), started=START + timedelta(days=1, seconds=20))
        await ledger.finish(late)
        await ledger.record(evening, a_reply(evening, late))
        await ledger.finish(an_attempt(morning))
        await ledger.record(morning, a_reply(morning, an_attempt(morning)))
        await ledger.finish(an_attempt(cut_off))

    clock.run_sync(note())
    assert any_store.discard_day(run_id, START + timedelta(days=1), START + timedelta(days=2)) == 1
    left = any_store.rows(select(schema.attempts.c.request_id))
    assert [row.request_id for row in left] == [evening.id]


def test_a_cell_is_kept_in_the_place_of_an_earlier_one(any_store):
    run_id = started_run(any_store, "suite")
    any_store.save_cell(run_id, "voice down", 1, passed=True, result={"score": None})
    any_store.save_cell(run_id, "voice down", 0, passed=False, result={"missed": ["route"]})
    any_store.save_cell(run_id, "voice down", 0, passed=True, result={"missed": []})
    cells = any_store.cells(run_id)
    assert [(c.scenario, c.epoch, c.passed) for c in cells] == [
        ("voice down", 0, True),
        ("voice down", 1, True),
    ]
    assert cells[0].result == {"missed": []}
    with pytest.raises(StoreError, match="no run"):
        any_store.save_cell("nothing", "voice down", 0, passed=True, result={})


def test_a_policy_is_kept_once(any_store):
    any_store.save_policy("0123456789ab", "contentforge", "policy: contentforge")
    any_store.save_policy("0123456789ab", "renamed", "something else")
    rows = any_store.rows(select(schema.policies.c.name, schema.policies.c.content))
    assert [tuple(row) for row in rows] == [("contentforge", "policy: contentforge")]


def test_a_finished_queue_entry_loses_what_was_asked_and_is_gone_from_the_queue(any_store):
    run_id = started_run(any_store)
    any_store.write(a_batch(run_id, 1, 2))
    first, second = any_store.open_queue("batch")
    any_store.finish_queued(first.id)
    assert [entry.id for entry in any_store.open_queue("batch")] == [second.id]
    kept = select(schema.queue.c.text, schema.queue.c.asked).where(schema.queue.c.id == first.id)
    assert any_store.rows(kept) == [("", None)]
    with pytest.raises(StoreError, match="no entry"):
        any_store.finish_queued(first.id)
    assert any_store.open_queue("human review") == ()


async def _spend(ledger, number: int, user: str = "ana") -> None:
    """$0.0391 for an answer, and at most $0.12 for one that was never seen."""
    request = a_request(number, user=user)
    lost = an_attempt(request, 0, outcome=AttemptOutcome.UNKNOWN, cost=None, upper="0.12")
    won = an_attempt(request, 1)
    await ledger.finish(lost)
    await ledger.finish(won)
    await ledger.record(request, a_reply(request, lost, won))


def test_spend_is_told_by_period_source_and_account(any_store, clock):
    service = started_run(any_store, "service")
    ledger = any_store.ledger(service, Source.SIMULATED, clock)
    traffic = any_store.ledger(started_run(any_store), Source.SIMULATED, clock)
    live = any_store.ledger(started_run(any_store, "service", Source.LIVE), Source.LIVE, clock)
    once = Decimal("0.1591")
    clock.run_sync(_spend(ledger, 0))
    clock.run_sync(_spend(ledger, 86_400, user="ben"))
    clock.run_sync(_spend(traffic, 5))
    clock.run_sync(_spend(live, 6))

    def spent(since: datetime = START, **filters: object) -> Decimal:
        return any_store.spent(since, **{"source": Source.SIMULATED} | filters)

    assert spent() == 2 * once, "generated and live traffic are not mixed in"
    assert spent(START + timedelta(seconds=1)) == once
    assert spent(user="ben", task="article", tier="premium", feature="editor") == once
    assert spent(user="nobody") == 0
    assert spent(source=Source.LIVE) == once
    assert spent(run_id=service) == 2 * once
    assert any_store.spent_on(service, START.date()) == once
    assert any_store.spent_on(service, date(2026, 1, 1)) == 0
    account = {
        "task": "article", "tier": "premium", "feature": "editor", "team": "", "workflow": ""
    }  # fmt: skip
    assert any_store.spending(START, source=Source.SIMULATED) == (
        Spending(at=START, user="ana", amount=once, **account),
        Spending(at=START + timedelta(days=1), user="ben", amount=once, **account),
    )


def test_a_send_that_is_still_on_its_way_counts_at_its_upper_bound(store, clock):
    ledger = store.ledger(started_run(store, "service"), Source.SIMULATED, clock)
    clock.run_sync(ledger.begin(an_intent(a_request(), upper="0.5")))
    assert store.spent(START, source=Source.SIMULATED) == Decimal("0.5")
    (spending,) = store.spending(START, source=Source.SIMULATED)
    assert (spending.user, spending.amount) == ("", Decimal("0.5"))


def test_a_frame_can_read_whole_numbers_under_their_own_names(store):
    run_id = started_run(store)
    store.write(a_batch(run_id, 1))
    with store.connect() as connection:
        query = select(raw(schema.requests.c.at), raw(schema.requests.c.cost))
        row = connection.execute(query).mappings().one()
    moment = datetime.fromtimestamp(row["at"] / 1e6, UTC)
    assert moment == START + timedelta(seconds=1)
    assert row["cost"] == 39_100_000


def test_a_reader_sees_what_another_store_has_written_meanwhile(place):
    with Store.open(place) as writing, Store.open(place, read_only=True) as reading:
        run_id = started_run(writing)
        assert [run.id for run in reading.runs()] == [run_id]
        with pytest.raises(StoreError, match="reading only"):
            reading.save_policy("h", "n", "c")


def test_readers_cannot_write(any_store):
    with (
        pytest.raises(Exception, match=r"readonly|read-only"),
        any_store.connect() as connection,
    ):
        connection.exec_driver_sql("DELETE FROM requests")


def test_a_store_in_order_has_nothing_to_report(store):
    store.write(a_batch(started_run(store), 1, 2, 3))
    assert store.check() == ()
