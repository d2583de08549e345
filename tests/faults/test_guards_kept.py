"""The guards of what is kept: the ledger, the store, what processes share, the kept answers.

As in `test_guards`: each promise holds with its guard, and fails without it.
"""

from __future__ import annotations

import asyncio
import secrets

import pytest
from sqlalchemy import event, select

from orchestra_kit.core.answer import Source
from orchestra_kit.core.clock import SystemClock
from orchestra_kit.core.errors import AttemptOutcome, FailureClass, StoreBusy
from orchestra_kit.engine import answer_cache
from orchestra_kit.policy.schema import Caching, Task
from orchestra_kit.store import lock, schema, sqlite_file, text_files
from orchestra_kit.store import store as store_module
from orchestra_kit.store.answers import KeptAnswer
from orchestra_kit.store.durable import DurableLedger
from orchestra_kit.store.export import export
from orchestra_kit.store.shared import SharedState
from orchestra_kit.store.store import Store
from orchestra_kit.store.text import Capture
from tests.engine.small import an_orchestra, play, told
from tests.engine.test_answer_cache import caching_policy
from tests.faults.test_guards import Guard, always, failing, letter, many, policy_with, telling
from tests.store.sharing import ADDRESS
from tests.store.values import a_reply, a_request, an_attempt, an_intent, started_run

CLOCK = SystemClock()


def noted(path, note):
    """What a ledger was told, and its store closed."""
    with Store.open(path) as store:
        ledger = store.ledger(started_run(store), Source.SIMULATED, CLOCK)
        asyncio.run(note(ledger, store))


def a_commit_is_on_the_disk_before_it_is_acknowledged(tmp_path):
    with Store.open(tmp_path / "store.db") as store:
        level = store._writing.call(
            lambda connection: connection.exec_driver_sql("PRAGMA synchronous").scalar_one()
        )
        assert level == 2, "FULL: https://sqlite.org/pragma.html#pragma_synchronous"


def an_intent_can_be_read_once_it_is_noted(tmp_path):
    async def note(ledger, store):
        for number in range(20):
            await ledger.begin(an_intent(a_request(number)))
            assert len(store.rows(select(schema.attempts.c.id))) == number + 1

    noted(tmp_path / "store.db", note)


def many_at_once_share_few_commits(tmp_path):
    commits = 0

    async def note(ledger, store):
        nonlocal commits

        def counted(connection):
            nonlocal commits
            commits += 1

        engine = store._writer._connection.engine
        event.listen(engine, "commit", counted)
        await asyncio.gather(*(ledger.begin(an_intent(a_request(n))) for n in range(500)))

    noted(tmp_path / "store.db", note)
    assert 1 <= commits <= 50


def what_a_dead_process_sent_is_unknown_at_its_upper_cost(tmp_path):
    intent = an_intent(a_request())

    async def note(ledger, store):
        await ledger.begin(intent)

    noted(tmp_path / "store.db", note)
    with Store.open(tmp_path / "store.db") as store:
        (row,) = store.rows(schema.attempts.select())
        assert (row.state, row.outcome) == ("done", AttemptOutcome.UNKNOWN)
        assert (row.cost, row.cost_upper) == (None, intent.cost_upper)


def one_process_writes_at_a_time(tmp_path):
    with Store.open(tmp_path / "store.db"), pytest.raises(StoreBusy, match="pid"):
        Store.open(tmp_path / "store.db").close()


def of_two_endings_the_first_stands(tmp_path):
    request = a_request()

    async def note(ledger, store):
        await ledger.begin(an_intent(request))
        await ledger.finish(an_attempt(request))
        await ledger.finish(an_attempt(request, outcome=AttemptOutcome.FAILED))

    noted(tmp_path / "store.db", note)
    with Store.open(tmp_path / "store.db") as store:
        assert store.rows(select(schema.attempts.c.outcome)) == [(AttemptOutcome.ANSWERED,)]


def a_prompt_is_in_no_byte_of_the_store(tmp_path):
    request = a_request()

    async def note(ledger, store):
        await ledger.record(request, a_reply(request, an_attempt(request)))

    noted(tmp_path / "store.db", note)
    assert len(request.text) > 5
    assert request.text.encode() not in (tmp_path / "store.db").read_bytes()


def no_cell_of_an_export_is_a_formula(tmp_path):
    with Store.open(tmp_path / "store.db") as store:
        store.start_run(
            "service", name="=1+1", policy="@p", policy_hash="h", source=Source.SIMULATED, seed=1
        )
    export(tmp_path / "store.db", tmp_path / "out", format="csv", progress=False)
    cells = (tmp_path / "out" / "runs.csv").read_text(encoding="utf-8").split(",")
    assert not [cell for cell in cells if cell.startswith(("=", "@"))]


def of_all_processes_one_probes(tmp_path):
    async def scene():
        prefix = f"orchestra_test_{secrets.token_hex(4)}"
        states = [SharedState(ADDRESS, prefix=prefix, timeout=5) for _ in range(3)]
        try:
            if not await states[0].reachable():
                pytest.skip("needs a Redis server at 127.0.0.1:6379")
            return [await state.claim_probe("first", 10) for state in states]
        finally:
            await states[0].release_probe("first")
            for state in states:
                await state.close()

    pytest.importorskip("redis", reason="needs redis: pip install 'orchestra_kit[redis]'")
    assert asyncio.run(scene()) == [True, False, False]


