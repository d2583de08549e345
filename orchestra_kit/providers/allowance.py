"""What a provider's headers say that the account may still do.

OpenAI and who speaks like it: ``x-ratelimit-remaining-requests: 59`` and ``…-reset-tokens: 6m0s``.
Anthropic: ``anthropic-ratelimit-input-tokens-remaining`` with resets in RFC 3339. ElevenLabs:
``maximum-concurrent-requests``. What is no number, or below 0, was not said: Azure sends -1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from orchestra_kit.core.answer import Allowance

__all__ = ["read_allowance"]

_COUNT = re.compile(r"\d{1,15}(\.0*)?")
_SPAN = re.compile(r"(?P<number>\d{1,9}(\.\d{1,9})?)(?P<unit>ms|s|m|h|d)")
_UNIT = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_LONGEST = 86_400.0
"""Seconds; a reset that is further away says nothing of a limit by the minute."""

_Triple = tuple[int | None, int | None, float | None]
"""Limit, what is left of it, and seconds until all of it is back."""


def read_allowance(headers: Mapping[str, str], now: datetime) -> Allowance | None:
    """The allowance, from headers with names in lower case; None where they say nothing."""
    requests = _first(_openai(headers, "requests"), _anthropic(headers, "requests", now))
    tokens = _tightest(
        _openai(headers, "tokens"),
        _anthropic(headers, "tokens", now),
        _anthropic(headers, "input-tokens", now),
    )
    found = Allowance(
        requests_limit=requests[0],
        requests_left=requests[1],
        requests_reset=requests[2],
        tokens_limit=tokens[0],
        tokens_left=tokens[1],
        tokens_reset=tokens[2],
        concurrent_limit=_count(headers.get("maximum-concurrent-requests")),
        concurrent_now=_count(headers.get("current-concurrent-requests")),
    )
    return None if found == Allowance() else found


def _openai(headers: Mapping[str, str], what: str) -> _Triple:
    limit, left, reset = (
        headers.get(f"x-ratelimit-{kind}-{what}") for kind in ("limit", "remaining", "reset")
    )
    return _count(limit), _count(left), _span(reset)


def _anthropic(headers: Mapping[str, str], what: str, now: datetime) -> _Triple:
    limit, left, reset = (
        headers.get(f"anthropic-ratelimit-{what}-{kind}")
        for kind in ("limit", "remaining", "reset")
    )
    return _count(limit), _count(left), _until(reset, now)


def _first(*triples: _Triple) -> _Triple:
    return next((t for t in triples if t != (None, None, None)), (None, None, None))


def _tightest(*triples: _Triple) -> _Triple:
    """The one of which least is left; of those that do not say, the first."""
    said = [t for t in triples if t[1] is not None]
    return min(said, key=lambda t: t[1] or 0) if said else _first(*triples)


def _count(text: str | None) -> int | None:
    if text is None or not _COUNT.fullmatch(text.strip()):
        return None
    return int(float(text))


def _span(text: str | None) -> float | None:
    """Seconds of ``6m0s``, ``20ms`` or ``1.5``; None for anything else."""
    if text is None:
        return None
    text = text.strip().lower()
    if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", text):
        return min(_LONGEST, float(text))
    parts = list(_SPAN.finditer(text))
    if not parts or "".join(part[0] for part in parts) != text:
        return None
    return min(_LONGEST, sum(float(p["number"]) * _UNIT[p["unit"]] for p in parts))


def _until(text: str | None, now: datetime) -> float | None:
    if text is None or len(text) > 40:
        return None
    try:
        moment = datetime.fromisoformat(text.strip())
        seconds = (moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds()
    except (ValueError, OverflowError):
        return None
    return min(_LONGEST, max(0.0, seconds))
