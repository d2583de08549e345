"""What a provider's headers say that the account may still do.

OpenAI and who speaks like it: ``x-ratelimit-remaining-requests: 59`` and ``…-reset-tokens: 6m0s``.
Anthropic: ``anthropic-ratelimit-input-tokens-remaining`` with resets in RFC 3339. ElevenLabs:
``maximum-concurrent-requests``. What is no number was not said, and beside a limit that is none
(Azure sends -1 or 0 where it does not count) neither was what is left of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from orchestra_kit.core.answer import Allowance

__all__ = ["read_allowance"]

_COUNT = re.compile(r"[0-9]{1,15}(\.0*)?")
_NUMBER = r"[0-9]{1,9}(?:\.[0-9]{1,9})?"
_SECONDS = re.compile(_NUMBER)
_PART = re.compile(rf"({_NUMBER})(ns|us|µs|ms|s|m|h|d)")
_SPAN = re.compile(rf"(?:{_PART.pattern}){{1,6}}")
_UNIT = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600, "d": 86_400}
"""Those that Go writes a duration in, as OpenAI does, and days."""
_LONGEST = 86_400.0
"""Seconds; a reset that is further away says nothing of a limit by the minute."""

_Triple = tuple[int | None, int | None, float | None]
"""Limit, what is left of it, and seconds until all of it is back."""
_NOTHING: _Triple = (None, None, None)


def read_allowance(headers: Mapping[str, str], now: datetime) -> Allowance | None:
    """The allowance, from headers with names in lower case; None where they say nothing."""
    requests = _first(_openai(headers, "requests"), _anthropic(headers, "requests", now))
    tokens = _tightest(
        _openai(headers, "tokens"),
        _anthropic(headers, "tokens", now),
        _anthropic(headers, "input-tokens", now),
    )
    concurrent = _counted(
        headers.get("maximum-concurrent-requests"),
        headers.get("current-concurrent-requests"),
        None,
    )
    found = Allowance(
        requests_limit=requests[0],
        requests_left=requests[1],
        requests_reset=requests[2],
        tokens_limit=tokens[0],
        tokens_left=tokens[1],
        tokens_reset=tokens[2],
        concurrent_limit=concurrent[0],
        concurrent_now=concurrent[1],
    )
    return None if found == Allowance() else found


def _openai(headers: Mapping[str, str], what: str) -> _Triple:
    limit, left, reset = (
        headers.get(f"x-ratelimit-{kind}-{what}") for kind in ("limit", "remaining", "reset")
    )
    return _counted(limit, left, _span(reset))


def _anthropic(headers: Mapping[str, str], what: str, now: datetime) -> _Triple:
    limit, left, reset = (
        headers.get(f"anthropic-ratelimit-{what}-{kind}")
        for kind in ("limit", "remaining", "reset")
    )
    return _counted(limit, left, _until(reset, now))


def _counted(limit: str | None, left: str | None, reset: float | None) -> _Triple:
    """Read together: a count beside a limit that is none counts nothing."""
    most = _count(limit)
    if limit is not None and not most:
        return _NOTHING
    return most, _count(left), reset


def _first(*triples: _Triple) -> _Triple:
    return next((t for t in triples if t != _NOTHING), _NOTHING)


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
    if _SECONDS.fullmatch(text):
        return min(_LONGEST, float(text))
    if not _SPAN.fullmatch(text):
        return None
    return min(_LONGEST, sum(float(n) * _UNIT[unit] for n, unit in _PART.findall(text)))


def _until(text: str | None, now: datetime) -> float | None:
    """Seconds until a moment in RFC 3339, 0 where it is past; UTC where it names no zone."""
    if text is None or len(text) > 40:
        return None
    try:
        moment = datetime.fromisoformat(text.strip())
        seconds = (moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds()
    except (ValueError, OverflowError):
        return None
    return min(_LONGEST, max(0.0, seconds))
