"""The priority score: quality, cost and latency against the task's criteria, weighed by tier.

``score = w_quality · quality/must.quality − w_cost · cost/must.cost − w_latency · p90/must.p90
+ w_value · (quality · value − cost)/value``

Dividing by what the task demands makes the first three comparable and the score readable: a
deployment that just meets every criterion scores ``w_quality − w_cost − w_latency``. Cost and
latency count at most `WORST` times their criterion, so that one very bad figure does not drown the
others; an unknown cost counts as the worst. Under a downgrade the weight of cost is doubled.

The last part is the profit to be expected of an answer, as a share of what an accepted one is worth
to the tier; quality stands for the chance that it is accepted. Its weight is 0 unless the tier says
otherwise: then the other weights alone say what matters to whom, and value is what the optimiser
judges them by.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from orchestra_kit.core.decision import Candidate
from orchestra_kit.policy.capabilities import Capability
from orchestra_kit.policy.schema import Criteria, Tier

__all__ = ["DOWNGRADE", "WORST", "best_first", "p90_of", "score"]

WORST = 4.0
"""Times its criterion that a cost or a latency counts at most."""
DOWNGRADE = 2.0
"""What the weight of cost is multiplied by when a spend budget asks for cheaper choices."""
_Z90_OVER_Z95 = 1.2815515655446004 / 1.6448536269514722
"""90th over 95th percentile of the standard normal distribution."""


def p90_of(cell: Capability) -> float:
    """Seconds within which nine answers in ten come, from the median and the 95th percentile of a
    lognormal distribution."""
    return cell.p50 * math.exp(_Z90_OVER_Z95 * math.log(max(cell.p95, cell.p50) / cell.p50))


def score(
    tier: Tier,
    must: Criteria,
    *,
    quality: float,
    cost: float | None,
    latency: float,
    downgrade: bool = False,
    value: float = 0.0,
) -> float:
    """The priority score; higher is better. `cost` in dollars, None where unknown; `latency` is
    the 90th percentile in seconds; `value` the dollars that an accepted answer is worth."""
    weight_of_cost = tier.cost * (DOWNGRADE if downgrade else 1.0)
    profit = tier.value * _profit(quality, cost, float(must.cost), value) if tier.value else 0.0
    return profit + (
        tier.quality * (quality / must.quality if must.quality else quality)
        - weight_of_cost * _against(cost, float(must.cost))
        - tier.latency * _against(latency, must.p90_latency)
    )


def best_first(candidates: Iterable[Candidate], priorities: Sequence[str]) -> list[Candidate]:
    """Scored candidates from the best to the worst.

    Scores that are equal to nine decimals are decided by the objectives in the order of
    `priorities`, and at last by name, so that the order never depends on chance.
    """

    def key(candidate: Candidate) -> tuple[object, ...]:
        figures = {
            "quality": -(candidate.quality or 0.0),
            "cost": math.inf if candidate.cost is None else candidate.cost,
            "latency": math.inf if candidate.latency is None else candidate.latency,
        }
        total = -math.inf if candidate.score is None else candidate.score
        return (-round(total, 9), *(figures[name] for name in priorities), candidate.deployment)

    scored = [candidate for candidate in candidates if candidate.score is not None]
    return sorted(scored, key=key)


def _profit(quality: float, cost: float | None, criterion: float, value: float) -> float:
    """Expected profit over value, at least −`WORST`; 0 where an answer is worth nothing, for then
    there is none to compare."""
    if not value:
        return 0.0
    spent = WORST * criterion if cost is None else cost
    return max(-WORST, quality - spent / value)


def _against(value: float | None, criterion: float) -> float:
    if value is None:
        return WORST
    if not criterion:
        return 0.0 if not value else WORST
    return min(WORST, value / criterion)
