"""Which ranks a model may have at a task: a set that holds its true rank, never a guess at it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from orchestra_kit.core.display import Shown
from orchestra_kit.outcomes.pairs import Pairs

__all__ = ["RankSet", "rank_sets"]


@dataclass(frozen=True, slots=True)
class RankSet(Shown):
    """The ranks from `first` to `last` among the models `of` a task; 1 is the best."""

    first: int
    last: int
    of: int

    @property
    def known(self) -> bool:
        """Whether a single rank is left."""
        return self.first == self.last

    def __str__(self) -> str:
        return str(self.first) if self.known else f"{self.first}–{self.last}"


def rank_sets(pairs: Pairs) -> list[RankSet | None]:
    """For each model the ranks that the data allow, all sets true at once with 95 %.

    A model's rank is one more than the number of models with a higher mean. As many as are shown
    better stand above it for sure, as many as are shown worse stand below (Mogstad, Romano, Shaikh
    and Wilhelm, "Inference for Ranks", Review of Economic Studies 91, 2024), by paired tests that
    Holm's method corrects for all pairs, where the paper takes a bootstrap. Two models whose
    difference may be 0 are therefore never in an order. None for a model without any score; a pair
    with too few shared queries parts nobody.
    """
    scored = np.diag(pairs.n) > 0
    better = pairs.better & scored[:, None] & scored[None, :]
    of = int(scored.sum())
    above, below = better.sum(axis=0), better.sum(axis=1)
    return [
        RankSet(int(above[place]) + 1, of - int(below[place]), of) if scored[place] else None
        for place in range(len(scored))
    ]
