"""Better thresholds, found one at a time by exact sweeps: coordinate descent.

From today's settings, and from settings that weigh cost against quality more and more, each
threshold in turn goes to the best of all its values that keeps what must be kept with the
confidence asked for, until nothing moves. In the end every change whose gain cannot be told from
chance is taken back, so that what is proposed can be read and holds on other requests as well.
Interrupted, it gives the best found so far.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.stats import t
from tqdm.auto import tqdm

from orchestra_kit.outcomes.statistics import clustered_mean, difference
from orchestra_kit.outcomes.tuning.goal import CONFIDENCE, Goal
from orchestra_kit.outcomes.tuning.policy_replay import PolicyReplay, Replayed
from orchestra_kit.outcomes.tuning.sweeps import Sweep, sweep
from orchestra_kit.policy.editing import Settings

__all__ = ["Found", "Visited", "searched", "tunable"]

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

_PRICES = (0.15, 0.6, 2.0)
"""Weights of the aim against quality, or of quality against another aim, both as shares of
today's, from which further descents begin."""
_ROUNDS = 5
_WORTH = 2e-3
"""Share of today's figure below which a gain is not worth a change; values that are as good as the
best but for so much are as good."""
_TELLING = 2.0
"""Standard errors that the gain of a change must come to; less is as likely chance."""
_POWER = 0.8416
"""z(0.80)."""
_RESAMPLES = 2_000


@dataclass(frozen=True, slots=True)
class Visited:
    """One place that the search came through."""

    settings: Settings
    quality: float
    cost: float
    """Dollars a request; NaN where unknown."""


@dataclass(frozen=True, slots=True)
class Found:
    """Where the search ended."""

    settings: Settings
    """What differs from today; empty where nothing better was found."""
    finished: bool
    """Whether it came to its end by itself."""
    visited: tuple[Visited, ...]


def tunable(replay: PolicyReplay) -> tuple[str, ...]:
    """The thresholds that a search may move, for what they do is known.

    Quality floors only with a judge who does not know the score: with the recorded score as judge
    the best floor would be one that no judge could hold. The confidence floor only where somebody
    said what a person's answer brings and costs. Spend limits are not replayed.
    """
    told = replay.assumptions
    kinds = {"cut", "weight"}
    if told.judge == "signal":
        kinds.add("quality")
    if told.review_quality is not None and told.review_cost is not None:
        kinds.add("confidence")
    return tuple(threshold.key for threshold in replay.thresholds if threshold.kind in kinds)


def searched(
    replay: PolicyReplay,
    goal: Goal,
    *,
    keys: Sequence[str] | None = None,
    judged_on: int | None = None,
    seed: int = 0,
    progress: bool = True,
) -> Found:
    """The best settings of some thresholds, or of all that may be moved.

    `judged_on` says on how many prompts the result will be judged: what is found then keeps so
    much distance from what must be kept that they will show it in 80 of 100 cases. Raises
    TableError for a threshold that the policy does not have.
    """
    search = _Search(
        replay, goal, tunable(replay) if keys is None else tuple(keys), seed, judged_on
    )
    finished = True
    try:
        with tqdm(
            total=len(_PRICES) + 1, desc="tuning", unit="descent", delay=1, disable=not progress
        ) as bar:
            for _ in search.run():
                bar.update()
    except KeyboardInterrupt:
        finished = False
    return Found(search.best(), finished, tuple(search.visited))


