"""What people complain about in other routers' accounts of money, each as a test of ours.

From the bytes of a provider to the dollars of a bill and the budget that it counts against.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from orchestra_kit.core.answer import Usage, UsageStatus
from orchestra_kit.core.errors import SpendLimitReached
from orchestra_kit.cost.budgets import SpendBudgets, Spender, Step
from orchestra_kit.cost.pricing import cost_of
from orchestra_kit.policy.policy import Policy
from orchestra_kit.policy.prices import Price
from orchestra_kit.policy.schema import Budget
from orchestra_kit.providers.usage import estimated_usage, openai_chat_usage
from orchestra_kit.providers.usage_dialects import anthropic_usage, gemini_usage
from orchestra_kit.providers.usage_stream import UsageOfStream
from orchestra_kit.shipped import path

DAY = date(2026, 11, 23)
NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
ANN = Spender(user="ann", tier="best")


@pytest.fixture(scope="module")
def price() -> Callable[[str], Price]:
    book = Policy.load(path("examples/contentforge/orchestra.yaml")).prices

    def of(model: str) -> Price:
        found = book.price(model, DAY)
        assert found is not None
        return found

    return of


def dollars(usage: Usage | None, of: Price) -> Decimal:
    assert usage is not None
    cost = cost_of(usage, of)
    assert cost is not None
    return cost


def test_a_streamed_answer_costs_what_the_same_answer_costs_at_once(price) -> None:
    # Cached tokens lost on the way through a stream made bills four times too high.
    whole = {
        "prompt_tokens": 40_000, "completion_tokens": 200, "total_tokens": 40_200,
        "prompt_tokens_details": {"cached_tokens": 36_000},
    }  # fmt: skip
    seen = UsageOfStream(openai_chat_usage)
    seen.take({"choices": [{"delta": {"content": "Tea"}}], "usage": whole})
    seen.take({"choices": [{"delta": {}, "finish_reason": "stop"}]})
    at_once = dollars(openai_chat_usage(whole), price("gpt-6.1-sol"))
    assert dollars(seen.usage(whole=True), price("gpt-6.1-sol")) == at_once == Decimal("0.0136")
    assert at_once < dollars(
        Usage(input_tokens=40_000, output_tokens=200), price("gpt-6.1-sol")
    ) / 4  # fmt: skip


def test_cached_tokens_of_gemini_are_not_billed_twice(price) -> None:
    usage = gemini_usage({
        "promptTokenCount": 300_000, "cachedContentTokenCount": 290_000,
        "candidatesTokenCount": 1_000, "totalTokenCount": 301_000,
    })  # fmt: skip
    # 10,000 fresh at $2, 290,000 cached at $0.10, 1,000 out at $10 a million.
    assert dollars(usage, price("gemini-4-argon")) == Decimal("0.059")


def test_writes_to_the_cache_during_a_stream_are_billed_at_their_final_count(price) -> None:
    # Billing what the first event says came out 20 to 60 per cent too low.
    seen = UsageOfStream(anthropic_usage)
    seen.take({"type": "message_start", "message": {"usage": {
        "input_tokens": 100, "cache_creation_input_tokens": 10_000, "output_tokens": 2,
        "cache_creation": {"ephemeral_5m_input_tokens": 6_000, "ephemeral_1h_input_tokens": 4_000},
    }}})  # fmt: skip
    seen.take({"type": "message_delta", "usage": {
        "input_tokens": 100, "cache_creation_input_tokens": 30_000, "output_tokens": 1_000,
    }})  # fmt: skip
    # 100 at $4, 26,000 at $5, 4,000 at $8, 1,000 at $20 a million.
    assert dollars(seen.usage(whole=True), price("claude-opus-5-5")) == Decimal("0.1824")


@pytest.mark.parametrize(
    ("model", "threshold", "below", "beyond"),
    [
        ("gpt-6.1-sol", 272_000, "0.554", "1.103004"),
        ("claude-haiku-5-5", 100_000, "0.0105", "0.0525005"),
        ("grok-4.7", 199_999, "0.405998", "0.812"),
    ],
)
def test_one_token_beyond_a_threshold_steps_up_the_whole_prompt(
    price, model: str, threshold: int, below: str, beyond: str
) -> None:
    at = Usage(input_tokens=threshold, output_tokens=1_000)
    assert dollars(at, price(model)) == Decimal(below)
    assert dollars(replace(at, input_tokens=threshold + 1), price(model)) == Decimal(beyond)
    # Cached tokens count towards the threshold although they are cheaper.
    cached = Usage(input_tokens=1, cached_tokens=threshold, output_tokens=1_000)
    assert dollars(cached, price(model)) > 4 * dollars(
        replace(cached, input_tokens=0, cached_tokens=threshold // 8), price(model)
    )


def test_an_estimate_is_no_more_than_the_model_could_have_written_and_says_what_it_is() -> None:
    # A million tokens were once billed that no model had written: the characters of a loop.
    guess = estimated_usage("Write on tea", "tea " * 1_165_619, max_output_tokens=128_000)
    assert guess.output_tokens == 128_000
    assert guess.status is UsageStatus.ESTIMATED


def test_a_broken_stream_keeps_what_was_seen_and_what_was_not_is_unknown_and_not_free(
    price,
) -> None:
    seen = UsageOfStream(anthropic_usage)
    assert seen.usage(whole=False) is None
    seen.take({"message": {"usage": {"input_tokens": 1_000, "output_tokens": 1}}})
    partial = seen.usage(whole=False)
    assert partial is not None
    assert partial.status is UsageStatus.PARTIAL
    assert dollars(partial, price("claude-opus-5-5")) == Decimal("0.00402")
    assert cost_of(Usage(status=UsageStatus.UNKNOWN), price("claude-opus-5-5")) is None


def spend_limit(**changes: object) -> Budget:
    return Budget(**{"name": "day", "limit": "$1", "per": "day", "block_at": 1.0, **changes})


def test_what_is_set_aside_is_given_back_on_every_way_out() -> None:
    # Streams that committed nothing left their limits blind, and failures left them full.
    budgets = SpendBudgets([spend_limit()])
    for actual in (Decimal("0.1"), Decimal(0), None):
        budgets.settle(budgets.reserve(ANN, Decimal("0.2"), NOW), actual)
    budgets.release(budgets.reserve(ANN, Decimal("0.7"), NOW))
    (standing,) = budgets.standings(NOW)
    assert (standing.spent, standing.reserved) == (Decimal("0.3"), 0)


def test_an_answer_from_ones_own_cache_costs_nothing_and_counts_nothing() -> None:
    budgets = SpendBudgets([spend_limit()])
    price = Price(since=DAY, input="$2", output="$10", says="test")
    assert cost_of(Usage(), price) == 0
    budgets.settle(budgets.reserve(ANN, Decimal(0), NOW), cost_of(Usage(), price))
    assert budgets.left(ANN, NOW) == 1.0


def test_without_a_budget_nothing_blocks_whatever_it_costs_or_whether_that_is_known() -> None:
    budgets = SpendBudgets([])
    for upper in (Decimal(10**9), Decimal(0), None):
        budgets.settle(budgets.reserve(ANN, upper, NOW), upper)
    outlook = budgets.outlook(ANN, NOW)
    assert (outlook.left, outlook.step, outlook.covered) == (1.0, Step.NONE, False)
    assert budgets.crossed(NOW) == ()


def test_a_budget_of_nothing_is_a_budget_and_not_the_lack_of_one() -> None:
    budgets = SpendBudgets([spend_limit(limit="$0")])
    assert budgets.outlook(ANN, NOW).step is Step.BLOCK
    with pytest.raises(SpendLimitReached):
        budgets.reserve(ANN, Decimal("0.000000001"), NOW)


def test_the_last_request_that_fits_is_not_refused() -> None:
    # Ten requests of a tenth fit into one, exactly: neither the tenth too many nor an eleventh.
    budgets = SpendBudgets([spend_limit()])
    for _ in range(10):
        budgets.settle(budgets.reserve(ANN, Decimal("0.1"), NOW), Decimal("0.1"))
    assert budgets.left(ANN, NOW) == 0.0
    with pytest.raises(SpendLimitReached):
        budgets.reserve(ANN, Decimal("1e-9"), NOW)


def test_a_step_reached_before_a_restart_is_still_told_after_it() -> None:
    # An alert on the way over a threshold is lost when that happens while reading history back.
    before = SpendBudgets([spend_limit()])
    before.settle(before.reserve(ANN, Decimal("0.85"), NOW), Decimal("0.85"))
    after = SpendBudgets([spend_limit()])
    after.record(ANN, Decimal("0.85"), NOW.replace(hour=0))
    assert after.crossed(NOW) == before.crossed(NOW)
    assert [c.step for c in after.crossed(NOW)] == [Step.NOTE, Step.DOWNGRADE]


def test_a_stream_that_runs_over_its_worst_case_is_bounded_by_it_and_counted_in_full() -> None:
    budgets = SpendBudgets([spend_limit()])
    reservation = budgets.reserve(ANN, Decimal("0.9"), NOW)
    with pytest.raises(SpendLimitReached):
        budgets.reserve(ANN, Decimal("0.2"), NOW)
    budgets.settle(reservation, Decimal("1.3"))
    (standing,) = budgets.standings(NOW)
    assert standing.spent == Decimal("1.3")
    assert standing.share == pytest.approx(1.3)
    assert budgets.left(ANN, NOW + timedelta(days=1)) == 1.0
