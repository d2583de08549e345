"""What a killed process left behind is found, brought to an end, and told."""

from __future__ import annotations

from sqlalchemy import select

from orchestra_kit.core.answer import Source
from orchestra_kit.store import schema
from orchestra_kit.store.lock import WriterLock
from orchestra_kit.store.store import Store
from tests.store.processes import a_process
from tests.store.values import a_request, an_attempt, an_incident, an_intent, started_run


def test_sends_that_a_killed_process_left_become_unknown_at_their_upper_cost(place, clock):
    store = Store.open(place)
    run_id = started_run(store, "service")
    traffic = started_run(store)
    ledger = store.ledger(run_id, Source.SIMULATED, clock)

    async def die_midway() -> None:
        await ledger.begin(an_intent(a_request(1), upper="0.12"))
        await ledger.begin(an_intent(a_request(2), upper=None))
        await ledger.begin(an_intent(a_request(3)))
        await ledger.finish(an_attempt(a_request(3)))

    clock.run_sync(die_midway())
    store.close()
    with Store.open(place) as again:
        assert again.recovered == 2
        columns = schema.attempts.c
        query = select(columns.state, columns.outcome, columns.cost, columns.cost_upper)
        rows = {tuple(map(str, row)) for row in again.rows(query)}
        assert rows == {
            ("done", "unknown", "None", "0.12"),
            ("done", "unknown", "None", "None"),
            ("done", "answered", "0.0391", "None"),
        }
        (notice,) = again.rows(select(schema.notices))
        assert (notice.kind, notice.severity, notice.run_id) == ("sends_cut_off", "warning", run_id)
        assert "2 sends were on the way" in notice.message
        assert "at most $0.120 and an unknown amount for 1 of them" in notice.message
        states = {run.id: run.state for run in again.runs()}
        assert states == {run_id: "failed", traffic: "running"}, "traffic can be taken up again"
    with Store.open(place) as third:
        assert third.recovered == 0


def test_a_lost_log_is_told_to_operators(filled):
    code = """
        import os, sys
        from orchestra_kit.store.store import Store
        from tests.store.values import started_run
        started_run(Store.open(sys.argv[1]))
        os._exit(9)
    """
    a_process(code, filled).communicate()
    log = filled.with_name("store.db-wal")
    assert log.stat().st_size > 0, "the process was to leave a log behind"
    log.unlink()
    with Store.open(filled) as store:
        kinds = {row.kind for row in store.rows(select(schema.notices.c.kind))}
        assert "store_log_lost" in kinds
        assert len(store.runs()) == 1, "what had reached the file is all that is there"


def test_what_a_killed_process_left_in_the_log_is_there(filled):
    code = """
        import os, sys
        from orchestra_kit.store.store import Store
        from tests.store.values import started_run
        started_run(Store.open(sys.argv[1]))
        os._exit(9)
    """
    a_process(code, filled).communicate()
    with Store.open(filled, read_only=True) as store:
        assert len(store.runs()) == 2
    with Store.open(filled) as store:
        assert len(store.runs()) == 2
        kinds = {row.kind for row in store.rows(select(schema.notices.c.kind))}
        assert "store_log_lost" not in kinds


def test_a_writer_killed_between_closing_and_unlocking_lost_nothing(filled, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(WriterLock, "release", WriterLock.let_go)
        Store.open(filled).close()
    assert filled.with_name("store.db.lock").exists()
    with Store.open(filled) as store:
        kinds = {row.kind for row in store.rows(select(schema.notices.c.kind))}
        assert "store_log_lost" not in kinds


def test_a_new_store_is_whole_without_its_log(tmp_path):
    code = """
        import os, sys
        from orchestra_kit.store.store import Store
        Store.open(sys.argv[1])
        os._exit(9)
    """
    path = tmp_path / "new.db"
    a_process(code, path).communicate()
    path.with_name("new.db-wal").unlink()
    with Store.open(path, read_only=True) as store:
        assert store.runs() == ()


def test_an_incident_that_nobody_watches_any_more_is_closed_as_of_when_it_was_last_seen(
    place, clock
):
    with Store.open(place) as store:
        ledger = store.ledger(started_run(store), Source.SIMULATED, clock)
        clock.run_sync(ledger.incident(an_incident()))
    with Store.open(place, read_only=True) as reading:
        assert reading.incidents(open_only=True) == (an_incident(),)
    with Store.open(place) as store:
        (found,) = store.incidents()
        assert found.closed == an_incident().last
