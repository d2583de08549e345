"""What the router may know of the world besides the request: taken once, by the engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType

from orchestra_kit.core.decision import Override
from orchestra_kit.core.display import Shown
from orchestra_kit.routing.adaptation import Seen

__all__ = ["Snapshot"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot(Shown):
    """The state of breakers, limits, loads and spend budgets at one moment.

    The task is not known before the decision, so what only budgets of scope ``task`` say is held
    by task, in the last three fields; the rest covers budgets of every other scope.
    """

    today: date
    """UTC; decides retirement and which price is in force."""
    unavailable: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Deployments that must not be called now, each with the reason, such as ``breaker open``."""
    busy: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    """Deployments whose limits have no room now, each with the seconds until they have; infinite
    where only another call's end makes room."""
    loads: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    """Of each deployment that was called lately: Peak-EWMA of its latency times the calls in
    flight and one, in seconds. Only those that share a model with another are compared."""
    warm: str = ""
    """The deployment whose prompt cache still holds the beginning of this session."""
    overrides: tuple[Override, ...] = ()
    """Those in force now; the first that fits a request decides it."""
    arms: Mapping[str, Mapping[str, Seen]] = field(default_factory=lambda: MappingProxyType({}))
    """What was seen lately of each deployment at each task that adapts: `Arms.seen` of now."""
    unadapted: frozenset[str] = frozenset()
    """Tasks whose adaptation is switched off."""
    budget_left: float = 1.0
    """Share of the tightest spend budget that is left, 0-1."""
    downgrade: bool = False
    """Whether a spend budget asks for cheaper choices."""
    needs_price: bool = False
    """Whether a spend budget is on, so that a deployment of unknown price is out."""
    task_budget_left: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    downgraded_tasks: frozenset[str] = frozenset()
    priced_tasks: frozenset[str] = frozenset()

    def left_for(self, task: str) -> float:
        """Share of the tightest budget that covers the task, 0-1."""
        return min(self.budget_left, self.task_budget_left.get(task, 1.0))

    def downgrades(self, task: str) -> bool:
        """Whether scoring should weigh cost double for the task."""
        return self.downgrade or task in self.downgraded_tasks

    def needs_price_for(self, task: str) -> bool:
        """Whether deployments of unknown price are out for the task."""
        return self.needs_price or task in self.priced_tasks
