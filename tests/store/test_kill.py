"""kill -9 at any moment: nothing that was acknowledged is lost, and the store is sound.

`ORCHESTRA_KILL_TRIALS` says how often (20 by default; no loss in n trials shows, at 95 %, a rate
of less than 3/n). A loss of power cannot be tried this way: there, SQLite's own proof has to do.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

from sqlalchemy import select

from orchestra_kit.store import schema
from orchestra_kit.store.store import Store

TRIALS = int(os.environ.get("ORCHESTRA_KILL_TRIALS", "20"))
ROOT = Path(__file__).resolve().parents[2]


def _kill_at_random(writer: subprocess.Popen[str], folder: Path, chance: random.Random) -> None:
    """Have a store written, and kill the writer at some moment after its first acknowledgement."""
    assert writer.stdin is not None
    assert writer.stdout is not None
    writer.stdin.write(f"{folder}\n")
    writer.stdin.flush()
    child = int(writer.stdout.readline())
    acknowledged = folder / "acknowledged"
    patience = time.monotonic() + 30
    while not (acknowledged.exists() and acknowledged.stat().st_size):
        assert time.monotonic() < patience, "the writer never acknowledged anything"
        time.sleep(0.002)
    time.sleep(chance.uniform(0, 0.08))
    os.kill(child, signal.SIGKILL)
    assert writer.stdout.readline() == "gone\n"


def _acknowledged(folder: Path) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for line in (folder / "acknowledged").read_text().splitlines():
        what, request_id = line.split()
        found[what].add(request_id)
    return found


def _check(folder: Path) -> int:
    """That the store holds everything acknowledged; returns how much that was."""
    acknowledged = _acknowledged(folder)
    columns = schema.attempts.c
    with Store.open(folder / "store.db", read_only=True) as store:
        left = store.rows(select(columns.request_id).where(columns.state == "sending"))
    with Store.open(folder / "store.db") as store:
        assert store.check() == ()
        attempts = {
            row.request_id: row.outcome
            for row in store.rows(select(columns.request_id, columns.outcome))
        }
        assert acknowledged["begin"] <= attempts.keys()
        answered = {name for name, outcome in attempts.items() if outcome == "answered"}
        assert acknowledged["finish"] <= answered
        requests = {row.id for row in store.rows(select(schema.requests.c.id))}
        decisions = {row.request_id for row in store.rows(select(schema.decisions.c.request_id))}
        assert acknowledged["record"] <= requests
        assert requests == decisions, "a request and its decision are one transaction"
        assert store.recovered == len(left) <= 8
        assert {name for name, outcome in attempts.items() if outcome == "unknown"} == {
            row.request_id for row in left
        }
    return sum(map(len, acknowledged.values()))


def test_nothing_acknowledged_is_lost_when_the_writer_is_killed(tmp_path, template):
    chance = random.Random(20_261_123)
    total = 0
    writer = subprocess.Popen(
        [sys.executable, "-m", "tests.store.killed_writer"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    with writer:
        for trial in range(TRIALS):
            folder = tmp_path / f"trial-{trial}"
            folder.mkdir()
            shutil.copy(template, folder / "store.db")
            _kill_at_random(writer, folder, chance)
            total += _check(folder)
            shutil.rmtree(folder)
    assert total >= TRIALS
