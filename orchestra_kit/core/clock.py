"""Time as a parameter: a clock that is real, and one that skips the waiting.

Everything that waits, times out or stamps a record asks a `Clock`. `VirtualClock` runs the very
same coroutines on an event loop whose time jumps to the next timer as soon as nothing is left to
do, so weeks of traffic pass in seconds and a 30 s timeout costs nothing to test.
"""

from __future__ import annotations

import asyncio
import contextlib
import selectors
import threading
import time
from collections.abc import Coroutine, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, TypeVar

__all__ = ["Clock", "SystemClock", "VirtualClock"]

T = TypeVar("T")
_NOTHING_TO_HOLD = contextlib.nullcontext()


class Clock(Protocol):
    """What tells the time, waits, and knows on which event loop its time passes."""

    @property
    def virtual(self) -> bool:
        """Whether waiting costs no real time."""
        ...

    def now(self) -> datetime:
        """The moment, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go backwards; only differences mean anything."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait; nothing for seconds <= 0."""
        ...

    def timeout(self, seconds: float | None) -> asyncio.Timeout:
        """A context that raises TimeoutError when the body takes longer; None never does."""
        ...

    async def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Await the coroutine where this clock's time passes."""
        ...

    def run_sync(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """The same from plain code, also inside a running loop such as Jupyter's."""
        ...

    def outside(self) -> contextlib.AbstractContextManager[None]:
        """Marks a wait for another thread, during which virtual time stands still."""
        ...


class _LoopThread:
    """An event loop on a thread of its own, started at the first use."""

    def __init__(self, name: str, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._thread = threading.Thread(target=self._serve, name=name, daemon=True)
        self._started = threading.Lock()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        with self._started:
            if self._thread.ident is None:
                self._thread.start()
        return self._loop

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def run_sync(self, coroutine: Coroutine[Any, Any, T]) -> T:
        future = asyncio.run_coroutine_threadsafe(coroutine, self.loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def close(self) -> None:
        with self._started:
            if self._thread.ident is None:
                self._loop.close()
                return
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        if asyncio.get_running_loop() is self._loop:
            return await coroutine
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(coroutine, self.loop))


class SystemClock:
    """The time of this machine."""

    virtual = False

    def __init__(self) -> None:
        self._home: _LoopThread | None = None

    def now(self) -> datetime:
        """The moment, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds of the machine's monotonic clock."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait; nothing for seconds <= 0."""
        if seconds > 0:
            await asyncio.sleep(seconds)

    def timeout(self, seconds: float | None) -> asyncio.Timeout:
        """A context that raises TimeoutError when the body takes longer; None never does."""
        return asyncio.timeout(seconds)

    async def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Await the coroutine here."""
        return await coroutine

    def run_sync(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run on a loop of this clock's own thread, so that connections outlive one call."""
        if self._home is None:
            self._home = _LoopThread("orchestra-loop", asyncio.new_event_loop())
        return self._home.run_sync(coroutine)

    def outside(self) -> contextlib.AbstractContextManager[None]:
        """Real time passes anyway."""
        return _NOTHING_TO_HOLD


class _SkippingSelector(selectors.DefaultSelector):
    """A selector that moves its loop's time forward where another would block."""

    loop: _VirtualLoop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout == 0:
            return list(ready)
        if timeout is None or self.loop.outside:
            return list(super().select(None))
        self.loop.moment += timeout
        return []


class _VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.moment = 0.0
        self.outside = 0
        selector = _SkippingSelector()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        return self.moment


class VirtualClock:
    """A clock that starts where it is told to and skips every wait.

    `start` must carry a time zone. Coroutines given to `run` and `run_sync` share one loop and
    one time; what they await must be timers or each other, or be wrapped in `outside()`.
    """

    virtual = True

    def __init__(self, start: datetime) -> None:
        if start.tzinfo is None:
            raise ValueError("a virtual clock starts at a moment with a time zone")
        self._start = start.astimezone(UTC)
        self._loop = _VirtualLoop()
        self._home = _LoopThread("orchestra-virtual-time", self._loop)

    def now(self) -> datetime:
        """The virtual moment, in UTC."""
        return self._start + timedelta(seconds=self._loop.moment)

    def monotonic(self) -> float:
        """Virtual seconds since the start."""
        return self._loop.moment

    async def sleep(self, seconds: float) -> None:
        """Let virtual time pass; nothing for seconds <= 0."""
        if seconds > 0:
            await asyncio.sleep(seconds)

    async def sleep_until(self, moment: datetime) -> None:
        """Let virtual time pass up to a moment; nothing when that is past."""
        await self.sleep((moment - self.now()).total_seconds())

    def timeout(self, seconds: float | None) -> asyncio.Timeout:
        """A context that raises TimeoutError when the body takes longer; None never does."""
        return asyncio.timeout(seconds)

    async def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Await the coroutine on the virtual loop."""
        return await self._home.run(coroutine)

    def run_sync(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """The same from plain code."""
        return self._home.run_sync(coroutine)

    def close(self) -> None:
        """Stop the loop and its thread; the clock may not be used afterwards."""
        self._home.close()

    @contextlib.contextmanager
    def outside(self) -> Iterator[None]:
        """Holds time still while another thread works."""
        self._loop.outside += 1
        try:
            yield
        finally:
            self._loop.outside -= 1
