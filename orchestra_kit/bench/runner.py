"""Runs a suite cell by cell, each in a fresh engine, and keeps every finished cell at once.

A fresh engine means that no breaker, budget or cache of one cell can colour the next, and that a
cell's result depends only on the seed, the scenario and the epoch: a run that was interrupted and
resumed gives the very table that an uninterrupted one gives. Chance that would make a sound policy
miss an expectation now and then is off: no request explores, and the simulated backend fails where
the scenario says so and nowhere else.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm.auto import tqdm

from orchestra_kit.bench.cell import Cell, cell_of, error_cell, rejected_cell
from orchestra_kit.bench.run import Run
from orchestra_kit.bench.run_journal import RunHead, RunJournal
from orchestra_kit.bench.scenario import Scenario, SuiteFile
from orchestra_kit.bench.spending import spent_before
from orchestra_kit.core.answer import Source
from orchestra_kit.core.clock import SystemClock
from orchestra_kit.core.errors import BenchError, InvalidRequestError, StoreError
from orchestra_kit.core.ids import new_id, stable_seed
from orchestra_kit.core.request import Request
from orchestra_kit.providers.faults import EVERY, Fault, FaultScript

if TYPE_CHECKING:
    from orchestra_kit.engine.orchestra import Orchestra
    from orchestra_kit.store.store import Store

__all__ = ["run_suite", "run_suite_sync"]


async def run_suite(
    suite: SuiteFile,
    orchestra: Orchestra,
    *,
    epochs: int = 1,
    seed: int | None = None,
    store: Store | Path | str | None = None,
    resume: bool = True,
    progress: bool = True,
) -> Run:
    """Every cell of the suite; see `Suite.run`."""
    if epochs < 1:
        raise BenchError(f"a suite cannot run {epochs} epochs.", hint="Ask for at least 1.")
    suite, left_out = _playable(suite, orchestra.source)
    head = _head(suite, orchestra, epochs, orchestra.seed if seed is None else seed)
    with RunJournal.open(store) as journal:
        head, done = journal.begin(head, resume=resume, left_out=left_out)
        todo = [
            (scenario, epoch)
            for epoch in range(epochs)
            for scenario in suite.scenarios
            if (scenario.id, epoch) not in done
        ]
        cells = list(done.values())
        began = orchestra.clock.now()
        for scenario, epoch in tqdm(
            todo, desc=suite.suite, unit="cell", disable=not progress, leave=False
        ):
            cell = await _run_cell(scenario, epoch, head, orchestra, began, journal)
            journal.save(head, cell)
            cells.append(cell)
        journal.finish(head)
    return Run(
        id=head.id,
        suite=suite,
        policy=head.policy,
        policy_hash=head.policy_hash,
        source=head.source,
        seed=head.seed,
        epochs=epochs,
        started=head.started,
        cells=tuple(cells),
        reused=len(done),
        left_out=left_out,
    )


def run_suite_sync(
    suite: SuiteFile,
    orchestra: Orchestra,
    *,
    epochs: int = 1,
    seed: int | None = None,
    store: Store | Path | str | None = None,
    resume: bool = True,
    progress: bool = True,
) -> Run:
    """The same on a loop of its own, so that it works inside a running one."""
    return SystemClock().run_sync(
        run_suite(
            suite,
            orchestra,
            epochs=epochs,
            seed=seed,
            store=store,
            resume=resume,
            progress=progress,
        )
    )


def _playable(suite: SuiteFile, source: Source) -> tuple[SuiteFile, tuple[str, ...]]:
    """The scenarios that a source can play, and the others: real deployments do not fail, nor
    answer late, because a suite says so."""
    if source is not Source.LIVE:
        return suite, ()
    kept = tuple(scenario for scenario in suite.scenarios if not scenario.faults)
    left_out = tuple(scenario.id for scenario in suite.scenarios if scenario.faults)
    return suite.model_copy(update={"scenarios": kept}), left_out


def _head(suite: SuiteFile, orchestra: Orchestra, epochs: int, seed: int) -> RunHead:
    started = datetime.now(UTC)
    return RunHead(
        id=new_id("run", started.timestamp()),
        suite=suite,
        policy=orchestra.policy.name,
        policy_hash=orchestra.policy.hash,
        source=orchestra.source,
        seed=seed,
        epochs=epochs,
        started=started,
    )


async def _run_cell(
    scenario: Scenario,
    epoch: int,
    head: RunHead,
    orchestra: Orchestra,
    began: datetime,
    journal: RunJournal,
) -> Cell:
    seed = stable_seed(head.seed, scenario.id, epoch)
    # On a virtual clock every request arrives when the run began: what a cell finds there must
    # not depend on how long the cells before it took.
    arrived = began if orchestra.clock.virtual else orchestra.clock.now()
    try:
        engine = orchestra.fresh(
            seed=seed,
            faults=None if head.source is Source.LIVE else _script(scenario),
            spent=spent_before(orchestra.policy, scenario.spent, orchestra.clock.now()),
            store=journal.ledger(head, orchestra.clock),
            explore=False,
        )
        async with engine:
            request = _request(scenario, _request_id(scenario, epoch, head, arrived), arrived)
            reply = await engine.clock.run(engine.handle(request))
    except InvalidRequestError as error:
        return rejected_cell(scenario, epoch, seed, orchestra.source, error)
    except StoreError:
        raise
    except Exception as error:  # noqa: BLE001 - one broken cell must not cost the others
        return error_cell(scenario, epoch, seed, orchestra.source, error)
    return cell_of(scenario, epoch, seed, reply)


def _script(scenario: Scenario) -> FaultScript:
    """The scenario's faults, and after them none: what goes wrong here is what it says, not what
    the simulated profiles would add by chance."""
    calm = Fault(kind="none")
    script: dict[str, tuple[Fault, ...]] = {EVERY: (calm,)}
    script.update({name: (*faults, calm) for name, faults in scenario.faults.items()})
    return FaultScript(script)


def _request_id(scenario: Scenario, epoch: int, head: RunHead, arrived: datetime) -> str:
    """The same in every run where that makes runs comparable, and a new one for each live send."""
    if head.source is Source.LIVE:
        return new_id("req", arrived.timestamp())
    return f"req_{scenario.id}_{epoch}"


def _request(scenario: Scenario, request_id: str, arrived: datetime) -> Request:
    sent = scenario.request
    return Request(
        id=request_id,
        text=sent.whole_text,
        tier=sent.tier,
        arrived=arrived,
        task=sent.task,
        user=sent.user,
        feature=sent.feature,
        session=sent.session,
        session_turns=sent.session_turns,
        attachments=sent.attachments,
        within=sent.within,
    )
