"""Two usual ways to replay a router on recorded outcomes, one threshold after another.

`accuracy_by_cuts` is written anew after how RouteLLM's evaluation works (lm-sys/RouteLLM,
``evals/benchmarks.py``): for each cut a mask over a pandas frame, the scores and the names of the
models that it picks, a count of the names, and Python's own sum of the scores. It is not its code.
`best_of_five` is what one writes in pandas when several models are to choose from.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd

__all__ = ["accuracy_by_cuts", "best_of_five"]


def accuracy_by_cuts(frame: pd.DataFrame, cuts: Iterable[float]) -> Iterator[tuple[float, float]]:
    """Mean score and share of strong calls, for columns ``win_rate``, ``weak`` and ``strong``."""
    for cut in cuts:
        picked = frame["win_rate"] >= cut
        scores = np.where(picked, frame["strong"], frame["weak"])
        names = Counter(np.where(picked, "strong", "weak"))
        yield sum(scores) / len(scores), names["strong"] / len(scores)


def best_of_five(
    worth: pd.DataFrame, price: pd.DataFrame, scores: pd.DataFrame, weights: Iterable[float]
) -> Iterator[tuple[float, float]]:
    """Mean score and mean dollars where each query goes to the model of highest worth less weighted
    price; frames of query x model."""
    for weight in weights:
        chosen = (worth - weight * price).idxmax(axis=1)
        picked = pd.get_dummies(chosen).reindex(columns=scores.columns, fill_value=False)
        score, cost = (table.where(picked).sum(axis=1).mean() for table in (scores, price))
        yield float(score), float(cost)
