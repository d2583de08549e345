"""The one way out: HTTP that is bounded, follows nothing, and says what became of a send.

httpx over aiohttp, because httpx's own pool slows down with its size (1,275 requests a second on
one connection fall to 200 at a thousand; over aiohttp 2,600 stay). One client an event loop, since
a connection belongs to the loop that opened it.
"""

from __future__ import annotations

import asyncio
import threading
import zlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Protocol
from weakref import WeakKeyDictionary

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from orchestra_kit.core.errors import (
    AttemptOutcome,
    FailureClass,
    OrchestraError,
    ProviderError,
    UnsafeAddress,
)
from orchestra_kit.core.secrets import scrub
from orchestra_kit.providers.addresses import CheckedResolver

__all__ = ["LARGEST_BODY", "Response", "Transport"]

LARGEST_BODY = 8_000_000
"""Bytes of a decoded body: a long answer has 0.1 MB, a compressed trap has gigabytes."""

_CONNECT_SECONDS = 10.0
_KEPT_SECONDS = 4.0
"""Below the 5 s after which uvicorn, which serves most local models, closes an idle connection:
a send on a connection that dies under it has an unknown outcome and may not be repeated."""
_CONNECTIONS = 1_000


@dataclass(frozen=True, slots=True)
class Response:
    """A whole response."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    """Decoded."""


class Transport:
    """Posts JSON and reads the whole response; never retries, never redirects, uses no proxy."""

    def __init__(self, *, allow_local: bool, largest_body: int = LARGEST_BODY) -> None:
        self._allow_local = allow_local
        self._largest_body = largest_body
        self._lock = threading.Lock()
        """Guards the clients: loops may live on several threads."""
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, httpx.AsyncClient] = (
            WeakKeyDictionary()
        )

    async def post(self, url: str, *, headers: Mapping[str, str], body: bytes) -> Response:
        """The response, of whatever status.

        Raises ProviderError: CONNECT and `not_sent` where no connection came about, STREAM_CUT
        and `unknown` where the connection broke after the send, MALFORMED where the body is too
        large or wrongly encoded.
        """
        sent = {
            "content-type": "application/json",
            "accept": "application/json",
            "accept-encoding": "gzip",
            **headers,
        }
        try:
            async with self._client().stream("POST", url, headers=sent, content=body) as reply:
                found = {name.lower(): value for name, value in reply.headers.items()}
                content = await _bounded(
                    reply.aiter_raw(), found.get("content-encoding", ""), self._largest_body
                )
                return Response(reply.status_code, found, content)
        except (httpx.HTTPError, aiohttp.ClientError, OSError) as error:
            raise _told(error) from error

    async def close(self) -> None:
        """Close the connections of this event loop, and let go of all others."""
        with self._lock:
            mine = self._clients.pop(asyncio.get_running_loop(), None)
            others = list(self._clients.items())
            self._clients.clear()
        if mine is not None:
            await mine.aclose()
        for loop, client in others:
            if loop.is_running():
                asyncio.run_coroutine_threadsafe(client.aclose(), loop)

    def _client(self) -> httpx.AsyncClient:
        loop = asyncio.get_running_loop()
        with self._lock:
            if loop not in self._clients:
                self._clients[loop] = self._opened()
            return self._clients[loop]

    def _opened(self) -> httpx.AsyncClient:
        context = httpx.create_ssl_context(trust_env=False)
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=_CONNECTIONS,
                keepalive_timeout=_KEPT_SECONDS,
                ssl=context,
                resolver=CheckedResolver(allow_local=self._allow_local),
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
        )
        return httpx.AsyncClient(
            transport=AiohttpTransport(client=session, verify=context, trust_env=False),
            timeout=httpx.Timeout(None, connect=_CONNECT_SECONDS),
            follow_redirects=False,
            trust_env=False,
        )


def _told(error: Exception) -> ProviderError:
    """What became of the send, read from the innermost cause.

    httpx-aiohttp shows every broken connection as one that never came about; the cause knows
    better, and it matters: what was never sent may be repeated, what was sent may not.
    """
    chain: list[BaseException] = [error]
    while (cause := chain[-1].__cause__ or chain[-1].__context__) is not None:
        chain.append(cause)
    refused = next((link for link in chain if isinstance(link, UnsafeAddress)), None)
    if refused is not None:
        return _failure(f"not sent: {refused.args[0]}", FailureClass.CONNECT)
    never = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, ConnectionRefusedError)
    if any(isinstance(link, never) for link in chain):
        return _failure("no connection came about", FailureClass.CONNECT)
    if any(isinstance(link, (aiohttp.InvalidURL, httpx.UnsupportedProtocol)) for link in chain):
        return _failure("the address is not a URL", FailureClass.CONNECT)
    if any(isinstance(link, aiohttp.ClientResponseError) for link in chain):
        return ProviderError(
            "the answer was not HTTP",
            failure=FailureClass.MALFORMED,
            outcome=AttemptOutcome.UNKNOWN,
        )
    return ProviderError(
        "the connection broke before the whole answer had come",
        failure=FailureClass.STREAM_CUT,
        outcome=AttemptOutcome.UNKNOWN,
    )


def _failure(message: str, failure: FailureClass) -> ProviderError:
    return ProviderError(scrub(message), failure=failure, outcome=AttemptOutcome.NOT_SENT)


class _Decoder(Protocol):
    @property
    def unconsumed_tail(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


async def _bounded(chunks: AsyncIterator[bytes], encoding: str, largest: int) -> bytes:
    """The decoded body, never holding more than `largest` bytes of it."""
    decoder = _decoder(encoding)
    body = bytearray()
    async for chunk in chunks:
        room = largest + 1 - len(body)
        try:
            body += decoder.decompress(chunk, room) if decoder else chunk[:room]
        except zlib.error:
            raise _malformed("the body is not the gzip data that it claims to be") from None
        if len(body) > largest or (decoder and decoder.unconsumed_tail):
            raise _malformed(f"the body is larger than {largest / 1e6:g} MB")
    return bytes(body)


def _decoder(encoding: str) -> _Decoder | None:
    match encoding.strip().lower():
        case "" | "identity":
            return None
        case "gzip" | "x-gzip":
            return zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
        case "deflate":
            return zlib.decompressobj()
    raise _malformed("the body is compressed in a way that was not asked for")


def _malformed(message: str) -> OrchestraError:
    return ProviderError(message, failure=FailureClass.MALFORMED, outcome=AttemptOutcome.ANSWERED)
