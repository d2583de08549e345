"""Writes to stores until it is killed, and notes every acknowledgement where a kill cannot reach.

Reads folders from its input. For each it forks a child that opens ``store.db`` there and notes
requests, eight at a time, and answers with the child's pid; the child's ``acknowledged`` file is
written without a buffer, so that its lines outlive the child.
"""

from __future__ import annotations

import asyncio
import os
import sys
from itertools import count
from pathlib import Path

from orchestra_kit.core.answer import Source
from orchestra_kit.core.clock import SystemClock
from orchestra_kit.store.store import Store
from tests.store.values import a_reply, a_request, an_attempt, an_intent, started_run


def write_until_killed(folder: Path) -> None:
    acknowledged = os.open(folder / "acknowledged", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    store = Store.open(folder / "store.db")
    clock = SystemClock()
    ledger = store.ledger(started_run(store, "service"), Source.SIMULATED, clock)
    numbers = count()

    async def work() -> None:
        while True:
            request = a_request(next(numbers))
            attempt = an_attempt(request)
            await ledger.begin(an_intent(request))
            os.write(acknowledged, f"begin {request.id}\n".encode())
            await ledger.finish(attempt)
            os.write(acknowledged, f"finish {request.id}\n".encode())
            await ledger.record(request, a_reply(request, attempt))
            os.write(acknowledged, f"record {request.id}\n".encode())

    async def crowd() -> None:
        await asyncio.gather(*(work() for _ in range(8)))

    clock.run_sync(crowd())


def main() -> None:
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            write_until_killed(Path(line.strip()))
        os.write(1, f"{child}\n".encode())
        os.waitpid(child, 0)
        os.write(1, b"gone\n")


if __name__ == "__main__":
    main()
