"""Floor 4: tables of recorded outcomes, and what can be learnt from them.

::

    from orchestra_kit.outcomes import Outcomes

    outcomes = Outcomes.read("outcomes.parquet")
    outcomes.matrix()
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from orchestra_kit.outcomes.escalation import Escalation
    from orchestra_kit.outcomes.frontier import Frontier
    from orchestra_kit.outcomes.matrix import Matrix
    from orchestra_kit.outcomes.statistics import Estimate
    from orchestra_kit.outcomes.table import Outcomes

_HOME = {
    "Escalation": "orchestra_kit.outcomes.escalation",
    "Estimate": "orchestra_kit.outcomes.statistics",
    "Frontier": "orchestra_kit.outcomes.frontier",
    "Matrix": "orchestra_kit.outcomes.matrix",
    "Outcomes": "orchestra_kit.outcomes.table",
}

__all__ = ["Escalation", "Estimate", "Frontier", "Matrix", "Outcomes"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
