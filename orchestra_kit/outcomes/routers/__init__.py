"""Routers and cascades as values over a table of outcomes, each with an exact replay.

A router learns from training outcomes (`fit`) and is then asked about others (`replay`): every
value of its threshold at once. What it says of its own training queries is out of fold.
"""

from __future__ import annotations

from orchestra_kit.outcomes.routers.best_of import BestOf
from orchestra_kit.outcomes.routers.cascade import Cascade
from orchestra_kit.outcomes.routers.fixed import best_single, cheapest, oracle, task_lookup
from orchestra_kit.outcomes.routers.one_call import Argmax, RandomMixture, Threshold
from orchestra_kit.outcomes.routers.router import Fitted, Learning, NotApplicable, Replay, Router
from orchestra_kit.outcomes.routers.voting import Agreement, Vote

__all__ = ["ROUTERS", "Fitted", "Learning", "NotApplicable", "Replay", "Router"]

ROUTERS: tuple[Router, ...] = (
    cheapest(),
    best_single(),
    RandomMixture(),
    task_lookup(),
    Threshold(),
    Argmax(),
    Agreement(),
    Vote(),
    BestOf(),
    Cascade(),
    oracle(),
)
"""Every router, from the simplest on; the last is what none that asks one model can beat."""