class _Search:
    def __init__(
        self,
        replay: PolicyReplay,
        goal: Goal,
        keys: tuple[str, ...],
        seed: int,
        judged_on: int | None,
    ) -> None:
        self._replay, self._goal, self._keys = replay, goal, keys
        for key in keys:
            replay.threshold(key)
        self._random = np.random.default_rng(seed)
        self._counted = ~np.isnan(replay.per_query(replay.today.score))
        self._today = {
            name: float(replay.per_query(getattr(replay.today, name))[self._counted].mean())
            for name in ("score", "cost", "latency")
        }
        units = len(np.unique(replay.clusters[self._counted]))
        self._z = float(t.ppf(CONFIDENCE, units - 1)) if units > 1 else np.inf
        if judged_on:
            # The bound there wanders by its own error: 0.84 of them more are left for it.
            self._z = max(self._z, (self._z + _POWER) * np.sqrt(units / judged_on))
        self._t = float(t.ppf((1 + CONFIDENCE) / 2, units - 1)) if units > 1 else np.inf
        self._ends: list[Replayed] = []
        self.visited: list[Visited] = []

    def run(self) -> Iterator[None]:
        self._visit(self._replay.today)
        self._ends.append(self._descend(self._replay.today, price=None))
        yield
        for price in _PRICES:
            start = self._descend(self._replay.today, price=price)
            self._ends.append(self._descend(start, price=None))
            yield

    def best(self) -> Settings:
        """Of the ends of all descents the best that a bootstrap confirms, and no more than it
        needs."""
        least = self._aim_of(self._replay.today) - _WORTH * self._scale(self._goal.measure)
        scored = [(self._aim_of(end), place) for place, end in enumerate(self._ends)]
        for aim, place in sorted(scored):
            if aim >= least:
                break
            settings = self._pruned(self._ends[place])
            end = self._replay.at(settings)
            if settings and self._aim_of(end) < least and self._confirmed(end):
                return settings
        return {}

    def _descend(self, at: Replayed, *, price: float | None) -> Replayed:
        """Coordinate descent: at a price of the aim against quality, or under what must be kept."""
        live = list(self._keys)
        for _ in range(_ROUNDS):
            moved = False
            self._random.shuffle(live)
            for key in tuple(live):
                found = self._sweep(key, at)
                if found.inert:  # what matters nowhere now is not asked again in this descent
                    live.remove(key)
                    continue
                value = self._better(found, at, price)
                if value is not None:
                    at, moved = self._replay.moved(at, key, value), True
                    self._visit(at)
            if not moved:
                break
        return at

    def _better(self, found: Sweep, at: Replayed, price: float | None) -> float | None:
        """A better value of one threshold; None where the present one is as good as any."""
        present = at.settings.get(found.threshold.key, found.threshold.value)
        here = found.place(present)
        worth = self._worth_kept(found) if price is None else self._worth_at(found, price)
        worth = np.where(np.isnan(worth), -np.inf, worth)
        if worth.max() - worth[here] <= _WORTH or np.isneginf(worth.max()):
            return None
        as_good = np.flatnonzero(worth >= worth.max() - _WORTH)
        # Of values as good as each other the one that changes least.
        return found.value_in(int(as_good[np.argmin(np.abs(as_good - here))]), present)

    def _worth_at(self, found: Sweep, price: float) -> Floats:
        """Shares of today's figures, better is more: the aim and what stands against it."""
        other = "cost" if self._goal.aim == "quality" else "score"
        against = -1.0 if other == "cost" else 1.0
        return np.asarray(
            self._goal.sign * getattr(found, self._goal.measure) / self._scale(self._goal.measure)
            + price * against * getattr(found, other) / self._scale(other)
        )

    def _worth_kept(self, found: Sweep) -> Floats:
        """The aim where all is kept; elsewhere by how much it is not, far below."""
        worth = self._goal.sign * getattr(found, self._goal.measure)
        worth = worth / self._scale(self._goal.measure)
        for keep, margin, error in zip(self._goal.keep, found.margins, found.errors, strict=True):
            short = (margin - self._z * np.nan_to_num(error, nan=np.inf)) / self._scale(
                keep.measure
            )
            worth = np.where(short < 0, -1e6 + short, worth)
        return np.asarray(worth)

    def _scale(self, measure: str) -> float:
        return abs(self._today[measure]) or 1.0

    def _sweep(self, key: str, at: Replayed) -> Sweep:
        return sweep(self._replay, key, at, keep=self._goal.keep, counted=self._counted)

    def _visit(self, at: Replayed) -> None:
        score, cost = (self._replay.per_query(v)[self._counted].mean() for v in (at.score, at.cost))
        self.visited.append(Visited(dict(at.settings), float(score), float(cost)))

    def _aim_of(self, at: Replayed) -> float:
        """Lower is better; infinite where something is not kept."""
        for key in self._keys[:1]:
            found = self._sweep(key, at)
            here = found.place(at.settings.get(key, found.threshold.value))
            if not self._worth_kept(found)[here] > -1e5:
                return np.inf
        values = self._replay.per_query(getattr(at, self._goal.measure))[self._counted]
        return -self._goal.sign * float(values.mean())

    def _pruned(self, at: Replayed) -> Settings:
        """Without changes whose gain cannot be told from chance, the least telling first."""
        while at.settings:
            backs = [
                (self._telling(back, at), key, back)
                for key in at.settings
                for back in [self._replay.moved(at, key, self._replay.threshold(key).value)]
                if np.isfinite(self._aim_of(back))
            ]
            if not backs or min(backs, key=lambda b: b[:2])[0] > _TELLING:
                break
            _, key, back = min(backs, key=lambda b: b[:2])
            kept = {name: value for name, value in back.settings.items() if name != key}
            at = replace(back, settings=kept)
        return dict(at.settings)

    def _telling(self, before: Replayed, after: Replayed) -> float:
        """The gain of the aim in standard errors, over prompts."""
        name = self._goal.measure
        one, other = (
            self._replay.per_query(getattr(r, name))[self._counted] for r in (before, after)
        )
        gain = self._goal.sign * (other - one)
        found = clustered_mean(gain, self._replay.clusters[self._counted], level=CONFIDENCE)
        if found.high is None or found.high == found.value:
            return np.inf if found.value > 0 else -np.inf
        return found.value * self._t / (found.high - found.value)

    def _confirmed(self, at: Replayed) -> bool:
        """Whether a paired bootstrap of prompts keeps what must be kept, too."""
        units = self._replay.clusters[self._counted]
        for keep in self._goal.keep:
            now, today = (
                self._replay.per_query(getattr(one, keep.measure))[self._counted]
                for one in (at, self._replay.today)
            )
            found = difference(
                keep.margin(now, today), np.zeros(len(now)), units, level=2 * CONFIDENCE - 1,
                resamples=_RESAMPLES,
            )  # fmt: skip
            if found.low is None or found.low < 0:
                return False
        return True
