"""A learned cascade: cheap answers first, and on only where it is expected to pay.

After every stage the answers so far are weighed (`evidence`), and a regression says what asking on
would add, up to each later stage. The cascade goes on where the best of these gains, in score a
dollar, is above the threshold. What no model of it can answer is thus not asked of all of them in
turn, which is where cascades that go by confidence alone waste most.

Which models form the stages is chosen on the training queries, out of fold, from a short list of
arrangements: some of the best cheap models, then one or two strong ones, then the rest in three
groups, which only a threshold near 0 reaches.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from orchestra_kit.outcomes.grid import Grid
from orchestra_kit.outcomes.linear import Regression
from orchestra_kit.outcomes.routers.evidence import Evidence, Judge, Kinds, Request
from orchestra_kit.outcomes.routers.router import Floats, Ints, Learning, NotApplicable, Replay

__all__ = ["Cascade"]

Stages = tuple[tuple[int, ...], ...]

_CHEAP = 0.2
"""Of the best single model's cost: what a cheap voice may cost at most."""
_VOICES = (0, 1, 2, 3, 4)
"""How many cheap voices are tried."""
_GROUPS = (5, 8)
"""How many of the remaining models are asked at once, after the cascade proper; then all others."""
_PENALTIES = (100.0, 300.0, 1_000.0, 3_000.0)
"""Of the regression of gains; the one whose cascade has the highest merit is taken."""
_SEARCHED = 2_000
"""Training queries on which arrangements are compared."""
_DEAREST = 1.5
"""Of the best single model's cost: up to where arrangements are compared."""


@dataclass(frozen=True)
class Cascade:
    """Cheap answers, then stronger ones where they are expected to add enough."""

    name: str = "cascade"
    usable: bool = True

    def fit(self, learning: Learning) -> FittedCascade:
        """Choose the stages and learn to weigh them. Raises NotApplicable for a single model, and
        where nothing of the answers was kept."""
        grid = learning.grid
        seen = (grid.answers >= 0).any() or grid.responses is not None
        if len(grid.models) < 2:
            raise NotApplicable("There is a single model.")
        if not seen:
            raise NotApplicable("Nothing of the answers was kept that a cascade could judge.")
        if learning.pair is not None and len(grid.models) == 2:
            return FittedCascade.learn(learning, tuple((model,) for model in learning.pair))
        return FittedCascade.learn(learning, _stages(learning))


@dataclass(frozen=True, eq=False)
class FittedCascade:
    """Stages, the judge after each, and what each expects of the later ones."""

    learning: Learning
    stages: Stages
    unseen: Replay
    _judges: tuple[Judge, ...]
    _rises: tuple[Regression, ...]
    _kinds: Kinds = field(repr=False)

    @classmethod
    def learn(cls, learning: Learning, stages: Stages) -> FittedCascade:
        """Fit the judges and the gains of given stages."""
        kinds = Kinds.learn(learning.expected)
        request = Request.of(learning.grid, learning.expected, _asked(stages, None), kinds)
        judges = tuple(
            Judge.fit(request, learning.folds, _asked(stages, k).tolist())
            for k in range(len(stages))
        )
        gains, replay = _gains(learning, request, stages, [judge.unseen for judge in judges])
        return cls(learning, stages, replay, judges, gains, kinds)

    def replay(self, grid: Grid, expected: Floats) -> Replay:
        """Every threshold at once: a query leaves the cascade at the first stage whose best gain a
        dollar is not above it."""
        request = Request.of(grid, expected, _asked(self.stages, None), self._kinds)
        evidence = [judge.weigh(request) for judge in self._judges]
        scores = np.column_stack([found.scores for found in evidence])
        gains = [
            gain.predict(_ahead(request, evidence[k], self.stages, k))
            for k, gain in enumerate(self._rises)
        ]
        return _replay(self.learning, grid, self.stages, scores, gains)


def _gains(
    learning: Learning, request: Request, stages: Stages, evidence: Sequence[Evidence]
) -> tuple[tuple[Regression, ...], Replay]:
    """What each stage but the last expects of the later ones, and the training queries' replay."""
    scores = np.column_stack([found.scores for found in evidence])
    ahead = [_ahead(request, evidence[k], stages, k) for k in range(len(stages) - 1)]
    tried = []
    for penalty in _PENALTIES:
        gains = tuple(
            Regression.fit(features, scores[:, k + 1 :] - scores[:, [k]], learning.folds, penalty)
            for k, features in enumerate(ahead)
        )
        expected = [gain.unseen for gain in gains]
        tried.append((gains, _replay(learning, learning.grid, stages, scores, expected)))
    return max(tried, key=lambda pair: _merit(learning, pair[1]))


