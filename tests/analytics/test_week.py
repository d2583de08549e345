from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra_kit.analytics.week import Week
from orchestra_kit.core.errors import ConfigError


def test_a_week_runs_from_monday_midnight_to_monday_midnight_utc():
    period = Week.parse("2026-W47").period
    assert period.starts == datetime(2026, 11, 16, tzinfo=UTC)
    assert period.ends == datetime(2026, 11, 23, tzinfo=UTC)
    assert str(period) == "Mon 16 Nov 2026 00:00 to Mon 23 Nov 2026 00:00 UTC"


@pytest.mark.parametrize("label", ["2026-W47", "2026W47", " 2026-w47 "])
def test_a_label_is_read_in_its_usual_spellings(label):
    assert Week.parse(label).label == "2026-W47"


@pytest.mark.parametrize(
    ("label", "said"),
    [
        ("47", "is not a week"),
        ("last week", "is not a week"),
        ("2026-11-16", "is not a week"),
        ("2026-W54", "has no week 54: its weeks go from 1 to 53"),
        ("2025-W53", "has no week 53: its weeks go from 1 to 52"),
        ("2026-W00", "has no week 0"),
        ("0000-W01", "outside 1970 to 9000"),
        ("٢٠٢٦-W٤٧x", "is not a week"),
    ],
)
def test_a_wrong_label_is_told_in_one_sentence_with_the_mend(label, said):
    with pytest.raises(ConfigError) as fault:
        Week.parse(label)
    assert said in str(fault.value)
    assert "as in 2026-W47" in str(fault.value)
    assert "\n" not in str(fault.value)


@given(st.integers(0, 10**10))
def test_every_moment_belongs_to_exactly_the_week_that_holds_it(seconds):
    moment = datetime(1971, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    week = Week.of(moment)
    assert week.period.starts <= moment < week.period.ends
    assert Week.parse(week.label) == week
    assert week.shifted(1).period.starts == week.period.ends
    assert week.shifted(1).shifted(-1) == week


def test_a_moment_elsewhere_is_counted_in_utc():
    sunday_evening_in_new_york = datetime(2026, 11, 22, 20, 0, tzinfo=timezone(timedelta(hours=-5)))
    assert Week.of(sunday_evening_in_new_york).label == "2026-W48"


@pytest.mark.parametrize("label", ["2026-W13", "2026-W44"])
def test_weeks_in_which_europe_changes_its_clocks_have_168_hours(label):
    assert Week.parse(label).period.days == 7


def test_the_weeks_before_end_where_the_week_begins():
    before = Week.parse("2026-W02").before(4)
    assert before.ends == Week.parse("2026-W02").period.starts
    assert before.starts == datetime(2025, 12, 8, tzinfo=UTC)
