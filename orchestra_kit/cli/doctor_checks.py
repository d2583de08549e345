"""What ``orchestra doctor`` looks at on this machine: Python, packages, SQLite, tools."""

from __future__ import annotations

import platform
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, entry_points, requires, version
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from packaging.requirements import Requirement

from orchestra_kit.core.display import Shown

__all__ = ["Check", "Word", "machine"]

Word = Literal["OK", "warning", "error"]

_NOTEBOOKS = ("papermill", "nbconvert", "jupyter-server", "jupyterlab")
"""Their floors in pyproject.toml are the first versions without known ways to run foreign code."""

_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
_BACKENDS = {"simulated", "recorded", "live"}

_UPSERT = (3, 24, 0)
"""The first SQLite that can write an attempt's ending in the place of its beginning."""
_RESET_BUG = ((3, 7, 0), (3, 51, 2))
"""First and last SQLite that can damage a write-ahead log which two connections reset at once
(https://sqlite.org/wal.html)."""


@dataclass(frozen=True, slots=True)
class Check(Shown):
    """One thing that was looked at."""

    name: str
    word: Word
    says: str
    mend: str = ""
    """How to mend it; empty where nothing is wrong."""

    def __str__(self) -> str:
        return f"{self.word:<8} {self.name}: {self.says}{' ' + self.mend if self.mend else ''}"


def machine() -> Iterator[Check]:
    """Everything that depends on neither policy nor store."""
    yield _python()
    yield from _packages()
    yield _sqlite()
    yield _time_zones()
    yield _backends()
    yield _browser()


def _python() -> Check:
    found = platform.python_version()
    if tuple(map(int, platform.python_version_tuple()[:2])) < (3, 11):
        return Check("Python", "error", found, "Install Python 3.11 or newer.")
    return Check("Python", "OK", found)


def _packages() -> Iterator[Check]:
    wanted = [Requirement(line) for line in requires("orchestra_kit") or ()]
    needed = [r for r in wanted if r.marker is None or r.marker.evaluate({"extra": ""})]
    found = {r.name: _version(r.name) for r in needed}
    bad = [r for r in needed if not _suits(r, found[r.name])]
    for requirement in bad:
        yield Check(
            requirement.name,
            "error",
            f"{found[requirement.name] or 'not installed'}, needed is {requirement.specifier}.",
            f"Run: pip install '{requirement}'.",
        )
    count = len(needed) - len(bad)
    yield Check("packages", "OK", f"{count} of {len(needed)} are there and new enough")
    if not {r.name for r in bad} & set(_NOTEBOOKS):
        told = ", ".join(f"{name} {found.get(name) or _version(name)}" for name in _NOTEBOOKS)
        yield Check("notebooks", "OK", f"{told}, none older than is safe")


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _suits(requirement: Requirement, found: str) -> bool:
    return bool(found) and requirement.specifier.contains(found, prereleases=True)


def _sqlite() -> Check:
    name, found = "SQLite", sqlite3.sqlite_version
    if sqlite3.sqlite_version_info < _UPSERT:
        return Check(name, "error", f"{found} is too old.", "Use a Python with 3.24 or newer.")
    first, last = _RESET_BUG
    if first <= sqlite3.sqlite_version_info <= last:
        told = "has the WAL-reset bug, which one writer at a time, as here, cannot meet"
        return Check(name, "OK", f"{found} {told}")
    return Check(name, "OK", found)


def _time_zones() -> Check:
    try:
        ZoneInfo("Europe/Berlin")
    except ZoneInfoNotFoundError:
        return Check("time zones", "error", "there are none.", "Run: pip install tzdata.")
    return Check("time zones", "OK", "known")


def _backends() -> Check:
    found = {point.name for point in entry_points(group="orchestra_kit.backends")}
    if missing := _BACKENDS - found:
        told = f"{', '.join(sorted(missing))} cannot be found."
        return Check("backends", "error", told, "Install orchestra_kit again.")
    return Check("backends", "OK", ", ".join(sorted(found)))


def _browser() -> Check:
    found = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if found is None:
        mend = "Install chromium to render reports as PDF; HTML needs none."
        return Check("browser", "warning", "there is no Chromium.", mend)
    return Check("browser", "OK", found)
