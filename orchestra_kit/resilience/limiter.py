"""What an account may ask of a model: requests and tokens a minute, and calls at once.

Two token buckets, a number of places, and a door that a 429 closes for a while. Failed calls count
at the provider as well, so that a request is used up as soon as it was sent. Tokens are reserved
before a call goes (its input, and the most it may answer) and settled when it has ended: a stream
that is cut short, or a call that many wait behind, is counted from its first moment.

What a provider says in its headers is taken over where it is less than we thought, and never where
it is more: others may use the same account, and what they have used is only ever news of less.

A pure state machine: every method takes the moment, in seconds of a monotonic clock. A clock that
goes back does no harm.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from orchestra_kit.core.answer import Allowance
from orchestra_kit.resilience.concurrency import AdaptiveConcurrency
from orchestra_kit.resilience.token_bucket import TokenBucket

__all__ = ["Limiter", "Ticket"]


@dataclass(slots=True)
class Ticket:
    """Leave for one call, to be settled or refused when it has ended."""

    tokens: int
    """Those that were reserved."""
    ended: bool = False


class Limiter:
    """The limits of one account at one model; None where none is known.

    Raises ValueError for a limit below 1.
    """

    def __init__(
        self,
        *,
        requests_per_minute: int | None = None,
        tokens_per_minute: int | None = None,
        concurrent: int | None = None,
    ) -> None:
        self._requests = None if requests_per_minute is None else TokenBucket(requests_per_minute)
        self._tokens = None if tokens_per_minute is None else TokenBucket(tokens_per_minute)
        self._places = AdaptiveConcurrency(ceiling=concurrent)
        self._in_flight = 0
        self._closed_until = -math.inf

    @property
    def in_flight(self) -> int:
        """Calls that have begun and not ended."""
        return self._in_flight

    def wait(self, now: float, tokens: int = 0) -> float:
        """Seconds until a call that reserves so many tokens may go; 0 when it may now, infinite
        when only the end of another call can make room."""
        wait = max(0.0, self._closed_until - now)
        if self._requests is not None:
            wait = max(wait, self._requests.wait(now, 1))
        if self._tokens is not None:
            wait = max(wait, self._tokens.wait(now, tokens))
        return math.inf if wait == 0.0 and self.full(now) else wait

    def full(self, now: float) -> bool:  # noqa: ARG002 - every method takes the moment
        """Whether every place is taken."""
        return not self._places.may(self._in_flight)

    def take(self, now: float, tokens: int = 0) -> Ticket | None:
        """A request, so many tokens and a place; None, and nothing taken, where one is lacking."""
        if self.wait(now, tokens) > 0:
            return None
        if self._requests is not None:
            self._requests.take(now, 1)
        if self._tokens is not None:
            self._tokens.take(now, tokens)
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
            self._tokens.correct(now, ticket.tokens - tokens)

    def refuse(self, now: float, ticket: Ticket) -> None:
        """A call was never sent: everything is given back. A second time does nothing."""
        if ticket.ended:
            return
        self.settle(now, ticket, 0)
        if self._requests is not None:
            self._requests.correct(now, 1)

    def learn(self, now: float, allowance: Allowance) -> None:
        """Take over what the provider says, where it is less than we thought.

        Limits are read as those of a minute. One that is of a day, as Groq's of requests is, is
        then merely too high; a 429 says the rest.
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
        """A call that has been settled went well: there may be room for more at once."""
        self._places.saw_success(now, self._in_flight)

    def saw_overload(self, now: float) -> None:
        """A call that has been settled met too much to do, or no answer: fewer at once, perhaps."""
        self._places.saw_overload(now, self._in_flight)

    def saw_too_many(self, now: float) -> None:
        """A call that has been settled was turned away, as one too many at once."""
        self._places.saw_too_many(now, self._in_flight)


def _learnt(
    bucket: TokenBucket | None, now: float, limit: int | None, left: int | None
) -> TokenBucket | None:
    """The bucket, or a first one, held to what was said.

    A limit of 0 or less is none that anybody meant: Azure sends such where it does not count, with
    nothing left, so that nothing left is believed only beside a limit.
    """
    least = 1
    if limit is not None and limit > 0:
        if bucket is None:
            bucket = TokenBucket(limit)
        bucket.slow_to(now, limit)
        least = 0
    if bucket is not None and left is not None and left >= least:
        bucket.lower_to(now, left)
    return bucket
