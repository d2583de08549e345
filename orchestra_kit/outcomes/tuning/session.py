"""Tuning by hand: thresholds are moved one after the other, and each move says what it does.

What is shown while thresholds move comes from the tuning part alone. The report part is looked at
once, when a version is saved: a part that was watched while choosing could no longer judge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from orchestra_kit.core.errors import TableError
from orchestra_kit.outcomes.statistics import Estimate, Evidence, clustered_mean
from orchestra_kit.outcomes.tuning.goal import Goal
from orchestra_kit.outcomes.tuning.policy_replay import Replayed
from orchestra_kit.outcomes.tuning.search import searched
from orchestra_kit.outcomes.tuning.sweeps import Sweep, sweep
from orchestra_kit.outcomes.tuning.traffic import TrafficChange, traffic_change
from orchestra_kit.outcomes.tuning.tuned import Parts, Tuned
from orchestra_kit.policy.difference import difference_in_words
from orchestra_kit.policy.editing import Settings, with_settings
from orchestra_kit.policy.policy import Policy
from orchestra_kit.policy.thresholds import Threshold

__all__ = ["Dial", "Place", "Session", "View"]

Floats = npt.NDArray[np.float64]

_WIDE = 3.0
"""Weight up to which a dial goes; only ratios of weights matter."""
_KEPT = 400
"""Points of a curve that are kept; more would not be seen."""


@dataclass(frozen=True, slots=True)
class Dial:
    """A threshold that makes a difference, with the range in which it does."""

    threshold: Threshold
    low: float
    high: float
    step: float


@dataclass(frozen=True, slots=True)
class Place:
    """One setting as a point: the horizontal figure and the mean score."""

    across: Estimate
    quality: Estimate
    name: str = ""


@dataclass(frozen=True, eq=False)
class View:
    """What the present settings mean on the tuning part."""

    settings: Settings
    place: Place
    change: TrafficChange
    curve: Floats
    """(points, 2) every value of the threshold that was moved last, the others where they are."""
    moving: str
    """Which threshold that is, in words."""
    frontier: Floats
    """(points, 2) the best seen so far, by rising horizontal figure."""
    words: tuple[str, ...]
    """The changes of the policy, one sentence each."""

    def sentence(self) -> str:
        """What the settings do, in one sentence."""
        change = self.change
        if not self.words:
            return "These are the policy's own thresholds. Move one to see what it does."
        if not change.moved:
            return "No request is answered by another; nothing changes."
        said = [f"{change.moved:.1%} of requests are answered by another"]
        if change.quality_change is not None:
            said.append(_evidence(change.quality_change, "quality"))
        if change.cost_change is not None:
            said.append(_evidence(change.cost_change, "cost"))
        return f"{'; '.join(said)} (tuning part, {change.n:,} queries)."


class Session:
    """One policy, its dials, and where they stand.

    Raises TableError where neither costs nor latencies are known, for then nothing stands against
    quality, and where what the policy does today is not estimable.
    """

    def __init__(self, parts: Parts, *, requests_per_week: float = 10_000) -> None:
        self.parts, self._replay = parts, parts.tuning
        self.requests_per_week = requests_per_week
        self.at = self._replay.today
        self._counted = ~np.isnan(self._replay.per_query(self.at.score))
        self.measure = self._horizontal()
        """``cost`` or ``latency``: what quality is drawn against."""
        self.scale = 1000.0 if self.measure == "cost" else 1.0
        self._today = {t.key: self._sweep(t, self.at) for t in self._replay.thresholds}
        live = {_family(s.threshold) for s in self._today.values() if not s.inert and s.n}
        self.dials = tuple(
            _dial(found) for found in self._today.values() if _family(found.threshold) in live
        )
        self.singles = self._alone()
        """Each model alone, over the same queries."""
        self.today = self._place(self.at)
        own = np.array([[self.today.across.value, self.today.quality.value]])
        self._frontier = _best([own, *(self._curve(s) for s in self._today.values())])
        self._swept: tuple[str, Settings, Sweep] | None = None
        self._moving = ""

    @property
    def policy(self) -> Policy:
        """The policy as it is today."""
        return self._replay.policy

    @property
    def settings(self) -> Settings:
        """The thresholds that differ from today's."""
        own = {t.key: t.value for t in self._replay.thresholds}
        return {key: value for key, value in self.at.settings.items() if value != own[key]}

    def own(self, key: str) -> float:
        """What a threshold is today."""
        return self._replay.threshold(key).value

    def move(self, key: str, value: float) -> None:
        """Move one threshold."""
        self.at = self._replay.moved(self.at, key, value)
        self._moving = key

    def set(self, settings: Settings) -> None:
        """Set all thresholds at once; those not named go back to today's."""
        self.at = self._replay.at(settings)
        self._moving = next(iter(settings), "")

    def search(self, goal: Goal) -> Settings:
        """Go to the best settings for a goal, and say which they are."""
        found = searched(
            self._replay, goal, judged_on=self.parts.prompts, progress=False, seed=self.parts.seed
        )
        self.set(found.settings)
        if self.measure == "cost":
            seen = [[self.scale * v.cost, v.quality] for v in found.visited]
            self._frontier = _best([self._frontier, np.array(seen)])
        return found.settings

    @property
    def at_hand(self) -> bool:
        """Whether the curve of the threshold moved last is known, so that a view is quick."""
        return not self._moving or self._known_sweep() is not None

    def view(self, *, curve: bool = True) -> View:
        """What the present settings mean.

        The curve of the threshold moved last takes longer the first time; it is left out where
        `curve` is not set.
        """
        line, moving = np.zeros((0, 2)), ""
        if self._moving and curve:
            found = self._sweep_of_moving()
            line, moving = self._curve(found), found.threshold.words
        place = self._place(self.at)
        if np.isfinite(place.across.value) and np.isfinite(place.quality.value):
            here = np.array([[place.across.value, place.quality.value]])
            self._frontier = _best([self._frontier, line, here])
        settings = self.settings
        changed = with_settings(self.policy, settings)
        return View(
            settings=settings,
            place=place,
            change=traffic_change(
                self._replay, self._replay.today, self.at,
                requests_per_week=self.requests_per_week,
            ),
            curve=line,
            moving=moving,
            frontier=self._frontier,
            words=difference_in_words(self.policy, changed) if settings else (),
        )  # fmt: skip

    def tuned(self, goal: Goal) -> Tuned:
        """The present settings, judged on the report part."""
        settings = self.settings
        new = with_settings(self.policy, settings)
        tuning, report = self.parts.changes(settings, self.requests_per_week)
        return Tuned(
            policy=self.policy, goal=goal, settings=settings,
            words=difference_in_words(self.policy, new), tuning=tuning, report=report,
            verdict=self.parts.judged(goal, settings), report_hash=self.parts.report_hash,
            version=new.hash, finished=True, notes=tuple(self.parts.report.notes()),
            seed=self.parts.seed,
        )  # fmt: skip

    def save(self, name: str, goal: Goal, *, overwrite: bool = False) -> tuple[Tuned, Policy]:
        """Judge the present settings on the report part and save them beside the policy.

        Raises as `Tuned.save` does.
        """
        found = self.tuned(goal)
        return found, found.save(self.policy.folder / Path(name).name, overwrite=overwrite)

    def notes(self) -> Sequence[str]:
        """What all figures rest on."""
        return self._replay.notes()

    def _horizontal(self) -> Literal["cost", "latency"]:
        if not self._counted.any():
            raise TableError(
                "What the policy does today is not estimable for any recorded query.",
                hint="Say that senders declare their task, or record the models that it uses.",
            )
        if self._all_known(self.at.cost):
            return "cost"
        if self._all_known(self.at.latency):
            return "latency"
        raise TableError("Neither costs nor latencies are known; nothing stands against quality.")

    def _all_known(self, values: Floats) -> bool:
        return not np.isnan(self._replay.per_query(values)[self._counted]).any()

    def _sweep(self, threshold: Threshold, at: Replayed) -> Sweep:
        return sweep(self._replay, threshold.key, at, counted=self._counted)

    def _sweep_of_moving(self) -> Sweep:
        """The sweep of the threshold moved last: the same one as long as only it moves."""
        found = self._known_sweep()
        if found is None:
            found = self._sweep(self._replay.threshold(self._moving), self.at)
        self._swept = self._moving, self._others(), found
        return found

    def _known_sweep(self) -> Sweep | None:
        others = self._others()
        if self._swept is not None and self._swept[:2] == (self._moving, others):
            return self._swept[2]
        at_today = all(self.own(name) == value for name, value in others.items())
        return self._today[self._moving] if at_today else None

    def _others(self) -> Settings:
        return {key: value for key, value in self.at.settings.items() if key != self._moving}

    def _curve(self, found: Sweep) -> Floats:
        across = self.scale * (found.cost if self.measure == "cost" else found.latency)
        points = np.column_stack([across, found.score])
        points = points[np.isfinite(points).all(axis=1)]
        if len(points) <= _KEPT:
            return points
        return np.asarray(points[np.linspace(0, len(points) - 1, _KEPT).astype(int)])

    def _place(self, at: Replayed, name: str = "") -> Place:
        return Place(
            self._mean(self._replay.per_query(getattr(at, self.measure)), self.scale),
            self._mean(self._replay.per_query(at.score), 1.0),
            name,
        )

    def _mean(self, values: Floats, scale: float) -> Estimate:
        known = self._counted & ~np.isnan(values)
        if not known.any():
            return Estimate(float("nan"), None, None, 0)
        return clustered_mean(scale * values[known], self._replay.clusters[known])

    def _alone(self) -> tuple[Place, ...]:
        grid = self._replay.grid
        table = grid.costs if self.measure == "cost" else grid.latencies
        return tuple(
            Place(
                self._mean(table[:, column], self.scale),
                self._mean(grid.scores[:, column], 1.0),
                model,
            )
            for column, model in enumerate(grid.models)
        )


