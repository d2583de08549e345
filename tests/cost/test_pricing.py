from __future__ import annotations

from dataclasses import fields, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra_kit.core.answer import Usage, UsageStatus
from orchestra_kit.cost.pricing import cost_of, dearest_cost_of
from orchestra_kit.policy.prices import LongPrompt, Price

STEP = 200_000
FULL = Price(
    since=date(2026, 1, 1), input="$2", cached="$0.5", cache_write="$2.5", cache_write_1h="$4",
    input_audio="$40", input_image="$3", output="$10", output_audio="$80", output_image="$30",
    image="$0.04", characters="$80", second="$0.01", query="$0.005", says="test",
)  # fmt: skip
STEPPED = FULL.model_copy(
    update={
        "above": (
            LongPrompt(tokens=STEP, input="$4", cached="$1", cache_write="$5", output="$15"),
            LongPrompt(tokens=2 * STEP, input="$6", output="$20"),
        )
    }
)
UNITS = {
    "input_tokens": "0.000002", "cached_tokens": "0.0000005", "cache_write_tokens": "0.0000025",
    "cache_write_1h_tokens": "0.000004", "input_audio_tokens": "0.00004",
    "input_image_tokens": "0.000003", "output_tokens": "0.00001", "reasoning_tokens": "0.00001",
    "output_audio_tokens": "0.00008", "output_image_tokens": "0.00003", "images": "0.04",
    "characters": "0.00008", "seconds": "0.01", "queries": "0.005",
}  # fmt: skip
"""Dollars of one of each, written down once more."""
COUNTS = st.integers(0, 10**9)
USAGES = st.builds(
    Usage,
    **{name: COUNTS for name in UNITS if name not in {"images", "seconds", "queries"}},
    images=st.integers(0, 100), seconds=st.integers(0, 10**5).map(float),
    queries=st.integers(0, 100),
)  # fmt: skip


def added(one: Usage, other: Usage) -> Usage:
    return Usage(**{name: getattr(one, name) + getattr(other, name) for name in UNITS})


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
        Usage(queries=1),
        Usage(cache_write_tokens=1),
        Usage(cache_write_1h_tokens=1),
        Usage(input_audio_tokens=1),
        Usage(output_audio_tokens=1),
        Usage(output_image_tokens=1),
        Usage(input_tokens=5, cache_write_tokens=1),
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


def test_every_count_of_a_usage_has_a_price() -> None:
    assert set(UNITS) == {field.name for field in fields(Usage)} - {"status"}


@pytest.mark.parametrize(("unit", "dollars"), UNITS.items())
def test_one_of_each_unit_costs_its_price(unit: str, dollars: str) -> None:
    assert cost_of(Usage(**{unit: 1}), FULL) == Decimal(dollars)


@given(USAGES)
def test_the_cost_is_that_of_a_slow_sum_of_exact_fractions(usage: Usage) -> None:
    slow = sum(Fraction(price) * Fraction(getattr(usage, unit)) for unit, price in UNITS.items())
    found = cost_of(usage, FULL)
    assert found is not None
    assert Fraction(found) == slow


@given(USAGES, USAGES)
def test_two_usages_together_cost_what_they_cost_apart(one: Usage, other: Usage) -> None:
    first, second = cost_of(one, FULL), cost_of(other, FULL)
    assert first is not None
    assert second is not None
    assert cost_of(added(one, other), FULL) == first + second


@given(USAGES, st.sampled_from(sorted(UNITS)), st.integers(1, 10**6))
def test_more_of_anything_never_costs_less(usage: Usage, unit: str, more: int) -> None:
    dearer = replace(usage, **{unit: getattr(usage, unit) + more})
    before, after = cost_of(usage, FULL), cost_of(dearer, FULL)
    assert before is not None
    assert after is not None
    assert after > before


@pytest.mark.parametrize(
    ("usage", "dollars"),
    [
        (Usage(input_tokens=STEP, output_tokens=1000), "0.41"),
        (Usage(input_tokens=STEP + 1, output_tokens=1000), "0.815004"),
        (Usage(input_tokens=1, cached_tokens=STEP - 1), "0.1000015"),
        (Usage(input_tokens=1, cached_tokens=STEP), "0.200004"),
        (Usage(cache_write_tokens=STEP), "0.5"),
        (Usage(cache_write_tokens=STEP + 1), "1.000005"),
        (Usage(input_tokens=2 * STEP), "1.6"),
        (Usage(input_tokens=2 * STEP + 1), "2.400006"),
        (Usage(output_tokens=STEP + 1), "2.00001"),
    ],
)
def test_beyond_a_threshold_the_whole_prompt_and_its_output_step_up(
    usage: Usage, dollars: str
) -> None:
    assert cost_of(usage, STEPPED) == Decimal(dollars)


def test_a_kind_that_a_threshold_does_not_name_is_unknown_beyond_it() -> None:
    assert cost_of(Usage(input_tokens=STEP, output_audio_tokens=1), STEPPED) is not None
    assert cost_of(Usage(input_tokens=STEP + 1, output_audio_tokens=1), STEPPED) is None
    assert cost_of(Usage(input_tokens=STEP + 1, images=1), STEPPED) == Decimal("0.840004")


@given(
    st.integers(0, 3 * STEP), st.integers(0, 10**5), st.floats(0, 1), st.floats(0, 1),
    st.floats(0, 1), st.sampled_from([FULL, STEPPED]),
)  # fmt: skip
def test_no_way_of_billing_a_prompt_costs_more_than_the_dearest(
    tokens: int, output: int, used: float, cached: float, written: float, price: Price
) -> None:
    most = dearest_cost_of(Usage(input_tokens=tokens, output_tokens=output), price)
    assert most is not None
    prompt = int(tokens * used)
    from_cache = int(prompt * cached)
    to_cache = int((prompt - from_cache) * written)
    for kind in ("cache_write_tokens", "cache_write_1h_tokens"):
        rest = prompt - from_cache - to_cache
        bill = Usage(
            input_tokens=rest, cached_tokens=from_cache, output_tokens=output, **{kind: to_cache}
        )
        cost = cost_of(bill, price)
        assert cost is None or cost <= most


def test_the_dearest_bill_is_one_that_can_be_sent() -> None:
    asked = Usage(input_tokens=1000, output_tokens=10)
    assert dearest_cost_of(asked, FULL) == cost_of(
        Usage(cache_write_1h_tokens=1000, output_tokens=10), FULL
    )
    cheap = Price(since=date(2026, 1, 1), input="$2", cached="$9", output="$1", says="test")
    assert dearest_cost_of(asked, cheap) == cost_of(
        Usage(cached_tokens=1000, output_tokens=10), cheap
    )
    for price in (None, Price(since=date(2026, 1, 1), cached="$1", output="$1", says="test")):
        assert dearest_cost_of(asked, price) is None
    assert dearest_cost_of(replace(asked, status=UsageStatus.UNKNOWN), FULL) is None