def nobody_gets_what_was_said_to_another(tmp_path):
    with an_orchestra(caching_policy(tmp_path)) as orchestra:
        play(orchestra, letter(orchestra, user="ann"))
        assert play(orchestra, letter(orchestra, user="bob")).repeats is None


def what_is_old_is_not_given_as_fresh(tmp_path):
    async def scene(orchestra):
        await letter(orchestra)
        await orchestra.clock.sleep(25 * 3600)
        return await letter(orchestra)

    with an_orchestra(caching_policy(tmp_path)) as orchestra:
        assert play(orchestra, scene(orchestra)).repeats is None


def of_equal_requests_at_once_one_is_paid(tmp_path):
    with an_orchestra(caching_policy(tmp_path)) as orchestra:
        replies = many(orchestra, 20)
        assert len(told(orchestra).sent) == 1
        assert sum(bool(reply.cost) for reply in replies) == 1


def what_stood_in_for_another_is_not_kept(tmp_path):
    down = failing(FailureClass.SERVER)
    with an_orchestra(caching_policy(tmp_path), telling(first=down)) as orchestra:
        many(orchestra, 1)
        told(orchestra).doings.clear()
        assert many(orchestra, 1)[0].repeats is None


def nothing_is_kept_unasked(tmp_path):
    with an_orchestra(policy_with(tmp_path)) as orchestra:
        assert [reply.repeats for reply in many(orchestra, 2, apart=5.0)] == [None, None]


def without_waiting(patch):
    async def submitted(self, work):
        self._writer.submit(work)

    patch.setattr(DurableLedger, "_wait_for", submitted)


def without_group_commit(patch):
    patch.setattr("orchestra_kit.store.writer.MOST_IN_A_COMMIT", 1)


def without_lock(patch):
    patch.setattr(lock.fcntl, "flock", always(None))


def without_fsync(patch):
    real = sqlite_file._writing
    patch.setattr(sqlite_file, "_writing", lambda path, *, durable: real(path, durable=False))


def with_every_ending(patch):
    real = store_module.Statements.__init__

    def init(self, connection):
        real(self, connection)
        self.finish = self.finish.partition(" WHERE ")[0]

    patch.setattr(store_module.Statements, "__init__", init)


def with_every_prompt(patch):
    patch.setattr(Capture, "kept", lambda self, prompt: (prompt, ""))


def without_flights(patch):
    class Forgetful(dict):
        def __setitem__(self, key, value):
            pass

    real = answer_cache.AnswerCache.__init__

    def init(self, *places, **more):
        real(self, *places, **more)
        self._flights = Forgetful()

    patch.setattr(answer_cache.AnswerCache, "__init__", init)


def with_a_cache_unasked(patch):
    real, everywhere = Task.__getattribute__, Caching(ttl=3600)
    patch.setattr(
        Task, "__getattribute__", lambda self, n: everywhere if n == "cache" else real(self, n)
    )


GUARDS = [
    Guard("fsync", a_commit_is_on_the_disk_before_it_is_acknowledged, without_fsync),
    Guard("acknowledgement", an_intent_can_be_read_once_it_is_noted, without_waiting),
    Guard("group commit", many_at_once_share_few_commits, without_group_commit),
    Guard(
        "recovery",
        what_a_dead_process_sent_is_unknown_at_its_upper_cost,
        lambda patch: patch.setattr(store_module, "recover", always(0)),
    ),
    Guard("writer lock", one_process_writes_at_a_time, without_lock),
    Guard("first ending", of_two_endings_the_first_stands, with_every_ending),
    Guard("capture", a_prompt_is_in_no_byte_of_the_store, with_every_prompt),
    Guard(
        "formulas",
        no_cell_of_an_export_is_a_formula,
        lambda patch: patch.setattr(text_files, "_FORMULA", ()),
    ),
    Guard(
        "shared probe",
        of_all_processes_one_probes,
        lambda patch: patch.setattr(SharedState, "claim_probe", _granted),
    ),
    Guard(
        "sharing of answers",
        nobody_gets_what_was_said_to_another,
        lambda patch: patch.setattr(answer_cache, "_sharing", always([])),
    ),
    Guard(
        "freshness",
        what_is_old_is_not_given_as_fresh,
        lambda patch: patch.setattr(KeptAnswer, "fresh", always(True)),
    ),
    Guard("single flight", of_equal_requests_at_once_one_is_paid, without_flights),
    Guard(
        "worth keeping",
        what_stood_in_for_another_is_not_kept,
        lambda patch: (
            patch.setattr(answer_cache, "_worth_keeping", always(True)),
            patch.setattr(answer_cache, "key_of", always("small:letter:1")),
        ),
    ),
    Guard("no cache unasked", nothing_is_kept_unasked, with_a_cache_unasked),
]


async def _granted(*_, **__):
    return True


@pytest.mark.parametrize("guard", GUARDS, ids=[guard.name for guard in GUARDS])
def test_with_its_guard_the_promise_holds(guard, tmp_path):
    guard.promise(tmp_path)


@pytest.mark.parametrize("guard", GUARDS, ids=[guard.name for guard in GUARDS])
def test_without_its_guard_the_promise_fails(guard, tmp_path, monkeypatch):
    guard.removed(monkeypatch)
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        guard.promise(tmp_path)