def _family(threshold: Threshold) -> object:
    """Thresholds that may matter together although one alone does not: the cuts of one condition,
    the weights of one tier."""
    return threshold.path[:2] if threshold.kind in {"cut", "weight"} else threshold.key


def _dial(found: Sweep) -> Dial:
    threshold = found.threshold
    if threshold.kind == "weight":
        return Dial(threshold, 0.0, min(threshold.high, max(_WIDE, 4 * threshold.value)), 0.01)
    if threshold.kind != "cut":
        return Dial(threshold, threshold.low, threshold.high, 0.01)
    turns = np.append(found.at[np.isfinite(found.at)], threshold.value)
    if len(turns) == 1:  # where it would matter is not known until another is moved
        turns = np.append(turns, [0.0, 2 * threshold.value + 1])
    low, high = float(np.floor(turns.min())) - 1, float(np.ceil(turns.max())) + 1
    step = 1.0 if threshold.whole or high - low > 20 else 0.01
    return Dial(threshold, max(low, threshold.low), min(high, threshold.high), step)


def _best(parts: Sequence[Floats]) -> Floats:
    """The points that no other beats on both sides, by rising horizontal figure."""
    points = np.concatenate([part for part in parts if len(part)])
    points = points[np.isfinite(points).all(axis=1)]
    points = points[np.lexsort((-points[:, 1], points[:, 0]))]
    before = np.concatenate([[-np.inf], np.maximum.accumulate(points[:, 1])[:-1]])
    return np.asarray(points[points[:, 1] > before])


def _evidence(change: Estimate, what: str) -> str:
    """The house's words for a difference that was not asked for beforehand."""
    if change.low is None or change.high is None:
        return f"{Evidence.TOO_LITTLE} on {what}"
    if change.low <= 0 <= change.high:
        return f"{Evidence.NONE} of a change in {what}"
    return f"{Evidence.SUGGESTS} {'higher' if change.value > 0 else 'lower'} {what}"
