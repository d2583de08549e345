"""A server on this machine that answers by script, well or badly: raw sockets, no HTTP library.

::

    async with LoopbackServer(completion("hello"), Reaction(status=500)) as server:
        ...                    # requests get the reactions in order, the last one for ever
        server.requests[0].json
        server.ledger.totals()

    with LoopbackServer().on_thread() as server:     # its own loop, beside one that is tested
    python -m tests.loopback.server 0                # its own process; prints its port

A request may ask for its own fault, by ``fault=cut:3`` in its prompt or in the header ``x-fault``
(see `tests.loopback.faults`); it then takes nothing from the script. ``GET /ledger`` tells what
the server accepted, answered whole and would bill, so that a test can hold our books against it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from random import Random
from types import TracebackType

from tests.loopback.faults import answered, asked_fault
from tests.loopback.ledger import Entry, ServerLedger
from tests.loopback.reactions import Reaction, Received, Script, completion, refusal, streamed

__all__ = ["LoopbackServer", "Reaction", "Received", "completion", "refusal", "streamed"]

_PIECE = 64 * 1024
_SEEN_SECONDS = 0.05
"""Between the last part of a stream and a reset: a reset overtakes what has not been read yet."""


class LoopbackServer:
    """Serves reactions in order; the last one is repeated; without any it answers well."""

    def __init__(self, *reactions: Script, port: int = 0) -> None:
        self.reactions = list(reactions)
        self.requests: list[Received] = []
        self.ledger = ServerLedger()
        self.connections = 0
        self.open = 0
        """Connections that are open now."""
        self.gone = 0
        """Clients that left a silent server."""
        self._port = port
        self._chance = Random(20_261_123)
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        return self._port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def __aenter__(self) -> LoopbackServer:
        await self._listen()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stop()

    @contextlib.asynccontextmanager
    async def refusing(self) -> AsyncIterator[None]:
        """Nobody listens for a while, and open connections are closed."""
        await self._stop()
        try:
            yield
        finally:
            await self._listen()

    @contextlib.contextmanager
    def on_thread(self) -> Iterator[LoopbackServer]:
        """Serve on a thread and a loop of the server's own."""
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, name="loopback", daemon=True)
        thread.start()
        try:
            asyncio.run_coroutine_threadsafe(self._listen(), loop).result(10)
            yield self
        finally:
            asyncio.run_coroutine_threadsafe(self._stop(), loop).result(10)
            loop.call_soon_threadsafe(loop.stop)
            thread.join(10)
            loop.close()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", self._port, backlog=1_000
        )
        self._port = int(self._server.sockets[0].getsockname()[1])

    async def _stop(self) -> None:
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
        self.open += 1
        try:
            while (received := await _read(reader)) is not None:
                if received.method == "GET" and received.path == "/ledger":
                    body = json.dumps(self.ledger.to_json()).encode()
                    await _send(Reaction(body=body), writer)
                    continue
                self.requests.append(received)
                entry = self.ledger.accept(received.id, received.path)
                if not await self._react(self._chosen(received), entry, reader, writer):
                    return
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client has left, or the server stops
        finally:
            self.open -= 1
            self._tasks.discard(task)
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    def _chosen(self, received: Received) -> Reaction:
        script = asked_fault(received)
        if script is None and self.reactions:
            script = self.reactions.pop(0) if len(self.reactions) > 1 else self.reactions[0]
        if script is None:
            return answered(received)
        return script if isinstance(script, Reaction) else script(received)

    async def _react(
        self,
        reaction: Reaction,
        entry: Entry,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> bool:
        """Whether the connection stays open."""
        entry.fault = reaction.name
        if reaction.silent:
            await self._left(reader)
            return False
        await asyncio.sleep(reaction.delay + reaction.jitter * self._chance.random())
        entry.input_tokens, entry.output_tokens = reaction.billed
        entry.status = reaction.status
        await _send(reaction, writer)
        if reaction.ending == "stall":
            await self._left(reader)
        elif reaction.ending == "reset" or reaction.reset_after is not None:
            await asyncio.sleep(_SEEN_SECONDS if reaction.parts else 0.0)
            _reset(writer)
        else:
            entry.answered = reaction.ending == "end"
        return reaction.keeps_open

    async def _left(self, reader: asyncio.StreamReader) -> None:
        """Wait in silence until the client goes away."""
        with contextlib.suppress(ConnectionError):
            await reader.read()
        self.gone += 1


async def _send(reaction: Reaction, writer: asyncio.StreamWriter) -> None:
    if reaction.parts is not None:
        await _send_parts(reaction, writer)
        return
    response = reaction.response()
    if reaction.reset_after is not None:
        response = response[: reaction.reset_after]
    size, seconds = reaction.slices or (len(response) or 1, 0.0)
    for start in range(0, len(response), size):
        if start and seconds:
            await _wait(seconds, writer)
        writer.write(response[start : start + size])
        await writer.drain()
    for start in range(0, reaction.filler, _PIECE):
        writer.write(b" " * min(_PIECE, reaction.filler - start))
        await writer.drain()


async def _send_parts(reaction: Reaction, writer: asyncio.StreamWriter) -> None:
    assert reaction.parts is not None
    head = reaction.head()
    writer.write(head if reaction.reset_after is None else head[: reaction.reset_after])
    await writer.drain()
    if reaction.reset_after is not None:
        return
    for number, part in enumerate(reaction.parts):
        if number and reaction.pause:
            await _wait(reaction.pause, writer)
        size, seconds = reaction.slices or (len(part) or 1, 0.0)
        for start in range(0, len(part), size):
            if seconds and (number or start):
                await _wait(seconds, writer)
            piece = part[start : start + size]
            writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            await writer.drain()
    if reaction.ending == "end":
        writer.write(b"0\r\n\r\n")
        await writer.drain()


async def _wait(seconds: float, writer: asyncio.StreamWriter) -> None:
    """Nothing more is sent to a client that has left meanwhile."""
    await asyncio.sleep(seconds)
    if writer.is_closing():
        raise ConnectionResetError


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


async def _serve_for_ever(port: int) -> None:
    async with LoopbackServer(port=port) as server:
        print(server.port, flush=True)  # noqa: T201 - whoever started this process reads it
        await asyncio.Event().wait()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve_for_ever(int(sys.argv[1]) if len(sys.argv) > 1 else 0))
