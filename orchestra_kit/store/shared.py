"""What several processes share, in Redis: limits, breakers, single probes, and a cache.

Redis is a convenience and never a condition. Every question has a moment's time; where no answer
comes, each process goes on by itself, as if nothing were shared, and Redis is asked again a little
later. No prompt and no answer is kept here but in the cache, which is off unless it is asked for.

Made for clocks whose time is real: a virtual one would not wait for a server.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from orchestra_kit.core.answer import Source
from orchestra_kit.core.errors import StoreError
from orchestra_kit.store import shared_scripts
from orchestra_kit.store.routing_changes import StoredBreaker
from orchestra_kit.store.types import from_micros, to_micros

if TYPE_CHECKING:
    from redis.asyncio import Redis

__all__ = ["SharedState"]

_LOOK_AGAIN = 0.1
"""Seconds after which a place may have become free: another process cannot tell us when."""

_LEAVE_ALONE = 1.0
"""Seconds for which a Redis that did not answer is not asked again, so that requests do not wait
for it one by one."""

_BREAKERS_KEPT = 86_400
"""Seconds for which the standing of breakers is kept when nobody publishes any more."""

_PAGE = 1_000
_CONNECTIONS = 50


class SharedState:
    """A door to one Redis. Use it on one event loop, and close it.

    Raises StoreError where the address cannot be read, or the client is not installed; no method
    raises anything but what a cancelled task raises.
    """

    def __init__(
        self,
        address: str,
        *,
        prefix: str = "orchestra",
        timeout: float = 0.25,
        cache: bool = False,
    ) -> None:
        self.down_since: datetime | None = None
        """Since when Redis has not answered, UTC; None while it does."""
        self.last_error = ""
        """Why it did not answer the last time."""
        self.shown = _shown(address)
        """The address without a password."""
        self._prefix = prefix
        self._timeout = timeout
        self._caching = cache
        self._me = secrets.token_hex(8)
        self._leave_alone_until = 0.0
        self._redis = _client(address, timeout)
        self._take = self._redis.register_script(shared_scripts.TAKE)
        self._settle = self._redis.register_script(shared_scripts.SETTLE)
        self._throttle = self._redis.register_script(shared_scripts.THROTTLE)
        self._publish = self._redis.register_script(shared_scripts.PUBLISH)
        self._forget_probe = self._redis.register_script(shared_scripts.FORGET_PROBE)

    async def close(self) -> None:
        """Let go of the connections."""
        await self._ask(self._redis.aclose)

    async def reachable(self) -> bool:
        """Whether Redis answers now."""
        self._leave_alone_until = 0.0
        return bool(await self._ask(self._redis.ping))

    # Limits

    async def take(
        self,
        bucket: str,
        ticket: str,
        *,
        requests_per_minute: int | None = None,
        tokens_per_minute: int | None = None,
        concurrent: int | None = None,
        tokens: int = 0,
        now: float | None = None,
        lease: float = 60.0,
    ) -> float | None:
        """Claim a request, so many tokens and a place for one call, all or nothing.

        0.0 when taken; else the seconds after which to ask again; None when Redis does not answer.
        The rules are those of `resilience.limiter`. `bucket` names the account and model. `ticket`
        names the call (an attempt's identifier): asking twice for one takes once. The place comes
        back by `settle`, or after `lease` seconds, for a process that was killed. `now` is seconds
        since 1970; by the server's clock when left out, which then is the same for all.
        """
        arguments: list[str | float] = [
            _text(now), _text(requests_per_minute), _text(tokens_per_minute), _text(concurrent),
            tokens, lease, ticket, _LOOK_AGAIN,
        ]  # fmt: skip
        keys = self._keys_of(bucket)
        wait = await self._ask(lambda: self._take(keys=keys, args=arguments))
        return None if wait is None else float(wait)

    async def settle(
        self, bucket: str, ticket: str, tokens: int | None, *, sent: bool = True
    ) -> None:
        """A call has ended and used so many tokens; None keeps what was reserved.

        One that was not `sent` gives its request back too. A second time does nothing. Say it also
        where `take` gave None: the claim may have arrived all the same.
        """
        arguments: list[str | float] = [ticket, _text(tokens if sent else 0), int(sent)]
        keys = self._keys_of(bucket)
        await self._ask(lambda: self._settle(keys=keys, args=arguments))

    async def throttle(self, bucket: str, seconds: float, *, now: float | None = None) -> None:
        """Let no process's call go for so many seconds; of two such words the later end stands."""
        if seconds > 0:
            keys = self._keys_of(bucket)[:1]
            await self._ask(lambda: self._throttle(keys=keys, args=[_text(now), seconds]))

    # Breakers

    async def publish_breaker(self, standing: StoredBreaker) -> None:
        """Tell other processes how a breaker stands, unless they told something later."""
        at = to_micros(standing.at)
        row = {
            "state": standing.state,
            "openings": standing.openings,
            "until": None if standing.until is None else to_micros(standing.until),
            "at": at,
        }
        arguments: list[str | float] = [standing.deployment, at, json.dumps(row), _BREAKERS_KEPT]
        keys = [self._breakers_of(standing.source)]
        await self._ask(lambda: self._publish(keys=keys, args=arguments))

    async def breakers(self, source: Source) -> dict[str, StoredBreaker]:
        """How the breakers stand that some process told of, by deployment; one short question,
        to be asked each second or so. Empty when Redis does not answer."""
        key = self._breakers_of(source)
        found: dict[bytes, bytes] = await self._ask(lambda: self._redis.hgetall(key)) or {}
        rows = (_breaker(name, row, source) for name, row in found.items())
        return {row.deployment: row for row in rows if row is not None}

    async def claim_probe(self, deployment: str, seconds: float) -> bool:
        """Whether this process is the one to probe: only one is, until it releases its claim or
        `seconds` have passed. True also when Redis does not answer: then each asks for itself."""
        key, milliseconds = self._key("probe", deployment), max(1, int(seconds * 1000))
        claimed = await self._ask(
            lambda: self._redis.set(key, self._me, nx=True, px=milliseconds), refused=False
        )
        return claimed is None or bool(claimed)

    async def release_probe(self, deployment: str) -> None:
        """Give up this process's claim, and nobody else's."""
        keys = [self._key("probe", deployment)]
        await self._ask(lambda: self._forget_probe(keys=keys, args=[self._me]))

    # Cache

    async def get(self, key: str) -> bytes | None:
        """What was put under a key; None for nothing."""
        if not self._caching:
            return None
        found: bytes | None = await self._ask(lambda: self._redis.get(self._key("cache", key)))
        return found

    async def put(self, key: str, value: bytes, ttl: float) -> None:
        """Keep a value for `ttl` seconds; nothing happens where the cache is off."""
        if self._caching and ttl > 0:
            name, milliseconds = self._key("cache", key), max(1, int(ttl * 1000))
            await self._ask(lambda: self._redis.set(name, value, px=milliseconds))

    async def forget(self, prefix: str) -> int:
        """Drop every value whose key begins so, and return how many there were."""
        pattern = f"{_literally(self._key('cache', prefix))}*"
        dropped, cursor = 0, 0
        while True:
            at = cursor
            page = await self._ask(lambda: self._redis.scan(at, match=pattern, count=_PAGE))  # noqa: B023
            if page is None:
                return dropped
            cursor, keys = page
            if keys:
                dropped += await self._ask(lambda: self._redis.unlink(*keys)) or 0  # noqa: B023
            if cursor == 0:
                return dropped

    def _key(self, *parts: str) -> str:
        return ":".join((self._prefix, *parts))

    def _keys_of(self, bucket: str) -> list[str]:
        return [self._key("limit", f"{{{bucket}}}", name) for name in ("level", "places", "held")]

    def _breakers_of(self, source: Source) -> str:
        return self._key("breakers", source.value)

    async def _ask(self, question: Callable[[], Awaitable[Any]], *, refused: Any = None) -> Any:
        """The answer; `refused` where it is nothing, and None where none comes in time."""
        from redis.exceptions import RedisError

        if time.monotonic() < self._leave_alone_until:
            return None
        try:
            async with asyncio.timeout(self._timeout):
                answer = await question()
        except (RedisError, OSError, TimeoutError) as error:
            self._leave_alone_until = time.monotonic() + _LEAVE_ALONE
            self.down_since = self.down_since or datetime.now(UTC)
            self.last_error = f"{type(error).__name__}: {error}".strip(": ")
            return None
        self.down_since = None
        return refused if answer is None else answer


def _client(address: str, timeout: float) -> Redis:
    try:
        from redis.asyncio import BlockingConnectionPool, Redis
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff
    except ModuleNotFoundError as error:
        raise StoreError(
            "sharing between processes needs the client redis.",
            hint="Install it with: pip install 'orchestra_kit[redis]'.",
        ) from error
    settings: dict[str, Any] = {
        "max_connections": _CONNECTIONS,
        "timeout": timeout,
        "socket_timeout": timeout,
        "socket_connect_timeout": timeout,
        # A second try would come when nobody waits any more.
        "retry": Retry(NoBackoff(), 0),
    }
    try:
        return Redis(connection_pool=BlockingConnectionPool.from_url(address, **settings))
    except ValueError as error:
        raise StoreError(
            "the address of Redis cannot be read.", hint="Write it as redis://host:6379/0."
        ) from error


def _shown(address: str) -> str:
    try:
        parts = urlsplit(address)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "redis"
    return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}"


def _text(number: float | None) -> str:
    """Nothing is what the scripts take for none."""
    return "" if number is None else repr(number)


def _breaker(name: bytes, row: bytes, source: Source) -> StoredBreaker | None:
    """A standing that somebody told of; None for what cannot be one."""
    try:
        told = json.loads(row)
        return StoredBreaker(
            deployment=name.decode(),
            source=source,
            state=str(told["state"]),
            openings=int(told["openings"]),
            until=None if told["until"] is None else from_micros(int(told["until"])),
            at=from_micros(int(told["at"])),
        )
    except (ValueError, KeyError, TypeError, OverflowError):
        return None


def _literally(text: str) -> str:
    """A pattern of Redis that matches only this text."""
    return "".join(f"\\{c}" if c in "*?[]\\" else c for c in text)
