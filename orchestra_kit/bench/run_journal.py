"""What a run of a suite keeps in the store while it goes on, and how it is found again.

The run's row holds the suite as it was; each finished cell is committed before the next begins. A
run that was cut short is therefore at most one cell behind, and can tell whether the suite that
is to go on is still the one that was begun.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

from orchestra_kit.bench.cell import Cell
from orchestra_kit.bench.run import Run
from orchestra_kit.bench.scenario import SuiteFile
from orchestra_kit.core.answer import Source
from orchestra_kit.core.clock import Clock
from orchestra_kit.core.errors import BenchError
from orchestra_kit.store.ledger import Ledger
from orchestra_kit.store.runs import StoredRun
from orchestra_kit.store.store import Store

__all__ = ["RunHead", "RunJournal", "stored_run"]

CellKey = tuple[str, int]
"""Scenario and epoch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunHead:
    """What identifies a run before it has cells."""

    id: str
    suite: SuiteFile
    policy: str
    policy_hash: str
    source: Source
    seed: int
    epochs: int
    started: datetime

    def continues(self, stored: StoredRun) -> bool:
        """Whether a stored run asked the same, apart from what its suite says."""
        return (
            stored.name == self.suite.suite
            and stored.policy_hash == self.policy_hash
            and stored.source is self.source
            and stored.seed == self.seed
            and stored.parameters.get("epochs") == self.epochs
        )


class RunJournal:
    """The store of one run, or nothing where none was asked for."""

    def __init__(self, store: Store | None, *, owned: bool) -> None:
        self._store = store
        self._owned = owned

    @classmethod
    def open(cls, where: Store | Path | str | None) -> RunJournal:
        """A journal in an open store, in one that is opened for it, or in none."""
        if where is None or isinstance(where, Store):
            return cls(where, owned=False)
        return cls(Store.open(where), owned=True)

    def begin(
        self, head: RunHead, *, resume: bool, left_out: tuple[str, ...] = ()
    ) -> tuple[RunHead, dict[CellKey, Cell]]:
        """The run to fill and the cells that it has: a new one, or one that was cut short.

        Raises BenchError where that one was begun with another version of the suite.
        """
        if self._store is None:
            return head, {}
        if resume:
            for stored in self._store.runs("suite"):
                if stored.state == "running" and head.continues(stored):
                    _refuse_if_edited(head.suite, stored)
                    done = (Cell.from_dict(cell.result) for cell in self._store.cells(stored.id))
                    resumed = replace(head, id=stored.id, started=stored.started)
                    return resumed, {(cell.scenario, cell.epoch): cell for cell in done}
        run_id = self._store.start_run(
            "suite",
            name=head.suite.suite,
            policy=head.policy,
            policy_hash=head.policy_hash,
            source=head.source,
            seed=head.seed,
            parameters={
                "epochs": head.epochs,
                "left_out": list(left_out),
                "suite": _written(head.suite),
            },
        )
        return replace(head, id=run_id), {}

    def save(self, head: RunHead, cell: Cell) -> None:
        """Keep a finished cell; it is committed when this returns."""
        if self._store is not None:
            self._store.save_cell(
                head.id, cell.scenario, cell.epoch, passed=cell.holds, result=cell.to_dict()
            )

    def finish(self, head: RunHead) -> None:
        """Note that every cell ran."""
        if self._store is not None:
            self._store.finish_run(head.id)

    def ledger(self, head: RunHead, clock: Clock) -> Ledger | None:
        """Where the sends of this run are noted one by one: in the store when they cost money."""
        if self._store is None or head.source is not Source.LIVE:
            return None
        return self._store.ledger(head.id, head.source, clock)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._owned and self._store is not None:
            self._store.close()


def stored_run(store: Store, run_id: str | None = None) -> Run:
    """A run of a suite as the store has it; the latest one without `run_id`.

    Raises BenchError where there is none.
    """
    for stored in store.runs("suite"):
        if run_id in (None, stored.id):
            return Run(
                id=stored.id,
                suite=SuiteFile.model_validate(stored.parameters["suite"]),
                policy=stored.policy,
                policy_hash=stored.policy_hash,
                source=stored.source,
                seed=stored.seed,
                epochs=int(cast(int, stored.parameters["epochs"])),
                started=stored.started,
                cells=tuple(Cell.from_dict(cell.result) for cell in store.cells(stored.id)),
                left_out=tuple(cast(list[str], stored.parameters.get("left_out", []))),
            )
    what = "no suite run" if run_id is None else f"no suite run {run_id}"
    raise BenchError(f"the store {store.place} holds {what}.", hint="Run a suite with --store.")


def _written(suite: SuiteFile) -> dict[str, Any]:
    return suite.model_dump(mode="json", by_alias=True)


def _refuse_if_edited(suite: SuiteFile, stored: StoredRun) -> None:
    begun = SuiteFile.model_validate(cast(Mapping[str, object], stored.parameters["suite"]))
    before = {scenario.id: scenario.digest for scenario in begun.scenarios}
    now = {scenario.id: scenario.digest for scenario in suite.scenarios}
    said = []
    for word, names in (
        ("changed", [n for n in now if n in before and now[n] != before[n]]),
        ("added", [n for n in now if n not in before]),
        ("removed", [n for n in before if n not in now]),
    ):
        if names:
            said.append(f"{word}: {', '.join(names)}")
    if said:
        raise BenchError(
            f"suite {suite.suite} was edited since run {stored.id} was cut short "
            f"({'; '.join(said)}).",
            hint="Undo the edit to go on with it, or begin anew with resume=False.",
        )
