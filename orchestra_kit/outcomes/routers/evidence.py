"""The answers that several models gave, weighed by what outcomes taught of each.

Models that give the same short answer are one candidate. A logistic regression says how likely each
candidate is to be right: who supports it and what is expected of them for this request, how many
other candidates there are, and how the answers look. The likeliest candidate is the answer so far,
and the rest of what was seen is the state from which it is decided whether to ask on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from orchestra_kit.outcomes.answer_signs import answer_signs
from orchestra_kit.outcomes.grid import Grid
from orchestra_kit.outcomes.linear import Chances, Regression
from orchestra_kit.outcomes.routers.router import Floats, Ints

__all__ = ["Evidence", "Judge", "Kinds", "Request"]

_KINDS = 3
"""Principal components of what is expected of all models: the kind of request, in numbers."""
_EDGE = 0.02
"""Expected scores are taken this far from 0 and 1 before their log-odds are used."""
_TRUST = 2.0
"""Added to log-odds, so that the voice of a model expected at 12 % or more counts for something."""
_PENALTY = 3.0
_STRENGTH = 0.3


@dataclass(frozen=True, eq=False)
class Request:
    """What is known of each query before and after models answered it."""

    grid: Grid
    expected: Floats
    """(n, m)"""
    kinds: Floats
    """(n, 3)"""
    signs: Floats
    """(n, m, signs) of the models that may be asked, 0 for others."""

    @classmethod
    def of(cls, grid: Grid, expected: Floats, asked: Ints, kinds: Kinds) -> Request:
        """Signs are read for the models that may be asked only."""
        found = answer_signs(grid, asked.tolist())
        signs = np.zeros((grid.n, len(grid.models), found.shape[2]))
        signs[:, asked] = found
        return cls(grid, expected, kinds.of(expected), signs)


@dataclass(frozen=True, eq=False)
class Kinds:
    """Directions in which the expected scores of all models vary, learnt once."""

    mean: Floats
    directions: Floats

    @classmethod
    def learn(cls, expected: Floats) -> Kinds:
        """From expected scores, (n, m)."""
        mean = expected.mean(axis=0)
        _, sizes, rows = np.linalg.svd(expected - mean, full_matrices=False)
        kept = min(_KINDS, len(sizes))
        scale = np.maximum(sizes[:kept], 1e-9) / np.sqrt(len(expected))
        return cls(mean, rows[:kept].T / scale)

    def of(self, expected: Floats) -> Floats:
        """Each request along each direction, (n, 3), in standard deviations."""
        return np.asarray((expected - self.mean) @ self.directions)


@dataclass(frozen=True, eq=False)
class Evidence:
    """The answer so far, query by query."""

    chance: Floats
    """(n,) that it is right."""
    scores: Floats
    """(n,) what it was scored in fact."""
    state: Floats
    """(n, d) what was seen, for whoever decides to ask on."""


@dataclass(frozen=True, eq=False)
class _Candidates:
    """One row a different answer to a query."""

    query: Ints
    scores: Floats
    features: Floats
    support: Floats
    """Share of the models asked that give it."""
    weight: Floats
    """The same, each model by its trust."""


@dataclass(frozen=True, eq=False)
class Judge:
    """How likely each candidate is to be right, once some models have been asked."""

    asked: tuple[int, ...]
    unseen: Evidence
    """Of the training queries, out of fold."""
    _model: Chances | Regression

    @classmethod
    def fit(
        cls, request: Request, folds: Ints, asked: Sequence[int], *, quick: bool = False
    ) -> Judge:
        """`quick` takes a linear probability, solved at once, for searching over many sets."""
        candidates = _candidates(request, asked)
        held = folds[candidates.query]
        if quick:
            targets = candidates.scores[:, None]
            linear = Regression.fit(candidates.features, targets, held, _PENALTY)
            return cls(tuple(asked), _evidence(request, asked, candidates, linear.unseen[:, 0]),
                       linear)  # fmt: skip
        model = Chances.fit(candidates.features, candidates.scores, held, _STRENGTH)
        return cls(tuple(asked), _evidence(request, asked, candidates, model.unseen), model)

    def weigh(self, request: Request) -> Evidence:
        """The evidence for other queries."""
        candidates = _candidates(request, self.asked)
        found = self._model.predict(candidates.features)
        return _evidence(request, self.asked, candidates, found.reshape(len(found), -1)[:, 0])


def _candidates(request: Request, asked: Sequence[int]) -> _Candidates:
    models = list(asked)
    answers, k = request.grid.answers[:, models], len(models)
    # An answer that could not be read supports nobody and is nobody's.
    codes = np.where(answers >= 0, answers, -1 - np.arange(k))
    same = codes[:, :, None] == codes[:, None, :]
    first = np.column_stack([~same[:, j, :j].any(axis=1) for j in range(k)])
    query, place = np.nonzero(first)
    supports = same[query, place].astype(np.float64)
    expected = request.expected[query][:, models]
    near = np.clip(expected, _EDGE, 1 - _EDGE)
    odds = np.log(near / (1 - near))
    trust = np.maximum(odds + _TRUST, 0.01)
    count = supports.sum(axis=1)
    weight = (trust * supports).sum(axis=1) / trust.sum(axis=1)
    best = (expected * supports).max(axis=1)
    different = first.sum(axis=1)[query].astype(np.float64)
    kinds = request.kinds[query]
    signs = request.signs[query][:, models]
    its = (signs * supports[:, :, None]).sum(axis=1) / count[:, None]
    columns = [
        np.column_stack([count / k, count == k, weight, weight**2, best, best * weight]),
        np.column_stack([(trust * supports).sum(axis=1), different, different == 1]),
        np.column_stack([expected.mean(axis=1), expected.mean(axis=1) * weight]),
        (answers[query, place] >= 0)[:, None],
        supports * odds,
        supports if k > 1 else supports[:, :0],
        kinds,
        kinds * weight[:, None],
        its,
        signs.mean(axis=1) if k > 1 else its[:, :0],
    ]
    voice = np.asarray(models)[np.where(supports > 0, expected, -1.0).argmax(axis=1)]
    return _Candidates(
        query=query.astype(np.int64),
        scores=request.grid.scores[query, voice],
        features=np.column_stack(columns).astype(np.float64),
        support=count / k,
        weight=weight,
    )


def _evidence(
    request: Request, asked: Sequence[int], candidates: _Candidates, chance: Floats
) -> Evidence:
    n, models = request.grid.n, list(asked)
    order = np.lexsort((-chance, candidates.query))
    rank = np.arange(len(order)) - np.searchsorted(candidates.query[order], candidates.query[order])
    first, second = order[rank == 0], order[rank == 1]
    lead, next_best = chance[first], np.zeros(n)
    next_best[candidates.query[second]] = chance[second]
    different = np.bincount(candidates.query, minlength=n).astype(np.float64)
    support, weight = candidates.support[first], candidates.weight[first]
    state = np.column_stack(
        [lead, lead**2, next_best, lead - next_best, different, support, support == 1, weight,
         request.kinds, request.kinds * lead[:, None], request.signs[:, models].mean(axis=1)]
    )  # fmt: skip
    return Evidence(lead, candidates.scores[first], np.asarray(state, dtype=np.float64))
