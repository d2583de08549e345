"""Backends by name: ``simulated``, ``recorded``, ``live``, and whatever else is installed.

They are found through the entry point group ``orchestra_kit.backends``, so that a backend may
live on any floor, or in another package, and the engine still imports nothing from above.
"""

from __future__ import annotations

from datetime import datetime
from importlib.metadata import entry_points
from pathlib import Path
from typing import Protocol, cast

from orchestra_kit.core.clock import Clock
from orchestra_kit.core.errors import ConfigError
from orchestra_kit.policy.policy import Policy
from orchestra_kit.providers.faults import FaultScript
from orchestra_kit.providers.provider import Backend

__all__ = ["GROUP", "BackendFactory", "backend_factory", "backend_names"]

GROUP = "orchestra_kit.backends"


class BackendFactory(Protocol):
    """Opens a backend for a policy."""

    def __call__(
        self,
        policy: Policy,
        *,
        clock: Clock,
        seed: int,
        faults: FaultScript,
        origin: datetime | None,
        recording: Path | None,
    ) -> Backend:
        """The backend; raises ConfigError when the policy or the environment lacks something."""
        ...


def backend_names() -> tuple[str, ...]:
    """The names that `Orchestra(backend=...)` understands here."""
    return tuple(sorted({point.name for point in entry_points(group=GROUP)}))


def backend_factory(name: str) -> BackendFactory:
    """The factory of that name; raises ConfigError naming the known ones."""
    found = [point for point in entry_points(group=GROUP) if point.name == name]
    if not found:
        known = ", ".join(backend_names()) or "none; install the package again"
        raise ConfigError(f"There is no backend “{name}”.", hint=f"Known are: {known}.")
    return cast(BackendFactory, found[0].load())
