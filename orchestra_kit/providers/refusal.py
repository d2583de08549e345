"""What went wrong with one call over HTTP, told as ProviderError: one function a way to fail."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from orchestra_kit.core.answer import Call, Usage
from orchestra_kit.core.display import clean_text
from orchestra_kit.core.errors import AttemptOutcome, FailureClass, ProviderError
from orchestra_kit.core.secrets import scrub
from orchestra_kit.providers.allowance import read_allowance
from orchestra_kit.providers.failures import (
    ErrorBody,
    classify,
    outcome_of,
    retry_after,
    should_retry,
)
from orchestra_kit.providers.usage import estimated_usage

__all__ = [
    "EMPTY_MESSAGE",
    "cut",
    "declined",
    "endless",
    "garbled",
    "no_answer",
    "prompt_of",
    "refused",
]

EMPTY_MESSAGE = "empty_message"
"""Code of the error for a message without text; ours, since providers have none for it."""


def refused(
    call: Call,
    status: int,
    error: ErrorBody,
    headers: Mapping[str, str],
    *,
    provider: str,
    now: datetime,
) -> ProviderError:
    """An answer that is an error, be it by its status or within a 200."""
    failure = classify(status, error, provider=provider)
    said = clean_text(scrub(error.message), longest=200)
    code = clean_text(scrub(error.code or error.kind), longest=80)
    parts = [f"{call.deployment} answered {status}"]
    parts += [f"({code})"] if code else []
    return ProviderError(
        " ".join(parts) + (f": {said}" if said else ""),
        failure=failure,
        outcome=outcome_of(failure),
        status=status,
        code=code,
        retry_after=retry_after(headers, error, now=now),
        allowance=read_allowance(headers, now=now),
        should_retry=should_retry(headers),
    )


def no_answer(call: Call, why: str, usage: Usage | None = None, *, code: str = "") -> ProviderError:
    """A 200 that is none: it was probably worked on and billed, so its usage is estimated."""
    return ProviderError(
        f"{call.deployment} answered 200, but {clean_text(why, longest=120)}",
        failure=FailureClass.MALFORMED,
        outcome=AttemptOutcome.ANSWERED,
        status=200,
        code=code,
        usage=usage or estimated_usage(prompt_of(call), ""),
    )


def declined(call: Call, code: str, usage: Usage) -> ProviderError:
    """A refusal of the content, told in place of an answer or amid one."""
    return ProviderError(
        f"{call.deployment} declined to answer this content",
        failure=FailureClass.CONTENT,
        outcome=AttemptOutcome.REFUSED,
        status=200,
        code=code,
        usage=usage,
    )


def cut(call: Call) -> ProviderError:
    """A stream that ended properly, but without the event that its protocol ends with."""
    return ProviderError(
        f"the stream of {call.deployment} ended before its last event",
        failure=FailureClass.STREAM_CUT,
        outcome=AttemptOutcome.UNKNOWN,
        status=200,
    )


def endless(call: Call) -> ProviderError:
    """A stream whose text is longer than any answer."""
    return ProviderError(
        f"the stream of {call.deployment} does not end",
        failure=FailureClass.MALFORMED,
        outcome=AttemptOutcome.ANSWERED,
        status=200,
    )


def garbled(call: Call) -> ProviderError:
    """A stream of which more cannot be read than may be passed over."""
    return ProviderError(
        f"the stream of {call.deployment} holds events that cannot be read",
        failure=FailureClass.STREAM_GARBLED,
        outcome=AttemptOutcome.UNKNOWN,
        status=200,
    )


def prompt_of(call: Call) -> str:
    """All the text that a call sends."""
    return call.system + call.text
