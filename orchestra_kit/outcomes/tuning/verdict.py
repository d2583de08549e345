"""Whether a change reached its goal on requests that had no part in finding it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import t

from orchestra_kit.core.display import Shown
from orchestra_kit.outcomes.statistics import Estimate, Evidence, difference, holm, judge
from orchestra_kit.outcomes.tuning.goal import CONFIDENCE, Goal
from orchestra_kit.outcomes.tuning.policy_replay import PolicyReplay, Replayed

__all__ = ["FEWEST", "Kept", "Verdict", "judged"]

Floats = npt.NDArray[np.float64]

FEWEST = 20
"""Prompts below which nothing is said, the house's bound for learning anything at all."""


@dataclass(frozen=True, slots=True)
class Kept(Shown):
    """One thing to keep, measured."""

    measure: str
    factor: float
    margin: Estimate
    """Mean by which it is kept, above 0 where it is; the low end is the one-sided 95 % bound."""

    @property
    def surely(self) -> bool:
        """Whether the bound says so."""
        return self.margin.low is not None and self.margin.low >= 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict(Shown):
    """The word, and what it rests on."""

    word: Evidence
    """*shows*: the aim got better (p < 0.05, Holm) and all is kept; *suggests*: so before the
    correction only."""
    kept: tuple[Kept, ...]
    p: float | None
    """Largest one-sided p-value of the parts."""
    reason: str


def judged(
    replay: PolicyReplay,
    goal: Goal,
    before: Replayed,
    after: Replayed,
    *,
    resamples: int = 4_000,
    seed: int = 0,
) -> Verdict:
    """The verdict on a change over the queries of one replay.

    The parts, that the aim got better and that each thing is kept, are all to be shown: their
    one-sided p-values, by Student's t over prompts, are corrected together by Holm.
    """
    if not np.any(before.node != after.node):
        return Verdict(
            word=Evidence.NONE, kept=(), p=None, reason="no request is answered by another"
        )
    aim = _pair(replay, before, after, goal.measure)
    known = ~np.isnan(aim).any(axis=0)
    pairs = {keep: _pair(replay, before, after, keep.measure) for keep in goal.keep}
    for pair in pairs.values():
        known &= ~np.isnan(pair).any(axis=0)
    units = replay.clusters[known]
    many = len(np.unique(units))
    if many < FEWEST:
        reason = f"only {many} prompts are known on both sides"
        return Verdict(word=Evidence.TOO_LITTLE, kept=(), p=None, reason=reason)
    gained = goal.sign * (aim[1] - aim[0])[known]
    parts, kept = [_p(gained, units)], []
    for keep, pair in pairs.items():
        margin = keep.margin(pair[1], pair[0])[known]
        parts.append(_p(margin, units))
        bound = difference(
            margin, np.zeros(len(margin)), units, level=2 * CONFIDENCE - 1, resamples=resamples,
            seed=seed,
        )  # fmt: skip
        kept.append(Kept(keep.measure, keep.factor, bound))
    word = judge(max(parts), float(holm(parts).max()))
    if word is Evidence.SHOWS and not all(part.surely for part in kept):
        word = Evidence.SUGGESTS
    lost = [part.measure for part, p in zip(kept, parts[1:], strict=True) if p >= 1 - CONFIDENCE]
    reason = "" if word is Evidence.SHOWS else _why(goal, parts[0], lost)
    return Verdict(word=word, kept=tuple(kept), p=max(parts), reason=reason)


def _why(goal: Goal, p: float, lost: list[str]) -> str:
    names = {"score": "quality", "cost": "cost", "latency": "latency"}
    said = []
    if p >= 1 - CONFIDENCE:
        said.append(f"it is not shown that {goal.aim} gets better")
    if lost:
        said.append(f"it is not shown that {' and '.join(names[m] for m in lost)} is kept")
    return " and ".join(said)


def _pair(replay: PolicyReplay, before: Replayed, after: Replayed, measure: str) -> Floats:
    return np.stack([replay.per_query(getattr(one, measure)) for one in (before, after)])


def _p(values: Floats, units: npt.NDArray[np.int64]) -> float:
    """One-sided p-value that the mean is above 0, over totals of units (Cochran 1977, 6.3)."""
    codes = np.unique(units, return_inverse=True)[1]
    many, n = int(codes.max()) + 1, len(values)
    mean = float(values.mean())
    spread = float((np.bincount(codes, weights=values - mean) ** 2).sum())
    if spread == 0:
        return 0.0 if mean > 0 else 1.0
    error = math.sqrt(spread * many / (many - 1)) / n
    return float(t.sf(mean / error, many - 1))
