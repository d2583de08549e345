"""A server on this machine that answers by script, well or badly: raw sockets, no HTTP library.

::

    async with LoopbackServer(completion("hello"), Reaction(status=500)) as server:
        ...                    # requests get the reactions in order, the last one for ever
        server.requests[0].json

It keeps its own ledger of what it accepted, so that a test can hold ours against it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

__all__ = ["LoopbackServer", "Reaction", "Received", "completion", "refusal"]


@dataclass(frozen=True)
class Reaction:
    """What the server does with one request."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    raw: bytes | None = None
    """Bytes sent instead of a well-formed response."""
    silent: bool = False
    """Never answers, until the client goes away."""
    reset_after: int | None = None
    """Bytes of the response after which the connection is reset."""
    declared_length: int | None = None
    """A Content-Length that is not the body's."""

    def response(self) -> bytes:
        if self.raw is not None:
            return self.raw
        length = len(self.body) if self.declared_length is None else self.declared_length
        head = {"content-type": "application/json", "content-length": str(length), **self.headers}
        lines = [f"HTTP/1.1 {self.status} Reason", *(f"{k}: {v}" for k, v in head.items())]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + self.body


@dataclass(frozen=True)
class Received:
    """One request as it arrived."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class LoopbackServer:
    """Serves reactions in order; the last one is repeated."""

    def __init__(self, *reactions: Reaction) -> None:
        self.reactions = list(reactions) or [Reaction()]
        self.requests: list[Received] = []
        self.connections = 0
        self.gone = 0
        """Clients that left a silent server."""
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def __aenter__(self) -> LoopbackServer:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            while (received := await _read(reader)) is not None:
                number = len(self.requests)
                self.requests.append(received)
                reaction = self.reactions[min(number, len(self.reactions) - 1)]
                if not await self._react(reaction, reader, writer):
                    return
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _react(
        self, reaction: Reaction, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Whether the connection stays open."""
        if reaction.silent:
            await reader.read()
            self.gone += 1
            return False
        response = reaction.response()
        if reaction.reset_after is not None:
            writer.write(response[: reaction.reset_after])
            await writer.drain()
            _reset(writer)
            return False
        writer.write(response)
        await writer.drain()
        return reaction.raw is None and reaction.declared_length is None


def completion(text: str | None = "hello", **changes: Any) -> Reaction:
    """A chat completion; `changes` replace fields of its body."""
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": "served-model",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 12, "completion_tokens": 5, "total_tokens": 17},
    }
    return Reaction(body=json.dumps({**body, **changes}).encode())


def refusal(
    status: int, *, code: str = "", kind: str = "", message: str = "no", **headers: str
) -> Reaction:
    """An error as OpenAI writes it; underscores in header names become dashes."""
    error = {"message": message, "type": kind, "param": None, "code": code or None}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reaction(status=status, headers=named, body=json.dumps({"error": error}).encode())


async def _read(reader: asyncio.StreamReader) -> Received | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.decode("latin-1").strip().split("\r\n")
    method, path, _version = first.split(" ", 2)
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Received(method, path, headers, body)


def _reset(writer: asyncio.StreamWriter) -> None:
    """Ends the connection with RST instead of FIN."""
    raw: socket.socket = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
