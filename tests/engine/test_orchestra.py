"""One request through the engine: what it tries, what it keeps, and how it ends."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from orchestra_kit import Orchestra, Policy
from orchestra_kit.core.answer import Score
from orchestra_kit.core.errors import AttemptOutcome, FailureClass, InvalidRequestError
from orchestra_kit.core.reply import ReplyStatus
from orchestra_kit.cost.budgets import Spender, Spent
from orchestra_kit.engine.ending import REVIEW_QUEUE
from orchestra_kit.providers.faults import FaultScript
from orchestra_kit.shipped import path
from orchestra_kit.store.store import Store

ARTICLE = "Write a 1,500-word article about the history of tea in Assam for curious readers"


@pytest.fixture(scope="module")
def policy():
    return Policy.load(path("examples/contentforge/orchestra.yaml"))


def orchestra_with(policy, faults=None, **options):
    return Orchestra(policy, seed=7, faults=FaultScript.model_validate(faults or {}), **options)


def run(policy, faults=None, *, tier="standard", task="article", text=ARTICLE, **options):
    with orchestra_with(policy, faults, **options) as orchestra:
        return orchestra.run_sync(text, tier=tier, task=task)


def routes(reply):
    return [attempt.deployment for attempt in reply.attempts]


def failures(reply):
    return [attempt.failure for attempt in reply.attempts]


def test_a_healthy_primary_answers(policy):
    reply = run(policy)
    assert reply.status is ReplyStatus.ANSWERED
    assert reply.deployment == reply.decision.choice
    assert reply.tier_of_chain == 0
    assert reply.cost > 0
    assert reply.source == "simulated"
    assert [a.outcome for a in reply.attempts] == [AttemptOutcome.ANSWERED]


def test_a_timeout_is_unknown_and_never_repeated_on_the_same_deployment(policy):
    reply = run(policy, {"claude-sonnet": [{"kind": "timeout"}]})
    assert routes(reply)[0] == "claude-sonnet"
    assert routes(reply).count("claude-sonnet") == 1
    first = reply.attempts[0]
    assert first.outcome is AttemptOutcome.UNKNOWN
    assert first.cost is None
    assert first.cost_upper > 0
    assert reply.answered
    assert reply.tier_of_chain == 1
    assert reply.cost_upper == first.cost_upper


def test_a_rate_limit_goes_to_another_deployment_at_once(policy):
    reply = run(policy, {"claude-sonnet": [{"kind": "rate", "retry_after": "30s"}]})
    assert routes(reply)[:1] == ["claude-sonnet"]
    assert routes(reply).count("claude-sonnet") == 1
    assert reply.answered
    assert (reply.attempts[1].started - reply.attempts[0].started).total_seconds() < 5


def test_a_rate_limit_of_the_only_deployment_is_waited_for(policy):
    reply = run(
        policy,
        {"elevenlabs": [{"kind": "rate", "retry_after": "3s", "times": 1}]},
        task="voice_over",
        text="Read this: welcome to our shop.",
    )
    assert routes(reply) == ["elevenlabs", "elevenlabs"]
    assert reply.answered
    waited = (reply.attempts[1].started - reply.attempts[0].started).total_seconds()
    assert waited - reply.attempts[0].seconds >= 3


def test_server_errors_are_retried_twice_and_then_passed_on(policy):
    reply = run(policy, {"claude-sonnet": [{"kind": "server"}]})
    assert routes(reply)[:3] == ["claude-sonnet"] * 3
    assert reply.answered
    assert reply.tier_of_chain == 1


def test_a_quota_is_never_retried_and_takes_the_deployment_out(policy):
    with orchestra_with(policy, {"claude-sonnet": [{"kind": "quota"}]}) as orchestra:
        first = orchestra.run_sync(ARTICLE, task="article")
        second = orchestra.run_sync(ARTICLE, task="article")
    assert routes(first).count("claude-sonnet") == 1
    assert "claude-sonnet" not in routes(second)
    dropped = {c.deployment: c.dropped_because for c in second.decision.candidates}
    assert dropped["claude-sonnet"]
    assert second.tier_of_chain == 1


def test_a_content_refusal_ends_in_plain_words_and_is_not_shopped_around(policy):
    reply = run(policy, {"*": [{"kind": "content"}]})
    assert reply.status is ReplyStatus.REFUSED
    assert len(reply.attempts) == 1
    assert reply.attempts[0].outcome is AttemptOutcome.REFUSED
    for jargon in ("400", "policy_violation", "claude", "gpt", "token"):
        assert jargon not in reply.text.lower()


def test_too_long_a_context_moves_on_without_a_retry(policy):
    reply = run(policy, {"claude-sonnet": [{"kind": "context"}]})
    assert routes(reply).count("claude-sonnet") == 1
    assert reply.answered


def test_a_malformed_answer_is_paid_for_repaired_once_and_then_passed_on(policy):
    reply = run(policy, {"claude-sonnet": [{"kind": "malformed"}]})
    assert routes(reply)[:2] == ["claude-sonnet"] * 2
    assert routes(reply).count("claude-sonnet") == 2
    assert all(a.cost > 0 for a in reply.attempts)
    assert reply.cost == sum(a.cost for a in reply.attempts)


def test_quality_below_the_floor_goes_to_the_next(policy):
    reply = run(policy, {"claude-sonnet": [{"kind": "low_quality"}]})
    assert failures(reply)[0] is FailureClass.LOW_QUALITY
    assert reply.answered
    assert reply.score.value >= policy.tasks["article"].quality_floor


def test_where_every_answer_is_poor_the_best_is_delivered_and_shown_as_it_is(policy):
    reply = run(policy, {"*": [{"kind": "low_quality"}]})
    assert reply.answered
    assert reply.score.value < policy.tasks["article"].quality_floor
    assert len(set(routes(reply))) == len(reply.decision.chain)
    assert reply.tier_of_chain == 0


def test_when_every_tier_is_down_the_request_is_queued_and_operators_told(policy, tmp_path):
    with (
        Store.open(tmp_path / "s.db") as store,
        orchestra_with(policy, {"*": [{"kind": "server"}]}, store=store) as orchestra,
    ):
        reply = orchestra.run_sync(ARTICLE, task="article")
        waiting = store.open_queue("batch")
    assert reply.status is ReplyStatus.QUEUED
    assert reply.text == policy.tasks["article"].then.say
    assert len(reply.attempts) <= 6
    assert [entry.entry.text for entry in waiting] == [ARTICLE]


def test_voice_over_has_no_fallback_and_says_so(policy):
    reply = run(
        policy, {"elevenlabs": [{"kind": "server"}]}, task="voice_over", text="Read this aloud."
    )
    assert reply.status is ReplyStatus.UNAVAILABLE
    assert reply.text == policy.tasks["voice_over"].then.say
    assert set(routes(reply)) == {"elevenlabs"}


def test_a_request_that_nobody_can_place_goes_to_a_person(policy, tmp_path):
    with (
        Store.open(tmp_path / "s.db") as store,
        orchestra_with(policy, store=store) as orchestra,
    ):
        reply = orchestra.run_sync("qwrt zxcv plmk")
        waiting = store.open_queue(REVIEW_QUEUE)
    assert reply.status is ReplyStatus.REVIEW
    assert reply.attempts == ()
    assert len(waiting) == 1


def test_a_spent_budget_blocks_before_anything_is_sent(policy):
    with orchestra_with(policy) as orchestra:
        now = orchestra.clock.now()
    spent = [Spent(Spender(user="others"), now, Decimal(100_000))]
    with orchestra_with(policy, spent=spent) as orchestra:
        reply = orchestra.run_sync(ARTICLE, task="article")
    assert reply.status is ReplyStatus.BLOCKED
    assert all(a.outcome is AttemptOutcome.NOT_SENT for a in reply.attempts)
    assert reply.cost == 0


def test_the_breaker_opens_and_the_next_request_skips_the_deployment(policy):
    options = {"task": "social_post", "tier": "premium"}
    with orchestra_with(policy, {"claude-sonnet": [{"kind": "server"}]}) as orchestra:
        replies = [orchestra.run_sync("Post about tea", **options) for _ in range(3)]
    sends = sum(routes(reply).count("claude-sonnet") for reply in replies)
    assert sends == 5
    last = replies[-1].decision
    dropped = {c.deployment: c.dropped_because for c in last.candidates}
    assert "breaker open" in dropped["claude-sonnet"]
    assert last.planned[0] == "claude-sonnet"
    assert replies[-1].tier_of_chain == 1


def test_the_deadline_of_the_sender_ends_the_cascade(policy):
    with orchestra_with(policy, {"*": [{"kind": "timeout"}]}) as orchestra:
        reply = orchestra.run_sync(ARTICLE, task="article", within=12.0)
    assert reply.seconds == pytest.approx(12.0, abs=0.2)
    assert reply.status is ReplyStatus.QUEUED


def test_the_same_seed_gives_the_same_reply(policy):
    one, two = run(policy), run(policy)
    assert (one.deployment, one.cost, one.seconds, one.score) == (
        two.deployment,
        two.cost,
        two.seconds,
        two.score,
    )


def test_explaining_calls_nobody(policy):
    with orchestra_with(policy, {"*": [{"kind": "server"}]}) as orchestra:
        decision = orchestra.explain("Draw a fox in watercolours", tier="basic")
        assert orchestra.health.unavailable() == {}
    assert decision.task == "illustration"
    assert decision.chain


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"text": "   "}, "empty"),
        ({"text": "x", "tier": "gold"}, "gold"),
        ({"text": "x", "task": "poem"}, "poem"),
        ({"text": "x" * 10_000_001}, "10,000,001"),
    ],
)
def test_a_request_that_cannot_be_served_is_refused_in_one_sentence(policy, options, word):
    text = options.pop("text")
    with orchestra_with(policy) as orchestra, pytest.raises(InvalidRequestError, match=word):
        orchestra.run_sync(text, **options)


def test_a_scorer_of_ones_own_decides_quality(policy):
    def strict(request, answer):
        good = 0.9 if answer.model.startswith("gpt") else 0.1
        return Score(value=good, scorer="strict")

    reply = run(policy, scorer=strict)
    assert reply.model.startswith("gpt")
    assert reply.score == Score(value=0.9, scorer="strict")


async def test_it_works_inside_a_running_loop_and_side_by_side(policy):
    async with orchestra_with(policy) as orchestra:
        replies = await asyncio.gather(*(orchestra.run(ARTICLE, task="article") for _ in range(20)))
        again = orchestra.run_sync(ARTICLE, task="article")
    assert all(reply.answered for reply in (*replies, again))
    assert len({reply.request_id for reply in replies}) == 20


def test_what_was_answered_is_in_the_store_with_its_decision(policy, tmp_path):
    with (
        Store.open(tmp_path / "s.db") as store,
        orchestra_with(policy, store=store) as orchestra,
    ):
        reply = orchestra.run_sync(ARTICLE, task="article", user="ana", feature="blog")
        with store.connect() as connection:
            row = (
                connection.exec_driver_sql(
                    "SELECT r.*, d.candidates FROM requests r "
                    "JOIN decisions d ON d.request_id = r.id AND d.run_id = r.run_id"
                )
                .mappings()
                .one()
            )
    assert row["id"] == reply.request_id
    assert row["cost"] == int(reply.cost * 10**9)
    assert row["propensity"] == reply.decision.propensity
    assert row["policy_hash"] == policy.hash
    assert row["source"] == "simulated"
    assert reply.decision.choice in row["candidates"]


def test_a_budget_remembers_what_the_store_says_was_spent(policy, tmp_path):
    path = tmp_path / "s.db"
    with orchestra_with(policy, store=path) as orchestra:
        reply = orchestra.run_sync(ARTICLE, task="article", user="ana")
    with orchestra_with(policy, store=path) as orchestra:
        standings = orchestra.budgets.standings(orchestra.clock.now())
    month = next(s for s in standings if s.budget == "month")
    assert month.spent == reply.cost
