"""A small policy with a chain of three and one of one, and backends that do as they are told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from orchestra_kit import Orchestra, Policy
from orchestra_kit.core.answer import Answer, Call, Score, Source, Usage
from orchestra_kit.core.clock import VirtualClock
from orchestra_kit.core.reply import Attempt, Notice, Reply
from orchestra_kit.core.request import Request
from orchestra_kit.routing.classification import Classifier
from orchestra_kit.shipped import path
from orchestra_kit.store.ledger import DiscardingLedger, Intent, QueueEntry

NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)
DEPLOYMENTS = ("first", "second", "third", "voice")

POLICY = """\
policy: small
confidence_floor: 0.75
deadline: 60s
tiers:
  best: {quality: 1.0, cost: 0.1, latency: 0.2}
  basic: {quality: 0.2, cost: 0.7, latency: 0.4}
tasks:
  letter:
    is: a letter
    examples: letter.txt
    must: {quality: 0.8, p90_latency: 10s, cost: $0.05}
    value: {best: $1, basic: $0.10}
    quality_floor: 0.5
    max_output_tokens: 1000
    chain:
      - {use: first, timeout: 20s}
      - {use: second, timeout: 15s}
      - {use: third, timeout: 10s}
    then: {queue: later, say: "We are busy. Your letter is queued."}
  speech:
    is: text read aloud
    makes: audio
    examples: speech.txt
    must: {quality: 0.8, p90_latency: 10s, cost: $0.05}
    value: {best: $1, basic: $0.10}
    quality_floor: 0.5
    chain:
      - {use: voice, timeout: 20s}
    then: {say: "No voices now. Please try again later."}
models:
  first-1: {context_window: 100000}
  second-1: {context_window: 100000}
  third-1: {context_window: 100000}
  voice-1: {makes: audio}
deployments:
  first: {provider: openai, model: first-1, key: none}
  second: {provider: anthropic, model: second-1, key: none}
  third: {provider: gemini, model: third-1, key: none}
  voice: {provider: elevenlabs, model: voice-1, key: none}
budgets:
  - {name: month, limit: $300, per: month}
"""
PRICES = """\
models:
  first-1: [{from: 2026-01-01, input: $1, output: $10, says: fictitious}]
  second-1: [{from: 2026-01-01, input: $1, output: $4, says: fictitious}]
  third-1: [{from: 2026-01-01, input: $0.10, output: $0.50, says: fictitious}]
  voice-1: [{from: 2026-01-01, characters: $80, says: fictitious}]
"""
CAPABILITIES = """\
source: assumed
measured: 2026-11-01
how: written for a test
cells:
  first:
    letter: {quality: 0.9, quality_low: 0.8, quality_high: 1.0, p50: 2, p95: 4, n: 10}
  second:
    letter: {quality: 0.9, quality_low: 0.8, quality_high: 1.0, p50: 2, p95: 4, n: 10}
  third:
    letter: {quality: 0.8, quality_low: 0.7, quality_high: 0.9, p50: 2, p95: 4, n: 10}
  voice:
    speech: {quality: 0.9, quality_low: 0.8, quality_high: 1.0, p50: 2, p95: 4, n: 10}
"""


@cache
def _classifier() -> Classifier:
    """Never asked, as every request declares its task; but an engine has one."""
    return Classifier.load(path("examples/contentforge/classifier.json"))


def write_policy(folder: Path) -> Policy:
    """The small policy on disk."""
    texts = {
        "orchestra.yaml": POLICY,
        "prices.yaml": PRICES,
        "capabilities.yaml": CAPABILITIES,
        "letter.txt": "Write a letter about tea\n",
        "speech.txt": "Read this aloud\n",
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return Policy.load(folder)


Doing = Callable[[Call, VirtualClock], Awaitable[Answer]]


async def well(call: Call, clock: VirtualClock) -> Answer:
    """A good answer after two seconds."""
    await clock.sleep(2.0)
    return Answer(
        text=f"by {call.deployment}",
        model=call.model,
        usage=Usage(input_tokens=10, output_tokens=100),
        score=Score(value=0.9, scorer="test"),
    )


async def never(call: Call, clock: VirtualClock) -> Answer:
    """No answer, ever."""
    await asyncio.get_running_loop().create_future()
    raise AssertionError("unreachable")


class Told:
    """A backend in which each deployment does as it is told; those not named do well."""

    source = Source.SIMULATED

    def __init__(self, clock: VirtualClock, doings: Mapping[str, Doing] | None = None) -> None:
        self.clock = clock
        self.doings = dict(doings or {})
        self.sent: list[tuple[str, float]] = []
        """Deployment and moment of every send."""

    def provider(self, deployment: str) -> _ToldDeployment:
        return _ToldDeployment(self, deployment)

    async def close(self) -> None:
        return None

    def sends_to(self, deployment: str) -> int:
        return sum(name == deployment for name, _ in self.sent)


class _ToldDeployment:
    def __init__(self, backend: Told, name: str) -> None:
        self._backend, self._name = backend, name

    async def send(self, call: Call) -> Answer:
        self._backend.sent.append((self._name, self._backend.clock.monotonic()))
        return await self._backend.doings.get(self._name, well)(call, self._backend.clock)


class Kept(DiscardingLedger):
    """A ledger whose notes a test can read."""

    def __init__(self) -> None:
        self.begun: list[Intent] = []
        self.finished: list[Attempt] = []
        self.replies: list[Reply] = []
        self.queued: list[QueueEntry] = []
        self.notices: list[Notice] = []

    async def begin(self, intent: Intent) -> None:
        self.begun.append(intent)

    async def finish(self, attempt: Attempt) -> None:
        self.finished.append(attempt)

    async def record(self, request: Request, reply: Reply, ended: Sequence[Attempt] = ()) -> None:
        self.finished.extend(ended)
        self.replies.append(reply)

    async def enqueue(self, entry: QueueEntry) -> None:
        self.queued.append(entry)

    async def notice(self, notice: Notice) -> None:
        self.notices.append(notice)


@contextmanager
def an_orchestra(
    policy: Policy, backend: Callable[[VirtualClock], Any] = Told, **options: Any
) -> Iterator[Orchestra]:
    """An engine over the small policy, on a clock that is closed afterwards."""
    clock = VirtualClock(NOON)
    try:
        with Orchestra(
            policy,
            backend=backend(clock),
            clock=clock,
            classifier=_classifier(),
            **{"seed": 7, **options},
        ) as orchestra:
            yield orchestra
    finally:
        clock.close()


def play(orchestra: Orchestra, playing: Awaitable[Any]) -> Any:
    """Await on the engine's clock."""

    async def awaited() -> Any:
        return await playing

    return orchestra.clock.run_sync(awaited())


def told(orchestra: Orchestra) -> Told:
    """The backend of an engine that was given a `Told`."""
    backend = orchestra._backend
    assert isinstance(backend, Told)
    return backend
