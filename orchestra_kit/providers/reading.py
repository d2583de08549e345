"""What the body of a response says, in words that no protocol owns."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from orchestra_kit.core.answer import Usage
from orchestra_kit.core.secrets import scrub

__all__ = ["Assembly", "Reading", "as_json", "as_object", "word"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A body that holds an answer, or a refusal to give one."""

    text: str
    finish: str = ""
    """Why it ended, as ``stop``, ``length`` or the provider's own word."""
    model: str = ""
    usage: Usage | None = None
    """None where the provider reports none, or nonsense."""
    declined: str = ""
    """The provider's word where it declined to answer this content; empty where it answered."""
    cost: Decimal | None = None
    """Dollars, where the provider states them."""
    response_id: str = ""


class Assembly(Protocol):
    """A stream put together: what its events add up to so far.

    `whole` gives the body that a plain send would have got, so that both are read alike.
    """

    sentinel: str
    """What the last event holds where that is no JSON; empty where every event is."""
    open_ended: bool
    """Whether more may follow the event that finishes it, until the stream itself ends."""
    finished: bool
    """Whether the event has come that says the answer is whole."""

    def take(self, data: Mapping[str, object]) -> str | None:
        """The text that this event adds; empty for a sign of life; None where it is neither."""
        ...

    def whole(self) -> dict[str, object]:
        """The body that the events add up to so far."""
        ...


def as_json(text: str | bytes) -> object:
    """What a body or an event holds; None where it is no JSON, or nested to exhaust us."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def as_object(text: str | bytes) -> dict[str, object] | None:
    """The same where it is an object, as every answer and every event is."""
    data = as_json(text)
    return data if isinstance(data, dict) else None


def word(value: object) -> str:
    """A short text of the provider's, without secrets; empty for anything but text."""
    return scrub(value)[:200] if isinstance(value, str) else ""
