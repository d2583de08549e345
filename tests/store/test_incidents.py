"""An incident is one row, whichever ledger keeps it, and says how it stands."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from orchestra_kit.core.answer import Source
from orchestra_kit.core.reply import Incident
from orchestra_kit.store import schema
from orchestra_kit.store.buffered import BufferedLedger
from tests.store.values import START, an_incident, started_run


def test_an_incident_is_one_row_that_says_how_it_stands(any_store, clock):
    ledger = any_store.ledger(started_run(any_store), Source.SIMULATED, clock)
    other = any_store.ledger(started_run(any_store), Source.SIMULATED, clock)

    async def happen() -> None:
        await ledger.incident(an_incident(requests=1))
        await ledger.incident(an_incident(requests=5))
        await ledger.incident(an_incident(1, requests=2))
        await ledger.incident(an_incident(1, requests=9, closed=True))
        await other.incident(an_incident(requests=7))

    clock.run_sync(happen())
    assert any_store.incidents(open_only=True) == (
        an_incident(requests=5), an_incident(requests=7),
    )  # fmt: skip
    assert any_store.incidents(since=an_incident(1).opened) == (
        an_incident(1, requests=9, closed=True),
    )
    states = [row.state for row in any_store.rows(select(schema.incidents.c.state))]
    assert sorted(states) == ["closed", "open", "open"]


def test_incidents_in_memory_become_the_same_rows(any_store, clock):
    run_id = started_run(any_store)
    ledger = BufferedLedger(run_id, Source.SIMULATED)

    async def happen(*incidents: Incident) -> None:
        for incident in incidents:
            await ledger.incident(incident)

    clock.run_sync(happen(an_incident(requests=1), an_incident(requests=4)))
    batch = ledger.drain()
    assert len(batch) == 1
    any_store.write(batch)
    clock.run_sync(happen(an_incident(requests=6, closed=True)))
    any_store.write(ledger.drain())
    assert any_store.incidents() == (an_incident(requests=6, closed=True),)
    assert len(ledger.drain()) == 0


def test_an_incident_goes_with_the_day_on_which_it_was_opened(any_store, clock):
    run_id = started_run(any_store)
    ledger = any_store.ledger(run_id, Source.SIMULATED, clock)
    clock.run_sync(ledger.incident(an_incident()))
    clock.run_sync(ledger.incident(an_incident(86_400)))
    any_store.discard_day(run_id, START, START + timedelta(days=1))
    assert any_store.incidents() == (an_incident(86_400),)
