"""What one of our requests costs: a script like those of the peers, in a fresh process each time.

``--kind`` is ``bare`` for the provider call alone, ``run`` for `Orchestra.run`; with ``--store``
every step is on the disk before the next one begins.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from types import MappingProxyType

from benchmarks.peers.measuring import ANSWER, arguments, drive, prompt, tell
from benchmarks.policies import without_limits
from orchestra_kit import Orchestra
from orchestra_kit.core.answer import Answer, Call, Score, Source, Usage
from orchestra_kit.core.clock import SystemClock
from orchestra_kit.policy.policy import Policy

__all__ = ["Immediate", "opened", "run_one"]


class Immediate:
    """A backend that answers at once: the floor under the engine."""

    source = Source.SIMULATED

    def __init__(self) -> None:
        self._answer = Answer(
            text=ANSWER,
            model="m",
            usage=Usage(input_tokens=20, output_tokens=20),
            score=Score(value=0.9, scorer="fixed"),
        )

    def provider(self, deployment: str) -> Immediate:
        """Itself, whoever is asked for."""
        return self

    async def send(self, call: Call) -> Answer:
        """The one answer."""
        return self._answer

    async def close(self) -> None:
        """Nothing is held."""


def opened(policy: Policy, store: str | Path | None) -> Orchestra:
    """An engine over the immediate backend, in real time."""
    return Orchestra(policy, backend=Immediate(), clock=SystemClock(), store=store)


async def run_one(orchestra: Orchestra, number: int, *, task: str | None = None) -> None:
    """One request, which must be answered: what is turned away early costs too little."""
    reply = await orchestra.run(prompt(number), task=task)
    if reply.text != ANSWER:
        raise RuntimeError(f"no answer but “{reply.text}”")


async def _measured(kind: str, store: str, requests: int, concurrent: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        policy = without_limits(Path(folder))
        if kind == "bare":
            backend = Immediate()
            return await drive(lambda n: backend.send(_call(n)), requests, concurrent)
        async with opened(policy, store or None) as orchestra:
            return await drive(lambda n: run_one(orchestra, n), requests, concurrent)


def _call(number: int) -> Call:
    return Call(
        request_id=f"r{number}",
        deployment="d",
        model="m",
        text=prompt(number),
        task="article",
        tier="standard",
        context=MappingProxyType({}),
        attempt=0,
    )


if __name__ == "__main__":
    asked = arguments(kind="bare or run", store="file of the store; nothing is kept without")
    tell(asyncio.run(_measured(asked.kind, asked.store, asked.requests, asked.concurrent)))
