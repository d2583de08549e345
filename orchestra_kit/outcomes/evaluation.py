"""Routers measured as they would be used: learnt on some outcomes, frozen, judged on others.

Nothing of the test outcomes enters a choice: not which model is best, not a threshold, not which
router is recommended. Intervals are of 95 %, from one paired bootstrap over the test queries.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits
from tqdm.auto import tqdm

from orchestra_kit.core.display import Shown, Table
from orchestra_kit.core.errors import TableError
from orchestra_kit.outcomes.expectation import Expectation
from orchestra_kit.outcomes.folds import folds_of
from orchestra_kit.outcomes.frontier_measures import aiq, apgr
from orchestra_kit.outcomes.grid import Grid
from orchestra_kit.outcomes.measurement import Measured, RouterMeasured, TestQueries, cost_span
from orchestra_kit.outcomes.operating_points import operating_points
from orchestra_kit.outcomes.prompt_key import prompt_key
from orchestra_kit.outcomes.routers import ROUTERS, Learning, NotApplicable, Replay, Router
from orchestra_kit.outcomes.table import Outcomes

__all__ = ["Evaluation", "evaluate"]

FOLDS = 5
_BY_GAP = frozenset({"threshold", "cascade"})
"""Routers that send queries to one of two models by how much they prefer the strong one."""


@dataclass(frozen=True, kw_only=True)
class Evaluation(Shown):
    """What came of every router on queries that none had seen."""

    n_train: int
    n_test: int
    models: tuple[str, ...]
    best_model: str
    """The best single model, by training."""
    best_quality: Measured
    """Its mean score on the test queries."""
    best_cost: Measured
    """Its mean dollars a test query."""
    chosen: str
    """The router that cross-validation on the training queries recommends."""
    merit: str
    """What `chosen` was chosen by."""
    source: str
    notes: tuple[str, ...]
    """What was left out, and what the tables do not share."""
    routers: Mapping[str, RouterMeasured]

    def to_dict(self) -> dict[str, Any]:
        """As JSON knows it: the figures of every router by its name."""
        return {
            "n_train": self.n_train,
            "n_test": self.n_test,
            "models": list(self.models),
            "best_single": {
                "model": self.best_model,
                "quality": self.best_quality.value,
                "cost": self.best_cost.value,
                "quality_interval": [self.best_quality.low, self.best_quality.high],
                "cost_interval": [self.best_cost.low, self.best_cost.high],
            },
            "chosen": self.chosen,
            "chosen_by": self.merit,
            "source": self.source,
            "notes": list(self.notes),
            "routers": {name: router.to_dict() for name, router in self.routers.items()},
        }

    def table(self) -> Table:
        """One row a router: its curve in one figure, and its frozen points beside the best single
        model."""
        rows = []
        for name, router in self.routers.items():
            points = router.operating_points
            rows.append(
                (
                    f"{name} (chosen)" if name == self.chosen else name,
                    router.figures["APGR"].format(),
                    router.figures["AIQ"].format(),
                    points["best_quality"].relative_quality.format(),
                    points["best_quality"].relative_cost.format(2),
                    points["full_quality"].relative_quality.format(),
                    points["full_quality"].relative_cost.format(2),
                )
            )
        columns = ("router", "APGR", "AIQ", "best quality", "at cost", "full quality", "at  cost")
        return Table(columns, rows, title=self._title(), right=frozenset(columns[1:]))

    def to_text(self) -> str:
        """The table for a terminal, with the notes and why routers were not fitted."""
        missing = [f"{name}: {r.reason}" for name, r in self.routers.items() if r.reason]
        return "\n".join([self.table().to_text(), "", *self.notes, *missing]).rstrip()

    def _title(self) -> str:
        return (
            f"{self.n_test:,} {self.source} test queries, learnt on {self.n_train:,}. Quality and"
            f" cost beside always asking {self.best_model}, whose quality is"
            f" {self.best_quality.format()}; 95 % intervals"
        )

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return {"text/plain": self.to_text(), "text/html": self.table().to_html()}


def evaluate(
    train: Outcomes,
    test: Outcomes,
    *,
    routers: Sequence[str] | None = None,
    models: Sequence[str] | None = None,
    pair: tuple[str, str] | None = None,
    with_tasks: bool = False,
    seed: int = 0,
) -> Evaluation:
    """Every router, or those named, fitted on `train` and measured on `test`.

    `pair` names a weak and a strong model, the only ones unless `models` names more; without it two
    models are their own pair, the one with the lower mean score the weak one. `with_tasks` lets
    routers see the task labels of test queries; without it they may only predict them. Raises
    TableError for an unknown name, a pair that is none, and tables that share no model.
    """
    wanted = _wanted(routers)
    _check_pair(pair, models)
    learnt, judged, notes = _grids(train, test, models, pair)
    names = _pair_of(learnt, pair)
    with threadpool_limits(1):
        return _evaluated(learnt, judged, wanted, names, with_tasks, seed, notes)


def _evaluated(
    learnt: Grid,
    judged: Grid,
    wanted: Sequence[Router],
    pair: tuple[int, int] | None,
    with_tasks: bool,
    seed: int,
    notes: Sequence[str],
) -> Evaluation:
    folds = folds_of(learnt.prompts, FOLDS, seed)
    by_gap = pair is not None and any(router.name in _BY_GAP for router in wanted)
    test = TestQueries.of(judged, learnt, pair, seed)
    found: dict[str, RouterMeasured] = {}
    with tqdm(total=len(wanted) + 1, unit="router", desc="expectations") as progress:
        expectation = Expectation.fit(learnt, folds, with_tasks=with_tasks, seed=seed)
        learning = Learning(
            grid=learnt,
            expected=expectation.unseen,
            folds=folds,
            seed=seed,
            with_tasks=with_tasks,
            pair=pair,
        )
        expected = expectation.predict(judged)
        progress.update()
        for router in wanted:
            progress.set_description(router.name)
            found[router.name] = _measured(router, learning, test, expected, by_gap)
            progress.update()
    merits = {name: r.training_merit for name, r in found.items() if r.training_merit is not None}
    if not merits:
        raise TableError("None of these routers can be fitted to these outcomes and be put to use.")
    best = learnt.best_single
    return Evaluation(
        n_train=learnt.n,
        n_test=judged.n,
        models=learnt.models,
        best_model=learnt.models[best],
        best_quality=test.mean(judged.scores[:, best]),
        best_cost=test.mean(judged.costs[:, best]),
        chosen=max(merits, key=lambda name: merits[name]),
        merit=_merit_words(learnt, by_gap),
        source=judged.source.value,
        notes=tuple(notes),
        routers=found,
    )


def _measured(
    router: Router,
    learning: Learning,
    test: TestQueries,
    expected: np.ndarray[Any, Any],
    by_gap: bool,
) -> RouterMeasured:
    try:
        fitted = router.fit(learning)
        unseen = fitted.unseen
    except NotApplicable as error:
        return RouterMeasured.missing(router.name, str(error))
    grid, best = learning.grid, learning.grid.best_single
    points = operating_points(
        unseen, grid.scores[:, best], grid.costs[:, best], priced=grid.priced, seed=learning.seed
    )
    replay = fitted.replay(test.grid, expected)
    return RouterMeasured(
        name=router.name,
        figures=test.figures(replay),
        operating_points=test.measure(replay, points),
        training_merit=_merit(unseen, learning, by_gap) if router.usable else None,
    )


def _merit(unseen: Replay, learning: Learning, by_gap: bool) -> float | None:
    """One figure by which routers are compared in training, see `_merit_words`; None for those
    that it is not defined for."""
    grid, steps = learning.grid, unseen.steps
    if by_gap and learning.pair is not None:
        weak, strong = (grid.scores[:, model] for model in learning.pair)
        known = unseen.preference
        return None if known is None else apgr(weak, strong, known)
    span = cost_span(grid)
    if span is None:
        return float(steps.quality.max())
    low, high = span
    return aiq(steps.spending, steps.quality, low, 2 * high - low)


def _merit_words(learnt: Grid, by_gap: bool) -> str:
    if by_gap:
        return "APGR, out of fold in training"
    if cost_span(learnt) is None:
        return "highest mean score, out of fold in training"
    return "AIQ up to twice the best single model's cost, out of fold in training"


def _wanted(names: Sequence[str] | None) -> list[Router]:
    known = {router.name: router for router in ROUTERS}
    for name in names or ():
        if name not in known:
            raise TableError(f"There is no router “{name}”; there are {', '.join(known)}.")
    return [known[name] for name in names or known]


def _check_pair(pair: tuple[str, str] | None, models: Sequence[str] | None) -> None:
    if pair is None:
        return
    if pair[0] == pair[1]:
        raise TableError(f"“{pair[0]}” is named as weak and as strong; a pair is two models.")
    for name in pair if models else ():
        if name not in (models or ()):
            raise TableError(f"“{name}” of the pair is not among the models named; add it to them.")


def _grids(
    train: Outcomes,
    test: Outcomes,
    models: Sequence[str] | None,
    pair: tuple[str, str] | None,
) -> tuple[Grid, Grid, list[str]]:
    asked = list(models) if models else (list(pair) if pair else None)
    there = set(test.models)
    shared = [model for model in train.models if model in there]
    if not shared:
        raise TableError("The training and the test outcomes share no model.")
    notes = [*_absent(train.models, shared, "training"), *_absent(test.models, shared, "test")]
    unseen = [task for task in test.tasks if task not in set(train.tasks)]
    if unseen:
        notes.append(f"{len(unseen)} tasks of the test were never trained on: "
                     f"{', '.join(unseen[:6])}.")  # fmt: skip
    wanted = _asked_for(asked, train, test)
    train, said = _parted(train, test)
    notes += said
    learnt = Grid.of(train.filter(models=shared) if wanted is None else train, wanted)
    judged = Grid.of(test, learnt.models)
    return learnt, judged, [*notes, *learnt.notes, *judged.notes]


def _parted(train: Outcomes, test: Outcomes) -> tuple[Outcomes, list[str]]:
    """The training outcomes without prompts that are tested on."""
    tested = {prompt_key(str(prompt)) for prompt in test.frame["prompt"].unique()}
    frame = train.frame
    prompts = {str(p): prompt_key(str(p)) in tested for p in frame["prompt"].unique()}
    both = frame["prompt"].astype(str).map(prompts).to_numpy(dtype=bool)
    if not both.any():
        return train, []
    if both.all():
        raise TableError("Every training prompt is tested on too; name other files to learn from.")
    said = f"{int(both.sum()):,} training outcomes have prompts that are tested on; left out."
    return replace(train, _frame=frame[~both].reset_index(drop=True)), [said]


def _asked_for(asked: list[str] | None, train: Outcomes, test: Outcomes) -> list[str] | None:
    for name in asked or ():
        for table, words in ((train, "training"), (test, "test")):
            if name not in table.models:
                known = ", ".join(sorted(table.models)[:12])
                said = f"The {words} outcomes have no model “{name}”; they have {known}."
                raise TableError(said)
    return asked


def _absent(models: Sequence[str], shared: Sequence[str], words: str) -> Iterator[str]:
    only = [model for model in models if model not in set(shared)]
    if only:
        yield f"Only the {words} outcomes have {', '.join(only)}; left out."


def _pair_of(grid: Grid, pair: tuple[str, str] | None) -> tuple[int, int] | None:
    if pair is not None:
        return grid.models.index(pair[0]), grid.models.index(pair[1])
    if len(grid.models) != 2:
        return None
    weak, strong = np.argsort(grid.scores.mean(axis=0), kind="stable").tolist()
    return int(weak), int(strong)
