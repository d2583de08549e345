"""Any order of calls, endings, waits and hands on the switch, beside a plain model of the rules."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from orchestra_kit.resilience.breaker import Breaker, BreakerState

CLOSED, OPEN = BreakerState.CLOSED, BreakerState.OPEN
HALF_OPEN, ISOLATED = BreakerState.HALF_OPEN, BreakerState.ISOLATED


@dataclass(frozen=True)
class Ending:
    """How a call ends."""

    ok: bool
    weight: float = 1.0
    slow: bool = False


ENDINGS = st.sampled_from(
    [
        *(Ending(True), Ending(True), Ending(True, slow=True)),
        *(Ending(False), Ending(False), Ending(False, 0.5), Ending(False, 0)),
    ]
)


class Model:
    """The rules of the breaker, written as plainly as they are told; slow, and keeps every call."""

    def __init__(self) -> None:
        self.state = CLOSED
        self.calls: list[tuple[float, float, bool]] = []
        self.row = 0.0
        self.openings = 0
        self.good = 0
        self.opened_at = float("-inf")
        self.until = 0.0
        self.probe: float | None = None
        self.ramp: float | None = None

    def look(self, now: float) -> BreakerState:
        if self.state in (OPEN, ISOLATED) and now >= self.until:
            self.state = HALF_OPEN
        if self.ramp is not None and now >= self.ramp + 60:
            self.state, self.ramp, self.good = CLOSED, None, 0
        return self.state

    def share(self, now: float) -> float:
        """The probability that a call is let through."""
        if self.look(now) is not HALF_OPEN:
            return 1.0 if self.state is CLOSED else 0.0
        if self.ramp is not None:
            return next(
                s for t, s in ((15, 0.1), (30, 0.25), (45, 0.5), (60, 1)) if now < self.ramp + t
            )
        return 1.0 if self.probe is None or now >= self.probe + 60 else 0.0

    def record(self, now: float, ending: Ending, sent: float) -> bool:
        """Count the end of a call; whether that opens the breaker."""
        counted = ending.ok or ending.weight > 0
        failed = 0.0 if ending.ok else ending.weight
        if self.look(now) in (OPEN, ISOLATED) or sent < self.opened_at:
            return False
        if self.state is HALF_OPEN and self.ramp is None:
            if self.probe is None or sent < self.probe:
                return False
            self.probe = None
            if failed:
                return True
            self.ramp, self.row = now, 0.0
            self.calls.append((now, 0.0, False))
            return False
        if not counted:
            return False
        self.calls.append((now, failed, ending.slow))
        self.row = self.row + failed if failed else 0.0
        if failed:
            self.good = 0
        elif self.state is CLOSED and not ending.slow:
            self.good += 1
            self.openings = 0 if self.good >= 3 else self.openings
        window = [(f, s) for moment, f, s in self.calls if moment // 3 > now // 3 - 10]
        bad, slow = sum(f for f, _ in window), sum(s for _, s in window)
        half, ten = len(window) / 2, len(window) >= 10
        too_slow = ten and bad + slow > half
        if ending.ok:
            return ending.slow and too_slow
        return self.row >= 5 or ((ten or self.ramp is not None) and bad >= half) or too_slow

    def shut(self, now: float, state: BreakerState, until: float) -> None:
        self.state, self.until, self.opened_at = state, until, now
        self.calls, self.row, self.probe, self.ramp = [], 0.0, None, None


class BreakerMachine(RuleBasedStateMachine):
    """A breaker beside its model. Time moves in quarters of a second, which floats hold exactly."""

    @initialize(seed=st.integers(0, 5))
    def begin(self, seed: int) -> None:
        self.now = 0.0
        self.breaker = Breaker(seed=seed)
        self.model = Model()
        self.sent: list[float] = []
        self.probes: list[float] = []

    @rule(quarters=st.sampled_from([1, 4, 12, 40, 80, 121, 240, 400, 1500]))
    def wait(self, quarters: int) -> None:
        self.now += quarters / 4

    @rule()
    def wait_until_it_may_be_probed(self) -> None:
        wait = self.breaker.seconds_until_probe(self.now)
        if wait < float("inf"):
            self.now = -(-(self.now + wait) * 4 // 1) / 4  # the next quarter

    @rule()
    def call(self) -> None:
        share = self.model.share(self.now)
        probing = self.model.state is HALF_OPEN and self.model.ramp is None
        admitted = self.breaker.allow(self.now)
        assert admitted or share < 1, "a call was held back without a reason"
        assert not admitted or share > 0, "a call went out that may not"
        if not admitted:
            return
        self.sent.append(self.now)
        if probing:
            self.model.probe = self.now
            self.probes = [t for t in self.probes if t > self.now - 60]
            assert not self.probes, "two probes at once"
            self.probes.append(self.now)

    @precondition(lambda self: self.sent)
    @rule(ending=ENDINGS, which=st.integers(0, 1000))
    def end(self, ending: Ending, which: int) -> None:
        self.finish(self.sent.pop(which % len(self.sent)), ending)

    @precondition(lambda self: self.sent)
    @rule(which=st.integers(0, 1000))
    def cancel(self, which: int) -> None:
        sent = self.sent.pop(which % len(self.sent))
        self.breaker.release_probe(self.now, sent=sent)
        probe = self.model.probe if self.model.look(self.now) is HALF_OPEN else None
        if probe is not None and sent >= probe:
            self.model.probe = None
            self.probes = []

    @rule(endings=st.lists(ENDINGS, min_size=1, max_size=14), pause=st.sampled_from([0, 1, 4, 8]))
    def traffic(self, endings: list[Ending], pause: int) -> None:
        """Calls that end at once, one after another."""
        for ending in endings:
            self.now += pause / 4
            before = len(self.sent)
            self.call()
            if len(self.sent) > before:
                self.finish(self.sent.pop(), ending)

    @rule(seconds=st.sampled_from([None, 20.0, 3600.0]))
    def isolate(self, seconds: float | None) -> None:
        until = float("inf") if seconds is None else self.now + seconds
        if self.model.look(self.now) is ISOLATED:
            until = max(until, self.model.until)
        self.breaker.isolate(self.now, seconds=seconds)
        self.model.shut(self.now, ISOLATED, until)
        self.probes = []

    @rule(seconds=st.sampled_from([-1.0, 0.0, 10.0, 45.0, 120.0, 4000.0]))
    def hear_of_an_opening_elsewhere(self, seconds: float) -> None:
        state = self.model.look(self.now)
        self.breaker.open_for(self.now, seconds)
        until = self.now + min(seconds, 360.0)
        if state is OPEN:
            self.model.until = max(self.model.until, until)
        elif state is not ISOLATED and seconds > 0:
            self.model.shut(self.now, OPEN, until)
            self.probes = []

    @rule(later=st.sampled_from([0, 40, 400]))
    def restart(self, later: int) -> None:
        """Another process goes on, on a clock of its own, with what this one left."""
        standing = self.breaker.standing(self.now)
        state, left = self.model.look(self.now), self.model.until - self.now
        self.now += later / 4
        self.breaker = Breaker(seed=1)
        self.breaker.resume(
            self.now, replace(standing, seconds_left=standing.seconds_left - later / 4)
        )
        openings, self.model = self.model.openings, Model()
        self.model.openings = openings
        self.sent, self.probes = [], []
        left -= later / 4
        if state is ISOLATED and left > 0:
            self.model.shut(self.now, ISOLATED, self.now + left)
        elif state is not CLOSED:
            self.model.shut(self.now, OPEN, self.now + max(0.0, left if state is OPEN else 0.0))

    @rule()
    def close(self) -> None:
        self.breaker.close(self.now)
        self.model.shut(self.model.opened_at, CLOSED, 0.0)
        self.model.openings = self.model.good = 0
        self.probes = []

    def finish(self, sent: float, ending: Ending) -> None:
        was_probing = self.model.look(self.now) is HALF_OPEN and self.model.ramp is None
        opens = self.model.record(self.now, ending, sent)
        self.breaker.record(
            self.now, ok=ending.ok, weight=ending.weight, sent=sent, slow=ending.slow
        )
        if was_probing and self.model.probe is None:
            self.probes = []
        if opens:
            wait = self.breaker.seconds_until_probe(self.now)
            usual = min(300.0, 15.0 * 2**self.model.openings)
            assert 0.8 * usual - 1e-9 <= wait <= 1.2 * usual + 1e-9
            self.model.openings += 1
            self.model.shut(self.now, OPEN, self.now + wait)
            self.probes = []

    @invariant()
    def both_are_in_the_same_state(self) -> None:
        if hasattr(self, "model"):
            assert self.breaker.state(self.now) is self.model.look(self.now)

    @invariant()
    def an_opening_ends(self) -> None:
        if hasattr(self, "model"):
            wait = self.breaker.seconds_until_probe(self.now)
            assert wait >= 0
            assert wait <= 360 or self.breaker.state(self.now) is ISOLATED

    @invariant()
    def changes_of_state_are_a_chain(self) -> None:
        if hasattr(self, "model"):
            for one, next_ in pairwise(self.breaker.transitions):
                assert one.after is next_.before
                assert one.moment <= next_.moment


TestBreaker = BreakerMachine.TestCase
