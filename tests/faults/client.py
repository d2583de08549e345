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
from orchestra_kit.core.errors import IncompleteAnswer, StoreError
from orchestra_kit.core.reply import Reply
from orchestra_kit.routing.classification import Classifier
from orchestra_kit.shipped import path

AT_ONCE = 50


async def play(folder: Path, store: Path, seed: int, numbers: list[int]) -> bool:
    """Whether every request had a reply; False once the store could not be written."""
    places, full = asyncio.Semaphore(AT_ONCE), asyncio.Event()
    classifier = Classifier.load(path("examples/contentforge/classifier.json"))
    policy = Policy.load(folder)
    async with Orchestra(
        policy, backend="live", seed=seed, store=store, classifier=classifier
    ) as orchestra:

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
