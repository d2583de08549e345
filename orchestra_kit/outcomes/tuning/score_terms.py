"""The parts of every deployment's priority score, apart, so that weights can be changed later."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import pandas as pd

from orchestra_kit.core.request import Context
from orchestra_kit.policy.policy import Policy
from orchestra_kit.policy.schema import Tier
from orchestra_kit.routing.candidates import Candidates
from orchestra_kit.routing.scoring import score
from orchestra_kit.routing.snapshot import Snapshot

__all__ = ["PARTS", "Terms", "judged_terms"]

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

PARTS = ("quality", "cost", "latency")
_UNITS = (
    Tier(quality=1, cost=0, latency=0),
    Tier(quality=0, cost=1, latency=0),
    Tier(quality=0, cost=0, latency=1),
)
"""Tiers that see one part of the score each."""


@dataclass(frozen=True, eq=False)
class Terms:
    """What was judged of each deployment, (kinds of request, deployments)."""

    eligible: Mask
    parts: Floats
    """(3, kinds, deployments) quality, cost and latency as the score has them at weight 1."""
    profit: Floats
    """(tiers, kinds, deployments) the part of the score that is not tuned."""
    figures: Mapping[str, Floats]
    """What decides between equal scores; lower goes first."""


def judged_terms(
    policy: Policy,
    contexts: pd.DataFrame,
    snapshot: Snapshot,
    scored: Collection[str],
    chances: Sequence[Mapping[str, float]] | None = None,
) -> Terms:
    """Every deployment judged by the router's own `Candidates` for each kind of request.

    `contexts` has one row a kind. The parts are worked out for the deployments in `scored` only;
    of the others nobody asks more than whether they may be called.
    """
    kinds, names = len(contexts), list(policy.deployments)
    many, candidates = len(names), Candidates(policy)
    eligible = np.zeros((kinds, many), dtype=np.bool_)
    parts = np.zeros((3, kinds, many))
    profit = np.zeros((len(policy.tiers), kinds, many))
    figures = {name: np.full((kinds, many), np.inf) for name in PARTS}
    for place, row in enumerate(contexts.to_dict("records")):
        context = Context(**{str(name): value for name, value in row.items()})
        foretold = chances[place] if chances is not None else {}
        judged = candidates.judge(context, snapshot, names, "", None, foretold)
        must = policy.tasks[context.task].must
        for number, found in enumerate(judged):
            eligible[place, number] = found.score is not None
            if found.score is None or found.deployment not in scored:
                continue
            assert found.quality is not None
            assert found.latency is not None
            by = partial(
                score, must=must, quality=found.quality, cost=found.cost, latency=found.latency
            )
            for part, tier in enumerate(_UNITS):
                parts[part, place, number] = abs(by(tier))
            for number_of, name in enumerate(policy.tiers):
                if extra := policy.tiers[name].value:
                    worth = float(policy.tasks[context.task].value[name])
                    alone = Tier(quality=0, cost=0, latency=0, value=extra)
                    profit[number_of, place, number] = by(alone, value=worth)
            figures["quality"][place, number] = -found.quality
            figures["latency"][place, number] = found.latency
            if found.cost is not None:
                figures["cost"][place, number] = found.cost
    return Terms(eligible, parts, profit, figures)
