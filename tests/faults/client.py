"""The process that is killed: asks so many requests, and says of each when it has its reply.

``python -m tests.faults.client FOLDER STORE SEED LIMIT NUMBER...`` answers the requests of these
numbers by the policy in a folder, fifty at a time, every second one as a stream. It prints a line
of JSON for each reply that it was handed. LIMIT is the size in bytes beyond which no file may
grow, or 0.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
from pathlib import Path

from orchestra_kit import Orchestra, Policy
from orchestra_kit.core.errors import AttemptOutcome, IncompleteAnswer, StoreError
from orchestra_kit.core.reply import Reply
from orchestra_kit.routing.classification import Classifier
from orchestra_kit.shipped import path

AT_ONCE = 50
MOST_TRIES = 20


async def play(folder: Path, store: Path, seed: int, numbers: list[int]) -> bool:
    """Whether every request had a reply; False once the store could not be written."""
    places, full = asyncio.Semaphore(AT_ONCE), asyncio.Event()
    classifier = Classifier.load(path("examples/contentforge/classifier.json"))
    policy = Policy.load(folder)
    async with Orchestra(
        policy, backend="live", seed=seed, store=store, classifier=classifier
    ) as orchestra:
        print("ready", flush=True)  # noqa: T201 - on a slow machine it takes seconds to begin

        async def one(number: int) -> None:
            async with places:
                if full.is_set():
                    return
                try:
                    reply = await asked(orchestra, number)
                except StoreError:
                    full.set()
                    return
            line = {
                "number": number,
                "id": reply.request_id,
                "status": reply.status,
                "text": reply.text,
            }
            print(json.dumps(line), flush=True)  # noqa: T201 - the acknowledgement

        await asyncio.gather(*(one(number) for number in numbers))
    return not full.is_set()


async def asked(orchestra: Orchestra, number: int) -> Reply:
    """The reply to one request that was sent to somebody.

    Where every breaker is open nothing is sent and nothing is shown of the books: somebody closes
    them by hand, and it is asked anew.
    """
    for _ in range(MOST_TRIES):
        reply = await asked_once(orchestra, number)
        if any(a.outcome is not AttemptOutcome.NOT_SENT for a in reply.attempts):
            break
        for name in orchestra.policy.deployments:
            await orchestra.release(name, because="the nemesis wants it asked")
    return reply


async def asked_once(orchestra: Orchestra, number: int) -> Reply:
    """One request's reply, whole or from a stream that was read to its end."""
    if number % 2:
        return await orchestra.run(f"Letter {number}", tier="basic", task="letter")
    async with orchestra.stream(f"Letter {number}", tier="basic", task="letter") as words:
        try:
            async for _ in words:
                pass
        except IncompleteAnswer as broken:
            return broken.reply
    return words.reply


if __name__ == "__main__":
    folder, store, seed, limit, *numbers = sys.argv[1:]
    if int(limit):
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), resource.RLIM_INFINITY))
    try:
        finished = asyncio.run(
            play(Path(folder), Path(store), int(seed), [int(number) for number in numbers])
        )
    except StoreError:
        finished = False  # full from the beginning, or too full to write its end
    sys.exit(0 if finished else 3)
