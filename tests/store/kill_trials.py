"""kill -9, again and again: is anything lost that was acknowledged, is any store unsound?

``python -m tests.store.kill_trials 1000`` tries it by hand and prints what came of it. Trials die
at every labelled point of `crash_points` in turn, and in between at a moment that chance chooses.
A loss of power cannot be tried this way: there, SQLite's own proof has to do.
"""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from orchestra_kit.core.errors import StoreError
from orchestra_kit.store import schema
from orchestra_kit.store.store import Store
from tests.store.crash_points import POINTS, UPGRADING
from tests.store.killed_writer import AT_ONCE, BATCH
from tests.store.old_stores import COUNT, bring_to, engine_of, fill
from tests.store.processes import ROOT
from tests.store.values import START

LATEST = 0.08
"""Seconds after its first acknowledgement within which a writer is killed."""

_MOST_PASSES = {"a new table": 4, "a new column": 15}


@dataclass
class Trial:
    """What came of one kill."""

    point: str
    """Where the writer died; empty for a random moment."""
    acknowledged: int
    lost: int
    problems: list[str]
    """What is unsound about the store; empty for nothing."""


def trials(count: int, folder: Path, seed: int) -> Iterator[Trial]:
    """Kill a writer so often, and look at what it left."""
    chance = random.Random(seed)
    new, old = folder / "new.db", folder / "old.db"
    Store.open(new).close()
    engine = engine_of(str(old))
    with engine.begin() as connection:
        bring_to(connection, "0001")
        fill(connection)
    engine.dispose()
    writer = subprocess.Popen(
        [sys.executable, "-m", "tests.store.killed_writer"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    with writer:
        for number in range(count):
            place = folder / f"trial-{number}"
            place.mkdir()
            point = _point(number)
            shutil.copy(old if point in UPGRADING else new, place / "store.db")
            _kill(writer, place, point, chance)
            yield _looked_at(place, point)
            shutil.rmtree(place)


def _point(number: int) -> str:
    """Every labelled point once, then labelled and random ones by turns."""
    if number < len(POINTS):
        return POINTS[number]
    return POINTS[number // 2 % len(POINTS)] if number % 2 else ""


def _kill(writer: subprocess.Popen[str], place: Path, point: str, chance: random.Random) -> None:
    assert writer.stdin is not None
    assert writer.stdout is not None
    nth = chance.randint(1, _MOST_PASSES.get(point.split(" ", 1)[-1], 3))
    writer.stdin.write(f"{place}\t{point or '-'}\t{nth}\n")
    writer.stdin.flush()
    child = int(writer.stdout.readline())
    if not point:
        _wait_for_acknowledgement(place / "acknowledged")
        time.sleep(chance.uniform(0, LATEST))
        subprocess.run(["kill", "-9", str(child)], check=True)
    ended = int(writer.stdout.readline())
    assert ended == -signal.SIGKILL, f"the writer ended by {ended} and never passed {point}"


def _wait_for_acknowledgement(file: Path) -> None:
    patience = time.monotonic() + 30
    while not (file.exists() and file.stat().st_size):
        assert time.monotonic() < patience, "the writer never acknowledged anything"
        time.sleep(0.002)


def _looked_at(place: Path, point: str) -> Trial:
    acknowledged = _acknowledged(place / "acknowledged")
    trial = Trial(point, sum(map(len, acknowledged.values())), 0, [])
    try:
        with Store.open(place / "store.db") as store:
            trial.problems += store.check()
            trial.problems += _unsound(store, upgraded=point in UPGRADING)
            trial.lost = _lost(store, acknowledged)
    except StoreError as error:
        trial.problems.append(str(error))
    return trial


def _acknowledged(file: Path) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for line in file.read_text().splitlines() if file.exists() else ():
        what, name = line.split()
        found[what].add(name)
    return found


def _lost(store: Store, acknowledged: dict[str, set[str]]) -> int:
    """How much of what was acknowledged is not in the store."""
    attempts, requests = schema.attempts.c, schema.requests.c
    ended = {row.request_id for row in store.rows(select(attempts.request_id).where(
        attempts.outcome == "answered"))}  # fmt: skip
    there = {
        "begin": {row.request_id for row in store.rows(select(attempts.request_id))},
        "finish": ended,
        "record": {row.id for row in store.rows(select(requests.id))},
        "queue": {row.request_id for row in store.rows(select(schema.queue.c.request_id))},
        "notice": {row.message for row in store.rows(select(schema.notices.c.message))},
        "incident": {row.id for row in store.rows(select(schema.incidents.c.id))},
        "day": {row.run_id for row in store.rows(select(schema.days.c.run_id))},
    }
    return sum(len(names - there[what]) for what, names in acknowledged.items())


def _unsound(store: Store, *, upgraded: bool) -> Iterator[str]:
    """What must never be so, whenever the writer died."""
    requests = {row[0] for row in store.rows(select(schema.requests.c.id))}
    decisions = {row[0] for row in store.rows(select(schema.decisions.c.request_id))}
    if not upgraded and requests != decisions:
        yield "a request and its decision are one transaction"
    marked = select(schema.days.c.run_id).where(schema.days.c.day == START.date())
    for row in store.rows(marked.where(schema.days.c.requests == BATCH)):
        if store.count_requests(row.run_id) != BATCH:
            yield "a day is marked that is not whole"
    sending = select(schema.attempts.c.id).where(schema.attempts.c.state == "sending")
    if store.rows(sending):
        yield "a send is on its way for ever"
    if store.recovered > AT_ONCE:
        yield "more sends were cut off than were on their way"
    if upgraded:
        for name in ("requests", "attempts", "notices", "runs"):
            if len(store.rows(select(schema.metadata.tables[name].c.id))) < COUNT:
                yield f"rows of {name} are missing after the upgrade"


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    began = time.monotonic()
    acknowledged = lost = corrupt = labelled = 0
    with tempfile.TemporaryDirectory() as folder:
        for number, trial in enumerate(trials(count, Path(folder), seed=20_261_123), 1):
            acknowledged += trial.acknowledged
            lost += trial.lost
            corrupt += bool(trial.problems)
            labelled += bool(trial.point)
            for problem in trial.problems:
                _say(f"trial {number}, {trial.point or 'at random'}: {problem}")
            if number % 100 == 0:
                _say(f"{number} trials, {time.monotonic() - began:.0f} s")
    _say(
        f"{count} trials ({labelled} at {len(POINTS)} labelled points, {count - labelled} at "
        f"random), {acknowledged:,} acknowledged rows, {lost} lost, {corrupt} corrupt stores. "
        f"No loss in n trials bounds its rate below 3/n = {3 / count:.2%} (95 %)."
    )
    sys.exit(bool(lost or corrupt))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
