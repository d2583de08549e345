"""Moments as a person writes them in an option."""

from __future__ import annotations

from datetime import UTC, datetime

from orchestra_kit.core.errors import ConfigError

__all__ = ["moment_of"]


def moment_of(option: str, given: str | None) -> datetime | None:
    """The moment of ``2026-11-16`` or ``2026-11-16T09:30``, in UTC unless it says otherwise.

    Raises ConfigError, with the name of the option, for anything else.
    """
    if given is None:
        return None
    try:
        moment = datetime.fromisoformat(given)
    except ValueError as error:
        raise ConfigError(
            f"{option} “{given}” is no day or moment.",
            hint="Write it as 2026-11-16 or 2026-11-16T09:30.",
        ) from error
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
