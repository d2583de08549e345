"""Tasks that adapt: what is remembered of their deployments, and what ends it.

Part of a task's traffic follows what was seen lately. The requests that it moves are held to the
policy's guardrails: where one is passed, the rules alone decide again until the policy changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from orchestra_kit.core.decision import Change
from orchestra_kit.core.errors import AttemptOutcome
from orchestra_kit.core.reply import Reply
from orchestra_kit.engine.changes import SETTLES_AFTER, adaptation_off
from orchestra_kit.engine.guard import Guard
from orchestra_kit.policy.policy import Policy
from orchestra_kit.routing.adaptation import Arms, Seen

__all__ = ["Adapting"]


class Adapting:
    """The adaptation of one policy's tasks."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._adapts = {n: task.adapt.half_life for n, task in policy.tasks.items() if task.adapt}
        self._arms = Arms(self._adapts)
        self._guards = {task: self._guard(task) for task in self._adapts}
        self.off: frozenset[str] = frozenset()
        """Tasks whose adaptation a guardrail has switched off."""

    def seen(self, now: float) -> Mapping[str, Mapping[str, Seen]]:
        """What was seen lately, by task and deployment; `now` is monotonic seconds."""
        return self._arms.seen(now) if self._adapts else {}

    def observe(self, reply: Reply, now: float, at: datetime) -> Change | None:
        """Remember who answered well and within the task's time; the change where a guardrail
        switches the task's adaptation off. `now` is monotonic seconds, `at` the same moment."""
        task = reply.decision.task
        if task not in self._adapts:
            return None
        in_time = self._policy.tasks[task].must.p90_latency
        for attempt in reply.attempts:
            if attempt.outcome is not AttemptOutcome.NOT_SENT:
                good = attempt.failure is None and attempt.seconds <= in_time
                self._arms.observe(task, attempt.deployment, float(good), now)
        if task in self.off or not reply.decision.moved or reply.repeats is not None:
            return None
        guard = self._guards[task]
        breach = guard.observe(reply)
        if breach is not None:
            self.off |= {task}
            return adaptation_off(task, breach, at)
        if guard.requests >= SETTLES_AFTER:  # a long good past must not outweigh a bad present
            self._guards[task] = self._guard(task)
        return None

    def _guard(self, task: str) -> Guard:
        rails = [r for r in self._policy.file.guardrails if r.task in {None, task}]
        return Guard(rails, self._policy.tasks)
