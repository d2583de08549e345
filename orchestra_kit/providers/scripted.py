"""A scripted fault, carried out: the wait and the failure that a real one would bring."""

from __future__ import annotations

from collections.abc import Mapping

from orchestra_kit.core.clock import Clock
from orchestra_kit.core.errors import AttemptOutcome, FailureClass, ProviderError
from orchestra_kit.providers.faults import Fault

__all__ = ["FAILURES", "FOREVER", "strike"]

FOREVER = 86_400.0
"""Seconds that a deployment which never answers keeps its caller, if nobody stops waiting."""
REACTION = 0.5
"""Seconds after which a deployment says that it cannot."""

FAILURES: Mapping[str, tuple[FailureClass, AttemptOutcome, int | None, str]] = {
    "timeout": (FailureClass.TIMEOUT, AttemptOutcome.UNKNOWN, None, "no answer was seen"),
    "rate": (FailureClass.RATE, AttemptOutcome.FAILED, 429, "too many requests"),
    "quota": (FailureClass.QUOTA, AttemptOutcome.FAILED, 429, "the account's quota is used up"),
    "server": (FailureClass.SERVER, AttemptOutcome.FAILED, 500, "the provider failed"),
    "overloaded": (FailureClass.OVERLOADED, AttemptOutcome.FAILED, 529, "the model is overloaded"),
    "connect": (FailureClass.CONNECT, AttemptOutcome.NOT_SENT, None, "no connection"),
    "content": (FailureClass.CONTENT, AttemptOutcome.REFUSED, 400, "against the content policy"),
    "context": (FailureClass.CONTEXT, AttemptOutcome.REFUSED, 400, "the request is too long"),
    "auth": (FailureClass.AUTH, AttemptOutcome.REFUSED, 401, "the key was not accepted"),
}
"""Failure, outcome, HTTP status and message of each kind of fault that brings no answer."""


async def strike(fault: Fault, clock: Clock, *, reaction: float = REACTION) -> None:
    """Wait as the fault makes one wait, and raise ProviderError where it brings no answer.

    A `slow` fault only waits; `malformed` and `low_quality` are the answering provider's to make.
    """
    if fault.kind == "slow":
        await clock.sleep(fault.seconds or 0.0)
        return
    if fault.kind not in FAILURES:
        return
    if fault.kind == "timeout":
        await clock.sleep(FOREVER)
    elif fault.kind != "connect":
        await clock.sleep(reaction)
    failure, outcome, status, message = FAILURES[fault.kind]
    raise ProviderError(
        message,
        failure=failure,
        outcome=outcome,
        status=status,
        retry_after=fault.retry_after,
    )
