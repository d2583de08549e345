"""Answers that are kept to be given again: in memory or in a store; `shared_answers` has Redis.

All keep them by a key that says everything an answer depends on, and give them back only
until they end. Nothing is said here of what the key is made of: that is the engine's business.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Protocol, TypeVar

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select

from orchestra_kit.core.clock import Clock
from orchestra_kit.core.display import Shown
from orchestra_kit.store.schema import answers
from orchestra_kit.store.text import storable
from orchestra_kit.store.writer import Writer

__all__ = [
    "AnswerStore",
    "AnswersInMemory",
    "AnswersInStore",
    "KeptAnswer",
    "KeptForTask",
    "beginning",
    "drop",
    "kept_by_task",
]

T = TypeVar("T")

_APART = timedelta(minutes=1)
"""By how much the clocks of two machines may differ."""

_MOST_CHARACTERS = 10_000_000
"""Of all answers that are kept in memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptAnswer(Shown):
    """An answer as it was given."""

    key: str
    """``policy:task:digest``."""
    source: str
    policy: str
    task: str
    deployment: str
    model: str
    at: datetime
    """When it was made, UTC."""
    until: datetime
    """When it stops to be fresh, UTC."""
    text: str
    quality: float | None
    scorer: str
    cost: Decimal | None
    """Dollars that it cost; None where unknown."""

    def fresh(self, now: datetime) -> bool:
        """Whether it may be given: not after its end, nor where the clock was set back behind its
        making, for then nobody knows how old it is."""
        return self.at - _APART <= now < self.until


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptForTask(Shown):
    """What a store keeps of one task of one policy."""

    policy: str
    task: str
    source: str
    answers: int
    """Those that are fresh."""
    characters: int


class AnswerStore(Protocol):
    """Where answers are kept. The methods of a store raise StoreError, by its kinds."""

    async def get(self, key: str, now: datetime) -> KeptAnswer | None:
        """The answer of a key, if one is kept that is fresh at `now`."""
        ...

    async def put(self, answer: KeptAnswer, now: datetime) -> None:
        """Keep an answer, in the place of an earlier one of the same key."""
        ...

    async def forget(self, policy: str, task: str = "") -> int:
        """Drop the answers of a task, or of a whole policy; returns how many there were."""
        ...


class AnswersInMemory:
    """As many of the latest answers as have ten million characters together."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, KeptAnswer] = OrderedDict()
        self._characters = 0

    async def get(self, key: str, now: datetime) -> KeptAnswer | None:
        """The answer of a key, if one is kept that is fresh at `now`."""
        found = self._kept.get(key)
        return found if found is not None and found.fresh(now) else None

    async def put(self, answer: KeptAnswer, now: datetime) -> None:
        """Keep an answer; those that have ended, and then the oldest, make room for it."""
        self._drop(answer.key)
        self._kept[answer.key] = answer
        self._characters += len(answer.text)
        while self._characters > _MOST_CHARACTERS or not self._oldest.fresh(now):
            self._drop(self._oldest.key)
            if not self._kept:
                return

    async def forget(self, policy: str, task: str = "") -> int:
        """Drop the answers of a task, or of a whole policy; returns how many there were."""
        keys = [key for key in self._kept if key.startswith(beginning(policy, task))]
        for key in keys:
            self._drop(key)
        return len(keys)

    @property
    def _oldest(self) -> KeptAnswer:
        return next(iter(self._kept.values()))

    def _drop(self, key: str) -> None:
        dropped = self._kept.pop(key, None)
        self._characters -= len(dropped.text) if dropped is not None else 0


class AnswersInStore:
    """The table `answers` of an open store. `Store.answers` makes one."""

    def __init__(self, writer: Callable[[], Writer], clock: Clock) -> None:
        self._writer = writer
        self._clock = clock

    async def get(self, key: str, now: datetime) -> KeptAnswer | None:
        """The answer of a key, if one is kept that is fresh at `now`."""
        query = select(answers).where(answers.c.key == key, answers.c.until > now)

        def work(connection: Connection) -> KeptAnswer | None:
            row = connection.execute(query).mappings().first()
            found = None if row is None else KeptAnswer(**row)
            return found if found is not None and found.fresh(now) else None

        return await self._wait_for(work)

    async def put(self, answer: KeptAnswer, now: datetime) -> None:
        """Keep an answer, and drop those that have ended; nothing for a text that no database can
        hold as it is."""
        if storable(answer.text) != answer.text:
            return

        def work(connection: Connection) -> None:
            ended = (answers.c.until <= now) | (answers.c.key == answer.key)
            connection.execute(delete(answers).where(ended))
            connection.execute(insert(answers).values(asdict(answer)))

        await self._wait_for(work)

    async def forget(self, policy: str, task: str = "") -> int:
        """Drop the answers of a task, or of a whole policy; returns how many there were."""
        return await self._wait_for(lambda connection: drop(connection, policy, task))

    async def _wait_for(self, work: Callable[[Connection], T]) -> T:
        with self._clock.outside():
            return await self._writer().submit(work)


def kept_by_task(connection: Connection, now: datetime) -> tuple[KeptForTask, ...]:
    """What is kept and fresh, by policy and task."""
    keys = (answers.c.policy, answers.c.task, answers.c.source)
    query = (
        select(*keys, func.count(), func.sum(func.length(answers.c.text)))
        .where(answers.c.until > now)
        .group_by(*keys)
        .order_by(*keys)
    )
    return tuple(
        KeptForTask(policy=policy, task=task, source=source, answers=n, characters=int(length))
        for policy, task, source, n, length in connection.execute(query)
    )


def drop(connection: Connection, policy: str, task: str) -> int:
    """Delete the answers of a task, or of a whole policy; returns how many there were."""
    which: list[ColumnElement[bool]] = [answers.c.policy == policy]
    if task:
        which.append(answers.c.task == task)
    return connection.execute(delete(answers).where(*which)).rowcount


def beginning(policy: str, task: str) -> str:
    """What the keys of a task, or of a whole policy, begin with."""
    return f"{policy}:{task}:" if task else f"{policy}:"
