"""Answers that every process may give again which asks the same Redis."""

from __future__ import annotations

import json
from datetime import datetime

from orchestra_kit.core.money import from_nanos, to_nanos
from orchestra_kit.store.answers import KeptAnswer, beginning
from orchestra_kit.store.shared import SharedState
from orchestra_kit.store.types import from_micros, to_micros

__all__ = ["SharedAnswers"]


class SharedAnswers:
    """Answers in a Redis, for every process that asks it; where it is silent, nothing is kept."""

    def __init__(self, shared: SharedState) -> None:
        self._shared = shared

    async def get(self, key: str, now: datetime) -> KeptAnswer | None:
        """The answer of a key, if one is kept that is fresh at `now`."""
        found = _read(key, await self._shared.get(key))
        return found if found is not None and found.fresh(now) else None

    async def put(self, answer: KeptAnswer, now: datetime) -> None:
        """Keep an answer until it ends."""
        ttl = (answer.until - now).total_seconds()
        await self._shared.put(answer.key, _written(answer), ttl)

    async def forget(self, policy: str, task: str = "") -> int:
        """Drop the answers of a task, or of a whole policy; returns how many there were."""
        return await self._shared.forget(beginning(policy, task))


def _written(answer: KeptAnswer) -> bytes:
    row = {
        "source": answer.source,
        "policy": answer.policy,
        "task": answer.task,
        "deployment": answer.deployment,
        "model": answer.model,
        "at": to_micros(answer.at),
        "until": to_micros(answer.until),
        "text": answer.text,
        "quality": answer.quality,
        "scorer": answer.scorer,
        "cost": to_nanos(answer.cost),
    }
    return json.dumps(row).encode()


def _read(key: str, value: bytes | None) -> KeptAnswer | None:
    """What another process wrote; None for nothing, and for what cannot be read."""
    if value is None:
        return None
    try:
        row = json.loads(value)
        return KeptAnswer(
            key=key,
            source=str(row["source"]),
            policy=str(row["policy"]),
            task=str(row["task"]),
            deployment=str(row["deployment"]),
            model=str(row["model"]),
            at=from_micros(int(row["at"])),
            until=from_micros(int(row["until"])),
            text=str(row["text"]),
            quality=None if row["quality"] is None else float(row["quality"]),
            scorer=str(row["scorer"]),
            cost=None if row["cost"] is None else from_nanos(int(row["cost"])),
        )
    except (ValueError, KeyError, TypeError, OverflowError):
        return None
