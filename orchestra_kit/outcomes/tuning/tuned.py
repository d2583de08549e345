"""Tuning from end to end: split, search on one part, judge on the other, save as a version.

Prompts are split by their hash. What is reported comes from a part that the search never saw, and
the hash of that part is kept with the result, so that tuning on it again would be noticed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from orchestra_kit.core.display import Table, plain
from orchestra_kit.core.errors import PolicyError, TableError
from orchestra_kit.core.ids import content_hash
from orchestra_kit.outcomes.prompt_key import prompt_key
from orchestra_kit.outcomes.statistics import Evidence
from orchestra_kit.outcomes.table import Outcomes
from orchestra_kit.outcomes.tuning.goal import Goal
from orchestra_kit.outcomes.tuning.policy_replay import Assumptions, PolicyReplay
from orchestra_kit.outcomes.tuning.search import Visited, searched
from orchestra_kit.outcomes.tuning.traffic import TrafficChange, traffic_change
from orchestra_kit.outcomes.tuning.verdict import Verdict, judged
from orchestra_kit.policy.difference import difference_in_words
from orchestra_kit.policy.editing import Settings, edited, with_settings
from orchestra_kit.policy.policy import Policy
from orchestra_kit.routing.classification import Classifier
from orchestra_kit.store.whole_files import whole_file

__all__ = ["REPORT_SHARE", "Parts", "Tuned", "save_version", "split_parts", "tune"]

REPORT_SHARE = 0.4
"""Of the prompts, kept out of the search."""
_RESAMPLES = 4_000


@dataclass(frozen=True, eq=False)
class Parts:
    """The two replays of one policy: the part to tune on, and the part to report on."""

    tuning: PolicyReplay
    report: PolicyReplay
    report_hash: str
    """Of the report part's prompts, whatever their order."""
    seed: int

    @property
    def prompts(self) -> int:
        """How many prompts the report part has."""
        return len(np.unique(self.report.clusters))

    def judged(self, goal: Goal, settings: Settings) -> Verdict:
        """The verdict on settings, on the report part."""
        return judged(
            self.report, goal, self.report.today, self.report.at(settings), seed=self.seed
        )

    def changes(
        self, settings: Settings, requests_per_week: float
    ) -> tuple[TrafficChange, TrafficChange]:
        """What settings change on the tuning part and on the report part."""
        return tuple(
            traffic_change(
                part, part.today, part.at(settings), requests_per_week=requests_per_week,
                resamples=_RESAMPLES, seed=self.seed,
            )
            for part in (self.tuning, self.report)
        )  # type: ignore[return-value]  # fmt: skip


@dataclass(frozen=True, eq=False, kw_only=True)
class Tuned:
    """What tuning found. `save` writes it as a version of its own."""

    policy: Policy
    """As it is today."""
    goal: Goal
    settings: Settings
    """The thresholds that change; empty where nothing better was found."""
    words: tuple[str, ...]
    """The changes of the policy, one sentence each."""
    tuning: TrafficChange
    """On the part that was searched; rosy, for the settings were chosen there."""
    report: TrafficChange
    """On the part that the search never saw."""
    verdict: Verdict
    report_hash: str
    version: str
    """Content hash of the tuned policy."""
    finished: bool
    """Whether the search came to its end."""
    notes: tuple[str, ...]
    visited: tuple[Visited, ...] = ()
    seed: int = 0

    @property
    def improved(self) -> bool:
        """Whether the report part shows that the goal is reached."""
        return self.verdict.word is Evidence.SHOWS

    def sentence(self) -> str:
        """The finding in one sentence."""
        if not self.settings:
            return (
                f"No evidence that other thresholds are better ({self.goal.sentence()}): the "
                "search found none that keep what must be kept."
            )
        word = {
            Evidence.SHOWS: "The report part shows that the goal is reached",
            Evidence.SUGGESTS: "The report part suggests that the goal is reached",
            Evidence.NONE: "No evidence on the report part that the goal is reached",
            Evidence.TOO_LITTLE: "Not enough data to say whether the goal is reached",
        }[self.verdict.word]
        why = f": {self.verdict.reason}" if self.verdict.reason else ""
        return f"{word} ({self.goal.sentence()}){why}."

    def table(self) -> Table:
        """The report part's figures, and beside them the change on the part that was searched."""
        report, tuning = self.report.table(), self.tuning.table()
        rows = [
            (*row, other[-1]) for row, other in zip(report.rows, tuning.rows, strict=True)
        ]  # fmt: skip
        columns = (*report.columns, "change on the tuning part")
        return Table(columns, rows, title=f"Report part: {report.title}",
                     right=frozenset(columns[1:]))  # fmt: skip

    def to_text(self) -> str:
        """The finding, what changes, and what it rests on."""
        parts = [self.sentence()]
        parts += [f"  {line}" for line in self.words]
        if self.settings:
            parts += ["", self.table().to_text(), "", self.report.flip_table().to_text()]
        return "\n".join([*parts, "", *self.notes])

    def to_dict(self) -> dict[str, object]:
        """The result as JSON knows it; what is unknown is null."""
        found = {
            "verdict": self.verdict.to_dict(), "sentence": self.sentence(),
            "goal": self.goal.to_dict(), "policy": self.policy.name,
            "before": self.policy.hash, "after": self.version, "settings": dict(self.settings),
            "changes": self.words, "tuning": self.tuning.to_dict(),
            "report": self.report.to_dict(), "report_hash": self.report_hash,
            "seed": self.seed, "finished": self.finished, "notes": self.notes,
        }  # fmt: skip
        result = _without_nan(plain(found))
        assert isinstance(result, dict)
        return result

    def save(self, path: Path | str, *, overwrite: bool = False) -> Policy:
        """Write the tuned policy as a file of its own beside the old one, and what it rests on
        beside that, as ``NAME.tuning.json``; gives the new policy.

        Raises PolicyError where nothing is to be saved, where the file would stand elsewhere than
        the policy's other files, or would replace the policy itself; StoreError where there is a
        file already and `overwrite` does not allow it.
        """
        if not self.settings:
            raise PolicyError("There is nothing to save: no threshold changes.")
        return save_version(
            self.policy, self.settings, path, overwrite=overwrite, record=self.to_dict()
        )

    def __repr__(self) -> str:
        return f"Tuned({self.policy.name!r}: {self.verdict.word}, {len(self.settings)} changes)"

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        import html

        lines = "".join(f"<li>{html.escape(line)}</li>" for line in self.words)
        notes = html.escape(" ".join(self.notes))
        tables = f"{self.table().to_html()}{self.report.flip_table().to_html()}"
        shown = tables if self.settings else ""
        return {
            "text/plain": self.to_text(),
            "text/html": f"<p><b>{html.escape(self.sentence())}</b></p><ul>{lines}</ul>{shown}"
            f"<p style='font-size:85%'>{notes}</p>",
        }


