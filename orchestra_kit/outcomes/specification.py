"""Specification against measurement: what a policy asks and expects of its models, and what was
recorded of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar

import pandas as pd

from orchestra_kit.core.answer import Source
from orchestra_kit.core.display import Shown, Table
from orchestra_kit.core.errors import TableError
from orchestra_kit.outcomes.expected_cells import capability_of
from orchestra_kit.outcomes.matrix_cell import middle_moment
from orchestra_kit.outcomes.model_profile import listed
from orchestra_kit.outcomes.policy_pairs import pairs_in_use, pairs_of
from orchestra_kit.outcomes.specification_checks import (
    Check,
    Verdict,
    corrected,
    expectations,
    targets,
)
from orchestra_kit.policy.capabilities import Capabilities, Capability
from orchestra_kit.policy.policy import Policy

__all__ = ["Specification"]

_COLUMNS = ("task", "deployment", "in use", "n", "quality", "p90 latency", "cost",
            "than expected")  # fmt: skip
_HIT = {Verdict.MEETS: "✓", Verdict.MISSES: "✗", Verdict.TOO_LITTLE: "?", Verdict.UNKNOWN: "–"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Specification(Shown):
    """A policy held against recorded outcomes, one check a stated figure.

    Targets are the criteria of a task (``must``), expectations the policy's capabilities and
    prices. A verdict is one of what is *shown*: 95 % after Holm's correction for all targets, and
    apart from them for all expectations.
    """

    _hidden: ClassVar[frozenset[str]] = frozenset({"checks", "revision"})

    policy: str
    version: str
    """The policy's content hash."""
    source: Source
    checks: tuple[Check, ...]
    answers: tuple[tuple[str, str, int], ...]
    """Deployment, task and number of answers, for each pair that has any."""
    absent: tuple[str, ...]
    """Pairs in use, as ``deployment at task``, of which nothing was recorded."""
    revision: Capabilities | None
    """What the policy may expect from now on; None where nothing can be expected."""

    @classmethod
    def measure(cls, answers: pd.DataFrame, policy: Policy, source: Source) -> Specification:
        """Hold a policy against answers, each with its ``cluster``; see `Matrix.against`.

        A deployment's answers are those of its model, by the policy's name or as it is served.
        Raises TableError where the two share no model and task.
        """
        used = pairs_in_use(policy)
        asked: list[Check] = []
        hoped: list[Check] = []
        seen: dict[tuple[str, str], pd.DataFrame] = {}
        for deployment, task in pairs_of(policy):
            rows = _rows(answers, policy, deployment, task)
            if rows.empty:
                continue
            seen[deployment, task] = rows
            blank = Check(
                deployment=deployment,
                model=policy.deployments[deployment].model,
                task=task,
                in_use=(deployment, task) in used,
                figure="quality",
                kind="target",
                stated=0.0,
                measured=None,
                p=None,
                verdict=Verdict.UNKNOWN,
            )
            asked += targets(rows, policy.tasks[task].must, blank)
            expected = policy.capabilities.cell(deployment, task)
            hoped += expectations(rows, expected, policy.prices, blank)
        if not seen:
            raise TableError(
                "The outcomes and the policy share no model and task.",
                hint="Name models and tasks in the table as the policy does.",
            )
        return cls(
            policy=policy.name,
            version=policy.hash,
            source=source,
            checks=(*corrected(asked), *corrected(hoped)),
            answers=tuple((*pair, len(rows)) for pair, rows in seen.items()),
            absent=tuple(f"{d} at {t}" for d, t in pairs_of(policy) if (d, t) in used - set(seen)),
            revision=_revision(policy, seen, source),
        )

    @property
    def targets(self) -> tuple[Check, ...]:
        """The checks of the tasks' criteria."""
        return tuple(check for check in self.checks if check.kind == "target")

    @property
    def missed(self) -> tuple[Check, ...]:
        """The targets that are shown missed by a deployment that the policy uses for the task."""
        return tuple(c for c in self.targets if c.in_use and c.verdict is Verdict.MISSES)

    @property
    def surprises(self) -> tuple[Check, ...]:
        """The expectations from which a difference is shown, better or worse."""
        both = (Verdict.BETTER, Verdict.WORSE)
        return tuple(c for c in self.checks if c.verdict in both)

    def finding(self) -> str:
        """What is shown of the targets in use, in one sentence."""
        mine = [check for check in self.targets if check.in_use]
        count = {v: sum(check.verdict is v for check in mine) for v in Verdict}
        told = [
            f"{count[verdict]} {words}"
            for verdict, words in (
                (Verdict.MISSES, "shown missed"),
                (Verdict.MEETS, "shown met"),
                (Verdict.TOO_LITTLE, "open for want of data"),
                (Verdict.UNKNOWN, "not measured"),
            )
            if count[verdict]
        ]
        if not mine:
            return "No target of a pair in use could be checked"
        return f"Of {len(mine)} targets in use " + ", ".join(told)

    def sentences(self) -> tuple[str, ...]:
        """Each target in use that is shown missed, each surprise, and what was not recorded."""
        said = [
            f"{c.deployment} at {c.task} is shown to miss its {c.figure}: {c.seen()}, {c.limit()}."
            for c in self.missed
        ]
        said += [
            f"{c.deployment} at {c.task} is {c.verdict.value} in {c.figure}: "
            f"{c.seen()}, expected {c.stated_text()}."
            for c in self.surprises
        ]
        if self.absent:
            said.append(f"In use, but nothing was recorded of {listed(self.absent)}.")
        return tuple(said)

    def revised(self) -> Capabilities:
        """The policy's capabilities with the measured cells in the place of what was expected.

        A cell that was not measured is kept where the policy's figures are of the same source, and
        left out elsewhere, since sources are never mixed; the date is then the older one. Write it
        with `Capabilities.write`. Raises TableError where no cell could be measured.
        """
        if self.revision is None:
            raise TableError(
                "No cell can be revised: it takes two scored answers and their seconds.",
                hint="Record more answers.",
            )
        return self.revision

    def table(self) -> Table:
        """One row a pair of deployment and task: ✓ meets, ✗ misses, ? open, – not measured."""
        rows = []
        for deployment, task, n in self.answers:
            mine = [c for c in self.checks if (c.deployment, c.task) == (deployment, task)]
            asked = [f"{_HIT[c.verdict]} {c.seen()}, {c.limit()}" for c in mine
                     if c.kind == "target"]  # fmt: skip
            shown = [c for c in mine if c in self.surprises]
            surprise = "; ".join(f"{c.figure} {c.verdict.value.split()[0]}" for c in shown)
            used = "yes" if mine[0].in_use else "–"
            rows.append((task, deployment, used, f"{n:,}", *asked, surprise or "–"))
        return Table(_COLUMNS, rows, title=f"{self.finding()}. {self._how()}", right=frozenset("n"))

    def to_text(self) -> str:
        """The table, and below it what is shown."""
        return "\n".join([self.table().to_text(), *self.sentences()])

    def to_dict(self) -> dict[str, Any]:
        """The checks as JSON knows them, with the finding and the sentences."""
        return {
            "policy": self.policy,
            "version": self.version,
            "source": self.source.value,
            "finding": self.finding(),
            "sentences": list(self.sentences()),
            "missed": len(self.missed),
            "absent": list(self.absent),
            "checks": [{**check.to_dict(), "words": check.words()} for check in self.checks],
        }

    def _how(self) -> str:
        return (
            f"Policy {self.policy}, version {self.version}; {self.source.value} outcomes; verdicts "
            f"at 95 % after Holm's correction for {len(self.targets)} targets, "
            "intervals without it."
        )


