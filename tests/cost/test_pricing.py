from __future__ import annotations

from dataclasses import fields
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra_kit.core.answer import Usage, UsageStatus
from orchestra_kit.cost.pricing import cost_of
from orchestra_kit.policy.prices import Price

FULL = Price(
    since=date(2026, 1, 1), input="$2", cached="$0.5", output="$10", image="$0.04",
    characters="$80", second="$0.01", says="test",
)  # fmt: skip
COUNTS = st.integers(0, 10**9)
USAGES = st.builds(
    Usage,
    input_tokens=COUNTS, cached_tokens=COUNTS, output_tokens=COUNTS, reasoning_tokens=COUNTS,
    images=st.integers(0, 100), characters=COUNTS, seconds=st.integers(0, 10**5).map(float),
)  # fmt: skip


def test_each_unit_is_billed_at_its_own_price() -> None:
    usage = Usage(
        input_tokens=1_000_000, cached_tokens=2_000_000, output_tokens=100_000, images=3,
        characters=1_000, seconds=1.1,
    )  # fmt: skip
    assert cost_of(usage, FULL) == Decimal("2") + 1 + 1 + Decimal("0.12") + Decimal(
        "0.08"
    ) + Decimal("0.011")


def test_reasoning_is_billed_as_output() -> None:
    thinking = Usage(output_tokens=10, reasoning_tokens=90)
    assert cost_of(thinking, FULL) == cost_of(Usage(output_tokens=100), FULL) == Decimal("0.001")


def test_cached_tokens_cost_as_fresh_ones_where_the_book_names_no_price_for_them() -> None:
    price = Price(since=date(2026, 1, 1), input="$2", says="test")
    assert cost_of(Usage(cached_tokens=500_000), price) == Decimal(1)


@pytest.mark.parametrize(
    "usage",
    [
        Usage(output_tokens=1),
        Usage(reasoning_tokens=1),
        Usage(images=1),
        Usage(characters=1),
        Usage(seconds=0.5),
    ],
)
def test_a_unit_that_was_used_without_a_price_makes_the_cost_unknown(usage: Usage) -> None:
    price = Price(since=date(2026, 1, 1), input="$2", says="test")
    assert cost_of(usage, price) is None


def test_unknown_price_and_unknown_usage_are_unknown_costs_and_not_zero() -> None:
    assert cost_of(Usage(input_tokens=1), None) is None
    assert cost_of(Usage(), None) is None
    assert cost_of(Usage(input_tokens=1, status=UsageStatus.UNKNOWN), FULL) is None


def test_a_price_of_zero_is_known_and_is_zero() -> None:
    free = Price(since=date(2026, 1, 1), input="$0", output="$0", says="local")
    assert cost_of(Usage(input_tokens=7, output_tokens=9), free) == 0


@given(USAGES, USAGES)
def test_two_usages_together_cost_what_they_cost_apart(one: Usage, other: Usage) -> None:
    both = Usage(
        **{
            field.name: getattr(one, field.name) + getattr(other, field.name)
            for field in fields(Usage)
            if field.name != "status"
        }
    )
    first, second = cost_of(one, FULL), cost_of(other, FULL)
    assert first is not None
    assert second is not None
    assert cost_of(both, FULL) == first + second
