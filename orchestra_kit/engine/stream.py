"""An answer as it comes: `Orchestra.stream` hands one out.

::

    async with orchestra.stream("Write a post on tea") as words:
        async for part in words:
            print(part, end="")
    words.reply.cost
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Self

from orchestra_kit.core.clock import Clock
from orchestra_kit.core.errors import IncompleteAnswer, OrchestraError
from orchestra_kit.core.reply import Reply, ReplyStatus
from orchestra_kit.engine.course import Emit

__all__ = ["Stream"]


class Stream:
    """Words in the order in which they come; whoever leaves early ends the request.

    Iterating raises IncompleteAnswer where the answer broke off after words of it were handed
    out. Where no model answered there are no words, and `reply` says what to tell its sender.
    """

    def __init__(self, clock: Clock, answer: Callable[[Emit], Coroutine[Any, Any, Reply]]) -> None:
        self._clock = clock
        self._answer = answer
        self._words: asyncio.Queue[str | None] = asyncio.Queue()
        self._task: asyncio.Task[Reply] | None = None
        self._reply: Reply | None = None

    @classmethod
    def buffered(cls, clock: Clock, answer: Callable[[], Coroutine[Any, Any, Reply]]) -> Self:
        """One that hands out the words of an answer that is whole."""

        async def whole(emit: Emit) -> Reply:
            reply = await answer()
            if reply.answered:
                emit(reply.text)
            return reply

        return cls(clock, whole)

    @property
    def reply(self) -> Reply:
        """How the request ended; raises OrchestraError while it has not."""
        if self._reply is None:
            raise OrchestraError("The answer is still coming.", hint="Read it to its end first.")
        return self._reply

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> str:
        if self._reply is not None:
            raise StopAsyncIteration
        if self._task is None:
            self._task = self._begin()
        words = await self._words.get()
        if words is not None:
            return words
        self._reply = await self._task
        if self._reply.status is ReplyStatus.INCOMPLETE:
            raise IncompleteAnswer(self._reply)
        raise StopAsyncIteration

    async def close(self) -> None:
        """Give up what has not come yet; nothing where all has."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    def _begin(self) -> asyncio.Task[Reply]:
        """The request runs where the clock's time passes, which may be another thread's loop."""
        here, words = asyncio.get_running_loop(), self._words

        def emit(part: str) -> None:
            here.call_soon_threadsafe(words.put_nowait, part)

        task = here.create_task(self._clock.run(self._answer(emit)))
        task.add_done_callback(lambda _: words.put_nowait(None))
        return task
