"""A policy replayed over recorded outcomes, at any values of its thresholds.

Each recorded prompt goes once through the router's own code: it is classified, its context is
measured, every rule is asked. From then on any threshold may take any value, and what each request
would have got is looked up, exactly, without running the router again. Moving one threshold only
touches the requests that it concerns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from orchestra_kit.core.errors import TableError
from orchestra_kit.outcomes.grid import Grid
from orchestra_kit.outcomes.prompt_key import prompt_codes
from orchestra_kit.outcomes.table import Outcomes
from orchestra_kit.outcomes.tuning.chains import Chains
from orchestra_kit.outcomes.tuning.prompts import ARRIVES, Prompts, read_prompts
from orchestra_kit.outcomes.tuning.recorded_answers import Judge, Recorded, recorded_answers
from orchestra_kit.outcomes.tuning.rule_tables import MOST_CUTS, RuleTables
from orchestra_kit.outcomes.tuning.walk import walked
from orchestra_kit.policy.editing import Settings
from orchestra_kit.policy.policy import Policy
from orchestra_kit.policy.thresholds import Threshold, thresholds
from orchestra_kit.routing.classification import Classifier
from orchestra_kit.routing.router import Router
from orchestra_kit.routing.snapshot import Snapshot
from orchestra_kit.routing.success import SuccessModel

__all__ = ["Assumptions", "PolicyReplay", "Replayed"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

_JUDGES = {
    "recorded": "Quality floors act on the recorded scores, as a judge who is never wrong and "
    "costs nothing would; a real one does worse.",
    "signal": "Quality floors act on a predicted score, learnt from other prompts' outcomes.",
    "none": "Nobody judges answers before they are delivered, so that quality floors do nothing.",
}  # fmt: skip
_UNSEEN = ("session_turns", "attachments", "budget_left")
"""What a recorded prompt does not have."""


@dataclass(frozen=True, kw_only=True)
class Assumptions:
    """What a replay must be told, for outcomes do not say it."""

    tiers: Mapping[str, float] | None = None
    """Share of the requests in each tier; None for equal shares of all."""
    declared: bool = False
    """Whether senders say their task, as the table has it, or the classifier must."""
    judge: Judge = "recorded"
    """Who judges an answer before it is delivered."""
    review_quality: float | None = None
    """Quality, 0-1, of what a person answers; None where unknown."""
    review_cost: float | None = None
    """Dollars that a person's answer costs; None where unknown."""
    on: date | None = None
    """Whose prices and retirements count; None for the day on which capabilities were measured."""


@dataclass(frozen=True, eq=False)
class Replayed:
    """What became of every case at some settings. A case is a query in a tier, tier after tier."""

    settings: Settings
    rule: Ints
    review: Mask
    chain: Ints
    node: Ints
    """Who answered: a deployment's number, then nobody, not known, a person."""
    score: Floats
    """NaN where not known."""
    cost: Floats
    latency: Floats


