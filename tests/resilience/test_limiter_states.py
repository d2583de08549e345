"""Any order of calls, endings, waits and words of the provider, beside the plain arithmetic."""

from __future__ import annotations

import math
from fractions import Fraction

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from orchestra_kit.core.answer import Allowance
from orchestra_kit.resilience.limiter import Limiter, Ticket

MICROSECOND = Fraction(1, 10**6)
RATES = st.sampled_from([None, 6, 60, 480])
"""A minute, so that a second's share is a float."""
TOKEN_RATES = st.sampled_from([None, 480, 6000])


class Level:
    """A bucket in exact fractions: what it holds, from the list of everything that happened."""

    def __init__(self, a_minute: int) -> None:
        self.a_minute = a_minute
        self.level = self.burst
        self.at = Fraction(0)

    @property
    def burst(self) -> Fraction:
        return max(Fraction(1), Fraction(self.a_minute, 12))

    def at_moment(self, now: Fraction) -> Level:
        self.level = min(self.burst, self.level + (now - self.at) * Fraction(self.a_minute, 60))
        self.at = now
        return self

    def wait(self, amount: int) -> Fraction:
        return max(Fraction(0), (min(amount, self.burst) - self.level) * 60 / self.a_minute)

    def told(self, limit: int | None, left: int | None) -> None:
        if limit is not None and 0 < limit < self.a_minute:
            self.a_minute = limit
        self.level = min(self.level, self.burst)
        if left is not None and (left > 0 or (left == 0 and limit is not None and limit > 0)):
            self.level = min(self.level, Fraction(left))


class LimiterMachine(RuleBasedStateMachine):
    """A limiter beside its model. Time moves in quarters of a second, which floats hold exactly."""

    @initialize(requests=RATES, tokens=TOKEN_RATES, places=st.sampled_from([None, 1, 3]))
    def begin(self, requests: int | None, tokens: int | None, places: int | None) -> None:
        self.now = Fraction(0)
        self.limiter = Limiter(
            requests_per_minute=requests, tokens_per_minute=tokens, concurrent=places
        )
        self.requests = None if requests is None else Level(requests)
        self.tokens = None if tokens is None else Level(tokens)
        self.places = places
        self.closed_until = Fraction(0)
        self.open: list[Ticket] = []
        self.over: list[Ticket] = []

    def levels(self) -> list[Level]:
        return [level.at_moment(self.now) for level in (self.requests, self.tokens) if level]

    def expected(self, tokens: int) -> Fraction:
        waits = [max(Fraction(0), self.closed_until - self.now)]
        self.levels()
        if self.requests:
            waits.append(self.requests.wait(1))
        if self.tokens:
            waits.append(self.tokens.wait(tokens))
        return max(waits)

    @rule(quarters=st.sampled_from([1, 2, 4, 19, 20, 60, 240, 2400]))
    def pass_time(self, quarters: int) -> None:
        self.now += Fraction(quarters, 4)

    @rule(tokens=st.sampled_from([0, 1, 40, 500, 3000]), times=st.integers(1, 8))
    def take(self, tokens: int, times: int) -> None:
        for _ in range(times):
            expected, full = self.expected(tokens), self.full()
            wait = self.limiter.wait(float(self.now), tokens)
            if expected > MICROSECOND:
                assert abs(wait - expected) < MICROSECOND
            else:
                assert wait == (float("inf") if full else 0.0)
            ticket = self.limiter.take(float(self.now), tokens)
            assert (ticket is not None) is (expected <= MICROSECOND and not full)
            if ticket is None:
                return
            self.open.append(ticket)
            if self.requests:
                self.requests.level -= 1
            if self.tokens:
                self.tokens.level -= tokens

    @precondition(lambda self: self.open)
    @rule(which=st.integers(0, 100), used=st.sampled_from([None, 0, 1, 30, 450, 10**7]))
    def end(self, which: int, used: int | None) -> None:
        ticket = self.open.pop(which % len(self.open))
        self.limiter.settle(float(self.now), ticket, used)
        self.over.append(ticket)
        self.levels()
        if self.tokens and used is not None:
            owed = min(used - ticket.tokens, self.tokens.a_minute)
            self.tokens.level = min(self.tokens.burst, self.tokens.level - owed)

    @precondition(lambda self: self.open)
    @rule(which=st.integers(0, 100))
    def never_sent(self, which: int) -> None:
        ticket = self.open.pop(which % len(self.open))
        self.limiter.refuse(float(self.now), ticket)
        self.over.append(ticket)
        self.levels()
        for level, amount in ((self.requests, 1), (self.tokens, ticket.tokens)):
            if level:
                level.level = min(level.burst, level.level + amount)

    @precondition(lambda self: self.over)
    @rule(used=st.sampled_from([None, 0, 450]))
    def end_again(self, used: int | None) -> None:
        self.limiter.settle(float(self.now), self.over[-1], used)
        self.limiter.refuse(float(self.now), self.over[-1])

    @rule(seconds=st.sampled_from([-5, 0, 1, 30]))
    def throttle(self, seconds: int) -> None:
        self.limiter.throttle(float(self.now), float(seconds))
        self.closed_until = max(self.closed_until, self.now + seconds)

    @rule(
        limit=st.sampled_from([None, -1, 0, 6, 60, 6000]),
        left=st.sampled_from([None, -1, 0, 1, 4, 6000]),
        places=st.sampled_from([None, -1, 0, 2, 9]),
        of_tokens=st.booleans(),
    )
    def learn(
        self, limit: int | None, left: int | None, places: int | None, of_tokens: bool
    ) -> None:
        self.levels()
        if of_tokens:
            said = Allowance(tokens_limit=limit, tokens_left=left, concurrent_limit=places)
        else:
            said = Allowance(requests_limit=limit, requests_left=left, concurrent_limit=places)
        self.limiter.learn(float(self.now), said)
        name = "tokens" if of_tokens else "requests"
        if getattr(self, name) is None and limit is not None and limit > 0:
            level = Level(limit)
            level.at = self.now
            setattr(self, name, level)
        if getattr(self, name) is not None:
            getattr(self, name).told(limit, left)
        if places is not None and places > 0:
            self.places = min(self.places or places, places)

    def full(self) -> bool:
        return self.places is not None and len(self.open) >= self.places

    @invariant()
    def places_and_door_are_as_in_the_model(self) -> None:
        if hasattr(self, "limiter"):
            now = float(self.now)
            assert self.limiter.in_flight == len(self.open)
            assert self.limiter.full(now) is self.full()
            assert self.limiter.throttled_for(now) == max(0, self.closed_until - self.now)


