"""What an action would bring at a request, learnt from the log: a ridge regression, cross-fitted.

The expectation is linear in action, task, action x task, tier, and the numeric context, alone and
by action. Every effect but the constant is shrunk towards 0 as if one more observation said so, so
that an action that a task hardly saw is expected to do as it does elsewhere. A prediction for a
request comes from a fit that never saw its cluster (Chernozhukov and others 2018, “Double/debiased
machine learning”).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.linalg import cho_factor, cho_solve

__all__ = ["FOLDS", "Design", "Fitted", "fit"]

FOLDS = 5
PENALTY = 1.0
"""In observations: the ridge on each effect."""
_Floats = npt.NDArray[np.float64]
_Codes = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Design:
    """The requests as the model sees them; codes are whole numbers from 0."""

    tasks: _Codes
    tiers: _Codes
    numbers: _Floats
    """Requests x numeric context, standardised."""
    actions: int
    """How many actions there are; then tasks and tiers, likewise."""
    of_tasks: int
    of_tiers: int

    @classmethod
    def of(cls, tasks: _Codes, tiers: _Codes, numbers: _Floats, actions: int) -> Design:
        """A design from raw numbers; what is missing is taken for the mean, what never varies is
        left out."""
        known = np.isfinite(numbers)
        filled = np.where(known, numbers, 0.0)
        counts = np.maximum(known.sum(axis=0), 1)
        mean = filled.sum(axis=0) / counts
        centred = np.where(known, numbers - mean, 0.0)
        spread = np.sqrt((centred**2).mean(axis=0)) if len(numbers) else np.zeros(0)
        varies = spread > 1e-12
        standard = centred[:, varies] / spread[varies]
        of_tasks, of_tiers = (int(codes.max(initial=-1)) + 1 for codes in (tasks, tiers))
        return cls(tasks, tiers, standard, actions, of_tasks, of_tiers)

    def part(self, kept: npt.NDArray[np.bool_]) -> Design:
        """Some of the requests, under the same codes."""
        return replace(
            self, tasks=self.tasks[kept], tiers=self.tiers[kept], numbers=self.numbers[kept]
        )

    @property
    def _sizes(self) -> tuple[int, ...]:
        k = self.numbers.shape[1]
        pairs = self.of_tasks * self.actions
        return (1, self.actions, self.of_tasks, pairs, self.of_tiers, k, k * self.actions)

    def rows(self, taken: _Codes) -> sparse.csr_array:
        """One row of effects a request, for the action that was taken."""
        n, k, a = len(taken), self.numbers.shape[1], self.actions
        starts = np.concatenate([[0], np.cumsum(self._sizes)])
        each = np.arange(k)
        columns = np.column_stack(
            [
                np.zeros(n, dtype=np.int64),
                starts[1] + taken,
                starts[2] + self.tasks,
                starts[3] + self.tasks * a + taken,
                starts[4] + self.tiers,
                np.broadcast_to(starts[5] + each, (n, k)),
                starts[6] + each[None, :] * a + taken[:, None],
            ]
        )
        values = np.column_stack([np.ones((n, 5)), self.numbers, self.numbers])
        ends = np.arange(n + 1) * columns.shape[1]
        return sparse.csr_array((values.ravel(), columns.ravel(), ends), shape=(n, int(starts[-1])))

    def expected(self, effects: _Floats) -> _Floats:
        """Requests x actions: what the effects say of every action."""
        one, action, task, both, tier, number, by_action = np.split(
            effects, np.cumsum(self._sizes)[:-1]
        )
        of_request = one[0] + task[self.tasks] + tier[self.tiers] + self.numbers @ number
        grid = both.reshape(-1, self.actions)[self.tasks]
        grid = grid + self.numbers @ by_action.reshape(-1, self.actions)
        return np.asarray(grid + action + of_request[:, None])

    def mean_row(self, probabilities: _Floats) -> _Floats:
        """The mean row of effects of a policy: the gradient of its mean expectation."""
        n = len(probabilities)
        sizes = self._sizes
        total = probabilities.sum(axis=1)
        both = np.zeros((sizes[2], self.actions))
        np.add.at(both, self.tasks, probabilities)
        parts = [
            np.array([total.sum()]),
            probabilities.sum(axis=0),
            np.bincount(self.tasks, weights=total, minlength=sizes[2]),
            both.ravel(),
            np.bincount(self.tiers, weights=total, minlength=sizes[4]),
            self.numbers.T @ total,
            (self.numbers.T @ probabilities).ravel(),
        ]
        return np.asarray(np.concatenate(parts) / n)


@dataclass(frozen=True, eq=False)
class Fitted:
    """A cross-fitted model of one outcome."""

    design: Design
    expected: _Floats
    """Requests x actions; each row by a fit that did not see its cluster."""
    of_taken: _Floats
    """The same for the action that was taken."""
    residuals: _Floats
    _taken: _Codes
    _factor: tuple[_Floats, bool]

    def pull(self, probabilities: _Floats) -> _Floats:
        """How much each request's residual moves the policy's mean expectation, times n.

        The sandwich of an M-estimator (Stefanski and Boos 2002): n · mean row · H⁻¹ · own row.
        """
        effects = cho_solve(self._factor, self.design.mean_row(probabilities))
        grid = self.design.expected(np.asarray(effects))
        n = len(self._taken)
        return np.asarray(n * grid[np.arange(n), self._taken])


def fit(
    design: Design, taken: _Codes, outcomes: _Floats, clusters: _Codes, *, seed: int = 0
) -> Fitted:
    """Fit the model to the outcomes of the actions that were taken.

    `clusters` are whole numbers from 0 and stay whole in the folds, of which there are `FOLDS`, or
    as many as clusters where those are fewer. Raises ValueError below two clusters.
    """
    units = int(clusters.max(initial=-1)) + 1
    folds = min(FOLDS, units)
    if folds < 2:
        raise ValueError(
            "a model that is judged on other requests than it learnt needs two clusters"
        )
    fold_of = (np.random.default_rng(seed).permutation(units) % folds)[clusters]
    rows = design.rows(taken)
    parts = [rows[np.flatnonzero(fold_of == fold)] for fold in range(folds)]
    squares = [(part.T @ part).toarray() for part in parts]
    sums = [part.T @ outcomes[fold_of == fold] for fold, part in enumerate(parts)]
    ridge = np.eye(rows.shape[1]) * PENALTY
    ridge[0, 0] = 1e-9
    whole, total = sum(squares) + ridge, sum(sums)
    expected = np.empty((len(taken), design.actions))
    for fold in range(folds):
        effects = cho_solve(cho_factor(whole - squares[fold]), total - sums[fold])
        own = fold_of == fold
        expected[own] = design.part(own).expected(effects)
    of_taken = expected[np.arange(len(taken)), taken]
    return Fitted(design, expected, of_taken, outcomes - of_taken, taken, cho_factor(whole))