def split_parts(
    outcomes: Outcomes,
    policy: Policy,
    assumptions: Assumptions | None = None,
    *,
    classifier: Classifier | None = None,
    report_share: float = REPORT_SHARE,
    seed: int = 0,
    progress: bool = True,
) -> Parts:
    """The replays of the tuning part and of the report part, split by the prompts' hash.

    A judge by signal learns from the tuning part alone. Raises as `PolicyReplay.of` does, and
    TableError where a part would be empty.
    """
    tuning, report = outcomes.split(report_share, seed=seed)
    told = assumptions or Assumptions()
    learn = tuning if told.judge == "signal" else None
    return Parts(
        PolicyReplay.of(tuning, policy, told, classifier=classifier, progress=progress),
        PolicyReplay.of(
            report, policy, told, classifier=classifier, learn_from=learn, progress=progress
        ),
        content_hash(sorted(set(map(prompt_key, report.frame["prompt"])))),
        seed,
    )


def tune(
    outcomes: Outcomes,
    policy: Policy,
    goal: Goal,
    assumptions: Assumptions | None = None,
    *,
    keys: Sequence[str] | None = None,
    classifier: Classifier | None = None,
    report_share: float = REPORT_SHARE,
    requests_per_week: float = 10_000,
    seed: int = 0,
    progress: bool = True,
) -> Tuned:
    """Search a policy's thresholds for a goal and judge what was found on prompts kept apart.

    `keys` names the thresholds to move; all that may be where left out. Interrupted, it gives the
    best found until then. Raises TableError where the goal's figures are not recorded.
    """
    parts = split_parts(
        outcomes, policy, assumptions, classifier=classifier, report_share=report_share,
        seed=seed, progress=progress,
    )  # fmt: skip
    _refuse_unknown(parts.tuning, goal)
    found = searched(
        parts.tuning, goal, keys=keys, judged_on=parts.prompts, seed=seed, progress=progress
    )
    new = with_settings(policy, found.settings)
    tuning, report = parts.changes(found.settings, requests_per_week)
    stopped = () if found.finished else ("The search was stopped; this is the best until then.",)
    return Tuned(
        policy=policy,
        goal=goal,
        settings=found.settings,
        words=difference_in_words(policy, new),
        tuning=tuning,
        report=report,
        verdict=parts.judged(goal, found.settings),
        report_hash=parts.report_hash,
        version=new.hash,
        finished=found.finished,
        notes=(*stopped, *parts.report.notes()),
        visited=found.visited,
        seed=seed,
    )


def save_version(
    policy: Policy,
    settings: Settings,
    path: Path | str,
    *,
    overwrite: bool = False,
    record: Mapping[str, object] | None = None,
) -> Policy:
    """Write the policy with other thresholds as a file of its own; see `Tuned.save`."""
    target = Path(path)
    if target.resolve() == policy.path.resolve():
        raise PolicyError(
            f"{target} is the policy that is being tuned;", hint="save the version beside it."
        )
    if target.resolve().parent != policy.folder.resolve():
        raise PolicyError(
            f"{target} would stand apart from the policy's prices and tasks;",
            hint=f"save it in {policy.folder}.",
        )
    text = edited(policy, settings)
    expected = with_settings(policy, settings).hash
    with whole_file(target, replace=overwrite) as beside:
        beside.write_text(text, encoding="utf-8")
        if Policy.load(beside).hash != expected:
            raise PolicyError(
                f"{policy.path} could not be edited as meant;", hint="edit it by hand."
            )
    if record is not None:
        told = target.with_suffix(".tuning.json")
        with whole_file(told, replace=True) as beside:
            beside.write_text(json.dumps(record, ensure_ascii=False, indent=2) + "\n", "utf-8")
    return Policy.load(target)


def _refuse_unknown(replay: PolicyReplay, goal: Goal) -> None:
    counted = ~np.isnan(replay.per_query(replay.today.score))
    if not counted.any():
        person = float(replay.today.review.mean())
        raise TableError(
            "What the policy does today is not estimable for any recorded query "
            f"({person:.0%} of the requests go to a person).",
            hint="Say that senders declare their task, or record the models that it uses.",
        )
    for measure in {goal.measure, *(keep.measure for keep in goal.keep)}:
        if np.isnan(replay.per_query(getattr(replay.today, measure))[counted]).any():
            raise TableError(
                f"The {'quality' if measure == 'score' else measure} of some recorded answers is "
                "not known.",
                hint="Choose another goal, or leave those outcomes out.",
            )


def _without_nan(value: object) -> object:
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_nan(item) for item in value]
    return value
