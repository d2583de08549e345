"""The shipped suite on the shipped policy: every scenario behaves as it says."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from orchestra_kit import Orchestra, Policy
from orchestra_kit.bench import Run, Suite
from orchestra_kit.bench.measure import measure_capabilities, pairs_of
from orchestra_kit.shipped import path

HOME = path("examples/contentforge")
CLASSES = {
    "timeout", "rate", "quota", "content", "context", "malformed", "low_quality", "slow", "server",
}  # fmt: skip


@pytest.fixture(scope="module")
def suite() -> Suite:
    return Suite.load(HOME / "suite.yaml")


@pytest.fixture(scope="module")
def run(suite: Suite) -> Run:
    with Orchestra(Policy.load(suite.policy_path), backend="simulated", seed=7) as orchestra:
        return suite.run_sync(orchestra, epochs=5, progress=False)


def test_every_scenario_behaves_as_expected(run: Run) -> None:
    misbehaving = {r.scenario.id: r.why for r in run.results if not r.holds}
    assert misbehaving == {}
    assert len(run.results) == 28


def test_every_target_of_the_suite_is_judged_and_met(run: Run) -> None:
    assert run.summary().targets_unscored == 0
    assert {r.scenario.id: r.why for r in run.failures} == {}


def test_the_suite_behaves_with_other_seeds_too(suite: Suite) -> None:
    with Orchestra(Policy.load(suite.policy_path), backend="simulated", seed=11) as orchestra:
        run = suite.run_sync(orchestra, epochs=5, progress=False)
    assert {r.scenario.id: r.why for r in run.results if not r.holds} == {}


def test_the_suite_covers_every_task_tier_ending_and_class_of_failure(suite: Suite) -> None:
    policy = Policy.load(suite.policy_path)
    scenarios = suite.scenarios
    assert {s.expect.task for s in scenarios} >= set(policy.tasks)
    assert {s.request.tier for s in scenarios} >= set(policy.tiers)
    kinds = {fault.kind for s in scenarios for faults in s.faults.values() for fault in faults}
    assert kinds >= CLASSES
    endings = {s.expect.outcome for s in scenarios}
    assert endings >= {"answered", "queued", "review", "refused", "unavailable", "rejected"}
    assert {len(s.expect.route or ()) for s in scenarios} >= {0, 1, 2, 3}


def test_a_killed_process_loses_no_finished_cell(suite: Suite, tmp_path: Path) -> None:
    names, store = ("timeout", "quota", "empty", "post-premium", "unclear"), tmp_path / "runs.db"
    code = (
        "from orchestra_kit import Orchestra, Policy\n"
        "from orchestra_kit.bench import Suite\n"
        f"suite = Suite.load({str(suite.path)!r}).only(*{names!r})\n"
        "orchestra = Orchestra(Policy.load(suite.policy_path), seed=7)\n"
        f"suite.run_sync(orchestra, epochs=20, store={str(store)!r}, progress=False)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code])
    try:
        acknowledged = _wait_for_cells(store, 10, process)
    finally:
        process.kill()
        process.wait()
    part = suite.only(*names)
    with Orchestra(Policy.load(suite.policy_path), backend="simulated", seed=7) as orchestra:
        resumed = part.run_sync(orchestra, epochs=20, store=store, progress=False)
        whole = part.run_sync(orchestra, epochs=20, progress=False)
    assert acknowledged <= resumed.reused < 100
    assert resumed.table().to_text() == whole.table().to_text()


def _wait_for_cells(store: Path, number: int, process: subprocess.Popen[bytes]) -> int:
    """Cells that the process has committed, once there are so many."""
    while process.poll() is None:
        with contextlib.suppress(sqlite3.OperationalError), closing(_reader(store)) as reader:
            found = int(reader.execute("SELECT count(*) FROM cells").fetchone()[0])
            if found >= number:
                return found
        time.sleep(0.02)
    raise AssertionError(f"the process ended by itself ({process.returncode})")


def _reader(store: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{store}?mode=ro", uri=True)


def test_the_shipped_capabilities_are_those_that_a_measurement_gives(tmp_path: Path) -> None:
    policy = Policy.load(HOME)
    shipped = policy.capabilities
    assert {(d, t) for d, tasks in shipped.cells.items() for t in tasks} == set(pairs_of(policy))
    found = measure_capabilities(policy, n=200, seed=7, on=shipped.measured)
    found.write(tmp_path / "capabilities.yaml")
    written = (tmp_path / "capabilities.yaml").read_bytes()
    assert written == (HOME / "capabilities.yaml").read_bytes()
