"""The claims that a table of outcomes can speak of, measured on its test queries.

Everything is learnt on the training queries and frozen there. The baseline is always the model
with the highest mean score in training.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from orchestra_kit.outcomes.claims.claim import CLAIMS, Claim
from orchestra_kit.outcomes.claims.entry import Data, Entry
from orchestra_kit.outcomes.claims.frozen import Frozen, Sides
from orchestra_kit.outcomes.claims.measuring import AT_MOST, Measuring
from orchestra_kit.outcomes.claims.resampling import change, of_totals, ratio
from orchestra_kit.outcomes.measurement import Measured
from orchestra_kit.outcomes.routers import NotApplicable
from orchestra_kit.outcomes.table import Outcomes

__all__ = ["SPOKEN_OF", "recorded_entries"]

Floats = npt.NDArray[np.float64]
_LOW = 0.5
"""Below this score an answer is of low quality."""
_DEAR = 0.5
"""Of the best single model's mean cost: from here on a model is expensive."""
_KNOWN: Mapping[str, Claim] = {claim.name: claim for claim in CLAIMS}


def recorded_entries(name: str, outcomes: Outcomes, *, seed: int) -> list[Entry]:
    """An entry for each claim of `SPOKEN_OF`, measured or with the reason why not."""
    sides = Sides.of(outcomes, seed)
    data = Data(
        name=name, source=outcomes.source.value, split=sides.words, costs=outcomes.cost_source
    )
    measuring = Measuring(sides, data, seed)
    found = []
    for wanted, measure in _MEASURES.items():
        try:
            found.append(measure(measuring, _KNOWN[wanted]))
        except NotApplicable as error:
            found.append(Entry.unmeasurable(_KNOWN[wanted], data, str(error)))
    return found


def _routing_quality(on: Measuring, claim: Claim) -> Entry:
    frozen = on.by_task("best_quality")
    same = (frozen.calls == on.single.calls).all()
    note = f"It asks {on.best_name} for every query." if same else ""
    return on.entry(claim, on.quality(frozen), note=note)


def _routing_cost(on: Measuring, claim: Claim) -> Entry:
    return on.saving(claim, on.by_task("full_quality"))


def _framework_cost(on: Measuring, claim: Claim) -> Entry:
    name, frozen = on.framework()
    measured = change(frozen.costs, on.single.costs, seed=on.seed)
    other, wider = on.framework(AT_MOST)
    saved = change(wider.costs, on.single.costs, seed=on.seed)
    note = (
        f"By {name}, at {on.kept(frozen).format(3)} of the quality. Where {AT_MOST:.0%} were to "
        f"be kept: {_figure(claim, saved)} by {other}, at {on.kept(wider).format(3)}."
    )
    return on.entry(claim, measured, note=note)


def _framework_quality(on: Measuring, claim: Claim) -> Entry:
    name, frozen = on.framework()
    return on.entry(claim, on.quality(frozen), note=f"By {name}.")


def _figure(claim: Claim, measured: Measured) -> str:
    return "–" if measured.value is None else claim.unit.text(measured.value)


def _prediction_low_quality(on: Measuring, claim: Claim) -> Entry:
    frozen = on.predicted("equal_cost" if on.sides.train.priced else "best_quality")
    low = [(scores < _LOW).astype(float) for scores in (frozen.scores, on.single.scores)]
    said = "The best single model gave no answer of low quality."
    measured = change(low[0], low[1], seed=on.seed, undefined=said)
    note = f"From {low[1].mean():.1%} of the answers to {low[0].mean():.1%}."
    if not on.sides.train.priced:
        note += " Costs are unknown, so that they were not held equal."
    return on.entry(claim, measured, note=note)


def _prediction_expensive(on: Measuring, claim: Claim) -> Entry:
    frozen, prices = on.predicted("full_quality"), on.sides.train.costs.mean(axis=0)
    dear = prices >= _DEAR * prices[on.learnt.best]
    used = frozen.calls[:, dear].any(axis=1).astype(float)
    measured = change(used, np.ones_like(used), seed=on.seed)
    return on.entry(claim, measured, kept=on.kept(frozen))


def _ensemble_quality(on: Measuring, claim: Claim) -> Entry:
    frozen = on.vote()
    return on.entry(claim, on.quality(frozen), note=_voters(frozen))


def _ensemble_cost(on: Measuring, claim: Claim) -> Entry:
    frozen = on.vote()
    return on.entry(claim, ratio(frozen.costs, on.single.costs, seed=on.seed), note=_voters(frozen))


def _voters(frozen: Frozen) -> str:
    count = int(frozen.calls[0].sum())
    return "" if count == 5 else f"There are {count} models to vote."


def _escalation_cost(on: Measuring, claim: Claim) -> Entry:
    return on.saving(claim, on.learnt.frozen(on.cascade(), "full_quality"))


def _escalation_failed(on: Measuring, claim: Claim) -> Entry:
    first, best = on.cascade().stages[0][0], on.learnt.best
    if first == best:
        raise NotApplicable(
            "The cascade begins with the best single model: nothing cheap is tried."
        )
    if not on.sides.test.priced:
        raise NotApplicable("Costs are unknown.")
    test = on.sides.test
    failed, won = test.scores[:, first] < _LOW, test.scores[:, best] >= _LOW
    columns = np.column_stack(
        [failed * test.costs[:, first], failed, won * test.costs[:, best], won]
    )  # fmt: skip
    said = "No cheap attempt failed, or no expensive one succeeded."
    measured = of_totals(columns, _cost_of_failing, seed=on.seed, undefined=said)
    cheap = on.sides.train.models[first]
    note = f"{cheap} failed on {failed.mean():.0%} of the queries, beside {on.best_name}."
    return on.entry(claim, measured, note=note)


def _cost_of_failing(totals: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((totals[:, 0] / totals[:, 1]) / (totals[:, 2] / totals[:, 3]))


_MEASURES: Mapping[str, Callable[[Measuring, Claim], Entry]] = {
    "routing_quality": _routing_quality,
    "routing_cost": _routing_cost,
    "framework_cost": _framework_cost,
    "framework_quality": _framework_quality,
    "prediction_low_quality": _prediction_low_quality,
    "prediction_expensive": _prediction_expensive,
    "ensemble_quality": _ensemble_quality,
    "ensemble_cost": _ensemble_cost,
    "escalation_cost": _escalation_cost,
    "escalation_failed": _escalation_failed,
}
SPOKEN_OF = frozenset(_MEASURES)
"""Names of the claims that a table of outcomes can speak of."""