def _replay(
    learning: Learning, grid: Grid, stages: Stages, scores: Floats, gains: Sequence[Floats]
) -> Replay:
    n, last = grid.n, len(stages) - 1
    prices = grid.costs if learning.grid.priced else np.ones_like(grid.costs)
    costs = np.cumsum([prices[:, list(stage)].sum(axis=1) for stage in stages], axis=0).T
    mean = np.cumsum([learning.prices[:, list(stage)].sum(axis=1).mean() for stage in stages])
    calls = np.zeros((len(stages), len(grid.models)), dtype=bool)
    for k in range(len(stages)):
        calls[k, _asked(stages, k)] = True
    # The most that going on is expected to bring, in score a dollar, at each stage but the last.
    worth = [(gain / (mean[k + 1 :] - mean[k])).max(axis=1) for k, gain in enumerate(gains)]
    reach = np.minimum.accumulate(np.maximum(np.column_stack(worth), 0.0), axis=1)
    leaves = np.column_stack([reach, np.full(n, -np.inf)])
    enters = np.column_stack([np.full(n, np.inf), reach])
    query, node = np.nonzero(leaves < enters)
    gain = gains[0][:, 0] if last == 1 else None
    return Replay.of((query, leaves[query, node], node), scores, costs, calls, preference=gain)


def _ahead(request: Request, evidence: Evidence, stages: Stages, k: int) -> Floats:
    """What the gain of going on from stage k is predicted by."""
    later = [request.expected[:, list(stage)].max(axis=1) for stage in stages[k + 1 :]]
    known = np.column_stack([request.expected[:, _asked(stages, k)], *later])
    return np.column_stack([evidence.state, known, known * (1 - evidence.chance)[:, None]])


def _asked(stages: Stages, k: int | None) -> Ints:
    """The models asked by the end of stage k, or of the last."""
    until = stages if k is None else stages[: k + 1]
    return np.array([model for stage in until for model in stage], dtype=np.int64)


def _stages(learning: Learning) -> Stages:
    """The best arrangement on a sample of the training queries, and the rest behind it."""
    best = _best_arrangement(_sampled(learning), list(_arrangements(learning)))
    order = np.argsort(-learning.grid.scores.mean(axis=0), kind="stable").tolist()
    rest = [model for model in order if (model,) not in best]
    if not (learning.grid.answers >= 0).any():
        return best
    first, second = _GROUPS
    groups = (rest[:first], rest[first : first + second], rest[first + second :])
    return (*best, *(tuple(group) for group in groups if group))


def _best_arrangement(learning: Learning, tried: Sequence[Stages]) -> Stages:
    """The one with the highest merit, the shorter of equals; what several ask is judged once."""
    every = sorted({model for stages in tried for stage in stages for model in stage})
    kinds = Kinds.learn(learning.expected)
    request = Request.of(learning.grid, learning.expected, np.array(every), kinds)
    judged: dict[frozenset[int], Evidence] = {}
    merits = []
    for stages in tried:
        evidence = []
        for k in range(len(stages)):
            asked = _asked(stages, k).tolist()
            key = frozenset(asked)
            if key not in judged:
                judged[key] = Judge.fit(request, learning.folds, asked, quick=True).unseen
            evidence.append(judged[key])
        merits.append(_merit(learning, _gains(learning, request, stages, evidence)[1]))
    return max(zip(merits, tried, strict=True), key=lambda pair: (pair[0], -len(pair[1])))[1]


def _arrangements(learning: Learning) -> Iterator[Stages]:
    grid = learning.grid
    quality, price = grid.scores.mean(axis=0), learning.prices.mean(axis=0)
    best = grid.best_single
    order = np.argsort(-quality, kind="stable").tolist()
    strong = [m for m in order if price[m] <= _DEAREST * price[best] and m != best]
    cheap = [m for m in order if price[m] <= _CHEAP * price[best]] if grid.priced else []
    voices = sorted(cheap[: _VOICES[-1]], key=lambda m: float(price[m]))
    ends: list[tuple[int, ...]] = [(best,)]
    rivals = [m for m in strong if m not in voices][:2]
    ends += [pair for rival in rivals for pair in ((best, rival), (rival, best))]
    for count in _VOICES:
        first = [m for m in voices if m in cheap[:count]]
        for end in ends:
            if len(first) == min(count, len(cheap)) and len(first) + len(end) > 1:
                yield tuple((model,) for model in (*first, *end))


def _sampled(learning: Learning) -> Learning:
    if learning.grid.n <= _SEARCHED:
        return learning
    kept = np.random.default_rng(learning.seed).permutation(learning.grid.n)[:_SEARCHED]
    kept.sort()
    return replace(
        learning,
        grid=learning.grid.rows(kept),
        expected=learning.expected[kept],
        folds=learning.folds[kept],
        pair=None,
    )


def _merit(learning: Learning, replay: Replay) -> float:
    """Mean of the best quality over what may be spent, out of fold."""
    steps = replay.steps
    single = learning.prices[:, learning.grid.best_single].mean()
    highest = np.maximum.accumulate(steps.quality[::-1])
    limits = np.linspace(0.05, _DEAREST, 30) * single
    place = np.searchsorted(steps.spending[::-1], limits, side="right") - 1
    return float(np.where(place >= 0, highest[np.maximum(place, 0)], 0.0).mean())
