"""Profiles made by hand, and sends to them on a virtual clock that the test owns."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from orchestra_kit.core.answer import Answer, Call
from orchestra_kit.core.clock import VirtualClock
from orchestra_kit.core.errors import ProviderError
from orchestra_kit.providers.profiles import SimulationProfiles
from orchestra_kit.providers.provider import Backend

MONDAY = datetime(2026, 11, 16, tzinfo=UTC)

WRITER: dict[str, Any] = {
    "first_token": {"p50": "0.6s", "p95": "1.5s"},
    "tokens_per_second": 100,
    "tasks": {
        "letter": {"quality": 0.8, "spread": 0.05, "difficulty": 0.2, "output_tokens": 300},
    },
}
PAINTER: dict[str, Any] = {
    "first_token": {"p50": "0.2s", "p95": "0.5s"},
    "fixed": {"p50": "9s", "p95": "16s"},
    "tasks": {"letter": {"quality": 0.9, "spread": 0.02, "difficulty": 0.0}},
}


def profiles(*, outages: list[dict[str, Any]] | None = None, **deployments: Any):
    """Profiles of a writer and a painter, or of those given."""
    return SimulationProfiles.model_validate(
        {
            "note": "made for a test",
            "deployments": deployments or {"writer": WRITER, "painter": PAINTER},
            "outages": outages or [],
        }
    )


def call(number: int = 0, *, deployment: str = "writer", **changes: Any) -> Call:
    """The call of request `number`."""
    given = {
        "request_id": f"req_{number}",
        "deployment": deployment,
        "model": f"{deployment}-1",
        "text": "Write a letter",
        "task": "letter",
        "tier": "basic",
        "context": {"words": 0, "tokens": 40, "complexity": 0.0},
        "attempt": 0,
        **changes,
    }
    return Call(**given)


@contextmanager
def a_clock(start: datetime = MONDAY) -> Iterator[VirtualClock]:
    """A virtual clock that is closed afterwards."""
    clock = VirtualClock(start)
    try:
        yield clock
    finally:
        clock.close()


async def timed(
    backend: Backend, sent: Call, clock: VirtualClock
) -> tuple[Answer | ProviderError, float]:
    """What a send yields, answer or failure, and after how many seconds."""
    began = clock.monotonic()
    found: Answer | ProviderError
    try:
        found = await backend.provider(sent.deployment).send(sent)
    except ProviderError as error:
        found = error
    return found, clock.monotonic() - began


def all_at_once(
    backend: Backend, calls: list[Call], clock: VirtualClock
) -> list[tuple[Answer | ProviderError, float]]:
    """Every send at the same moment."""

    async def play() -> list[tuple[Answer | ProviderError, float]]:
        return await asyncio.gather(*(timed(backend, c, clock) for c in calls))

    return clock.run_sync(play())


def one_by_one(
    backend: Backend, calls: list[Call], clock: VirtualClock
) -> list[tuple[Answer | ProviderError, float]]:
    """Every send after the one before has ended."""

    async def play() -> list[tuple[Answer | ProviderError, float]]:
        return [await timed(backend, c, clock) for c in calls]

    return clock.run_sync(play())


def what(found: Answer | ProviderError) -> object:
    """An outcome as something that can be compared."""
    if isinstance(found, Answer):
        return found
    return (found.failure, found.outcome, found.status, found.code, found.retry_after, found.usage)
