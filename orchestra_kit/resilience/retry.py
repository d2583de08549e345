"""What each class of failure allows: retries on the same deployment, and what it says of health.

The table is data: the engine reads it, and `table()` prints it. Retry counts and waits follow the
provider SDKs (two retries on 408, 5xx and connection errors) and AWS's full jitter; a rate limit
goes to another deployment at once where there is one; what the request itself caused never counts
against the deployment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from orchestra_kit.core.display import Shown, Table
from orchestra_kit.core.errors import FailureClass

__all__ = ["RETRY_RULES", "RetryRule", "table"]

QUOTA_ISOLATION_SECONDS = 3600.0
"""A spent quota is looked at again after an hour: resets are hourly at the earliest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryRule(Shown):
    """What follows one class of failure."""

    same_target: int
    """Retries on the same deployment at most."""
    only_without_alternative: bool = False
    """Whether those are for a deployment that nobody can stand in for."""
    wait: float = 0.0
    """Base of the backoff, in seconds; 0 waits for nothing but what the provider asks."""
    least_wait: float = 0.0
    """Seconds below which the backoff is never drawn."""
    weight: float = 0.0
    """Weight of the failure in the breaker: 1 a failure, 0.5 half of one, 0 none."""
    isolates: float | None = None
    """Seconds for which the deployment is isolated at once; infinite until closed by hand."""
    because: str = ""

    def retries(self, *, has_alternative: bool) -> int:
        """Retries allowed on the same deployment."""
        return 0 if has_alternative and self.only_without_alternative else self.same_target


RETRY_RULES: Mapping[FailureClass, RetryRule] = MappingProxyType(
    {
        FailureClass.RATE: RetryRule(
            same_target=2,
            only_without_alternative=True,
            wait=0.5,
            because="another deployment answers now; this one asked for time",
        ),
        FailureClass.CONCURRENCY: RetryRule(
            same_target=2, wait=0.5, because="the place of another call frees soon"
        ),
        FailureClass.QUOTA: RetryRule(
            same_target=0,
            isolates=QUOTA_ISOLATION_SECONDS,
            because="no retry brings money; somebody must pay or wait for the reset",
        ),
        FailureClass.OVERLOADED: RetryRule(
            same_target=1,
            wait=4.0,
            least_wait=1.0,
            weight=0.5,
            because="overload passes, though not at once",
        ),
        FailureClass.SERVER: RetryRule(
            same_target=2, wait=0.5, weight=1.0, because="most server errors are of one moment"
        ),
        FailureClass.CONNECT: RetryRule(
            same_target=2, wait=0.25, weight=1.0, because="nothing was sent, so nothing is doubled"
        ),
        FailureClass.TIMEOUT: RetryRule(
            same_target=0, weight=1.0, because="the answer may exist and be billed"
        ),
        FailureClass.STREAM_CUT: RetryRule(
            same_target=0, weight=1.0, because="the answer may exist and be billed"
        ),
        FailureClass.STREAM_GARBLED: RetryRule(
            same_target=0, weight=1.0, because="the answer may exist and be billed"
        ),
        FailureClass.CONTEXT: RetryRule(
            same_target=0, because="the same text stays too long; a larger window may take it"
        ),
        FailureClass.CONTENT: RetryRule(
            same_target=0, because="the same prompt is refused again, and it looks like evasion"
        ),
        FailureClass.AUTH: RetryRule(
            same_target=0, isolates=float("inf"), because="a wrong key stays wrong"
        ),
        FailureClass.NOT_FOUND: RetryRule(
            same_target=0, isolates=float("inf"), because="a model that is gone stays gone"
        ),
        FailureClass.BAD_REQUEST: RetryRule(
            same_target=0, because="the request itself is at fault"
        ),
        FailureClass.MALFORMED: RetryRule(
            same_target=1, because="one repair often helps; a second rarely does"
        ),
        FailureClass.LOW_QUALITY: RetryRule(
            same_target=0, because="a stronger model is the better second try"
        ),
        FailureClass.LOCAL: RetryRule(
            same_target=0, because="our own fault repeats, and says nothing of the deployment"
        ),
        FailureClass.LIMIT: RetryRule(same_target=0, because="nothing was sent"),
        FailureClass.CIRCUIT: RetryRule(same_target=0, because="nothing was sent"),
        FailureClass.BUDGET: RetryRule(same_target=0, because="nothing was sent"),
        FailureClass.CANCELLED: RetryRule(same_target=0, because="nobody waits any more"),
    }
)


def table() -> Table:
    """The rules, one a row."""

    def health(rule: RetryRule) -> str:
        if rule.isolates is not None:
            return "isolated" if rule.isolates == float("inf") else f"out for {rule.isolates:g} s"
        return {0.0: "", 0.5: "half a failure", 1.0: "a failure"}[rule.weight]

    rows = [
        (
            failure.value,
            rule.same_target,
            "without alternative" if rule.only_without_alternative else "",
            f"{rule.least_wait:g} to {rule.wait:g} s" if rule.wait else "",
            health(rule),
            rule.because,
        )
        for failure, rule in RETRY_RULES.items()
    ]
    return Table(
        ("failure", "retries", "only", "backoff", "breaker", "because"),
        rows,
        title="What follows each class of failure",
        right=frozenset({"retries"}),
    )