class PolicyReplay:
    """Replays one policy over one table. Make one with `PolicyReplay.of`."""

    def __init__(
        self,
        policy: Policy,
        grid: Grid,
        prompts: Prompts,
        recorded: Recorded,
        assumptions: Assumptions,
        *,
        snapshot: Snapshot,
    ) -> None:
        self.policy, self.grid, self.assumptions = policy, grid, assumptions
        self.tiers, self.shares = _mix(policy, assumptions.tiers)
        self.n = grid.n
        self.recorded, self._prompts = recorded, prompts
        self._on = snapshot.today
        self.clusters = prompt_codes(grid.prompts)
        """(n,) a number for each prompt: the unit of every interval."""
        contexts = pd.concat(
            [prompts.contexts.assign(tier=tier) for tier in self.tiers], ignore_index=True
        )
        distinct = len(prompts.contexts)
        # Those tables have a row for a distinct prompt in a tier; queries that repeat one share it.
        self.case = np.concatenate(
            [prompts.row + distinct * place for place in range(len(self.tiers))]
        )
        """(cases,) the row of each case in `rules` and `chains`."""
        self.query = np.tile(np.arange(self.n), len(self.tiers))
        """(cases,) number of the query."""
        columns = {
            name: grid.models.index(d.model)
            for name, d in policy.deployments.items()
            if d.model in grid.models
        }
        self.rules = RuleTables(policy, contexts)
        """The rules' truth by distinct prompt and tier; see `case`."""
        self.chains = Chains(policy, contexts, columns, snapshot, chances=prompts.chances)
        """The chains by distinct prompt and tier; see `case`."""
        self.task = self.chains.task[self.case]
        """(cases,) number of the task."""
        self.tier = self.chains.tier[self.case]
        """(cases,) number of the tier, as the policy counts them."""
        self.weight = np.repeat(self.shares, self.n)
        """(cases,) share of its tier."""
        classified = np.tile(prompts.classified, len(self.tiers))
        confidence = contexts["confidence"].to_numpy(dtype=np.float64)
        self.confidence = np.where(classified, confidence, np.inf)[self.case]
        """(cases,) the classifier's confidence, and infinite where the sender said the task."""
        self._is_review = np.array([*(rule.review for rule in policy.rules), False])
        self.nodes = (*policy.deployments, "nobody", "not known", "a person")
        """Who may answer, by the numbers in `Replayed.node`."""
        self.thresholds = thresholds(policy)
        self._known = {threshold.key: threshold for threshold in self.thresholds}
        self.missing = tuple(name for name in policy.deployments if name not in columns)
        """Deployments whose model is not among the outcomes."""
        self.today = self.at({})
        """What became of everything by the policy as it is."""

    @classmethod
    def of(
        cls,
        outcomes: Outcomes,
        policy: Policy,
        assumptions: Assumptions | None = None,
        *,
        classifier: Classifier | None = None,
        learn_from: Outcomes | None = None,
        progress: bool = True,
    ) -> PolicyReplay:
        """The replay of a policy over a table of outcomes.

        `learn_from` is what a judge by signal learns from; without it each prompt is judged by what
        the others teach. Raises TableError where the table has none of the policy's models, and
        PolicyError where tasks must be classified and no classifier was trained.
        """
        told = assumptions or Assumptions()
        models = _shared_models(outcomes, policy)
        grid = Grid.of(outcomes, models)
        if classifier is None and policy.classifier_path.is_file():
            classifier = Classifier.load(policy.classifier_path)
        on = told.on or policy.capabilities.measured
        success = None
        if policy.success_path.is_file():
            success = SuccessModel.load(policy.success_path)
        router = Router(policy, classifier, seed=0, explore=False, success=success)
        prompts = read_prompts(
            router, grid, success=success, declared=told.declared, on=on, progress=progress
        )
        other = None if learn_from is None else Grid.of(learn_from, models)
        recorded = recorded_answers(grid, told.judge, other)
        # The answers in full are what takes the room, and nobody reads them again.
        lean = replace(grid, responses=None)
        return cls(policy, lean, prompts, recorded, told, snapshot=Snapshot(today=on))

    def at(self, settings: Settings) -> Replayed:
        """What becomes of every case; thresholds that are not named stay as they are."""
        for key in settings:
            self.threshold(key)
        everyone = np.arange(len(self.case))
        return self._evaluated(everyone, settings)

    def moved(self, before: Replayed, key: str, value: float) -> Replayed:
        """The same with one threshold moved: only the cases that it concerns are looked at."""
        threshold = self.threshold(key)
        settings = {**before.settings, key: value}
        old = before.settings.get(key, threshold.value)
        cases = self.concerned(threshold, before, old, value)
        part = self._evaluated(cases, settings)
        new = {}
        for name in ("rule", "review", "chain", "node", "score", "cost", "latency"):
            values = getattr(before, name).copy()
            values[cases] = getattr(part, name)
            new[name] = values
        return Replayed(settings=settings, **new)

    def concerned(self, threshold: Threshold, at: Replayed, old: float, new: float) -> Ints:
        """Cases that may fare otherwise when a threshold goes from one value to another."""
        low, high = min(old, new), max(old, new)
        if threshold.kind == "cut" and threshold.key in self.rules.places:
            values = self.rules.values(threshold.key)[self.case]
            return np.flatnonzero((values >= low) & (values <= high))
        if threshold.kind == "confidence":
            return np.flatnonzero((self.confidence >= low) & (self.confidence <= high))
        if threshold.kind == "quality":
            return np.flatnonzero(self.task == self._task_of(threshold))
        if threshold.kind == "weight":
            mine = np.flatnonzero(self.tier == self._tier_of(threshold))
            return mine[self.chains.ranked(self.case[mine], at.rule[mine])]
        return np.zeros(0, dtype=np.int64)

    def evaluated(
        self, cases: Ints, settings: Settings, forced: Mapping[str, bool] | None = None
    ) -> Replayed:
        """What becomes of some cases, with some cuts taken for met or not met."""
        return self._evaluated(cases, settings, forced)

    def reviewed(self, fates: Replayed, cases: Mask | Ints) -> None:
        """Write into `fates` that cases go to a person."""
        told = self.assumptions
        fates.node[cases] = len(self.nodes) - 1
        fates.score[cases] = np.nan if told.review_quality is None else told.review_quality
        fates.cost[cases] = np.nan if told.review_cost is None else told.review_cost
        fates.latency[cases] = np.nan

    def under(self, *, budget_left: float, downgrade: bool) -> PolicyReplay:
        """The same replay at another state of the spend budgets: the share of the tightest that is
        left, and whether it asks for cheaper choices."""
        contexts = self._prompts.contexts.assign(budget_left=budget_left)
        return PolicyReplay(
            self.policy, self.grid, replace(self._prompts, contexts=contexts), self.recorded,
            self.assumptions,
            snapshot=Snapshot(today=self._on, budget_left=budget_left, downgrade=downgrade),
        )  # fmt: skip

    def threshold(self, key: str) -> Threshold:
        """The threshold of a key; raises TableError where the policy has none."""
        if key not in self._known:
            raise TableError(f"Policy “{self.policy.name}” has no threshold “{key}”.")
        return self._known[key]

    def floors(self, settings: Settings) -> Floats:
        """(tasks,) the quality floors."""
        tasks = self.policy.tasks.items()
        named = [(f"tasks.{name}.quality_floor", task.quality_floor) for name, task in tasks]
        return np.array([settings.get(key, value) for key, value in named], dtype=np.float64)

    def per_query(self, values: Floats) -> Floats:
        """(n,) a figure of the cases by query, the tiers weighed by their shares; NaN where it is
        not known in a tier."""
        return np.asarray(self.shares @ values.reshape(len(self.tiers), self.n))

    def notes(self) -> Sequence[str]:
        """What the replay rests on, one sentence each."""
        shares = ", ".join(f"{t} {s:.0%}" for t, s in zip(self.tiers, self.shares, strict=True))
        said = [f"Tiers are not recorded; this mix is assumed: {shares}."]
        said.append(_JUDGES[self.assumptions.judge])
        if self.missing:
            said.append(
                f"No outcomes are recorded of {', '.join(self.missing)}; what reaches them is not "
                "estimable and left out."
            )
        if self.assumptions.review_quality is None:
            said.append(
                "What a person would answer is not known; it is left out, not counted as 0."
            )
        read = {name for condition in self.policy.conditions for name in condition.fields}
        if unseen := [name for name in _UNSEEN if name in read]:
            said.append(f"Rules that read {', '.join(unseen)} see the value of a first request.")
        if "hour" in read:
            said.append(f"Every request is taken to arrive at {ARRIVES}:00 UTC.")
        if any(key.endswith(f".when.{MOST_CUTS}") for key in self._known):
            said.append(f"Of a condition's cuts only the first {MOST_CUTS} are replayed.")
        if any(task.explore or task.adapt for task in self.policy.tasks.values()):
            said.append("What is moved to keep figures fresh is left out: the rules alone decide.")
        return [*said, *self.grid.notes]

    def _task_of(self, threshold: Threshold) -> int:
        return list(self.policy.tasks).index(str(threshold.path[1]))

    def _tier_of(self, threshold: Threshold) -> int:
        return list(self.policy.tiers).index(str(threshold.path[1]))

    def _evaluated(
        self, cases: Ints, settings: Settings, forced: Mapping[str, bool] | None = None
    ) -> Replayed:
        rows = self.case[cases]
        rule = self.rules.first(rows, settings, forced)
        floor = settings.get("confidence_floor", self.policy.file.confidence_floor)
        unsure = self.confidence[cases] < floor
        review = self._is_review[rule] | unsure
        chain = self.chains.of(rows, rule, settings)
        fates = walked(
            self.recorded,
            self.chains.table,
            queries=self.query[cases],
            chains=chain,
            floors=self.floors(settings)[self.chains.task[rows]],
            deployments=len(self.policy.deployments),
        )
        found = Replayed(
            dict(settings), rule, review, chain, fates.node, fates.score, fates.cost, fates.latency
        )
        self.reviewed(found, review)
        return found


