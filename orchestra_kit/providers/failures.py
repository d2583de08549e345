"""What an error response means: its class, and how long the provider asks to wait.

Three kinds of "too many" look alike and call for three different things, so they are told apart by
exact code: a rate passes by itself, a place among concurrent calls frees soon, and a spent quota
is never mended by sending again. The codes are data, in `failure_codes`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeGuard

from orchestra_kit.core.errors import AttemptOutcome, FailureClass
from orchestra_kit.providers.failure_codes import CODES, SPEAKS, TOO_LONG, WORDINGS, FailureCode

__all__ = [
    "LONGEST_RETRY_AFTER",
    "ErrorBody",
    "classify",
    "outcome_of",
    "retry_after",
    "should_retry",
]

LONGEST_RETRY_AFTER = 86_400.0
"""Seconds; what asks for more than a day is held to a day."""

_OF_STATUS: Mapping[int, FailureClass] = {
    401: FailureClass.AUTH, 402: FailureClass.QUOTA, 403: FailureClass.AUTH,
    404: FailureClass.NOT_FOUND, 408: FailureClass.SERVER, 409: FailureClass.SERVER,
    410: FailureClass.NOT_FOUND, 413: FailureClass.CONTEXT, 420: FailureClass.RATE,
    424: FailureClass.SERVER, 425: FailureClass.SERVER, 429: FailureClass.RATE,
    498: FailureClass.OVERLOADED, 499: FailureClass.SERVER, 529: FailureClass.OVERLOADED,
}  # fmt: skip
"""Where no code says more; 498 is Groq's for a full tier, 529 Anthropic's for overload."""
_MAY_BE_TOO_LONG = frozenset({400, 413, 422, 500})
_REFUSALS = frozenset({FailureClass.CONTEXT, FailureClass.CONTENT, FailureClass.BAD_REQUEST})


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """What an error response says of itself; empty where it says nothing."""

    code: str = ""
    kind: str = ""
    message: str = ""
    reasons: tuple[str, ...] = ()
    """Further codes: an inner error's, those of the details, a status in words."""
    details: tuple[Mapping[str, object], ...] = ()
    parameter: str = ""
    """What of the request it is about, as the provider names it."""

    @classmethod
    def read(cls, data: object) -> ErrorBody:
        """From decoded JSON: ``{"error": {...}}``, the same in a list, a text with a code beside
        it as xAI writes it, ElevenLabs' detail, Stability's name, or pydantic's list."""
        if isinstance(data, list) and data:
            data = data[0]
        if not isinstance(data, Mapping):
            return cls()
        error = data.get("error", data.get("detail", data))
        if isinstance(error, str):
            return cls(code=_text(data.get("code")), message=error)
        if _is_list(error):
            return cls._validated(error)
        if not isinstance(error, Mapping):
            return cls()
        details = error.get("details")
        inner = details if isinstance(details, Mapping) else {}
        listed = tuple(d for d in details if isinstance(d, Mapping)) if _is_list(details) else ()
        status = _text(error.get("status"))
        return cls(
            code=_text(inner.get("error_code")) or _text(error.get("code")),
            kind=_text(error.get("type")) or _text(error.get("name")) or status,
            message=_text(error.get("message")),
            reasons=tuple(filter(None, [*_inner_codes(error, listed), status])),
            details=listed,
            parameter=_text(error.get("param")),
        )

    @classmethod
    def _validated(cls, faults: list[object]) -> ErrorBody:
        """The first fault that FastAPI found in a request, as vLLM and Mistral pass it on."""
        fault = faults[0] if faults else None
        if not isinstance(fault, Mapping):
            return cls()
        place = fault.get("loc")
        return cls(
            kind=_text(fault.get("type")),
            message=_text(fault.get("msg")),
            parameter=_text(place[-1]) if _is_list(place) and place else "",
        )

    @property
    def words(self) -> tuple[str, ...]:
        """Everything that may be a code, in lower case, the most exact first."""
        return tuple(w.lower() for w in (self.code, *self.reasons, self.kind) if w)


def classify(status: int, error: ErrorBody, *, provider: str = "openai") -> FailureClass:
    """The class of an error response of a provider of this kind, as a policy names it.

    An exact code decides before a sentence does, and a sentence before the status. A 429 that
    nobody explains is a rate limit.
    """
    speakers = SPEAKS.get(provider, SPEAKS["openai"])
    if _renews_late(error):
        return FailureClass.QUOTA
    for word in error.words:
        found = _coded(word, status, speakers)
        if found is not None:
            return found
    for wording in WORDINGS:
        heard = wording.by in speakers and status in wording.statuses
        if heard and wording.says.search(error.message):
            return wording.failure
    if status in _MAY_BE_TOO_LONG and any(p.search(error.message) for p in TOO_LONG.values()):
        return FailureClass.CONTEXT
    if status == 403 and error == ErrorBody():
        # A firewall's page, which others in front of the same provider show as well: an AUTH would
        # take every deployment away for one prompt that looks like an attack.
        return FailureClass.CONTENT
    return _by_status(status)


