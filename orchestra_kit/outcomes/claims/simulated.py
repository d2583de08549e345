"""The claims about outages, on simulated traffic.

What comes out follows from assumed profiles of latency, price and failure. It shows what the
mechanism does under them and says nothing of any provider. Intervals count hours, since requests
of one hour share their outages.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from orchestra_kit.core.errors import AttemptOutcome
from orchestra_kit.core.reply import Attempt, Reply, ReplyStatus
from orchestra_kit.outcomes.claims.claim import CLAIMS, Claim
from orchestra_kit.outcomes.claims.entry import Entry
from orchestra_kit.outcomes.claims.resampling import of_totals, shifted
from orchestra_kit.outcomes.claims.traffic import Traffic
from orchestra_kit.outcomes.measurement import Measured
from orchestra_kit.outcomes.statistics import mean_score
from orchestra_kit.policy.policy import Policy

__all__ = ["SIMULATED", "simulated_entries"]

_NOT_ASKED = (ReplyStatus.REVIEW, ReplyStatus.BLOCKED, ReplyStatus.REFUSED)
"""Endings that say nothing of availability: a person, a budget or a content policy decided."""
_PREMISE = (0.95, 0.97)
"""The availability that the claim about fallback sets out from."""
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


def simulated_entries(policy: Policy, *, requests: int, seed: int) -> list[Entry]:
    """Entries for each of `SIMULATED`: with the outages of the profiles, and under strain."""
    return [
        measure(traffic, claim)
        for strained in (False, True)
        for traffic in [Traffic.play(policy, requests=requests, seed=seed, strained=strained)]
        for claim in CLAIMS
        if (measure := _MEASURES.get(claim.name)) is not None
    ]


def _availability(traffic: Traffic, claim: Claim) -> Entry:
    meant = _meant(traffic.routed)
    first = float(_first_answered(traffic.routed)[meant].mean())
    note = f"The first deployment of each chain alone: {first:.1%}"
    note += "." if _PREMISE[0] <= first <= _PREMISE[1] else ", not 95–97 %."
    measured = _share(_answered(traffic.routed)[meant], traffic.hours[meant])
    return Entry.of(claim, traffic.data, measured, int(meant.sum()), note=note)


def _errors(traffic: Traffic, claim: Claim) -> Entry:
    failed = _meant(traffic.routed) & ~_first_answered(traffic.routed)
    if not failed.any():
        reason = "The first deployment of each chain answered every request."
        return Entry.unmeasurable(claim, traffic.data, reason)
    still = failed & ~_answered(traffic.routed)
    lone = np.array([request.task in traffic.lone for request in traffic.sent])
    note = f"{int(still.sum())} of {int(failed.sum())} such requests ended without an answer"
    if (still & lone).any():
        note += f", {int((still & lone).sum())} of them at tasks with a single deployment"
    measured = shifted(_share(still[failed], traffic.hours[failed]), -1)
    return Entry.of(claim, traffic.data, measured, int(failed.sum()), note=f"{note}.")


def _more_available(traffic: Traffic, claim: Claim) -> Entry:
    both = _meant(traffic.routed) & _meant(traffic.fixed)
    arms = [_answered(r)[both].astype(np.float64) for r in (traffic.routed, traffic.fixed)]
    before, after = arms[1].mean(), arms[0].mean()
    note = f"From {before:.1%} to {after:.1%}"
    note += f"; {1 / before - 1:+.1%} is all that is possible." if before else "."
    return _changed(traffic, claim, np.column_stack(arms), both, note)


def _cheaper(traffic: Traffic, claim: Claim) -> Entry:
    prices = [_dollars(replies) for replies in (traffic.routed, traffic.fixed)]
    both = np.isfinite(prices[0]) & np.isfinite(prices[1])
    if not both.any():
        return Entry.unmeasurable(claim, traffic.data, "No price is known for that time.")
    scores = [float(_scores(r)[both].mean()) for r in (traffic.routed, traffic.fixed)]
    note = f"Mean simulated score {scores[0]:.3f}, against {scores[1]:.3f}."
    columns = np.column_stack([price[both] for price in prices])
    return _changed(traffic, claim, columns, both, note if np.isfinite(scores).all() else "")


_MEASURES: Mapping[str, Callable[[Traffic, Claim], Entry]] = {
    "fallback_availability": _availability,
    "fallback_errors": _errors,
    "dynamic_availability": _more_available,
    "dynamic_cost": _cheaper,
}
SIMULATED = frozenset(_MEASURES)
"""Names of the claims that simulated traffic speaks of."""


def _changed(traffic: Traffic, claim: Claim, columns: Floats, among: Mask, note: str) -> Entry:
    measured = of_totals(columns, _relative, clusters=traffic.hours[among])
    return Entry.of(claim, traffic.data, measured, len(columns), note=note)


def _relative(totals: Floats) -> Floats:
    before = totals[:, 1]
    unknown = np.full(len(totals), np.nan)
    return np.asarray(np.divide(totals[:, 0], before, out=unknown, where=before > 0) - 1)


def _share(values: Mask, hours: npt.NDArray[np.int64]) -> Measured:
    found = mean_score(values.astype(np.float64), hours)
    return Measured(found.value, found.low, found.high)


def _meant(replies: Sequence[Reply]) -> Mask:
    """Whether a model was to answer."""
    return np.array([reply.status not in _NOT_ASKED for reply in replies])


def _answered(replies: Sequence[Reply]) -> Mask:
    return np.array([reply.answered for reply in replies])


def _first_answered(replies: Sequence[Reply]) -> Mask:
    """Whether the first deployment of the chain gave an answer, after its retries."""
    return np.array([any(map(_of_the_first, reply.attempts)) for reply in replies])


def _of_the_first(attempt: Attempt) -> bool:
    return attempt.tier_of_chain == 0 and attempt.outcome is AttemptOutcome.ANSWERED


def _dollars(replies: Sequence[Reply]) -> Floats:
    """What each answered request cost; NaN where it was not answered or the price is unknown."""
    return np.array(
        [float(r.cost) if r.answered and r.cost is not None else np.nan for r in replies]
    )


def _scores(replies: Sequence[Reply]) -> Floats:
    return np.array([np.nan if r.score.value is None else r.score.value for r in replies])
