"""Moving part of a task's traffic to what has done well lately, with exact probabilities.

Thompson sampling: each deployment is chosen as often as it is probably the best, by what was seen
of it. What was seen counts less the older it is, so that the shares follow a provider that turns
slow and come back when it recovers (discounted Thompson sampling, Raj and Kalyani, “Taming
non-stationary bandits”, 2017). Instead of drawing from the posteriors, the probabilities are worked
out and then drawn from, so that every decision carries its own.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import accumulate, pairwise
from typing import NamedTuple

from orchestra_kit.policy.schema import Adaptation

__all__ = ["Arms", "Seen", "adapted", "chances_of_best"]

_GRID = 64
"""Points of each posterior; probabilities are within half a point of a hundred with it."""
_REACH = 9.0
"""Standard deviations of a posterior that its points cover."""
_COARSE = tuple(k / 32 for k in range(33))
"""Points beyond, so that no tail is taken for a straight line to the other end."""
_STEP = 1.05
"""Counts that differ by less than this factor are taken for the same, so that what follows from
them need not be worked out again at each request."""
_LEAST = 0.05
"""Outcomes; fewer are none."""


class Seen(NamedTuple):
    """Outcomes of one deployment at one task, the older ones discounted."""

    good: float
    bad: float


_NOTHING = Seen(0.0, 0.0)


class _Arm:
    __slots__ = ("at", "bad", "good")

    def __init__(self) -> None:
        self.good, self.bad, self.at = 0.0, 0.0, -math.inf


class Arms:
    """Outcomes by task and deployment, of the tasks that adapt. Half-lives are seconds by task."""

    def __init__(self, half_lives: Mapping[str, float]) -> None:
        self._half_lives = dict(half_lives)
        self._arms: dict[str, dict[str, _Arm]] = {task: {} for task in half_lives}

    def observe(self, task: str, deployment: str, good: float, now: float) -> None:
        """One outcome: 1 for a good one, 0 for a bad one, or a share between.

        `now` is monotonic seconds. Outcomes of a task that does not adapt are not kept.
        """
        if not 0.0 <= good <= 1.0:
            raise ValueError(f"an outcome lies between 0 and 1, not at {good}")
        if task not in self._half_lives:
            return
        arm = self._arms[task].setdefault(deployment, _Arm())
        kept = self._kept(task, arm, now)
        arm.good = arm.good * kept + good
        arm.bad = arm.bad * kept + 1.0 - good
        arm.at = max(arm.at, now)

    def seen(self, now: float) -> Mapping[str, Mapping[str, Seen]]:
        """What counts now, by task and deployment, for a snapshot; rounded to steps of 5 %."""
        return {
            task: {
                name: Seen(_rounded(arm.good * kept), _rounded(arm.bad * kept))
                for name, arm in arms.items()
                for kept in (self._kept(task, arm, now),)
            }
            for task, arms in self._arms.items()
        }

    def shares(
        self, task: str, names: Sequence[str], greedy_first: str, adaptation: Adaptation, now: float
    ) -> dict[str, float]:
        """The probability of each of `names` to be tried first, where `greedy_first` is what the
        rules would try; they sum to 1."""
        greedy = {name: float(name == greedy_first) for name in names}
        return adapted(greedy, self.seen(now).get(task, {}), adaptation)

    def _kept(self, task: str, arm: _Arm, now: float) -> float:
        """The share of what an arm holds that still counts."""
        return math.exp2(-max(0.0, now - arm.at) / self._half_lives[task])


def adapted(
    greedy: Mapping[str, float], seen: Mapping[str, Seen], adaptation: Adaptation
) -> dict[str, float]:
    """The probabilities of a first choice, `within` of them moved by what was seen.

    ``(1 − within) · greedy + within · ((1 − n·f) · best + f)``, where `best` is the probability of
    being the best of the n deployments and f is ``floor/within``, at most 1/n. So none gets less
    than the floor (or ``within/n``, where that is less), and none that the rules would try first
    loses more than `within`.
    """
    if len(greedy) < 2:
        return dict(greedy)
    names = tuple(greedy)
    best = chances_of_best(tuple(seen.get(name, _NOTHING) for name in names))
    within = adaptation.within
    least = min(adaptation.floor / within, 1.0 / len(names))
    rest = 1.0 - least * len(names)
    return {
        name: (1.0 - within) * greedy[name] + within * (rest * chance + least)
        for name, chance in zip(names, best, strict=True)
    }


@lru_cache(maxsize=4096)
def chances_of_best(seen: tuple[Seen, ...]) -> tuple[float, ...]:
    """For each of several, the probability that its share of good outcomes is the highest.

    Shares have the posterior Beta(1 + good, 1 + bad). The integral over “it has this share and all
    others have less” is taken on the points of all posteriors together: deterministic, and the same
    in any process.
    """
    if not seen:
        return ()
    points = sorted({*_COARSE, *(point for each in seen for point in _points(each))})
    below = [_distribution(each, points) for each in seen]
    found = []
    for number, own in enumerate(below):
        others = [other for index, other in enumerate(below) if index != number]
        total = 0.0
        for k, (low, high) in enumerate(pairwise(own)):
            if high > low:
                total += (high - low) * math.prod((o[k] + o[k + 1]) / 2 for o in others)
        found.append(total)
    # The parts of one cell in which two posteriors lie are shared out by their middles.
    whole = sum(found)
    return tuple(each / whole for each in found)


def _points(seen: Seen) -> Iterable[float]:
    """Places at which one posterior is looked at, around its mean."""
    a, b = 1.0 + seen.good, 1.0 + seen.bad
    mean = a / (a + b)
    spread = _REACH * math.sqrt(a * b / ((a + b) ** 2 * (a + b + 1.0)))
    low, high = max(0.0, mean - spread), min(1.0, mean + spread)
    return (low + (high - low) * k / _GRID for k in range(_GRID + 1))


def _distribution(seen: Seen, points: Sequence[float]) -> list[float]:
    """The posterior's distribution function at the points, from 0 to 1."""
    a, b = (count if count >= _LEAST else 0.0 for count in seen)
    peak = a / (a + b) if a + b else 0.5
    top = _log_density(peak, a, b)
    density = [math.exp(_log_density(x, a, b) - top) for x in points]
    masses = [
        (y0 + y1) / 2 * (x1 - x0)
        for (x0, x1), (y0, y1) in zip(pairwise(points), pairwise(density), strict=True)
    ]
    total = sum(masses)
    return [0.0, *(part / total for part in accumulate(masses))]


def _log_density(x: float, a: float, b: float) -> float:
    """Of Beta(1 + a, 1 + b) at x, up to a constant."""
    if (a and x <= 0.0) or (b and x >= 1.0):
        return -math.inf
    return (a * math.log(x) if a else 0.0) + (b * math.log1p(-x) if b else 0.0)


def _steps() -> tuple[float, ...]:
    found = [0.0, _LEAST]
    while found[-1] < 1e7:
        found.append(found[-1] * _STEP)
    return tuple(found)


_STEPS = _steps()


def _rounded(count: float) -> float:
    """The nearest step at or below; what is less than `_LEAST` is nothing."""
    index = bisect_left(_STEPS, count * (1.0 + 1e-12))
    return _STEPS[min(len(_STEPS) - 1, max(0, index - 1))] if count > 0.0 else 0.0
