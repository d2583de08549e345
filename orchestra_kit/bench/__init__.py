"""Scenario suites, their runs and comparisons, and the measurement of capabilities.

::

    from orchestra_kit.bench import Suite

    run = Suite.load("suite.yaml").run_sync(orchestra)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from orchestra_kit.bench.comparison import Comparison
    from orchestra_kit.bench.measure import measure_capabilities
    from orchestra_kit.bench.run import Run
    from orchestra_kit.bench.suite import Suite

_HOME = {
    "Comparison": "orchestra_kit.bench.comparison",
    "Run": "orchestra_kit.bench.run",
    "Suite": "orchestra_kit.bench.suite",
    "measure_capabilities": "orchestra_kit.bench.measure",
}

__all__ = ["Comparison", "Run", "Suite", "measure_capabilities"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