def _mix(policy: Policy, tiers: Mapping[str, float] | None) -> tuple[tuple[str, ...], Floats]:
    """The tiers that have a share, and their shares, which sum to 1."""
    wanted = dict.fromkeys(policy.tiers, 1.0) if tiers is None else tiers
    for name in wanted:
        if name not in policy.tiers:
            known = ", ".join(policy.tiers)
            raise TableError(f"Policy “{policy.name}” has no tier “{name}”; it has {known}.")
    kept = {name: share for name, share in wanted.items() if share}
    values = np.array(list(kept.values()), dtype=np.float64)
    if not len(values) or not np.isfinite(values).all() or (values < 0).any():
        raise TableError("A mix of tiers needs shares above 0.", hint="Such as standard=3,basic=1.")
    return tuple(kept), values / values.sum()


def _shared_models(outcomes: Outcomes, policy: Policy) -> list[str]:
    served = {d.model for d in policy.deployments.values()}
    models = [name for name in outcomes.models if name in served]
    if not models:
        raise TableError(
            f"The outcomes hold none of the models of policy “{policy.name}”: they have "
            f"{', '.join(sorted(outcomes.models)[:8])}, its deployments serve "
            f"{', '.join(sorted(served)[:8])}.",
            hint="Name models alike in both.",
        )
    return models
