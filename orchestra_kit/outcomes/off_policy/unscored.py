"""Whether what is not known of some outcomes could tilt a comparison of actions."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import chi2_contingency

from orchestra_kit.outcomes.off_policy.logged import LoggedTraffic, Outcome
from orchestra_kit.outcomes.off_policy.overlap import Verdict

__all__ = ["FEWEST", "TILTS", "tilt"]

FEWEST = 30
"""Requests of an action below which its share of known outcomes is not looked at."""
TILTS = (0.20, 0.05)
"""Difference of these shares between two actions above which a value is refused, and above which it
is weak; p < 0.01 besides."""
_P = 0.01
_Words = {"quality": "scored", "cost": "priced"}


def tilt(
    traffic: LoggedTraffic, outcome: Outcome, kept: npt.NDArray[np.bool_]
) -> tuple[Verdict, str]:
    """What follows from an outcome that is known more often of one action than of another, and how
    much more often in words; estimable and empty where that does not matter.

    An outcome that is missing for its own sake, as that of an answer too poor to be scored, makes
    its action look better than it is, and no weight can tell.
    """
    known = np.isfinite(traffic.outcome(outcome)[kept])
    if known.all() or not known.any():
        return Verdict.ESTIMABLE, ""
    table = pd.crosstab(traffic.frame["action"].to_numpy()[kept], known)
    table = table[table.sum(axis=1) >= FEWEST]
    if len(table) < 2 or not (table > 0).any().all():
        return Verdict.ESTIMABLE, ""
    shares = table[True] / table.sum(axis=1)
    gap = float(shares.max() - shares.min())
    if gap <= TILTS[1] or float(chi2_contingency(table)[1]) >= _P:
        return Verdict.ESTIMABLE, ""
    return Verdict.NOT_ESTIMABLE if gap > TILTS[0] else Verdict.WEAK, (
        f"{shares.min():.0%} of the answers of {shares.idxmin()} are {_Words[outcome]} and "
        f"{shares.max():.0%} of those of {shares.idxmax()}, so that what is missing may differ "
        "from what is known"
    )
