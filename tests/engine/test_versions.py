"""Another version of a policy put in force, watched, and undone where it makes things worse."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from orchestra_kit.core.errors import AttemptOutcome, ConfigError, FailureClass, ProviderError
from orchestra_kit.cost.budgets import Spender, Spent
from orchestra_kit.engine.changes import RolloutState
from orchestra_kit.policy.policy import Policy
from orchestra_kit.store.store import Store
from tests.engine.small import (
    NOON,
    POLICY,
    Kept,
    an_orchestra,
    play,
    told,
    well,
    write_policy,
)

GUARDRAILS = (
    "guardrails:\n  - {watch: failures, over: 0.02}\n  - {watch: slow, over: 0.2}\nbudgets:\n"
)
BY_THIRD = "      - {use: third, timeout: 10s}\n"


@pytest.fixture
def other(tmp_path):
    """The same policy with guardrails, answered by the third deployment alone."""
    folder = tmp_path / "other"
    folder.mkdir()
    write_policy(folder)
    text = POLICY.replace("budgets:\n", GUARDRAILS).replace(
        "      - {use: first, timeout: 20s}\n      - {use: second, timeout: 15s}\n", ""
    )
    (folder / "orchestra.yaml").write_text(text, encoding="utf-8")
    return Policy.load(folder)


def written(orchestra, times):
    return [orchestra.run_sync("Write", tier="basic", task="letter") for _ in range(times)]


def test_what_is_promoted_decides_from_then_on_and_stays_where_it_does_well(small, other):
    with an_orchestra(small) as orchestra:
        assert written(orchestra, 1)[0].deployment == "first"
        change = orchestra.promote(other, because="cheaper letters", by="ann")
        assert (change.kind, change.before, change.after) == ("promotion", small.hash, other.hash)
        replies = written(orchestra, 200)
        assert {reply.deployment for reply in replies} == {"third"}
        assert {reply.decision.policy_hash for reply in replies} == {other.hash}
        assert orchestra.policy is other
        assert orchestra.rollout.state is RolloutState.WATCHED


def test_what_makes_things_worse_is_undone_by_itself_and_told(small, other, tmp_path):
    async def failing(call, clock):
        await clock.sleep(0.5)
        raise ProviderError("no", failure=FailureClass.BAD_REQUEST, outcome=AttemptOutcome.REFUSED)

    with Store.open(tmp_path / "store.db") as store:
        with an_orchestra(small, store=store) as orchestra:
            told(orchestra).doings["third"] = failing
            orchestra.promote(other, because="cheaper letters", by="ann")
            replies = written(orchestra, 40)
            assert orchestra.policy is small
            assert orchestra.rollout.state is RolloutState.UNDONE
        failed = [reply for reply in replies if not reply.answered]
        assert 1 <= len(failed) <= 12
        assert {reply.deployment for reply in replies[len(failed) :]} == {"first"}
        promotion, rollback = store.changes()
        assert (promotion.kind, rollback.kind) == ("promotion", "rollback")
        assert rollback.by == "guard of failures"
        assert rollback.after == small.hash


def test_a_wrong_key_is_tried_once_more_when_the_policy_changes(small, other):
    async def wrong(call, clock):
        raise ProviderError("no", failure=FailureClass.AUTH, outcome=AttemptOutcome.FAILED)

    with an_orchestra(small) as orchestra:
        told(orchestra).doings["third"] = wrong
        orchestra.promote(other, because="a try", by="ann")
        written(orchestra, 3)
        assert told(orchestra).sends_to("third") == 1
        del told(orchestra).doings["third"]
        orchestra.promote(other, because="with another key", by="ann")
        assert written(orchestra, 1)[0].answered


def test_breakers_and_budgets_outlive_a_promotion(small, other):
    async def down(call, clock):
        raise ProviderError("no", failure=FailureClass.SERVER, outcome=AttemptOutcome.FAILED)

    with an_orchestra(small) as orchestra:
        told(orchestra).doings["first"] = down
        spent = sum(reply.cost for reply in written(orchestra, 5))
        before = orchestra.health.unavailable()
        orchestra.promote(other, because="a try", by="ann")
        assert orchestra.health.unavailable() == before != {}
        (standing,) = orchestra.budgets.standings(orchestra.clock.now())
        assert standing.spent == spent


@pytest.fixture
def richer(tmp_path, other):
    """The other version, with a limit of $900 in place of $300."""
    text = (other.folder / "orchestra.yaml").read_text(encoding="utf-8")
    (other.folder / "orchestra.yaml").write_text(text.replace("$300", "$900"), encoding="utf-8")
    return Policy.load(other.folder)


def test_another_limit_goes_on_with_what_is_spent_and_what_is_under_way(small, richer):
    with an_orchestra(small) as orchestra:
        before = sum(reply.cost for reply in written(orchestra, 3))

        async def meanwhile():
            request = orchestra.request("Write", tier="basic", task="letter")
            under_way = asyncio.create_task(orchestra.handle(request))
            await orchestra.clock.sleep(1)
            orchestra.promote(richer, because="more money", by="ann")
            (standing,) = orchestra.budgets.standings(orchestra.clock.now())
            assert (standing.limit, standing.spent) == (900, before)
            assert standing.reserved > 0
            return await under_way

        reply = play(orchestra, meanwhile())
        (standing,) = orchestra.budgets.standings(orchestra.clock.now())
        assert (standing.spent, standing.reserved) == (before + reply.cost, 0)


def test_what_an_undone_version_spent_is_spent(small, richer):
    async def slow(call, clock):
        await clock.sleep(9)
        await clock.sleep(2)
        return await well(call, clock)

    with an_orchestra(small) as orchestra:
        told(orchestra).doings["third"] = slow
        orchestra.promote(richer, because="more money", by="ann")
        while orchestra.policy is richer:
            written(orchestra, 1)
        assert orchestra.rollout.state is RolloutState.UNDONE
        sent = told(orchestra).sends_to("third")
        (standing,) = orchestra.budgets.standings(orchestra.clock.now())
        assert (standing.limit, standing.spent > 0) == (300, sent > 0)
        assert orchestra.budgets.outstanding == 0


def test_a_step_of_a_budget_is_not_told_again_because_the_policy_changed(small, other):
    ledger = Kept()
    with an_orchestra(small, store=ledger, spent=[Spent(Spender(), NOON, Decimal(200))]) as o:
        written(o, 1)
        o.clock.run_sync(o.clock.sleep(600))
        o.promote(other, because="a try", by="ann")
        written(o, 1)
    assert [n.kind for n in ledger.notices if n.kind.startswith("budget")] == ["budget_note"]


@pytest.mark.parametrize("said", [{"because": "", "by": "ann"}, {"because": "x", "by": " "}])
def test_without_a_reason_or_a_name_nothing_changes(small, other, said):
    with an_orchestra(small) as orchestra:
        with pytest.raises(ConfigError):
            orchestra.promote(other, **said)
        assert orchestra.policy is small


def test_a_persons_word_goes_before_the_rules_until_it_expires(small):
    with an_orchestra(small, store=Kept()) as orchestra:
        orchestra.overrides.add("second", because="the first is being moved", by="ann", seconds=60)
        reply = written(orchestra, 1)[0]
        assert reply.deployment == "second"
        assert reply.decision.rule == "override"
        assert "being moved" in reply.decision.because
        assert reply.decision.propensity == 1
        orchestra.clock.run_sync(orchestra.clock.sleep(61))
        assert written(orchestra, 1)[0].deployment == "first"


def test_an_override_outlives_the_process_that_made_it(small, tmp_path):
    place = tmp_path / "store.db"
    with an_orchestra(small, store=place) as orchestra:
        made = orchestra.overrides.add("third", because="a trial", by="ann", seconds=3600)
    with an_orchestra(small, store=place) as orchestra:
        assert written(orchestra, 1)[0].deployment == "third"
        orchestra.overrides.end(made.id, by="bob")
        assert written(orchestra, 1)[0].deployment == "first"
    with Store.open(place, read_only=True) as store:
        assert [change.kind for change in store.changes()] == ["override", "override_ended"]
