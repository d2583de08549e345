"""The circuit breaker of one deployment: when not to call, when to probe, how to come back.

It opens after five failures in a row (as Envoy's outlier detection), or when at least half of at
least ten calls within 30 s failed, or more than half of them failed or took too long (as
resilience4j). A rate alone reacts within window times threshold, which is ten times slower after a
hard outage than the row of five. It stays open for 15 s, doubling to 300 s, with 20 % jitter; then
one probe at a time goes out. A good probe lets 10, 25, 50 and 100 % of the calls through over 60 s;
three good calls after that forget the doubling. While the calls are let back in, half of them
failing, however few they are, opens it again: the first failure after the probe does, one in a
hundred good calls does not.

What ends after an opening may have begun before it. Whoever says when a call was sent keeps such
a straggler from being taken for the probe.

What one process has learnt another takes over: `standing` says it without a moment, `resume` makes
it hold after a restart, `open_for` follows an opening elsewhere.

A pure state machine: every method takes the moment, in seconds of a monotonic clock.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from orchestra_kit.core.display import Shown
from orchestra_kit.resilience.call_window import CallWindow

__all__ = ["Breaker", "BreakerState", "Standing", "Transition"]

FAILURES_IN_A_ROW = 5.0
WINDOW_CALLS = 10
WINDOW_SHARE = 0.5
FIRST_OPEN_SECONDS = 15.0
LONGEST_OPEN_SECONDS = 300.0
OPEN_JITTER = 0.2
MOST_OPENINGS = 16
"""That are counted: the open time has long stopped doubling by then."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing(Shown):
    """What another process has to know of a breaker, with no moment of this one's clock in it."""

    state: BreakerState
    openings: int
    """Openings in a row, by which the next one grows."""
    seconds_left: float
    """Until another process may call; 0 where it may now, infinite until somebody closes it."""


