"""What the task says: the mean score of each model at it, shrunken towards its overall mean.

The simplest predictor that is of use, and the one that others have to beat. Without labels the
task is guessed from the prompt, and the means are weighed by how likely each task is.
"""

from __future__ import annotations

from dataclasses import dataclass

from orchestra_kit.outcomes.predictors.predictor import Fitted, Floats, Texts, TwoWays
from orchestra_kit.outcomes.predictors.reading import read
from orchestra_kit.outcomes.predictors.task_view import TaskView

__all__ = ["TaskLabel"]


@dataclass(frozen=True)
class TaskLabel:
    """Shrunken means by task; where learning has no labels, the mean alone."""

    name: str = "task_label"

    def fit(self, prompts: Texts, tasks: Texts | None, scores: Floats, *, seed: int) -> Fitted:
        """Learn from n prompts and scores (n, m)."""
        reading = read(prompts)

        def learn(labelled: bool) -> Fitted:
            return _Expected(
                TaskView.fit(reading, prompts, tasks, scores, labelled=labelled, seed=seed)
            )

        return TwoWays(learn, labelled=tasks is not None)


@dataclass(frozen=True, eq=False)
class _Expected:
    view: TaskView

    def predict(self, prompts: Texts, tasks: Texts | None) -> Floats:
        return self.view.expected(self.view.of(prompts, tasks))
