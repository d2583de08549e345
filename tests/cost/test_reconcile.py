"""What a provider says beside what we compute."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra_kit.cost.reconcile import GAP_ALARM, gap, preferred

DOLLARS = st.none() | st.decimals(0, 1000, places=6)


def test_the_providers_own_figure_counts_and_ours_only_without_one() -> None:
    assert preferred(Decimal("0.02"), Decimal("0.03")) == Decimal("0.02")
    assert preferred(Decimal(0), Decimal("0.03")) == 0
    assert preferred(None, Decimal("0.03")) == Decimal("0.03")
    assert preferred(None, None) is None


@pytest.mark.parametrize(
    ("reported", "computed", "alarming"),
    [("1", "0.99", False), ("1", "0.9899", True), ("0.99", "1", False), ("0.9899", "1", True)],
)
def test_an_alarming_gap_is_more_than_one_per_cent(
    reported: str, computed: str, alarming: bool
) -> None:
    found = gap(Decimal(reported), Decimal(computed))
    assert found is not None
    assert (found > GAP_ALARM) is alarming


def test_a_bill_of_nothing_is_wholly_apart_from_any_other_and_not_from_itself() -> None:
    assert gap(Decimal(0), Decimal("0.01")) == 1.0
    assert gap(Decimal(0), Decimal(0)) == 0.0


@given(DOLLARS, DOLLARS)
def test_a_gap_is_the_same_both_ways_and_at_most_all(
    one: Decimal | None, other: Decimal | None
) -> None:
    found = gap(one, other)
    assert found == gap(other, one)
    assert (found is None) is (one is None or other is None)
    assert found is None or 0 <= found <= 1
    assert found is None or (found == 0) is (one == other)
