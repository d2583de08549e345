"""What an account may ask of a model: requests and tokens a minute, and calls at once.

Two token buckets that refill continuously (as Envoy's and every provider's), a number of places,
and a door that a 429 closes for a while. A provider that allows 60 requests a minute enforces it
below the minute (xAI by the second, OpenAI in quanta), so that a bucket holds no more than five
seconds' worth. What a call will use is reserved before it goes, and settled when it ends.

A pure state machine: every method takes the moment, in seconds of a monotonic clock. A clock that
goes back does no harm; nothing refills meanwhile.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from orchestra_kit.core.answer import Allowance
from orchestra_kit.resilience.concurrency import AdaptiveConcurrency

__all__ = ["Limiter", "Ticket"]

BURST_SECONDS = 5.0
"""What a full bucket holds, in seconds of its rate."""
_ROUNDING = 1e-9
"""Share of a bucket by which its level may seem short when the wait for it is over."""


@dataclass(slots=True)
class Ticket:
    """Leave for one call, to be settled or refused when it has ended."""

    tokens: int
    ended: bool = False


class _Bucket:
    """A level that refills at so much a second, up to its burst; below 0 it is in debt."""

    __slots__ = ("_at", "_burst", "_level", "_rate")

    def __init__(self, a_minute: float, least_burst: float) -> None:
        self._rate = a_minute / 60.0
        self._burst = max(least_burst, self._rate * BURST_SECONDS)
        self._level = self._burst
        self._at = -math.inf

    def wait(self, now: float, amount: float) -> float:
        """Seconds until so much is there; what the bucket never holds may go when it is full."""
        self._refill(now)
        lacking = min(amount, self._burst) - self._level
        return lacking / self._rate if lacking > _ROUNDING * self._burst else 0.0

    def take(self, amount: float) -> None:
        self._level -= amount

    def give_back(self, amount: float) -> None:
        self._level = min(self._burst, self._level + amount)

    def lower_to(self, now: float, left: float) -> None:
        """At most so much is left, whatever we thought; what is more than a burst says nothing."""
        self._refill(now)
        self._level = min(self._level, left)

    def slow_to(self, now: float, a_minute: float, least_burst: float) -> None:
        """No faster than this."""
        self._refill(now)
        self._rate = min(self._rate, a_minute / 60.0)
        self._burst = max(least_burst, self._rate * BURST_SECONDS)
        self._level = min(self._level, self._burst)

    def _refill(self, now: float) -> None:
        if now > self._at:
            if self._at > -math.inf:
                self._level = min(self._burst, self._level + (now - self._at) * self._rate)
            self._at = now


class Limiter:
    """The limits of one account at one model; None where there is none that is known."""

    def __init__(
        self,
        *,
        requests_per_minute: int | None = None,
        tokens_per_minute: int | None = None,
        concurrent: int | None = None,
    ) -> None:
        self._requests = _bucket(requests_per_minute)
        self._tokens = _bucket(tokens_per_minute)
        self._places = AdaptiveConcurrency(ceiling=concurrent)
        self._in_flight = 0
        self._closed_until = -math.inf

    @property
    def in_flight(self) -> int:
        """Calls that have begun and not ended."""
        return self._in_flight

    def wait(self, now: float, tokens: int = 0) -> float:
        """Seconds until a call that will use so many tokens may go; 0 when it may now, infinite
        when only the end of another call can make room."""
        wait = max(0.0, self._closed_until - now)
        if self._requests is not None:
            wait = max(wait, self._requests.wait(now, 1))
        if self._tokens is not None:
            wait = max(wait, self._tokens.wait(now, tokens))
        if wait == 0.0 and self.full(now):
            return math.inf
        return wait

    def full(self, now: float) -> bool:  # noqa: ARG002 - every method takes the moment
        """Whether every place is taken."""
        return not self._places.may(self._in_flight)

    def take(self, now: float, tokens: int = 0) -> Ticket | None:
        """A request, so many tokens and a place, or None where one of them is lacking."""
        if self.wait(now, tokens) > 0:
            return None
        if self._requests is not None:
            self._requests.take(1)
        if self._tokens is not None:
            self._tokens.take(tokens)
        self._in_flight += 1
        return Ticket(tokens)

    def settle(self, now: float, ticket: Ticket, tokens: int | None) -> None:
        """A call has ended and used so many tokens; None where nobody knows, so that what was
        reserved counts. A second time does nothing."""
        if ticket.ended:
            return
        ticket.ended = True
        self._in_flight -= 1
        if self._tokens is not None and tokens is not None:
            self._tokens.wait(now, 0)
            self._tokens.give_back(ticket.tokens - tokens)

    def refuse(self, now: float, ticket: Ticket) -> None:
        """A call was never made: everything is given back."""
        if ticket.ended:
            return
        self.settle(now, ticket, 0)
        if self._requests is not None:
            self._requests.give_back(1)

    def learn(self, now: float, allowance: Allowance) -> None:
        """Take over what the provider says, where it is less than we thought, and never more.

        A limit of 0 or less is none that anybody meant: Azure sends such where it does not count.
        """
        self._requests = _learnt(
            self._requests, now, allowance.requests_limit, allowance.requests_left
        )
        self._tokens = _learnt(self._tokens, now, allowance.tokens_limit, allowance.tokens_left)
        if allowance.concurrent_limit is not None and allowance.concurrent_limit > 0:
            self._places.hold_to(allowance.concurrent_limit)

    def throttle(self, now: float, seconds: float) -> None:
        """Let nothing go for so many seconds; of two such words the later end stands."""
        if seconds > 0:
            self._closed_until = max(self._closed_until, now + seconds)

    def throttled_for(self, now: float) -> float:
        """Seconds for which the door is still closed."""
        return max(0.0, self._closed_until - now)

    def saw_success(self, now: float) -> None:
        """A call ended well: there may be room for more at once."""
        self._places.saw_success(now, self._in_flight)

    def saw_overload(self, now: float) -> None:
        """The provider had too much to do: fewer at once, perhaps."""
        self._places.saw_overload(now, self._in_flight)

    def saw_too_many(self, now: float) -> None:
        """The provider said that our calls at once were too many."""
        self._places.saw_too_many(now, self._in_flight)


def _bucket(a_minute: float | None) -> _Bucket | None:
    return None if a_minute is None else _Bucket(a_minute, least_burst=1.0)


def _learnt(
    bucket: _Bucket | None, now: float, limit: int | None, left: int | None
) -> _Bucket | None:
    if limit is not None and limit > 0:
        if bucket is None:
            bucket = _Bucket(limit, least_burst=1.0)
        bucket.slow_to(now, limit, 1.0)
        if left is not None and left >= 0:
            bucket.lower_to(now, left)
    elif bucket is not None and left is not None and left > 0:
        bucket.lower_to(now, left)
    return bucket
