"""How many calls at once a provider bears, found by trying: more while all goes well, fewer when
it has too much to do.

Additive increase, multiplicative decrease (Chiu and Jain, 1989; TCP's congestion avoidance): one
place more for as many good calls as there are places, a tenth fewer after an overload. That tenth,
the least limit of a guess, and that a limit rises only while half of it is used, are those of
`AIMDLimit` in Netflix's concurrency-limits: a call that meets no limit says nothing of it.

Before the first overload there is no limit but the ceiling, and five minutes after the last one
there is none again: a place more per round of calls takes hours to climb back from a bad moment.

A pure state machine on moments in seconds.
"""

from __future__ import annotations

import math

__all__ = ["AdaptiveConcurrency"]

OVERLOAD_FACTOR = 0.9
TOO_MANY_FACTOR = 0.5
"""TCP's after a loss: this word is about our calls at once, where an overload may be others'."""
FEWEST_BY_GUESS = 20.0
"""Netflix's least limit: one late answer must not drive a trickle of calls elsewhere."""
USED_SHARE = 0.5
"""Share of the limit that must be in use for a good call to raise it."""
QUIET_SECONDS = 1.0
"""After a decrease, how long further overloads are taken for the same one: calls that were on
their way together fail together."""
FORGOTTEN_SECONDS = 300.0
"""Without an overload for so long, the limit that one taught is given up."""


class AdaptiveConcurrency:
    """A number of places between 1 and a ceiling; None for no ceiling.

    `in_flight` is always the number of the other calls: those that have not ended. Raises
    ValueError for a ceiling below 1.
    """

    __slots__ = ("_ceiling", "_learnt", "_lowered_at")

    def __init__(self, *, ceiling: int | None = None) -> None:
        if ceiling is not None and ceiling < 1:
            raise ValueError(f"at least one call at once, not {ceiling}")
        self._ceiling = math.inf if ceiling is None else float(ceiling)
        self._learnt = math.inf
        self._lowered_at = -math.inf

    @property
    def limit(self) -> float:
        """Calls that may be in flight at once; infinite where nothing limits them."""
        return min(self._ceiling, self._learnt)

    def may(self, in_flight: int) -> bool:
        """Whether one more call may begin beside so many."""
        return in_flight + 1 <= self.limit

    def hold_to(self, ceiling: int) -> None:
        """Never more than this, now and later; a higher ceiling than ours changes nothing."""
        self._ceiling = min(self._ceiling, float(max(1, ceiling)))

    def saw_success(self, now: float, in_flight: int) -> None:
        """A call ended well."""
        if now - self._lowered_at >= FORGOTTEN_SECONDS:
            self._learnt = math.inf
        elif in_flight + 1 >= USED_SHARE * self._learnt:
            self._learnt += 1.0 / self._learnt

    def saw_overload(self, now: float, in_flight: int) -> None:
        """A call met an overload; whether ours were too many, nobody said, so that
        `FEWEST_BY_GUESS` are left in any case."""
        self._lower(now, in_flight, OVERLOAD_FACTOR, FEWEST_BY_GUESS)

    def saw_too_many(self, now: float, in_flight: int) -> None:
        """The provider said that so many calls at once, and this one, are too many."""
        self._lower(now, in_flight, TOO_MANY_FACTOR, 1.0)

    def _lower(self, now: float, in_flight: int, factor: float, least: float) -> None:
        """Down from what was in flight, where that was less: a limit not reached is no limit."""
        if now - self._lowered_at < QUIET_SECONDS:
            return
        self._lowered_at = now
        reached = min(self.limit, in_flight + 1.0)
        self._learnt = min(self._learnt, max(least, reached * factor))
