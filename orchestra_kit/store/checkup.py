"""Whether a store is sound, and what it holds."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from orchestra_kit.core.display import Shown
from orchestra_kit.core.errors import StoreCorrupt
from orchestra_kit.store.access import reading
from orchestra_kit.store.faults import SALVAGE, told_as_ours
from orchestra_kit.store.opening import place_of, version_of
from orchestra_kit.store.tallies import count_rows

__all__ = ["Checkup", "check_up"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkup(Shown):
    """What was found."""

    place: str
    version: str
    """Empty where it cannot be read."""
    rows: Mapping[str, int]
    """By table; empty where they cannot be counted."""
    problems: tuple[str, ...]
    """In the database's words; none where the store is sound."""
    mend: str
    """What to do about them."""

    @property
    def sound(self) -> bool:
        """Whether nothing was found."""
        return not self.problems


def check_up(where: str | os.PathLike[str]) -> Checkup:
    """Read a whole store and tell what is wrong with it; writes nothing.

    Raises StoreError where there is no store, or one that only a newer package can read. Values
    that were changed on the disk cannot be told from right ones; only structure can be checked.
    """
    place = place_of(where)
    version, rows, problems = "", {}, []
    try:
        with reading(place, any_version=True) as connection, told_as_ours(place.shown):
            version = version_of(connection, place) or ""
            if place.path is not None:
                found = connection.exec_driver_sql("PRAGMA integrity_check").scalars()
                problems = [line for line in found if line != "ok"]
            rows = count_rows(connection)
    except StoreCorrupt as error:
        problems = [*problems, error.args[0]]
    mend = SALVAGE.format(place=place.shown) if problems else ""
    return Checkup(
        place=place.shown, version=version, rows=rows, problems=tuple(problems), mend=mend
    )