TestLimiter = LimiterMachine.TestCase


class WindowsMachine(RuleBasedStateMachine):
    """A limiter beside the list of everything that went, judged by windows rather than buckets."""

    REQUESTS, TOKENS, PLACES = 120, 6_000, 3

    @initialize()
    def begin(self) -> None:
        self.now = 0.0
        self.limiter = Limiter(
            requests_per_minute=self.REQUESTS,
            tokens_per_minute=self.TOKENS,
            concurrent=self.PLACES,
        )
        self.open: list[tuple[Ticket, int]] = []
        self.went: list[tuple[float, int]] = []
        self.closed_until = 0.0

    @rule(eighths=st.sampled_from([1, 2, 4, 8, 40, 100, 480]))
    def wait(self, eighths: int) -> None:
        self.now += eighths / 8

    @rule(tokens=st.sampled_from([0, 10, 100, 400]), times=st.integers(1, 6))
    def take(self, tokens: int, times: int) -> None:
        for _ in range(times):
            wait = self.limiter.wait(self.now, tokens)
            ticket = self.limiter.take(self.now, tokens)
            assert (ticket is not None) is (wait == 0)
            if ticket is None:
                assert wait > 0
                continue
            assert self.now >= self.closed_until
            self.open.append((ticket, tokens))
            self.went.append((self.now, tokens))

    @precondition(lambda self: self.open)
    @rule(known=st.booleans(), which=st.integers(0, 100))
    def end(self, known: bool, which: int) -> None:
        ticket, tokens = self.open.pop(which % len(self.open))
        self.limiter.settle(self.now, ticket, tokens if known else None)

    @precondition(lambda self: self.open)
    @rule()
    def never_sent(self) -> None:
        ticket, tokens = self.open.pop()
        self.limiter.refuse(self.now, ticket)
        self.went.remove(next(g for g in reversed(self.went) if g[1] == tokens))

    @rule(seconds=st.sampled_from([0.0, 1.0, 10.0]))
    def throttle(self, seconds: float) -> None:
        self.limiter.throttle(self.now, seconds)
        self.closed_until = max(self.closed_until, self.now + seconds)

    @rule()
    def a_finite_wait_is_long_enough(self) -> None:
        wait = self.limiter.wait(self.now, 100)
        if wait < math.inf:
            self.now += wait
            if len(self.open) < self.PLACES:
                ticket = self.limiter.take(self.now, 100)
                assert ticket is not None
                self.open.append((ticket, 100))
                self.went.append((self.now, 100))

    @invariant()
    def places_are_what_is_in_flight(self) -> None:
        if hasattr(self, "limiter"):
            assert self.limiter.in_flight == len(self.open) <= self.PLACES

    @invariant()
    def no_window_of_any_length_held_more_than_rate_and_burst(self) -> None:
        went = getattr(self, "went", ())
        for start in {moment for moment, _ in went}:
            inside = [(m, t) for m, t in went if start <= m]
            span = self.now - start
            # A wait of less than a microsecond counts as over: at 100 tokens a second, 0.0001.
            assert len(inside) <= self.REQUESTS / 60 * (span + 5) + 1e-3
            assert sum(t for _, t in inside) <= self.TOKENS / 60 * (span + 5) + 1e-3


TestWindows = WindowsMachine.TestCase