def _rows(answers: pd.DataFrame, policy: Policy, deployment: str, task: str) -> pd.DataFrame:
    """The answers of a deployment's model at a task."""
    serving = policy.deployments[deployment]
    here = answers[answers["task"] == task]
    for name in (serving.model, serving.served_as, deployment):
        rows = here[here["model"] == name]
        if name and not rows.empty:
            return rows
    return here.iloc[:0]


def _revision(
    policy: Policy, seen: dict[tuple[str, str], pd.DataFrame], source: Source
) -> Capabilities | None:
    cells: dict[str, dict[str, Capability]] = {}
    dates: list[date] = []
    for (deployment, task), rows in seen.items():
        cell = capability_of(rows)
        if cell is not None:
            cells.setdefault(deployment, {})[task] = cell
            middle = middle_moment(rows)
            dates += [middle.date()] if middle else []
    if not cells:
        return None
    old = policy.capabilities
    kept = 0
    if old.source == source.value:
        for deployment, tasks in old.cells.items():
            for task, cell in tasks.items():
                if task not in cells.get(deployment, {}):
                    cells.setdefault(deployment, {})[task] = cell
                    kept += 1
    if kept or not dates:
        # Evidence without a date is no newer than what it revises.
        dates.append(old.measured)
    count = sum(len(rows) for rows in seen.values())
    how = f"computed from {count} {source.value} outcomes; n counts scored answers"
    kept_words = f"; {kept} cells kept from {old.measured}" if kept else ""
    return Capabilities(
        source=source.value,
        measured=min(dates),
        how=how + kept_words,
        cells=_ordered(policy, cells),
    )


def _ordered(
    policy: Policy, cells: dict[str, dict[str, Capability]]
) -> dict[str, dict[str, Capability]]:
    """In the order of the policy, whatever was measured first."""

    def place(names: Sequence[str], name: str) -> int:
        return names.index(name) if name in names else len(names)

    deployments, tasks = list(policy.deployments), list(policy.tasks)
    return {
        deployment: dict(sorted(cells[deployment].items(), key=lambda c: place(tasks, c[0])))
        for deployment in sorted(cells, key=lambda d: place(deployments, d))
    }
