"""One table, learnt from once, with routers fitted as claims ask for them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from orchestra_kit.outcomes.claims.claim import Claim
from orchestra_kit.outcomes.claims.entry import Data, Entry
from orchestra_kit.outcomes.claims.frozen import Frozen, Learnt, Sides
from orchestra_kit.outcomes.claims.resampling import change, ratio
from orchestra_kit.outcomes.measurement import Measured
from orchestra_kit.outcomes.predictors import TaskLabel
from orchestra_kit.outcomes.routers import ROUTERS, Fitted, NotApplicable
from orchestra_kit.outcomes.routers.cascade import Cascade, FittedCascade
from orchestra_kit.outcomes.routers.one_call import Argmax
from orchestra_kit.outcomes.routers.voting import Vote

__all__ = ["AT_MOST", "WITHIN", "Measuring"]

WITHIN, AT_MOST = 0.95, 0.92
"""Shares of the best quality: the stricter and the laxer reading of “within 5 to 8 %”."""
_COMPARABLE = 0.5
"""Share of the outcomes that must have a short answer for votes to be counted."""


class Measuring:
    """One table, learnt from once; routers are fitted as claims ask for them."""

    def __init__(self, sides: Sides, data: Data, seed: int) -> None:
        self.data, self.seed, self.sides = data, seed, sides
        self.learnt = Learnt.fit(sides, with_tasks=False, seed=seed)
        self.single = self.learnt.single
        self._by_task: Learnt | None = None
        self._cascade: FittedCascade | None = None
        self._routers: dict[str, Fitted] | None = None

    @property
    def n(self) -> int:
        """Test queries."""
        return self.sides.test.n

    @property
    def best_name(self) -> str:
        """The best single model."""
        return self.sides.train.models[self.learnt.best]

    def by_task(self, point: str) -> Frozen:
        """One model a query, chosen by its task's label and nothing else."""
        tasks = np.unique(self.sides.train.tasks)
        if len(tasks) < 2:
            raise NotApplicable("There is a single task, so that its label tells nothing apart.")
        if self._by_task is None:
            self._by_task = Learnt.fit(
                self.sides, with_tasks=True, seed=self.seed, members=(TaskLabel(),)
            )
        return self._by_task.frozen(self._by_task.fitted(Argmax()), point)

    def predicted(self, point: str) -> Frozen:
        """One model a query, by what is predicted of each model."""
        return self.learnt.frozen(self.learnt.fitted(Argmax()), point)

    def cascade(self) -> FittedCascade:
        """Fitted once."""
        if self._cascade is None:
            fitted = self.learnt.fitted(Cascade())
            assert isinstance(fitted, FittedCascade)
            self._cascade = fitted
        return self._cascade

    def vote(self) -> Frozen:
        """The five best models together."""
        known = float((self.sides.train.answers >= 0).mean())
        if known < _COMPARABLE:
            raise NotApplicable(
                f"Only {known:.0%} of the answers are short enough to be compared, which is what "
                "a vote counts."
            )
        return self.learnt.frozen(self.learnt.fitted(Vote()), "best_quality")

    def framework(self, share: float = WITHIN) -> tuple[str, Frozen]:
        """The router that was cheapest at a share of the best quality in training, by its name."""
        found: dict[str, Frozen] = {}
        why = f"No router keeps {share:.0%} of the best single model's quality in training."
        for name, fitted in self._fitted().items():
            try:
                found[name] = self.learnt.cheapest_keeping(fitted, share)
            except NotApplicable as error:
                why = why if self.sides.train.priced else str(error)
        if not found:
            raise NotApplicable(why)
        name = min(found, key=lambda router: found[router].training_cost)
        return name.replace("_", " "), found[name]

    def _fitted(self) -> Mapping[str, Fitted]:
        """Every router that needs no task label."""
        if self._routers is None:
            self._routers = {}
            for router in (r for r in ROUTERS if r.usable and r.name != "task_lookup"):
                try:
                    cascading = isinstance(router, Cascade)
                    fitted = self.cascade() if cascading else self.learnt.fitted(router)
                    self._routers[router.name] = fitted
                except NotApplicable:
                    continue
        return self._routers

    def quality(self, frozen: Frozen) -> Measured:
        """Relative change of the mean score."""
        said = "The best single model scores 0."
        return change(frozen.scores, self.single.scores, seed=self.seed, undefined=said)

    def saving(self, claim: Claim, frozen: Frozen, note: str = "") -> Entry:
        """The relative change of the mean cost, with the quality that was kept."""
        measured = change(frozen.costs, self.single.costs, seed=self.seed)
        return self.entry(claim, measured, kept=self.kept(frozen), note=note)

    def kept(self, frozen: Frozen) -> Measured:
        """Relative quality."""
        return ratio(frozen.scores, self.single.scores, seed=self.seed)

    def entry(
        self, claim: Claim, measured: Measured, *, kept: Measured | None = None, note: str = ""
    ) -> Entry:
        """An entry of these data; the note says which quality was kept."""
        said = [note] if note else []
        if kept is not None and measured.value is not None:
            said.append(f"At {kept.format(3)} of the quality of {self.best_name}.")
        return Entry.of(claim, self.data, measured, self.n, kept=kept, note=" ".join(said))