def _by_status(status: int) -> FailureClass:
    if status in _OF_STATUS:
        return _OF_STATUS[status]
    if status < 300:
        return FailureClass.MALFORMED
    if status < 400:
        return FailureClass.NOT_FOUND
    return FailureClass.SERVER if status >= 500 else FailureClass.BAD_REQUEST


def _coded(word: str, status: int, speakers: tuple[str, ...]) -> FailureClass | None:
    """What a code means to the first who knows it; one that names the status before others."""
    known = [row for by in speakers for row in _BY_CODE.get((by, word), ())]
    named = [row for row in known if status in row.statuses]
    found = named or [row for row in known if not row.statuses]
    return found[0].failure if found else None


def _indexed() -> dict[tuple[str, str], list[FailureCode]]:
    index: dict[tuple[str, str], list[FailureCode]] = {}
    for row in CODES:
        index.setdefault((row.by, row.code), []).append(row)
    return index


_BY_CODE = _indexed()


def outcome_of(failure: FailureClass) -> AttemptOutcome:
    """What became of a send that was answered with an error."""
    return AttemptOutcome.REFUSED if failure in _REFUSALS else AttemptOutcome.FAILED


def should_retry(headers: Mapping[str, str]) -> bool | None:
    """What the provider says of sending the same again; None where it does not say."""
    return {"true": True, "false": False}.get(headers.get("x-should-retry", "").strip().lower())


def retry_after(headers: Mapping[str, str], error: ErrorBody, *, now: datetime) -> float | None:
    """Seconds the provider asks to wait, between 0 and a day; None where it says nothing usable.

    Header names in lower case. Understands milliseconds (``retry-after-ms``), seconds, an HTTP
    date, and Gemini's ``retryDelay``; anything else is as good as nothing.
    """
    for seconds in _asked(headers, error, now):
        if seconds is not None and math.isfinite(seconds) and seconds >= 0:
            return min(seconds, LONGEST_RETRY_AFTER)
    return None


def _asked(headers: Mapping[str, str], error: ErrorBody, now: datetime) -> Iterator[float | None]:
    for name in ("retry-after-ms", "x-ms-retry-after-ms"):
        milliseconds = _number(headers.get(name, ""))
        yield None if milliseconds is None else milliseconds / 1000
    plain = headers.get("retry-after", "")
    seconds = _number(plain)
    yield seconds
    if plain and seconds is None:
        yield _until(plain, now)
    for detail in error.details:
        delay = detail.get("retryDelay")
        if isinstance(delay, str):
            yield _number(delay.removesuffix("s"))


def _number(text: str) -> float | None:
    """A plain decimal number; what float() would also take, such as nan or 1_0, is none."""
    text = text.strip(" \t")
    return float(text) if re.fullmatch(r"[+-]?[0-9]{1,15}(\.[0-9]{1,15})?", text) else None


def _until(text: str, now: datetime) -> float | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())


def _renews_late(error: ErrorBody) -> bool:
    """Whether Gemini's details name a quota that a minute's wait does not renew."""
    if "resource_exhausted" not in error.words:
        return False
    violations: list[object] = []
    for detail in error.details:
        listed = detail.get("violations")
        violations += listed if isinstance(listed, Sequence) and not isinstance(listed, str) else []
    named = " ".join(
        _text(v.get("quotaId")) + _text(v.get("quotaMetric"))
        for v in violations
        if isinstance(v, Mapping)
    )
    return "PerDay" in named or "limit: 0" in error.message


def _inner_codes(
    error: Mapping[str, object], details: Sequence[Mapping[str, object]]
) -> Iterator[str]:
    """Codes that lie deeper: Azure's inner error, Google's reasons, OpenRouter's moderation."""
    inner = error.get("innererror")
    if isinstance(inner, Mapping):
        yield _text(inner.get("code"))
    for detail in details:
        yield _text(detail.get("reason"))
    metadata = error.get("metadata")
    if isinstance(metadata, Mapping) and metadata.get("flagged_input"):
        yield "flagged_input"


def _is_list(value: object) -> TypeGuard[list[object]]:
    return isinstance(value, list)


def _text(value: object) -> str:
    """A code as text; JSON may hold a number or null there."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""
