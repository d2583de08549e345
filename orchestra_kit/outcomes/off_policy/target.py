"""The policy that is to be valued, as the probability of every action at every logged request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from orchestra_kit.core.errors import TableError

__all__ = ["Target"]

_EXACT = 1e-6
_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Target:
    """Probabilities of requests x actions; a row of zeros is a request that it routes to nobody."""

    name: str
    actions: tuple[str, ...]
    probabilities: _Floats
    notes: tuple[str, ...] = ()
    """What could not be known of it, in words."""

    def __post_init__(self) -> None:
        matrix = np.asarray(self.probabilities, dtype=np.float64)
        object.__setattr__(self, "probabilities", matrix)
        if matrix.ndim != 2 or matrix.shape[1] != len(self.actions):
            raise TableError(
                f"Policy “{self.name}” needs one probability for each request and each of its "
                f"{len(self.actions)} actions, not an array of shape {matrix.shape}."
            )
        if len(set(self.actions)) != len(self.actions):
            raise TableError(f"Policy “{self.name}” names an action twice.")
        sums = matrix.sum(axis=1)
        wrong = ~np.isfinite(sums) | (matrix < 0).any(axis=1)
        wrong |= (np.abs(sums - 1) > _EXACT) & (sums != 0)
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            raise TableError(
                f"The probabilities of policy “{self.name}” must be at least 0 and sum to 1 at "
                f"each request, or be all 0 where it routes to nobody; row {row} holds "
                f"{np.array2string(matrix[row], precision=3, threshold=8)}."
            )

    @classmethod
    def choosing(cls, name: str, choices: Sequence[str]) -> Target:
        """A policy that always makes one choice; an empty one routes to nobody."""
        return cls.sharing(name, [{choice: 1.0} if choice else {} for choice in choices])

    @classmethod
    def sharing(
        cls, name: str, shares: Sequence[Mapping[str, float]], *, notes: Sequence[str] = ()
    ) -> Target:
        """A policy by the probabilities of what it may do at each request; the rest is 0."""
        actions = tuple(sorted({action for each in shares for action in each}))
        place = {action: number for number, action in enumerate(actions)}
        matrix = np.zeros((len(shares), len(actions)))
        for row, each in enumerate(shares):
            for action, probability in each.items():
                matrix[row, place[action]] = probability
        return cls(name, actions, matrix, tuple(notes))

    @property
    def routed(self) -> npt.NDArray[np.bool_]:
        """Which requests it routes to a deployment at all."""
        return np.asarray(self.probabilities.sum(axis=1) > 0)

    def over(self, actions: Sequence[str]) -> _Floats:
        """The probabilities with a column for each of `actions`, in their order.

        Raises KeyError where one of its own actions is not among them.
        """
        place = {action: number for number, action in enumerate(actions)}
        matrix = np.zeros((len(self.probabilities), len(actions)))
        matrix[:, [place[action] for action in self.actions]] = self.probabilities
        return matrix
