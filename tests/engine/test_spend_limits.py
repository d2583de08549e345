"""Spend limits under many requests at once, and prices that nobody knows."""

from __future__ import annotations

import asyncio
from collections import Counter
from decimal import Decimal

from orchestra_kit.core.errors import FailureClass
from orchestra_kit.policy.policy import Policy
from tests.engine.small import POLICY, PRICES, an_orchestra, play, told, write_policy

STRICT = "limit: $0.05, per: month, downgrade_at: 1.0, block_at: 1.0}"


def with_budget(folder, budget=STRICT, prices=PRICES):
    write_policy(folder)
    text = POLICY.replace("limit: $300, per: month}", budget)
    (folder / "orchestra.yaml").write_text(text, encoding="utf-8")
    (folder / "prices.yaml").write_text(prices, encoding="utf-8")
    return Policy.load(folder)


def fifty(orchestra):
    async def all_at_once():
        asked = [orchestra.request("Write", tier="best", task="letter") for _ in range(50)]
        return await asyncio.gather(*(orchestra.handle(request) for request in asked))

    return play(orchestra, all_at_once())


def test_fifty_at_once_stop_at_the_limit_and_what_is_left_goes_to_what_it_pays_for(tmp_path):
    with an_orchestra(with_budget(tmp_path)) as orchestra:
        replies = fifty(orchestra)
        (standing,) = orchestra.budgets.standings(orchestra.clock.now())
        answered = Counter(reply.deployment for reply in replies if reply.answered)
        refused = [reply for reply in replies if not reply.answered]
        # A letter may cost $0.0101 at the first, and as much as $0.0005 at the third.
        assert answered["first"] == 4
        assert answered["third"] > answered["second"]
        assert refused
        for reply in refused:
            assert {attempt.failure for attempt in reply.attempts} == {FailureClass.BUDGET}
            assert reply.cost == 0
        assert standing.reserved == 0
        assert standing.spent == sum(reply.cost for reply in replies) <= Decimal("0.05")
        assert len(told(orchestra).sent) == answered.total()


def test_a_model_without_a_price_is_never_called_under_a_spend_budget(tmp_path):
    prices = "\n".join(line for line in PRICES.splitlines() if "first-1" not in line)
    with an_orchestra(with_budget(tmp_path, prices=prices)) as orchestra:
        reply = orchestra.run_sync("Write", tier="best", task="letter")
        assert reply.deployment == "second"
        assert told(orchestra).sends_to("first") == 0
        (first,) = [c for c in reply.decision.candidates if c.deployment == "first"]
        assert first.dropped_because == "its price is not known, and a spend budget is on"
        assert first.cost is None


def test_without_a_budget_its_answers_cost_an_unknown_amount_and_not_nothing(tmp_path):
    prices = "\n".join(line for line in PRICES.splitlines() if "first-1" not in line)
    write_policy(tmp_path)
    text = POLICY[: POLICY.index("budgets:")]
    (tmp_path / "orchestra.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "prices.yaml").write_text(prices, encoding="utf-8")
    with an_orchestra(Policy.load(tmp_path)) as orchestra:
        reply = orchestra.run_sync("Write", tier="best", task="letter")
        assert reply.deployment == "first"
        assert reply.cost is None
        assert reply.attempts[0].cost is None
