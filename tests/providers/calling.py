"""Calls to the loopback server through an adapter, whole and as a stream."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from orchestra_kit.core.answer import Answer, Call
from orchestra_kit.core.clock import SystemClock
from orchestra_kit.core.errors import ProviderError
from orchestra_kit.providers.keys import BoundKey
from orchestra_kit.providers.openai_compatible import OpenAICompatible
from orchestra_kit.providers.provider import StreamingProvider
from orchestra_kit.providers.transport import Transport

KEY = "canary-7f3a9b2c51d8"
PROMPT = "Say hello in one word."


def a_call(**changes: object) -> Call:
    """A call whose prompt asks for no fault."""
    facts = {
        "request_id": "req_1", "deployment": "here", "model": "small", "text": PROMPT,
        "task": "greeting", "tier": "basic", "context": MappingProxyType({}), "attempt": 0,
    }  # fmt: skip
    return Call(**{**facts, **changes})


@dataclass
class Streamed:
    """What a stream brought."""

    texts: list[str] = field(default_factory=list)
    answer: Answer | None = None
    error: ProviderError | None = None

    @property
    def text(self) -> str:
        return "".join(self.texts)

    @property
    def ended(self) -> Answer | ProviderError:
        found = self.answer or self.error
        assert found is not None
        return found


async def read_stream(provider: StreamingProvider, call: Call) -> Streamed:
    """All of a stream, or what came of it and how it broke."""
    found = Streamed()
    try:
        async for piece in provider.stream(call):
            assert found.answer is None, "a piece after the last"
            if not piece.taken:
                found.texts.append(piece.text)
            found.answer = piece.answer
    except ProviderError as error:
        found.error = error
    return found


async def read_whole(provider: StreamingProvider, call: Call) -> Answer | ProviderError:
    """What a plain send yields."""
    try:
        return await provider.send(call)
    except ProviderError as error:
        return error


@asynccontextmanager
async def adapter(
    port: int, adapts: type[Any] = OpenAICompatible, **options: object
) -> AsyncIterator[StreamingProvider]:
    """An adapter that calls a port of this machine."""
    transport = Transport(allow_local=True)
    yield adapts(
        base_url=f"http://127.0.0.1:{port}/v1",
        key=BoundKey(f"127.0.0.1:{port}", KEY),
        transport=transport,
        clock=SystemClock(),
        **options,
    )
    await transport.close()
