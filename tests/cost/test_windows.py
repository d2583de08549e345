"""Calendar windows, in UTC and in zones whose clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra_kit.cost.windows import window

ZONES = [
    "UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe",
    "America/Sao_Paulo", "America/Havana", "Africa/Cairo", "Pacific/Apia",
]  # fmt: skip


def at(moment: str) -> datetime:
    return datetime.fromisoformat(moment).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("per", "now", "starts", "ends"),
    [
        ("day", "2026-11-23T23:59:59", "2026-11-23", "2026-11-24"),
        ("week", "2026-11-22T12:00:00", "2026-11-16", "2026-11-23"),
        ("week", "2026-11-23T00:00:00", "2026-11-23", "2026-11-30"),
        ("month", "2026-12-31T12:00:00", "2026-12-01", "2027-01-01"),
        ("month", "2028-02-29T12:00:00", "2028-02-01", "2028-03-01"),
    ],
)
def test_windows_are_calendar_periods_of_utc(per: str, now: str, starts: str, ends: str) -> None:
    assert window(per, at(now)) == (at(starts), at(ends))


def test_a_moment_in_another_zone_counts_in_the_day_it_is_in_utc() -> None:
    late_in_new_york = datetime(2026, 11, 22, 21, tzinfo=timezone(timedelta(hours=-5)))
    assert window("day", late_in_new_york)[0] == datetime(2026, 11, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "per", "now", "starts", "ends"),
    [
        # Berlin: one hour ahead of UTC in winter, two in summer.
        ("Europe/Berlin", "day", "2026-11-22T23:00", "2026-11-22T23:00", "2026-11-23T23:00"),
        ("Europe/Berlin", "day", "2026-11-22T22:59", "2026-11-21T23:00", "2026-11-22T23:00"),
        ("Europe/Berlin", "day", "2026-03-29T12:00", "2026-03-28T23:00", "2026-03-29T22:00"),
        ("Europe/Berlin", "day", "2026-10-25T12:00", "2026-10-24T22:00", "2026-10-25T23:00"),
        ("Europe/Berlin", "month", "2026-03-31T22:00", "2026-03-31T22:00", "2026-04-30T22:00"),
        ("Europe/Berlin", "week", "2026-03-29T21:59", "2026-03-22T23:00", "2026-03-29T22:00"),
        ("Asia/Kathmandu", "day", "2026-11-23T18:15", "2026-11-23T18:15", "2026-11-24T18:15"),
        # São Paulo skipped the midnight of 4 November 2018; Havana has that of 1 November twice.
        ("America/Sao_Paulo", "day", "2018-11-04T03:00", "2018-11-04T03:00", "2018-11-05T02:00"),
        ("America/Havana", "day", "2026-11-01T05:30", "2026-11-01T04:00", "2026-11-02T05:00"),
        # Samoa had no 30 December 2011 at all.
        ("Pacific/Apia", "day", "2011-12-30T10:00", "2011-12-30T10:00", "2011-12-31T10:00"),
        ("Pacific/Apia", "day", "2011-12-30T09:59", "2011-12-29T10:00", "2011-12-30T10:00"),
    ],
)
def test_windows_follow_the_clocks_of_their_zone(
    zone: str, per: str, now: str, starts: str, ends: str
) -> None:
    assert window(per, at(now), zone) == (at(starts), at(ends))


@given(
    st.integers(1_104_537_600, 2_051_222_400).map(lambda s: datetime.fromtimestamp(s, UTC)),
    st.sampled_from(["day", "week", "month"]),
    st.sampled_from(ZONES),
)
def test_every_moment_lies_in_one_window_and_windows_join(
    now: datetime, per: str, zone: str
) -> None:
    starts, ends = window(per, now, zone)
    assert starts <= now < ends
    assert starts.tzinfo is UTC
    assert window(per, starts, zone) == (starts, ends)
    assert window(per, ends - timedelta(microseconds=1), zone) == (starts, ends)
    assert window(per, ends, zone)[0] == ends
    local = now.astimezone(ZoneInfo(zone))
    if per == "month":
        last = (ends - timedelta(microseconds=1)).astimezone(ZoneInfo(zone))
        assert (last.year, last.month) == (local.year, local.month)