class Breaker:
    """One deployment's breaker. `seed` makes jitter and the ramp's admission reproducible."""

    def __init__(self, *, seed: int = 0) -> None:
        self._random = Random(seed)
        self._state = BreakerState.CLOSED
        self._window = CallWindow()
        self._row = 0.0
        self._openings = 0
        self._opened_at = float("-inf")
        self._until = 0.0
        self._until_elsewhere = 0.0
        """The end of what holds for other processes too."""
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
        ramp = self._ramp_since
        if ramp is not None and now - ramp >= RAMP_SECONDS:
            self._close(now)
        return self._state

    def probes(self, now: float) -> bool:
        """Whether a call that goes out now is the probe on which everything depends."""
        return self.state(now) is BreakerState.HALF_OPEN and self._ramp_since is None

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

    def release_probe(self, now: float, *, sent: float | None = None) -> None:
        """Give the probe's place back, where its call ended without saying anything of health.

        `sent` is the moment at which that call was allowed: one that is no probe frees nothing.
        """
        if self.state(now) is BreakerState.HALF_OPEN and self._is_probe(sent):
            self._probe_since = None

    def record(
        self,
        now: float,
        *,
        ok: bool,
        weight: float = 1.0,
        sent: float | None = None,
        slow: bool = False,
    ) -> None:
        """Count the end of a call that was allowed at the moment `sent`, where that is known.

        `weight` is how much a failure weighs. At 0 it is not counted, neither as a failure nor as
        a call; but the deployment did answer, so that it ends a probe well. A good call that was
        `slow` counts in the share of those that failed or were slow, and otherwise as a good one.
        """
        state = self.state(now)
        if state in (BreakerState.OPEN, BreakerState.ISOLATED):
            return
        if sent is not None and sent < self._opened_at:
            return
        if state is BreakerState.HALF_OPEN and self._ramp_since is None:
            if self._is_probe(sent):
                self._record_probe(now, failed=not ok and weight > 0)
        elif ok:
            self._record_good(now, slow=slow)
        elif weight > 0:
            self._record_failure(now, weight)

    def isolate(self, now: float, *, seconds: float | None = None, here_only: bool = False) -> None:
        """Let nothing through for so many seconds, or until `close`; never shortens an isolation
        that stands.

        `here_only` is for what this process's own configuration caused, such as a wrong key:
        another process, or this one after a restart, may have another and finds out by one probe.
        """
        until = float("inf") if seconds is None else now + seconds
        elsewhere = now if here_only else until
        if self.state(now) is BreakerState.ISOLATED:
            until = max(until, self._until)
            elsewhere = max(elsewhere, self._until_elsewhere)
        self._shut(now, BreakerState.ISOLATED, until)
        self._until_elsewhere = elsewhere

    def reconsider(self, now: float) -> None:
        """Let one call find out whether what this process's configuration caused is mended."""
        if self.state(now) is BreakerState.ISOLATED and self._until_elsewhere <= now:
            self._shut(now, BreakerState.HALF_OPEN, now)

    def open_for(self, now: float, seconds: float) -> None:
        """Open, because another process found it to be out; an opening that ends later stands.

        No longer than a breaker may open by itself, whatever the other process's clock said.
        """
        if self.state(now) is BreakerState.ISOLATED or not seconds > 0:
            return
        until = now + min(seconds, LONGEST_OPEN_SECONDS * (1 + OPEN_JITTER))
        if self._state is BreakerState.OPEN:
            self._until = self._until_elsewhere = max(self._until, until)
        else:
            self._shut(now, BreakerState.OPEN, until)

    def standing(self, now: float) -> Standing:
        """What to remember of it beyond this process."""
        left = self.seconds_until_probe(now)
        return Standing(
            state=self.state(now),
            openings=self._openings,
            seconds_left=min(left, max(0.0, self._until_elsewhere - now)),
        )

    def resume(self, now: float, standing: Standing) -> None:
        """Go on from what an earlier process left, with the seconds that are left now.

        An opening or an isolation that has run out begins half open, so that one call finds out;
        a recovery begins anew. Nothing that is out here already is let in by it.
        """
        self._openings = max(self._openings, min(standing.openings, MOST_OPENINGS))
        if standing.state is BreakerState.ISOLATED and standing.seconds_left > 0:
            self.isolate(now, seconds=standing.seconds_left)
        elif standing.state is BreakerState.OPEN and standing.seconds_left > 0:
            self.open_for(now, standing.seconds_left)
        elif standing.state is not BreakerState.CLOSED and self.state(now) is BreakerState.CLOSED:
            self._shut(now, BreakerState.HALF_OPEN, now)

    def close(self, now: float) -> None:
        """Let everything through again, and forget what was."""
        self._openings = 0
        self._forget_calls()
        self._close(now)

    def _is_probe(self, sent: float | None) -> bool:
        return self._probe_since is not None and (sent is None or sent >= self._probe_since)

    def _record_probe(self, now: float, *, failed: bool) -> None:
        self._probe_since = None
        if failed:
            self._open(now)
        else:
            self._ramp_since = now
            self._window.count(now)

    def _record_failure(self, now: float, weight: float) -> None:
        self._row += weight
        self._healthy = 0
        self._window.count(now, failed=weight)
        seen = self._window.total()
        least = WINDOW_CALLS if self._ramp_since is None else 1
        failing = seen.calls >= least and seen.failed >= WINDOW_SHARE * seen.calls
        if self._row >= FAILURES_IN_A_ROW or failing or self._too_slow():
            self._open(now)

    def _record_good(self, now: float, *, slow: bool) -> None:
        self._row = 0.0
        self._window.count(now, slow=slow)
        if slow:
            if self._too_slow():
                self._open(now)
            return  # a call in good time never opens it, even where older ones leave the window
        if self._state is BreakerState.CLOSED:
            self._healthy += 1
            if self._healthy >= HEALTHY_CALLS:
                self._openings = 0

    def _too_slow(self) -> bool:
        seen = self._window.total()
        return seen.calls >= WINDOW_CALLS and seen.failed + seen.slow > WINDOW_SHARE * seen.calls

    def _open(self, now: float) -> None:
        length = min(LONGEST_OPEN_SECONDS, FIRST_OPEN_SECONDS * 2.0**self._openings)
        jitter = self._random.uniform(1 - OPEN_JITTER, 1 + OPEN_JITTER)
        self._openings = min(self._openings + 1, MOST_OPENINGS)
        self._shut(now, BreakerState.OPEN, now + length * jitter)

    def _shut(self, now: float, state: BreakerState, until: float) -> None:
        self._move(now, state)
        self._opened_at = now
        self._until = self._until_elsewhere = until
        self._probe_since = self._ramp_since = None
        self._forget_calls()

    def _close(self, now: float) -> None:
        """Closed, with what the ramp has shown still in the window."""
        self._move(now, BreakerState.CLOSED)
        self._ramp_since = None
        self._healthy = 0

    def _forget_calls(self) -> None:
        self._window.clear()
        self._row = 0.0

    def _move(self, now: float, after: BreakerState) -> None:
        if after is not self._state:
            self._transitions.append(Transition(now, self._state, after))
            self._state = after
