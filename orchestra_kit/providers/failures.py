"""What an error response means: its class, and how long the provider asks to wait.

Three kinds of "too many" look alike and call for three different things, so they are told apart by
exact code: a rate passes by itself, a place among concurrent calls frees soon, and a spent quota
is never mended by sending again. The codes are those of OpenAI, Azure, Anthropic, Gemini and
ElevenLabs as seen through servers that speak the chat completions protocol.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from orchestra_kit.core.errors import AttemptOutcome, FailureClass

__all__ = ["LONGEST_RETRY_AFTER", "ErrorBody", "classify", "outcome_of", "retry_after"]

LONGEST_RETRY_AFTER = 86_400.0
"""Seconds; what asks for more than a day is held to a day."""

_QUOTA = frozenset({
    "insufficient_quota", "credit_balance_exhausted", "organization_spend_limit_exceeded",
    "project_spend_limit_exceeded", "organization_usage_limit_exceeded",
    "enforced_spend_limit_reached", "billing_hard_limit_reached", "billing_not_active",
    "quota_exceeded", "billing_error",
})  # fmt: skip
_RATE = frozenset({"rate_limit_exceeded", "slow_down", "rate_limit_error", "system_busy"})
_CONCURRENCY = frozenset({"too_many_concurrent_requests", "concurrency_limit_exceeded"})
_OVERLOADED = frozenset({
    "server_is_overloaded", "overloaded", "overloaded_error", "engine_overloaded", "unavailable",
    "model_overloaded",
})  # fmt: skip
_CONTEXT = frozenset({"context_length_exceeded", "context_window_exceeded", "request_too_large"})
_CONTENT = frozenset({
    "content_policy_violation", "content_filter", "moderation_blocked", "content_filtered",
    "responsibleaipolicyviolation", "safety",
})  # fmt: skip
_MISSING = frozenset({"model_not_found", "deploymentnotfound", "not_found_error"})
_EXACT: tuple[tuple[frozenset[str], FailureClass], ...] = (
    (_CONCURRENCY, FailureClass.CONCURRENCY),
    (_OVERLOADED, FailureClass.OVERLOADED),
    (_CONTEXT, FailureClass.CONTEXT),
    (_CONTENT, FailureClass.CONTENT),
    (_MISSING, FailureClass.NOT_FOUND),
)
_TOO_LONG = re.compile(
    r"maximum context length|prompt is too long|exceeds the maximum number of tokens"
    r"|exceed(s|ed)? (the )?context (window|size|length)",
    re.IGNORECASE,
)
_OF_STATUS = {
    401: FailureClass.AUTH, 402: FailureClass.QUOTA, 403: FailureClass.AUTH,
    404: FailureClass.NOT_FOUND, 408: FailureClass.SERVER, 409: FailureClass.SERVER,
    410: FailureClass.NOT_FOUND, 413: FailureClass.CONTEXT, 424: FailureClass.SERVER,
    425: FailureClass.SERVER, 429: FailureClass.RATE, 529: FailureClass.OVERLOADED,
}  # fmt: skip
_REFUSALS = frozenset({FailureClass.CONTEXT, FailureClass.CONTENT, FailureClass.BAD_REQUEST})


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """What an error response says of itself; empty where it says nothing."""

    code: str = ""
    kind: str = ""
    message: str = ""
    details: tuple[Mapping[str, object], ...] = ()

    @classmethod
    def read(cls, data: object) -> ErrorBody:
        """From decoded JSON: ``{"error": {...}}``, the same in a list, or ElevenLabs' detail."""
        if isinstance(data, list) and data:
            data = data[0]
        if not isinstance(data, Mapping):
            return cls()
        error = data.get("error", data.get("detail", data))
        if isinstance(error, str):
            return cls(message=error)
        if not isinstance(error, Mapping):
            return cls()
        details = error.get("details")
        inner = details if isinstance(details, Mapping) else {}
        listed = details if isinstance(details, list) else []
        return cls(
            code=_text(inner.get("error_code")) or _text(error.get("code")),
            kind=_text(error.get("type")) or _text(error.get("status")),
            message=_text(error.get("message")),
            details=tuple(d for d in listed if isinstance(d, Mapping)),
        )

    @property
    def words(self) -> tuple[str, str]:
        """Code and kind in lower case, for comparison."""
        return self.code.lower(), self.kind.lower()


def classify(status: int, error: ErrorBody) -> FailureClass:
    """The class of an error response. An exact code decides before the status does."""
    code, kind = error.words
    if code in _RATE and status != 401:
        return FailureClass.RATE
    if code in _QUOTA or kind in _QUOTA or _daily_quota(error):
        return FailureClass.QUOTA
    for words, failure in _EXACT:
        if code in words or (kind in words and status >= 400):
            return failure
    if kind in _RATE and status == 429:
        return FailureClass.RATE
    if status in {400, 422, 500} and _TOO_LONG.search(error.message):
        return FailureClass.CONTEXT
    if status in _OF_STATUS:
        return _OF_STATUS[status]
    if 300 <= status < 400:
        return FailureClass.NOT_FOUND
    return FailureClass.SERVER if status >= 500 else FailureClass.BAD_REQUEST


def outcome_of(failure: FailureClass) -> AttemptOutcome:
    """What became of a send that was answered with an error."""
    return AttemptOutcome.REFUSED if failure in _REFUSALS else AttemptOutcome.FAILED


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
    return float(text) if re.fullmatch(r"\s*[+-]?\d{1,15}(\.\d{1,15})?\s*", text) else None


def _until(text: str, now: datetime) -> float | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())


def _daily_quota(error: ErrorBody) -> bool:
    """Whether Gemini's details name a quota that a minute's wait does not renew."""
    if error.kind != "RESOURCE_EXHAUSTED":
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


def _text(value: object) -> str:
    """A code as text; JSON may hold a number or null there."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""
