"""The circuit breaker of one deployment: when not to call, when to probe, how to come back.

It opens after five failures in a row (as Envoy's outlier detection), or when at least half of at
least ten calls within 30 s failed (as resilience4j). A rate alone reacts within window times
threshold, which is ten times slower after a hard outage than the row of five. It stays open for
15 s, doubling to 300 s, with 20 % jitter; then one probe at a time goes out. A good probe lets 10,
25, 50 and 100 % of the calls through over 60 s; three good calls after that forget the doubling.

A pure state machine: every method takes the moment, in seconds of a monotonic clock.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from orchestra_kit.core.display import Shown

__all__ = ["Breaker", "BreakerState", "Transition"]

FAILURES_IN_A_ROW = 5.0
WINDOW_SECONDS = 30.0
WINDOW_CALLS = 10
WINDOW_SHARE = 0.5
FIRST_OPEN_SECONDS = 15.0
LONGEST_OPEN_SECONDS = 300.0
OPEN_JITTER = 0.2
PROBE_SECONDS = 60.0
"""A probe that is not heard of for so long gives its place to another."""
RAMP_SECONDS = 60.0
RAMP_SHARES = (0.10, 0.25, 0.50)
HEALTHY_CALLS = 3


class BreakerState(StrEnum):
    """What the breaker does with a call."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"
    """One probe at a time, then a growing share of the calls."""
    ISOLATED = "isolated"
    """Open until somebody closes it, or until the moment it was isolated to."""


@dataclass(frozen=True, slots=True)
class Transition(Shown):
    """A change of state."""

    moment: float
    before: BreakerState
    after: BreakerState


class Breaker:
    """One deployment's breaker. `seed` makes jitter and the ramp's admission reproducible."""

    def __init__(self, *, seed: int = 0) -> None:
        self._random = Random(seed)
        self._state = BreakerState.CLOSED
        self._calls: deque[tuple[float, float]] = deque()
        self._failed = 0.0
        self._row = 0.0
        self._openings = 0
        self._until = 0.0
        self._probe_since: float | None = None
        self._ramp_since: float | None = None
        self._healthy = 0
        self._transitions: deque[Transition] = deque(maxlen=200)

    @property
    def transitions(self) -> tuple[Transition, ...]:
        """The latest changes of state, oldest first, at most 200."""
        return tuple(self._transitions)

    def state(self, now: float) -> BreakerState:
        """The state at a moment; an opening that has run out is half open."""
        if self._state in (BreakerState.OPEN, BreakerState.ISOLATED) and now >= self._until:
            self._move(now, BreakerState.HALF_OPEN)
            self._probe_since = self._ramp_since = None
        ramp = self._ramp_since
        if (
            self._state is BreakerState.HALF_OPEN
            and ramp is not None
            and now - ramp >= RAMP_SECONDS
        ):
            self._close(now)
        return self._state

    def seconds_until_probe(self, now: float) -> float:
        """Seconds until a call may go out again; 0 where one may now, infinite when isolated."""
        if self.state(now) in (BreakerState.OPEN, BreakerState.ISOLATED):
            return self._until - now
        return 0.0

    def allow(self, now: float) -> bool:
        """Whether a call may go out; a True claims the probe's place where there is only one."""
        state = self.state(now)
        if state is BreakerState.CLOSED:
            return True
        if state is not BreakerState.HALF_OPEN:
            return False
        if self._ramp_since is not None:
            step = int((now - self._ramp_since) / RAMP_SECONDS * (len(RAMP_SHARES) + 1))
            return step >= len(RAMP_SHARES) or self._random.random() < RAMP_SHARES[step]
        if self._probe_since is not None and now - self._probe_since < PROBE_SECONDS:
            return False
        self._probe_since = now
        return True

    def release_probe(self, now: float) -> None:
        """Give the probe's place back, where its call ended without saying anything of health."""
        if self.state(now) is BreakerState.HALF_OPEN:
            self._probe_since = None

    def record(self, now: float, *, ok: bool, weight: float = 1.0) -> None:
        """Count the end of a call; `weight` is how much a failure weighs, 0 for not at all.

        A failure of weight 0 says that the deployment answers, though not what was hoped for: it
        ends a probe well.
        """
        state = self.state(now)
        if state in (BreakerState.OPEN, BreakerState.ISOLATED):
            return
        failed = 0.0 if ok else weight
        if state is BreakerState.HALF_OPEN:
            self._record_half_open(now, failed)
            return
        self._forget(now)
        self._calls.append((now, failed))
        self._failed += failed
        if failed:
            self._row += failed
            self._healthy = 0
        elif ok:
            self._row = 0.0
            self._healthy += 1
            if self._healthy >= HEALTHY_CALLS:
                self._openings = 0
        if self._tripped():
            self._open(now)

    def isolate(self, now: float, *, seconds: float | None = None) -> None:
        """Let nothing through for so many seconds, or until `close`."""
        self._move(now, BreakerState.ISOLATED)
        self._until = float("inf") if seconds is None else now + seconds
        self._reset()

    def close(self, now: float) -> None:
        """Let everything through again."""
        self._openings = 0
        self._close(now)

    def _record_half_open(self, now: float, failed: float) -> None:
        self._probe_since = None
        if failed:
            self._open(now)
        elif self._ramp_since is None:
            self._ramp_since = now

    def _ramped(self, now: float) -> bool:
        return self._ramp_since is not None and now - self._ramp_since >= RAMP_SECONDS

    def _tripped(self) -> bool:
        calls = len(self._calls)
        return self._row >= FAILURES_IN_A_ROW or (
            calls >= WINDOW_CALLS and self._failed >= WINDOW_SHARE * calls
        )

    def _forget(self, now: float) -> None:
        while self._calls and self._calls[0][0] <= now - WINDOW_SECONDS:
            self._failed -= self._calls.popleft()[1]
        if not self._calls:
            self._failed = 0.0

    def _open(self, now: float) -> None:
        length = min(LONGEST_OPEN_SECONDS, FIRST_OPEN_SECONDS * 2.0**self._openings)
        jitter = self._random.uniform(1 - OPEN_JITTER, 1 + OPEN_JITTER)
        self._openings = min(self._openings + 1, 16)
        self._move(now, BreakerState.OPEN)
        self._until = now + length * jitter
        self._reset()

    def _close(self, now: float) -> None:
        self._move(now, BreakerState.CLOSED)
        self._reset()

    def _reset(self) -> None:
        self._calls.clear()
        self._failed = self._row = 0.0
        self._probe_since = self._ramp_since = None
        self._healthy = 0

    def _move(self, now: float, after: BreakerState) -> None:
        if after is not self._state:
            self._transitions.append(Transition(now, self._state, after))
            self._state = after
