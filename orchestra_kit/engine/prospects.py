"""Whether a link is worth asking now: the time that it takes, the time that is left, its window."""

from __future__ import annotations

from collections.abc import Sequence

from orchestra_kit.core.clock import Clock
from orchestra_kit.engine.course import Course
from orchestra_kit.engine.health import Health
from orchestra_kit.engine.recent import Recent
from orchestra_kit.policy.policy import Policy
from orchestra_kit.policy.schema import Link

__all__ = ["Prospects"]

SAME_WINDOW = 0.75
"""Share of a context window from which another counts as about as large."""


class Prospects:
    """What may be expected of the links of one policy."""

    def __init__(self, policy: Policy, *, clock: Clock, health: Health, recent: Recent) -> None:
        self._policy = policy
        self._clock = clock
        self._health = health
        self._recent = recent

    def left(self, course: Course) -> float:
        """Seconds until the deadline."""
        return course.deadline - self._clock.monotonic()

    def fits(self, course: Course, deployment: str) -> bool:
        """Whether the time that is left is what the deployment usually takes."""
        return self.left(course) >= self._usual(deployment, course.decision.task)

    def timeout(self, course: Course, deployment: str, link: Link, waiting: Sequence[str]) -> float:
        """Seconds that a send may take; 0 or less for none.

        A probe leaves time for the next link: whoever finds out for all whether a deployment is
        back must not lose their own answer by it. Where there is too little for both there is no
        probe.
        """
        left = self.left(course)
        if not waiting or not self._health.probes(deployment):
            return min(link.timeout, left)
        task = course.decision.task
        spare = left - min(self._slow(other, task) for other in waiting)
        return min(link.timeout, spare) if spare >= self._usual(deployment, task) else 0.0

    def larger_first(self, failed: str, waiting: Sequence[str]) -> tuple[list[str], list[str]]:
        """For what was too long for one: the links to go on with, and those too small for it.

        Whose window is larger comes first. A window that is a little smaller may do all the same,
        for tokenizers differ by a third, and a served window may be smaller than the declared one.
        """
        most = self._window(failed)
        if most is None:
            return list(waiting), []
        windows = {name: self._window(name) or most for name in waiting}
        small = [name for name in waiting if windows[name] < SAME_WINDOW * most]
        rest = [name for name in waiting if name not in small]
        return sorted(rest, key=lambda name: windows[name] <= most), small

    def window_words(self, deployment: str, failed: str) -> str:
        """Why a window is of no use, in words."""
        return (
            f"its context window of {self._window(deployment):,} tokens is smaller than the "
            f"{self._window(failed):,} of {failed}"
        )

    def _window(self, deployment: str) -> int | None:
        return self._policy.model_of(deployment).context_window

    def _usual(self, deployment: str, task: str) -> float:
        usual = self._recent.typical(deployment, task)
        if usual is not None:
            return usual
        cell = self._policy.capabilities.cell(deployment, task)
        return cell.p50 if cell else 0.0

    def _slow(self, deployment: str, task: str) -> float:
        """Seconds within which it nearly always answers."""
        cell = self._policy.capabilities.cell(deployment, task)
        return max(cell.p95 if cell else 0.0, self._usual(deployment, task))
