"""The one way out: HTTP that is bounded, follows nothing, and says what became of a send.

httpx over aiohttp, because httpx's own pool slows down with its size (1,275 requests a second on
one connection fall to 200 at a thousand; over aiohttp 2,600 stay). httpx's client is left out: its
redirects, cookies and merged defaults are not wanted, and take as long as the send itself. One
transport an event loop, since a connection belongs to the loop that opened it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache
from weakref import WeakKeyDictionary

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from orchestra_kit.core.errors import AttemptOutcome, FailureClass, ProviderError, UnsafeAddress
from orchestra_kit.core.secrets import scrub
from orchestra_kit.providers.addresses import CheckedResolver
from orchestra_kit.providers.decoding import ENCODING, bounded, decoded

__all__ = ["LARGEST_BODY", "LARGEST_STREAM", "Incoming", "Response", "Transport"]

LARGEST_BODY = 8_000_000
"""Bytes of a decoded body: a long answer has 0.1 MB, a compressed trap has gigabytes."""

LARGEST_STREAM = 64_000_000
"""Bytes of a decoded stream, which is never held as a whole: the event of a token has 300 bytes,
and 128,000 tokens are the longest answers that models give."""

_PATIENCE = {"timeout": httpx.Timeout(None, connect=10.0).as_dict()}
"""For a connection to come about; how long an answer may take is for the caller to say."""
_USER_AGENT = f"python-httpx/{httpx.__version__}"
_KEPT_SECONDS = 4.0
"""Below the 5 s after which uvicorn, which serves most local models, closes an idle connection:
a send on a connection that dies under it has an unknown outcome and may not be repeated."""
_CONNECTIONS = 1_000
_GOODBYE_SECONDS = 0.2
"""For the end of a body whose last word is known: it comes at once, or the connection is closed."""


@dataclass(frozen=True, slots=True)
class Response:
    """A whole response."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    """Decoded."""


class Incoming:
    """A response whose status and headers are there and whose body is still coming."""

    def __init__(
        self,
        status: int,
        headers: Mapping[str, str],
        chunks: AsyncIterator[bytes],
        *,
        largest_body: int = LARGEST_BODY,
    ) -> None:
        self._largest_body = largest_body
        self.status = status
        self.headers = headers
        """Names in lower case."""
        self.chunks = chunks
        """The decoded body as it comes, once; raises ProviderError as `Transport.post` does."""

    async def whole(self) -> Response:
        """All of it, where the body turns out to be no stream."""
        body = b"".join([chunk async for chunk in bounded(self.chunks, self._largest_body)])
        return Response(self.status, self.headers, body)

    async def finish(self) -> None:
        """Read what follows the last word, so that the connection may be used again; not long."""
        try:
            async with asyncio.timeout(_GOODBYE_SECONDS):
                async for _ in self.chunks:
                    pass
        except (TimeoutError, ProviderError):
            return  # the answer is whole; the connection is closed instead


class Transport:
    """Posts JSON and reads the response, whole or as it comes; never retries, never redirects,
    uses no proxy."""

    def __init__(self, *, allow_local: bool, largest_body: int = LARGEST_BODY) -> None:
        self._allow_local = allow_local
        self._largest_body = largest_body
        self._lock = threading.Lock()
        """Guards the clients: loops may live on several threads."""
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, AiohttpTransport] = (
            WeakKeyDictionary()
        )

    async def post(self, url: str, *, headers: Mapping[str, str], body: bytes) -> Response:
        """The response, of whatever status.

        Raises ProviderError: CONNECT and `not_sent` where no connection came about, STREAM_CUT
        and `unknown` where the connection broke after the send, MALFORMED where the body is too
        large or wrongly encoded.
        """
        async with self.stream(url, headers=headers, body=body) as incoming:
            return await incoming.whole()

    @asynccontextmanager
    async def stream(
        self, url: str, *, headers: Mapping[str, str], body: bytes
    ) -> AsyncIterator[Incoming]:
        """The response, of whatever status, as soon as its headers are there.

        Raises ProviderError as `post` does. Leaving the context frees the connection.
        """
        sent = {
            "content-type": "application/json",
            "accept": "application/json",
            "accept-encoding": ENCODING,
            "user-agent": _USER_AGENT,
            **headers,
        }
        try:
            request = httpx.Request(
                "POST", _parsed(url), headers=sent, content=body, extensions=_PATIENCE
            )
            reply = await self._client().handle_async_request(request)
        except _BROKEN as error:
            raise _told(error) from error
        try:
            found = {name.lower(): value for name, value in reply.headers.items()}
            packed = found.get("content-encoding", "")
            pieces = bounded(decoded(_arriving(reply), packed), LARGEST_STREAM)
            yield Incoming(reply.status_code, found, pieces, largest_body=self._largest_body)
        finally:
            await reply.aclose()

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

    def _client(self) -> AiohttpTransport:
        loop = asyncio.get_running_loop()
        with self._lock:
            client = self._clients.get(loop)
            if client is None:
                client = self._clients[loop] = self._opened()
            return client

    def _opened(self) -> AiohttpTransport:
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
        return AiohttpTransport(client=session, verify=context, trust_env=False)


@lru_cache(maxsize=256)
def _parsed(url: str) -> httpx.URL:
    """An address, taken apart once: a policy has a few dozen."""
    return httpx.URL(url)


async def _arriving(reply: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for chunk in reply.aiter_raw():
            yield chunk
    except _BROKEN as error:
        raise _told(error) from error


_BROKEN = (httpx.HTTPError, httpx.InvalidURL, aiohttp.ClientError, OSError)
"""What the layers below raise where something went wrong between here and the server."""
_NO_URL = (aiohttp.InvalidURL, httpx.InvalidURL, httpx.UnsupportedProtocol)


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
    if any(isinstance(link, _NO_URL) for link in chain):
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
