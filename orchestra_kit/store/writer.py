"""The one connection that writes, on the one thread that uses it, with group commit.

Whatever has gathered while the last commit was on its way to the disk goes into the next one:
nobody waits for a timer, and a hundred requests at once need few commits.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import Generic, NamedTuple, TypeVar

from sqlalchemy import Connection

from orchestra_kit.core.errors import StoreError
from orchestra_kit.store.faults import told_as_ours

__all__ = ["Writer"]

T = TypeVar("T")

MOST_IN_A_COMMIT = 1_000


class _Job(NamedTuple, Generic[T]):
    """Work, and whoever waits for it: a thread, or a task of an event loop."""

    work: Callable[[Connection], T]
    done: Future[T] | asyncio.Future[T]

    @property
    def loop(self) -> asyncio.AbstractEventLoop | None:
        return self.done.get_loop() if isinstance(self.done, asyncio.Future) else None


_Ending = tuple[_Job[object], object, BaseException | None]
"""A job, its result, and why there is none."""


def acknowledge(endings: list[_Ending]) -> None:
    """Tell those who wait how their jobs ended; nobody waits any more where they were cancelled."""
    for job, result, error in endings:
        if job.done.cancelled():
            continue
        if error is None:
            job.done.set_result(result)
        else:
            job.done.set_exception(error)


class Writer:
    """Does jobs on a connection that it owns, in the order in which they come."""

    def __init__(self, connection: Connection, place: str) -> None:
        self._connection = connection
        self._place = place
        self._jobs: SimpleQueue[_Job[object] | None] = SimpleQueue()
        self._closing = threading.Lock()
        """Guards `_closed`: no job may enter the queue behind its end."""
        self._closed = False
        self._thread = threading.Thread(target=self._serve, name="orchestra-store", daemon=True)
        self._thread.start()

    def submit(self, work: Callable[[Connection], T]) -> asyncio.Future[T]:
        """Have work done; the future of the running loop is fulfilled after its commit, or holds a
        StoreError. Who does not wait for it any longer has it done all the same.

        `work` may run twice (alone, after one that it shared a transaction with has failed), and
        so must touch nothing but its connection.
        """
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._put(_Job(work, done))
        return done

    def call(self, work: Callable[[Connection], T]) -> T:
        """Have work done as `submit` does, and wait for its commit."""
        done: Future[T] = Future()
        self._put(_Job(work, done))
        return done.result()

    def close(self) -> None:
        """Do what was submitted, then close the connection. A second time does nothing."""
        with self._closing:
            if self._closed:
                return
            self._closed = True
            self._jobs.put(None)
        self._thread.join()

    def _put(self, job: _Job[T]) -> None:
        with self._closing:
            if self._closed:
                raise StoreError(f"the store {self._place} is closed.", hint="Open it again.")
            self._jobs.put(job)  # type: ignore[arg-type]  # a queue cannot be generic in each item

    def _serve(self) -> None:
        going_on = True
        while going_on:
            jobs, going_on = self._gather()
            if jobs:
                self._commit(jobs)
        self._connection.close()

    def _gather(self) -> tuple[list[_Job[object]], bool]:
        """Everything that waits, at least one job, and whether more may come."""
        jobs: list[_Job[object]] = []
        job = self._jobs.get()
        while job is not None:
            jobs.append(job)
            if len(jobs) >= MOST_IN_A_COMMIT:
                return jobs, True
            try:
                job = self._jobs.get_nowait()
            except Empty:
                return jobs, True
        return jobs, False

    def _commit(self, jobs: list[_Job[object]]) -> None:
        try:
            with told_as_ours(self._place), self._connection.begin():
                results = [job.work(self._connection) for job in jobs]
        except BaseException as error:  # noqa: BLE001 - it is handed to those who wait for it
            if len(jobs) == 1:
                _tell([(jobs[0], None, error)])
            else:
                # One bad job must not cost the others their commit: each is tried on its own.
                for job in jobs:
                    self._commit([job])
            return
        _tell([(job, result, None) for job, result in zip(jobs, results, strict=True)])


def _tell(endings: list[_Ending]) -> None:
    """Acknowledge, with one call for each event loop however many of its tasks wait."""
    by_loop: dict[asyncio.AbstractEventLoop | None, list[_Ending]] = defaultdict(list)
    for ending in endings:
        by_loop[ending[0].loop].append(ending)
    for loop, theirs in by_loop.items():
        if loop is None:
            acknowledge(theirs)
            continue
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left to be told
            loop.call_soon_threadsafe(acknowledge, theirs)
