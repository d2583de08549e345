"""Any order of beginnings, endings, records, crashes and drains: every send ends exactly once."""

from __future__ import annotations

import shutil
import tempfile
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select

from orchestra_kit.core.answer import Source
from orchestra_kit.core.clock import SystemClock
from orchestra_kit.core.errors import AttemptOutcome
from orchestra_kit.core.request import Request
from orchestra_kit.store import schema
from orchestra_kit.store.buffered import BufferedLedger
from orchestra_kit.store.ledger import Ledger
from orchestra_kit.store.store import Store
from tests.store.values import a_reply, a_request, an_attempt, an_intent, started_run

OUTCOMES = st.sampled_from(list(AttemptOutcome))


class LedgerMachine(RuleBasedStateMachine):
    """A ledger on a store, beside a dictionary of what it must hold."""

    empty_store: Path
    begun = Bundle("begun")
    ended = Bundle("ended")

    @initialize()
    def open(self) -> None:
        self.clock = SystemClock()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(shutil.copy(self.empty_store, Path(self.folder.name) / "store.db"))
        self.store = Store.open(self.path, durable=False)
        self.run_id = started_run(self.store)
        self.ledger = self.new_ledger()
        self.sending: set[str] = set()
        self.outcomes: dict[str, str] = {}
        self.recorded: set[str] = set()
        self.requests = 0

    def new_ledger(self) -> Ledger:
        return self.store.ledger(self.run_id, Source.SIMULATED, self.clock)

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            self.folder.cleanup()

    @rule(target=begun)
    def begin(self) -> Request:
        request = a_request(self.requests)
        self.requests += 1
        self.clock.run_sync(self.ledger.begin(an_intent(request)))
        self.sending.add(request.id)
        return request

    @rule(target=ended, request=begun, outcome=OUTCOMES)
    def finish(self, request: Request, outcome: AttemptOutcome) -> object:
        return multiple(*([request] if self.end(request, outcome) else []))

    @rule(target=ended, outcome=OUTCOMES)
    def finish_without_sending(self, outcome: AttemptOutcome) -> Request:
        request = a_request(self.requests)
        self.requests += 1
        assert self.end(request, outcome)
        return request

    @rule(request=ended, outcome=OUTCOMES)
    def finish_again(self, request: Request, outcome: AttemptOutcome) -> None:
        assert not self.end(request, outcome)

    def end(self, request: Request, outcome: AttemptOutcome) -> bool:
        self.clock.run_sync(self.ledger.finish(an_attempt(request, outcome=outcome)))
        self.sending.discard(request.id)
        first = request.id not in self.outcomes
        self.outcomes.setdefault(request.id, outcome.value)
        return first

    @rule(request=ended)
    def record(self, request: Request) -> None:
        if request.id not in self.recorded:
            reply = a_reply(request, an_attempt(request))
            self.clock.run_sync(self.ledger.record(request, reply))
            self.recorded.add(request.id)

    def kept(self) -> dict[str, tuple[str, str | None]]:
        columns = schema.attempts.c
        query = select(columns.request_id, columns.state, columns.outcome)
        return {row.request_id: (row.state, row.outcome) for row in self.store.rows(query)}

    def kept_requests(self) -> set[str]:
        ids = {row.id for row in self.store.rows(select(schema.requests.c.id))}
        decided = self.store.rows(select(schema.decisions.c.request_id))
        assert {row.request_id for row in decided} == ids
        return ids


class DurableMachine(LedgerMachine):
    """Every note is there at once, and a crash ends what was on its way."""

    @rule()
    def crash(self) -> None:
        self.store.close()
        self.store = Store.open(self.path, durable=False)
        assert self.store.recovered == len(self.sending)
        self.outcomes |= dict.fromkeys(self.sending, "unknown")
        self.sending.clear()
        self.ledger = self.new_ledger()

    @invariant()
    def everything_is_in_the_store(self) -> None:
        if not hasattr(self, "store"):
            return
        expected: dict[str, tuple[str, str | None]] = {
            name: ("done", outcome) for name, outcome in self.outcomes.items()
        }
        expected |= dict.fromkeys(self.sending, ("sending", None))
        assert self.kept() == expected
        assert self.kept_requests() == self.recorded


class BufferedMachine(LedgerMachine):
    """Everything that ended is in the store once it was drained and written, and only once."""

    def new_ledger(self) -> Ledger:
        self.buffer = BufferedLedger(self.run_id, Source.SIMULATED)
        return self.buffer

    @rule()
    def drain(self) -> None:
        before = self.store.spent_on(self.run_id, a_request().arrived.date())
        batch = self.buffer.drain()
        self.store.write(batch)
        assert self.kept() == {name: ("done", outcome) for name, outcome in self.outcomes.items()}
        assert self.kept_requests() == self.recorded
        assert before >= Decimal(0)

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.drain()
        super().teardown()


@pytest.mark.parametrize("machine", [DurableMachine, BufferedMachine])
def test_every_send_ends_exactly_once_whatever_happens(machine, template, monkeypatch):
    monkeypatch.setattr(machine, "empty_store", template, raising=False)
    run_state_machine_as_test(machine, settings=settings(max_examples=40, stateful_step_count=15))
