"""Money is exact, and an unknown amount is never nothing."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra_kit.core.money import format_usd, from_nanos, parse_usd, to_nanos

amounts = st.decimals(min_value=0, max_value=10**6, places=9)


@given(amounts)
def test_nano_dollars_come_back_unchanged(amount):
    assert from_nanos(to_nanos(amount)) == amount


@given(st.decimals(min_value=0, max_value=1, places=15))
def test_rounding_up_never_loses_money(amount):
    assert from_nanos(to_nanos(amount, up=True)) >= amount


def test_the_price_of_one_token_is_not_rounded_to_nothing():
    assert to_nanos(Decimal("0.05") / 1_000_000) == 50


@pytest.mark.parametrize(
    ("text", "dollars"), [("$0.12", "0.12"), ("$1,204.50", "1204.50"), (".5", "0.5"), (3, "3")]
)
def test_amounts_are_read_as_people_write_them(text, dollars):
    assert parse_usd(text) == Decimal(dollars)


@pytest.mark.parametrize("text", ["", "12 €", "-1", "$", "1e3", "nan", True, float("inf"), -2])
def test_what_is_no_amount_is_refused(text):
    with pytest.raises(ValueError, match=r"dollars|finite"):
        parse_usd(text)


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        (None, "unknown"),
        (float("nan"), "unknown"),
        (Decimal(0), "$0"),
        (Decimal("0.0391"), "$0.0391"),
        (Decimal("0.00002"), "$0.0000200"),
        (Decimal("12.346"), "$12.35"),
        (Decimal("6000"), "$6,000"),
        (Decimal("-3.5"), "−$3.50"),
    ],
)
def test_amounts_are_shown_to_three_figures(amount, shown):
    assert format_usd(amount) == shown


def test_unknown_stays_unknown():
    assert to_nanos(None) is None
    assert from_nanos(None) is None
