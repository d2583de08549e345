"""Reporting periods: ISO weeks, Monday 00:00 to Monday 00:00, UTC.

A period is half-open, so that a request at the very moment of the change belongs to one week only,
and UTC has no clock changes, so that every week has 168 hours.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from orchestra_kit.core.errors import ConfigError

__all__ = ["Period", "Week"]

_LABEL = re.compile(r"(?P<year>\d{4})-?[Ww](?P<number>\d{1,2})")
_EXPECTED = "write the year and the ISO week number, as in 2026-W47"


@dataclass(frozen=True, slots=True)
class Period:
    """A half-open stretch of time, UTC."""

    starts: datetime
    ends: datetime
    """The first moment that no longer belongs to it."""

    @property
    def days(self) -> float:
        """Length in days."""
        return (self.ends - self.starts) / timedelta(days=1)

    def __str__(self) -> str:
        return f"{_moment(self.starts)} to {_moment(self.ends)} UTC"


@dataclass(frozen=True, slots=True, order=True)
class Week:
    """An ISO 8601 week.

    ::

        Week.parse("2026-W47").period.starts     # 2026-11-16 00:00 UTC, a Monday
    """

    year: int
    """The ISO year, which differs from the calendar's around New Year."""
    number: int
    """1 to 52, in some years to 53."""

    @classmethod
    def parse(cls, label: str) -> Week:
        """The week that a label such as ``2026-W47`` names; raises ConfigError otherwise."""
        match = _LABEL.fullmatch(label.strip())
        if match is None:
            raise ConfigError(f"“{label.strip()[:40]}” is not a week; {_EXPECTED}.")
        year, number = int(match["year"]), int(match["number"])
        if not 1970 <= year <= 9000:
            raise ConfigError(f"the year {year} lies outside 1970 to 9000; {_EXPECTED}.")
        # 28 December always lies in the last week of its ISO year.
        last = date(year, 12, 28).isocalendar().week
        if not 1 <= number <= last:
            raise ConfigError(
                f"{year} has no week {number}: its weeks go from 1 to {last}; {_EXPECTED}."
            )
        return cls(year, number)

    @classmethod
    def of(cls, moment: datetime) -> Week:
        """The week to which an aware moment belongs."""
        year, number, _ = moment.astimezone(UTC).isocalendar()
        return cls(year, number)

    @property
    def label(self) -> str:
        """The week as ``2026-W47``."""
        return f"{self.year:04d}-W{self.number:02d}"

    @property
    def period(self) -> Period:
        """Monday 00:00 to the next Monday 00:00, UTC."""
        monday = date.fromisocalendar(self.year, self.number, 1)
        starts = datetime(monday.year, monday.month, monday.day, tzinfo=UTC)
        return Period(starts, starts + timedelta(days=7))

    def shifted(self, weeks: int) -> Week:
        """The week so many weeks later; earlier for a negative number."""
        return Week.of(self.period.starts + timedelta(weeks=weeks))

    def before(self, weeks: int) -> Period:
        """The so many weeks that end where this one begins."""
        starts = self.period.starts
        return Period(starts - timedelta(weeks=weeks), starts)

    def __str__(self) -> str:
        return self.label


def _moment(moment: datetime) -> str:
    # %-d, the day without its zero, is not known on every platform.
    return f"{moment:%a} {moment.day} {moment:%b %Y %H:%M}"
