"""A server that fails by chance, seeded by each attempt's own id; every good answer names the
attempt that it is for.

``python -m tests.faults.chaos SEED`` serves in a process of its own and prints its port.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from dataclasses import replace
from random import Random

from tests.loopback import chat
from tests.loopback.faults import answered, fault
from tests.loopback.reactions import Reaction, Received
from tests.loopback.server import LoopbackServer

__all__ = ["FAULTS", "Chaos", "answer_for"]

FAULTS = {
    "status:500": 5,
    "status:503": 2,
    "status:529": 2,
    "status:429,0.2": 3,
    "status:401": 0.02,
    "reset": 2,
    "reset_after_headers": 2,
    "cut": 2,
    "hang_up": 1,
    "stall": 0.5,
    "black_hole": 0.5,
    "bad_json": 1,
    "truncated_json": 1,
    "html": 0.5,
    "empty": 0.5,
    "null": 0.5,
    "length_short": 0.5,
    "content_filter": 0.5,
    "error_event:2": 1,
    "no_end": 1,
    "garbled:2": 0.5,
    "bomb:9": 0.05,
}
"""Per cent of the attempts that each befalls; the others are answered well, some of them late."""


def answer_for(attempt: str) -> tuple[str, ...]:
    """The words of the answer to one attempt."""
    return ("This ", "is ", f"for {attempt}", ".")


class Chaos:
    """What befalls an attempt: the same for the same seed and id, whenever it comes."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def __call__(self, received: Received) -> Reaction:
        random = Random(f"{self._seed} {received.id}")
        chance = random.uniform(0, 100)
        for name, share in FAULTS.items():
            chance -= share
            if chance < 0:
                return fault(name)(received)
        good = answered(received, chat.write(words=answer_for(received.id)))
        return replace(good, name="ok", delay=random.choice((0.0, 0.0, 0.01, 0.1)))


async def _serve(seed: int) -> None:
    async with LoopbackServer(Chaos(seed)) as server:
        print(server.port, flush=True)  # noqa: T201 - whoever started this process reads it
        await asyncio.Event().wait()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(int(sys.argv[1])))
