"""What a predictor is: from requests alone to the score that each model can be expected to get.

Task labels are what the table says of its queries. A predictor may learn from them even where
they will not be known later: what was fitted with labels can be asked without, and then reads the
task out of the prompt as well as it can.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from orchestra_kit.outcomes.grid import Grid

__all__ = ["Fitted", "Floats", "Ints", "Predictor", "Texts", "TwoWays", "cross_fitted"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Texts = npt.NDArray[np.object_]


class Fitted(Protocol):
    """A predictor that has learnt."""

    def predict(self, prompts: Texts, tasks: Texts | None) -> Floats:
        """Expected scores, (n, m), 0-1, of n prompts for the m models that it learnt from.

        `tasks`: the labels of the prompts, any unknown ones included; None where nobody knows
        them, also if they were known in learning.
        """
        ...


class Predictor(Protocol):
    """A way to learn the success of models from requests."""

    @property
    def name(self) -> str:
        """As it is called in tables and on the command line."""
        ...

    def fit(self, prompts: Texts, tasks: Texts | None, scores: Floats, *, seed: int) -> Fitted:
        """Learn from n prompts, their task labels if there are any, and scores (n, m), 0-1, all
        known. The same seed gives the same predictions."""
        ...


class TwoWays:
    """One predictor with labels and one without, each learnt when it is first asked.

    Predictions without labels are best made by what never had any; which of the two is wanted is
    known only then, and learning both would take twice the time.
    """

    def __init__(self, learn: Callable[[bool], Fitted], *, labelled: bool) -> None:
        """`learn` is given whether labels will be known; `labelled` says whether it has any."""
        self._learn = learn
        self._labelled = labelled
        self._found: dict[bool, Fitted] = {}

    def predict(self, prompts: Texts, tasks: Texts | None) -> Floats:
        """Expected scores, (n, m)."""
        known = self._labelled and tasks is not None
        with threadpool_limits(limits=1):
            return self.learnt(labelled=known).predict(prompts, tasks if known else None)

    def learnt(self, *, labelled: bool) -> Fitted:
        """The one with labels or the one without."""
        if labelled not in self._found:
            # The matrices are small: threads that wait for one another cost more than they do, many
            # times over on a busy machine.
            with threadpool_limits(limits=1):
                self._found[labelled] = self._learn(labelled)
        return self._found[labelled]


def cross_fitted(
    predictor: Predictor, grid: Grid, folds: Ints, with_tasks: bool, seed: int
) -> Floats:
    """Predictions (n, m) for every query by what was learnt from the other folds.

    Labels are always there to learn from; `with_tasks` says whether they are known in predicting.
    Make the folds with `folds_of`, so that no prompt helps to judge itself.
    """
    found = np.empty_like(grid.scores)
    for fold in np.unique(folds):
        held = folds == fold
        learnt = grid.rows(~held)
        fitted = predictor.fit(learnt.prompts, learnt.tasks, learnt.scores, seed=seed)
        asked = grid.tasks[held] if with_tasks else None
        found[held] = fitted.predict(grid.prompts[held], asked)
    return found
