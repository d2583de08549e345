"""What data say of a claim, in one of five fixed words."""

from __future__ import annotations

from enum import StrEnum

from orchestra_kit.outcomes.claims.claim import Claim
from orchestra_kit.outcomes.measurement import Measured

__all__ = ["FEWEST", "Verdict", "judged"]

FEWEST = 20
"""Queries below which nothing is said of a claim."""


class Verdict(StrEnum):
    """The words in which a row ends."""

    SHOWS = "shows"
    """The whole 95 % interval lies within the claimed range, or beyond it in the claim's favour."""
    SUGGESTS = "suggests"
    """The value does, its interval not wholly; that nothing changes is outside the interval."""
    NONE = "no evidence"
    """The value falls short: the claim does not hold on these data, though its interval may still
    reach the range."""
    TOO_LITTLE = "not enough data"
    """Too few queries, or an interval that holds both the claim and no change at all."""
    UNMEASURABLE = "not measurable on these data"


def judged(claim: Claim, measured: Measured, n: int, kept: Measured | None = None) -> Verdict:
    """The verdict of a figure over n queries.

    `kept` is the relative quality at which a saving was made, where there is one: a saving that is
    shown to cost quality is not the saving that was claimed.
    """
    if measured.value is None:
        return Verdict.UNMEASURABLE
    if n < FEWEST or measured.low is None or measured.high is None:
        return Verdict.TOO_LITTLE
    ends = (measured.low, measured.high)
    silent = claim.nothing is not None and ends[0] <= claim.nothing <= ends[1]
    if silent and any(claim.reached(end) for end in ends):
        return Verdict.TOO_LITTLE
    if kept is not None and kept.high is not None and kept.high < 1:
        return Verdict.NONE
    if all(claim.reached(end) for end in ends):
        return Verdict.SHOWS
    return Verdict.SUGGESTS if claim.reached(measured.value) else Verdict.NONE
