"""The guard of a change: seldom wrong, soon right, whenever somebody looks."""

from __future__ import annotations

import random
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestra_kit.core.answer import Score
from orchestra_kit.core.errors import FailureClass
from orchestra_kit.core.reply import Reply, ReplyStatus
from orchestra_kit.engine.guard import Guard
from orchestra_kit.policy.schema import Guardrail
from tests.engine.small import an_orchestra

RUNS, REQUESTS = 1000, 500


@pytest.fixture(scope="module")
def answered(small) -> Reply:
    """A reply in which all is well."""
    with an_orchestra(small) as orchestra:
        return orchestra.run_sync("Write a letter", tier="best", task="letter")


@pytest.fixture(scope="module")
def failed(answered) -> Reply:
    return replace(answered, status=ReplyStatus.UNAVAILABLE, attempts=())


def guard(small, *rails: Guardrail, **options) -> Guard:
    return Guard(rails, small.tasks, **options)


def rail(watch: str = "failures", over: float | str = 0.05, **more) -> Guardrail:
    return Guardrail(watch=watch, over=over, **more)


def breached_after(watching: Guard, replies) -> int | None:
    """Which reply made the breach, counted from 1."""
    for number, reply in enumerate(replies, 1):
        if watching.observe(reply) is not None:
            return number
    return None


def failing(chance: random.Random, share: float, answered: Reply, failed: Reply, count: int):
    return (failed if chance.random() < share else answered for _ in range(count))


@pytest.mark.parametrize("over", [0.02, 0.05, 0.2])
def test_at_the_limit_itself_at_most_one_change_in_twenty_is_undone(small, answered, failed, over):
    chance = random.Random(11)
    alarms = sum(
        breached_after(
            guard(small, rail(over=over)), failing(chance, over, answered, failed, REQUESTS)
        )
        is not None
        for _ in range(RUNS)
    )
    assert alarms <= 0.05 * RUNS


def test_several_guardrails_share_the_false_alarms(small, answered, failed):
    chance = random.Random(12)
    rails = [rail(over=0.1), rail("slow", 0.1), rail("low_quality", 0.1)]
    alarms = 0
    for _ in range(RUNS):
        watching = guard(small, *rails)
        for _ in range(REQUESTS):
            reply = failed if chance.random() < 0.1 else answered
            if reply is answered:
                slow, bad = chance.random() < 0.1, chance.random() < 0.1
                reply = _answered(answered, slow, bad)
            if watching.observe(reply) is not None:
                alarms += 1
                break
    assert alarms <= 0.05 * RUNS


def _answered(reply: Reply, slow: bool, bad: bool, _made={}) -> Reply:  # noqa: B006
    """One of four replies, each made once."""
    key = id(reply), slow, bad
    if key not in _made:
        _made[key] = replace(
            reply,
            seconds=60.0 if slow else 1.0,
            score=Score(value=0.1 if bad else 0.9, scorer="test"),
        )
    return _made[key]


@pytest.mark.parametrize(("over", "within"), [(0.02, 3000), (0.05, 1000), (0.2, 250), (0.5, 20)])
def test_twice_the_limit_is_noticed_soon(small, answered, failed, over, within):
    chance = random.Random(13)
    found = [
        breached_after(
            guard(small, rail(over=over)), failing(chance, 2 * over, answered, failed, within)
        )
        for _ in range(100)
    ]
    assert sum(number is not None for number in found) >= 97


def test_a_change_after_which_everything_fails_is_undone_within_a_few_requests(small, failed):
    assert breached_after(guard(small, rail(over=0.05)), [failed] * 20) <= 3


def test_dearer_requests_are_noticed_and_a_single_dear_one_is_not(small, answered):
    def costing(dollars: str) -> Reply:
        return replace(answered, cost=Decimal(dollars))

    dearer = guard(small, rail("cost", "$0.04"))
    assert breached_after(dearer, [costing("0.08")] * 100) <= 15
    single = guard(small, rail("cost", "$0.04"))
    assert breached_after(single, [costing("1000"), *[costing("0.03")] * 500]) is None


def test_costs_of_any_spread_at_the_limit_are_seldom_held_against_a_change(small, answered):
    chance = random.Random(14)
    prices = [
        replace(answered, cost=Decimal(repr(round(0.04 * chance.lognormvariate(-0.5, 1.0), 6))))
        for _ in range(4000)
    ]
    mean = sum(float(p.cost) for p in prices) / len(prices)
    limit = rail("cost", f"${mean:.6f}")
    alarms = sum(
        breached_after(guard(small, limit), chance.choices(prices, k=REQUESTS)) is not None
        for _ in range(300)
    )
    assert alarms <= 0.05 * 300


