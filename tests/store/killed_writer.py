"""Writes to stores until it is killed, and notes every acknowledgement where a kill cannot reach.

Reads folders from its input, each with a point of `crash_points` and how often to pass it, or
``- 0``. For each it forks a child that opens ``store.db`` there, notes requests, eight at a time,
closes it and begins anew. It answers with the child's pid, and with the signal that ended it. The
child's ``acknowledged`` file is written without a buffer, so that its lines outlive the child.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path

from orchestra_kit.core.answer import Source
from orchestra_kit.core.clock import SystemClock
from orchestra_kit.store.ledger import Ledger
from orchestra_kit.store.store import Store
from tests.store.crash_points import arm
from tests.store.values import (
    START,
    a_batch,
    a_notice,
    a_reply,
    a_request,
    an_attempt,
    an_entry,
    an_incident,
    an_intent,
    started_run,
)

AT_ONCE = 8
EACH = 3
BATCH = 20
LONGEST = 30
"""Seconds after which a child that nobody killed ends itself, by another signal."""


def write_until_killed(folder: Path) -> None:
    acknowledged = os.open(folder / "acknowledged", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def note(*words: object) -> None:
        os.write(acknowledged, f"{' '.join(map(str, words))}\n".encode())

    numbers = count()
    clock = SystemClock()
    for session in count():
        with Store.open(folder / "store.db") as store:
            run_id = started_run(store)
            first = 1_000_000 + session * BATCH
            batch = a_batch(run_id, *range(first, first + BATCH))
            store.write(batch, day=(run_id, START.date(), BATCH))
            note("day", run_id)
            ledger = store.ledger(started_run(store, "service"), Source.SIMULATED, clock)
            clock.run_sync(_crowd(ledger, numbers, note))


async def _crowd(ledger: Ledger, numbers: count[int], note: Callable[..., None]) -> None:
    async def work() -> None:
        for _ in range(EACH):
            number = next(numbers)
            request = a_request(number)
            attempt = an_attempt(request)
            await ledger.begin(an_intent(request))
            note("begin", request.id)
            await ledger.finish(attempt)
            note("finish", request.id)
            await ledger.enqueue(an_entry(request))
            note("queue", request.id)
            await ledger.notice(a_notice(message=request.id))
            note("notice", request.id)
            await ledger.incident(an_incident(number, closed=True))
            note("incident", an_incident(number).id)
            await ledger.record(request, a_reply(request, attempt))
            note("record", request.id)

    await asyncio.gather(*(work() for _ in range(AT_ONCE)))


def main() -> None:
    for line in sys.stdin:
        folder, point, nth = line.rstrip("\n").split("\t")
        child = os.fork()
        if child == 0:
            signal.alarm(LONGEST)
            if point != "-":
                arm(point, int(nth))
            write_until_killed(Path(folder))
        os.write(1, f"{child}\n".encode())
        _, status = os.waitpid(child, 0)
        os.write(1, f"{os.waitstatus_to_exitcode(status)}\n".encode())


if __name__ == "__main__":
    main()
