"""A blend of predictors, weighed by how well each foresaw prompts that it had not seen.

Two things are blended apart: how well all models will do (difficulty), and how each will do beside
the others, which is what routers live on and where other predictors are good. Weights are never
negative, shared by all models, and chosen by cross-validation on what is learnt from alone
(Breiman 1996, “Stacked regressions”).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import nnls

from orchestra_kit.outcomes.folds import folds_of
from orchestra_kit.outcomes.predictors.boosting import Boosting
from orchestra_kit.outcomes.predictors.clusters import Clusters
from orchestra_kit.outcomes.predictors.item_response import ItemResponse
from orchestra_kit.outcomes.predictors.neighbours import Neighbours
from orchestra_kit.outcomes.predictors.predictor import (
    Fitted,
    Floats,
    Predictor,
    Texts,
    TwoWays,
)
from orchestra_kit.outcomes.predictors.task_label import TaskLabel
from orchestra_kit.outcomes.predictors.words import Words

__all__ = ["Blend", "Stacked", "blended"]

_FOLDS = 3
_RIDGE = 0.02
"""Share of a member's spread that pulls its weight towards an even blend."""


def _members() -> tuple[Predictor, ...]:
    return (TaskLabel(), Words(), Neighbours(), Clusters(), ItemResponse(), Boosting())


@dataclass(frozen=True)
class Stacked:
    """Several predictors as one."""

    name: str = "stacked"
    members: Sequence[Predictor] = field(default_factory=_members)

    def fit(self, prompts: Texts, tasks: Texts | None, scores: Floats, *, seed: int) -> Fitted:
        """Learn from n prompts and scores (n, m)."""

        def learn(labelled: bool) -> Fitted:
            unseen = self._unseen(prompts, tasks, scores, labelled, seed)
            blend = blended(dict(zip(self._names, unseen, strict=True)), scores)
            fitted = [member.fit(prompts, tasks, scores, seed=seed) for member in self.members]
            return FittedStack(fitted, blend)

        return TwoWays(learn, labelled=tasks is not None)

    @property
    def _names(self) -> list[str]:
        return [member.name for member in self.members]

    def _unseen(
        self, prompts: Texts, tasks: Texts | None, scores: Floats, labelled: bool, seed: int
    ) -> list[Floats]:
        """Each member's predictions of every prompt by what was learnt from other folds."""
        folds = folds_of(prompts, _FOLDS, seed)
        found = [np.tile(scores.mean(axis=0), (len(prompts), 1)) for _ in self.members]
        for fold in np.unique(folds):
            held = folds == fold
            if held.all():
                break
            labels = None if tasks is None else tasks[~held]
            asked = tasks[held] if labelled and tasks is not None else None
            for member, predictions in zip(self.members, found, strict=True):
                fitted = member.fit(prompts[~held], labels, scores[~held], seed=seed)
                predictions[held] = fitted.predict(prompts[held], asked)
        return found


@dataclass(frozen=True, eq=False)
class FittedStack:
    """Members and the blend of their predictions."""

    members: Sequence[Fitted]
    blend: Blend

    def predict(self, prompts: Texts, tasks: Texts | None) -> Floats:
        """Expected scores, (n, m)."""
        return self.blend.of([member.predict(prompts, tasks) for member in self.members])


@dataclass(frozen=True, eq=False)
class Blend:
    """Weights of members, in their order."""

    names: tuple[str, ...]
    of_difficulty: Floats
    of_difference: Floats
    mean: Floats
    """(m,) scores that were learnt from."""
    centres: Floats
    """(members, m) mean predictions of what was learnt from."""

    def of(self, predictions: Sequence[Floats]) -> Floats:
        """(n, m) of the members' predictions."""
        found = np.tile(self.mean, (len(predictions[0]), 1))
        for k, one in enumerate(predictions):
            common, apart = _parted(one - self.centres[k])
            found += self.of_difficulty[k] * common + self.of_difference[k] * apart
        return np.asarray(np.clip(found, 0.0, 1.0))

    def shares(self) -> Mapping[str, tuple[float, float]]:
        """Of each member its weight in difficulty and in difference."""
        pairs = zip(self.of_difficulty.tolist(), self.of_difference.tolist(), strict=True)
        return dict(zip(self.names, pairs, strict=True))


def blended(unseen: Mapping[str, Floats], scores: Floats) -> Blend:
    """The blend that best foretells scores (n, m) from predictions that had not seen them."""
    mean = scores.mean(axis=0)
    centres = np.stack([one.mean(axis=0) for one in unseen.values()])
    parts = [_parted(one - centre) for one, centre in zip(unseen.values(), centres, strict=True)]
    common, apart = _parted(scores - mean)
    return Blend(
        names=tuple(unseen),
        of_difficulty=_weights([part[0][:, 0] for part in parts], common[:, 0]),
        of_difference=_weights([part[1].ravel() for part in parts], apart.ravel()),
        mean=mean,
        centres=centres,
    )


def _parted(values: Floats) -> tuple[Floats, Floats]:
    """Each row's mean, as a column, and what each entry has beyond it."""
    common = values.mean(axis=1, keepdims=True)
    return common, values - common


def _weights(members: Sequence[Floats], target: Floats) -> Floats:
    """Non-negative least squares with a slight pull towards equal weights."""
    columns = np.column_stack(members)
    k = columns.shape[1]
    pull = np.sqrt(_RIDGE * np.maximum((columns**2).sum(axis=0), 1e-12))
    found, _ = nnls(
        np.vstack([columns, np.diag(pull)]), np.concatenate([target, pull / k]), maxiter=100 * k
    )
    return np.asarray(found)