def test_what_costs_nothing_may_cost_nothing(small, answered):
    free = guard(small, rail("cost", "$0"))
    assert breached_after(free, [replace(answered, cost=Decimal(0))] * 50) is None
    assert breached_after(free, [replace(answered, cost=Decimal("0.001"))]) == 1


def test_what_must_never_happen_is_a_breach_at_once_however_late(small, answered, failed):
    never = guard(small, rail(over=0.0))
    assert breached_after(never, [answered] * 3000) is None
    assert breached_after(never, [failed]) == 1


def test_a_breach_says_what_was_seen(small, answered, failed):
    watching = guard(small, rail(over=0.05, task="letter"))
    assert breached_after(watching, [answered] * 20 + [failed] * 20) is not None
    breach = watching.breach
    assert breach is not None
    assert (breach.watch, breach.task, breach.over) == ("failures", "letter", Decimal("0.05"))
    assert breach.seen == pytest.approx((breach.requests - 20) / breach.requests)
    assert breach.evidence >= 20
    assert breach.by == "guard of failures of letter"
    assert breach.sentence().startswith("letter: failures: ")
    assert "more than 5.0%" in breach.sentence()
    dear = guard(small, rail("cost", "$0.04"))
    breached_after(dear, [replace(answered, cost=Decimal("0.4"))] * 20)
    assert "more than $0.04" in dear.breach.sentence()


def test_a_breach_is_told_once_and_stays(small, failed):
    watching = guard(small, rail())
    assert sum(watching.observe(failed) is not None for _ in range(50)) == 1
    assert watching.breach is not None


def test_a_guardrail_of_one_task_does_not_look_at_others(small, failed):
    watching = guard(small, rail(task="speech"))
    assert breached_after(watching, [failed] * 50) is None


def test_replies_that_did_not_come_of_the_change_say_nothing(small, failed):
    watching = guard(small, rail(), concerns=lambda reply: reply.decision.rule == "override")
    assert breached_after(watching, [failed] * 50) is None
    assert watching.requests == 0


def _with_last(reply: Reply, failure: FailureClass) -> Reply:
    attempt = replace(reply.attempts[0], failure=failure)
    return replace(reply, status=ReplyStatus.QUEUED, attempts=(attempt,))


def test_what_only_money_or_a_person_held_back_is_no_failure(small, answered):
    held = [
        replace(answered, status=ReplyStatus.BLOCKED),
        replace(answered, status=ReplyStatus.REVIEW),
        replace(answered, status=ReplyStatus.REFUSED),
        _with_last(answered, FailureClass.BUDGET),
    ]
    for reply in held:
        assert breached_after(guard(small, rail()), [reply] * 100) is None
    queued = _with_last(answered, FailureClass.SERVER)
    assert breached_after(guard(small, rail()), [queued] * 100) is not None
    cut = replace(answered, status=ReplyStatus.INCOMPLETE)
    assert breached_after(guard(small, rail()), [cut] * 100) is not None


def test_what_is_not_known_is_not_held_against_a_change(small, answered):
    unpriced = replace(answered, cost=None)
    assert breached_after(guard(small, rail("cost", "$0.00001")), [unpriced] * 100) is None
    unscored = replace(answered, score=Score.unscored("none", "no scorer"))
    assert breached_after(guard(small, rail("low_quality", 0.01)), [unscored] * 100) is None


def test_each_guardrail_measures_by_the_tasks_own_criterion(small, answered):
    criterion = small.tasks["letter"].must.p90_latency
    for seconds, expected in ((criterion, False), (criterion + 0.1, True)):
        slow = guard(small, rail("slow", 0.1))
        found = breached_after(slow, [replace(answered, seconds=seconds)] * 100)
        assert (found is not None) is expected
    floor = small.tasks["letter"].quality_floor
    for value, expected in ((floor, False), (floor - 0.01, True)):
        low = guard(small, rail("low_quality", 0.1))
        scored = replace(answered, score=Score(value=value, scorer="test"))
        assert (breached_after(low, [scored] * 100) is not None) is expected


def test_without_guardrails_nothing_is_ever_breached(small, failed):
    assert breached_after(guard(small), [failed] * 100) is None


@settings(max_examples=50, deadline=None)
@given(
    over=st.floats(0.001, 0.999),
    failures=st.lists(st.booleans(), min_size=1, max_size=200),
    where=st.integers(0, 199),
)
def test_one_failure_more_never_makes_a_breach_later(
    small, answered, failed, over, failures, where
):
    replies = [failed if value else answered for value in failures]
    first = breached_after(guard(small, rail(over=over)), replies)
    replies[where % len(replies)] = failed
    second = breached_after(guard(small, rail(over=over)), replies)
    assert first is None or (second is not None and second <= first)
