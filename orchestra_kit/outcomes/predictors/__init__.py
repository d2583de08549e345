"""Predictors: the success of every model at a request, from the request alone.

::

    grid = Grid.of(Outcomes.read("outcomes.parquet"))
    folds = folds_of(grid.prompts, 5, seed=0)
    expected = cross_fitted(Words(), grid, folds, with_tasks=False, seed=0)
"""

from __future__ import annotations

from orchestra_kit.outcomes.folds import folds_of
from orchestra_kit.outcomes.predictors.boosting import Boosting
from orchestra_kit.outcomes.predictors.clusters import Clusters
from orchestra_kit.outcomes.predictors.encoder import Encoder, MiniLM
from orchestra_kit.outcomes.predictors.item_response import ItemResponse
from orchestra_kit.outcomes.predictors.neighbours import Neighbours
from orchestra_kit.outcomes.predictors.predictor import Fitted, Predictor, cross_fitted
from orchestra_kit.outcomes.predictors.stacked import Stacked
from orchestra_kit.outcomes.predictors.task_label import TaskLabel
from orchestra_kit.outcomes.predictors.words import Words

__all__ = [
    "Boosting",
    "Clusters",
    "Encoder",
    "Fitted",
    "ItemResponse",
    "MiniLM",
    "Neighbours",
    "Predictor",
    "Stacked",
    "TaskLabel",
    "Words",
    "cross_fitted",
    "folds_of",
]
