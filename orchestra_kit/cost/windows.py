"""Calendar windows: which day, week or month of a time zone a moment lies in."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

__all__ = ["window", "zone_of"]


def zone_of(name: str) -> tzinfo:
    """The time zone of an IANA name; raises ZoneInfoNotFoundError for one that is unknown."""
    return UTC if name == "UTC" else ZoneInfo(name)


def window(per: str, now: datetime, time_zone: str = "UTC") -> tuple[datetime, datetime]:
    """First moment, in UTC, of the calendar day, week (from Monday) or month that `now` lies in,
    as clocks in `time_zone` show it, and the first moment of the next one.

    A day on which clocks change has 23 or 25 hours. Where midnight is skipped, the day begins at
    the change; where it comes twice, at the first.
    """
    return _window(per, now.astimezone(zone_of(time_zone)).date(), time_zone)


@lru_cache(maxsize=256)
def _window(per: str, day: date, time_zone: str) -> tuple[datetime, datetime]:
    if per == "day":
        first, after = day, day + timedelta(days=1)
    elif per == "week":
        first = day - timedelta(days=day.weekday())
        after = first + timedelta(days=7)
    else:
        first = day.replace(day=1)
        after = (first + timedelta(days=32)).replace(day=1)
    zone = zone_of(time_zone)
    return _midnight(first, zone), _midnight(after, zone)


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)
