"""A scripted fault, carried out: the wait and the failure that a real one would bring."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from orchestra_kit.core.answer import Usage
from orchestra_kit.core.clock import Clock
from orchestra_kit.core.errors import AttemptOutcome, FailureClass, ProviderError
from orchestra_kit.providers.faults import Fault

__all__ = ["FAILURES", "FOREVER", "POOR_QUALITY", "slowed", "strike", "unreadable"]

FOREVER = 86_400.0
"""Seconds that a deployment which never answers keeps its caller, if nobody stops waiting."""
REACTION = 0.5
"""Seconds after which a deployment says that it cannot."""
SLOW_FACTOR = 6.0
POOR_QUALITY = 0.2
"""Below any sensible quality floor."""


@dataclass(frozen=True, slots=True)
class _Failure:
    failure: FailureClass
    outcome: AttemptOutcome
    status: int | None
    code: str
    message: str


FAILURES: Mapping[str, _Failure] = {
    "timeout": _Failure(
        FailureClass.TIMEOUT, AttemptOutcome.UNKNOWN, None, "", "no answer was seen"
    ),
    "rate": _Failure(
        FailureClass.RATE, AttemptOutcome.FAILED, 429, "rate_limit_exceeded", "too many requests"
    ),
    "quota": _Failure(
        FailureClass.QUOTA,
        AttemptOutcome.FAILED,
        429,
        "insufficient_quota",
        "the account's quota is used up",
    ),
    "server": _Failure(
        FailureClass.SERVER, AttemptOutcome.FAILED, 500, "server_error", "the provider failed"
    ),
    "overloaded": _Failure(
        FailureClass.OVERLOADED,
        AttemptOutcome.FAILED,
        529,
        "overloaded_error",
        "the model is overloaded",
    ),
    "connect": _Failure(FailureClass.CONNECT, AttemptOutcome.NOT_SENT, None, "", "no connection"),
    "content": _Failure(
        FailureClass.CONTENT,
        AttemptOutcome.REFUSED,
        400,
        "content_policy_violation",
        "against the content policy",
    ),
    "context": _Failure(
        FailureClass.CONTEXT,
        AttemptOutcome.REFUSED,
        400,
        "context_length_exceeded",
        "the request is too long",
    ),
    "auth": _Failure(
        FailureClass.AUTH,
        AttemptOutcome.REFUSED,
        401,
        "invalid_api_key",
        "the key was not accepted",
    ),
}
"""What the caller sees of each kind of fault that brings no answer; the codes are OpenAI's, and
Anthropic's for overload."""


async def strike(fault: Fault, clock: Clock, *, reaction: float = REACTION) -> None:
    """Wait as the fault makes one wait, and raise ProviderError where it brings no answer.

    `slow`, `malformed`, `low_quality` and the faults of streams strike what comes of an answer.
    """
    if fault.kind not in FAILURES:
        return
    if fault.kind == "timeout":
        await clock.sleep(FOREVER)
    elif fault.kind != "connect":
        await clock.sleep(reaction)
    seen = FAILURES[fault.kind]
    raise ProviderError(
        seen.message,
        failure=seen.failure,
        outcome=seen.outcome,
        status=seen.status,
        code=seen.code,
        retry_after=fault.retry_after,
    )


def slowed(fault: Fault | None, seconds: float) -> float:
    """How long an answer takes under a fault that would otherwise take so many seconds."""
    if fault is None or fault.kind != "slow":
        return seconds
    return seconds * SLOW_FACTOR if fault.seconds is None else seconds + fault.seconds


def unreadable(usage: Usage) -> ProviderError:
    """An answer that came, was billed, and is none."""
    return ProviderError(
        "the answer cannot be read",
        failure=FailureClass.MALFORMED,
        outcome=AttemptOutcome.ANSWERED,
        status=200,
        usage=usage,
    )
