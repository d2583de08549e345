from __future__ import annotations

import math

import pytest

from orchestra_kit.analytics.changes import Change
from orchestra_kit.analytics.measures import MEASURES
from orchestra_kit.analytics.wording import (
    change_interval_text,
    change_text,
    count_text,
    figure,
    interval_text,
    limit_text,
    times_text,
)
from orchestra_kit.outcomes.statistics import Estimate


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.9972, "share", "99.72 %"),
        (0.85, "share", "85.0 %"),
        (0.0, "share", "0.00 %"),
        (0.00123, "seconds", "0.0012 s"),
        (1.234, "seconds", "1.23 s"),
        (123.4, "seconds", "123 s"),
        (0.0391, "dollars", "$0.0391"),
        (1204.2, "dollars", "$1,204"),
        (0.8614, "score", "0.861"),
        (math.nan, "seconds", "–"),
        (math.nan, "dollars", "–"),
    ],
)
def test_a_figure_has_three_significant_digits_and_its_unit(value, unit, text):
    assert figure(value, unit) == text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.995, "share", "99.5 %"),
        (0.1, "share", "10 %"),
        (40.0, "seconds", "40 s"),
        (0.05, "dollars", "$0.05"),
        (0.003, "dollars", "$0.003"),
        (6000.0, "dollars", "$6,000.00"),
        (0.84, "score", "0.84"),
    ],
)
def test_a_limit_reads_as_it_was_written(value, unit, text):
    assert limit_text(value, unit) == text


def test_both_ends_of_an_interval_have_the_same_places():
    assert interval_text(Estimate(0.99, 0.979, 0.998, 9), "share") == "97.90 to 99.80 %"
    assert interval_text(Estimate(2.0, 1.5, 2.5, 9), "seconds") == "1.50 to 2.50 s"
    assert interval_text(Estimate(2.0, None, None, 1), "seconds") == ""


def change(name, value, low, high):
    nothing = Estimate(1.0, 0.9, 1.1, 50)
    return Change(
        measure=MEASURES[name], scope="", now=nothing, before=nothing,
        change=Estimate(value, low, high, 50), p=0.5,
    )  # fmt: skip


def test_changes_of_money_are_relative_and_of_shares_in_points():
    money = change("cost_per_request", -0.079, -0.089, -0.069)
    assert change_text(money) == "−7.9 %"
    assert change_interval_text(money) == "−8.9 to −6.9 %"
    share = change("availability", -0.0013, -0.0038, 0.0004)
    assert change_text(share) == "−0.13 points"
    assert change_interval_text(share) == "−0.38 to +0.04 points"


def test_counts_agree_with_their_noun():
    assert count_text(1, "request") == "1 request"
    assert count_text(35000, "request") == "35,000 requests"
    assert [times_text(n) for n in (1, 2, 92)] == ["once", "twice", "92 times"]
