"""What a policy would have brought on logged traffic, and whether that can be said at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
import pandas as pd

from orchestra_kit.core.errors import TableError
from orchestra_kit.outcomes.off_policy.estimators import Estimator, Influenced, estimate
from orchestra_kit.outcomes.off_policy.findings import EstimatorValue, OutcomeValue, Valuation
from orchestra_kit.outcomes.off_policy.logged import OUTCOMES, LoggedTraffic, Outcome
from orchestra_kit.outcomes.off_policy.overlap import Overlap, Verdict, measure_overlap
from orchestra_kit.outcomes.off_policy.reward_model import Design, fit
from orchestra_kit.outcomes.off_policy.target import Target
from orchestra_kit.outcomes.off_policy.unscored import tilt
from orchestra_kit.outcomes.statistics import Estimate, clustered_mean

__all__ = ["value_policy"]

_FALLS_BACK = 0.05
_MODEL_BIAS = "its interval does not know how wrong the model's shape is"
_Floats = npt.NDArray[np.float64]
_Codes = npt.NDArray[np.int64]
_Found = Mapping[Estimator, Influenced]


def value_policy(
    traffic: LoggedTraffic, target: Target, *, against: Target | None = None, seed: int = 0
) -> Valuation:
    """The value of a policy, and of its difference to what was logged or to another policy.

    Only requests that both route to a deployment count. Raises TableError where a policy has not
    as many rows as there are requests.
    """
    policies = (target,) if against is None else (target, against)
    for each in policies:
        if len(each.probabilities) != len(traffic):
            raise TableError(
                f"Policy “{each.name}” has probabilities for {len(each.probabilities):,} requests, "
                f"and {len(traffic):,} are logged."
            )
    routed = np.logical_and.reduce([each.routed for each in policies])
    left_out = dict(traffic.left_out)
    if unrouted := int((~routed).sum()):
        left_out["that one of the two routes to nobody"] = unrouted
    outcomes = [
        _value(traffic, policies, name, routed, seed)
        for name in OUTCOMES
        if np.isfinite(traffic.outcome(name)[routed]).any()
    ]
    return Valuation(
        policy=target.name,
        against="what was logged" if against is None else against.name,
        source=traffic.source,
        requests=len(traffic),
        outcomes=tuple(outcomes),
        left_out=MappingProxyType(left_out),
        notes=(*dict.fromkeys(note for each in policies for note in each.notes), *_notes(traffic)),
    )


@dataclass(frozen=True, eq=False)
class _Laid:
    """Some of the requests, and what each policy would do there, over the same actions."""

    traffic: LoggedTraffic
    actions: list[str]
    taken: _Codes
    clusters: _Codes
    matrices: list[_Floats]
    weights: list[_Floats]

    @classmethod
    def of(
        cls, traffic: LoggedTraffic, policies: Sequence[Target], kept: npt.NDArray[np.bool_]
    ) -> _Laid:
        used = traffic.rows(kept)
        actions = sorted({*used.actions, *(name for each in policies for name in each.actions)})
        place = {action: number for number, action in enumerate(actions)}
        taken = np.array([place[name] for name in used.frame["action"]], dtype=np.int64)
        matrices = [each.over(actions)[kept] for each in policies]
        weights = [m[np.arange(len(taken)), taken] / used.propensity for m in matrices]
        return cls(used, actions, taken, _codes(used, "cluster"), matrices, weights)

    def overlaps(self) -> list[Overlap]:
        return [
            measure_overlap(self.traffic, self.actions, m, w, self.clusters)
            for m, w in zip(self.matrices, self.weights, strict=True)
        ]


def _value(
    traffic: LoggedTraffic,
    policies: Sequence[Target],
    outcome: Outcome,
    routed: npt.NDArray[np.bool_],
    seed: int,
) -> OutcomeValue:
    known = np.isfinite(traffic.outcome(outcome))
    laid = _Laid.of(traffic, policies, routed & known)
    overlaps = laid.overlaps()
    if not known[routed].all():
        # Which choices have an outcome may depend on the choice; whether its probability is right
        # does not.
        whole = _Laid.of(traffic, policies, routed).overlaps()
        overlaps = [
            replace(each, mean_weight=of_all.mean_weight, misfit=of_all.misfit)
            for each, of_all in zip(overlaps, whole, strict=True)
        ]
    reasons = [*(each.verdict for each in overlaps), tilt(traffic, outcome, routed)]
    verdict, because = max(reasons, key=lambda found: list(Verdict).index(found[0]))
    return OutcomeValue(
        outcome=outcome,
        n=len(laid.taken),
        missing=int((routed & ~known).sum()),
        overlap=overlaps[0],
        verdict=verdict,
        because=because,
        estimates=tuple(
            [_refused(each, because) for each in Estimator]
            if verdict is Verdict.NOT_ESTIMABLE
            else _estimated(laid, outcome, overlaps, verdict, because, seed)
        ),
    )


def _estimated(
    laid: _Laid,
    outcome: Outcome,
    overlaps: Sequence[Overlap],
    verdict: Verdict,
    because: str,
    seed: int,
) -> list[EstimatorValue]:
    rewards = laid.traffic.outcome(outcome)
    most = 1.0 if outcome == "quality" else float(rewards.max())
    design = _design(laid.traffic, len(laid.actions))
    fitted = fit(design, laid.taken, rewards, laid.clusters, seed=seed)
    of_policies = [
        estimate(m, w, rewards, fitted, most=most)
        for m, w in zip(laid.matrices, laid.weights, strict=True)
    ]
    unknown = [each.unknown * most for each in overlaps]
    return [
        _figures(each, found, other, laid.clusters, verdict, because)
        for each, found, other in _paired(of_policies, unknown, rewards)
    ]


def _paired(
    found: Sequence[_Found], unknown: Sequence[float], rewards: _Floats
) -> Iterator[tuple[Estimator, _Hidden, _Hidden]]:
    """By estimator, the policy and what it is compared with: another policy, or what was logged."""
    mean = float(rewards.mean())
    logged = _Hidden(Influenced(mean, rewards - mean), 0.0)
    for each in Estimator:
        both = [_Hidden(of[each], may) for of, may in zip(found, unknown, strict=True)]
        yield each, both[0], both[1] if len(both) > 1 else logged


@dataclass(frozen=True, eq=False)
class _Hidden:
    """An estimate, and how far the truth may lie from it for what was never tried."""

    found: Influenced
    unknown: float

    @property
    def above(self) -> float:
        return self.found.bias + self.unknown


def _design(used: LoggedTraffic, actions: int) -> Design:
    names = list(used.context)
    numbers = used.frame[names].to_numpy(np.float64) if names else np.zeros((len(used), 0))
    # Counts of words and tokens run over orders of magnitude, and effort does not.
    for place, name in enumerate(names):
        if name in {"words", "tokens"}:
            numbers[:, place] = np.log1p(np.maximum(numbers[:, place], 0))
    return Design.of(_codes(used, "task"), _codes(used, "tier"), numbers, actions)


def _figures(
    estimator: Estimator,
    own: _Hidden,
    other: _Hidden,
    clusters: _Codes,
    verdict: Verdict,
    because: str,
) -> EstimatorValue:
    found, against = own.found, other.found
    value = _interval(found.value, found.influence, clusters, own.above, own.unknown)
    difference = _interval(
        found.value - against.value,
        found.influence - against.influence,
        clusters,
        own.above + other.unknown,
        own.unknown + other.above,
    )
    half = 0.0 if value.low is None else found.value - value.low
    if verdict is Verdict.ESTIMABLE and estimator is Estimator.DIRECT:
        verdict, because = Verdict.WEAK, _MODEL_BIAS
    if verdict is Verdict.ESTIMABLE and found.bias > half:
        verdict, because = Verdict.WEAK, f"clipping the weights may hide up to {found.bias:.3g}"
    return EstimatorValue(
        estimator=estimator,
        value=value,
        against=_interval(against.value, against.influence, clusters, other.above, other.unknown),
        difference=difference,
        verdict=verdict,
        because=because,
        cap=found.cap,
        bias=own.above,
    )


def _interval(
    value: float, influence: _Floats, clusters: _Codes, up: float, down: float
) -> Estimate:
    """The interval by clusters, widened by what may be hidden above and below."""
    found = clustered_mean(influence, clusters)
    if found.low is None or found.high is None:
        return Estimate(value, None, None, found.n)
    reach = (found.high - found.low) / 2
    return Estimate(value, value - reach - down, value + reach + up, found.n)


def _refused(estimator: Estimator, because: str) -> EstimatorValue:
    return EstimatorValue(
        estimator=estimator,
        value=None,
        against=None,
        difference=None,
        verdict=Verdict.NOT_ESTIMABLE,
        because=because,
    )


def _codes(traffic: LoggedTraffic, column: str) -> _Codes:
    return pd.factorize(traffic.frame[column])[0].astype(np.int64)


def _notes(traffic: LoggedTraffic) -> tuple[str, ...]:
    if "fell_back" not in traffic.frame:
        return ()
    share = float(traffic.frame["fell_back"].mean())
    if share <= _FALLS_BACK:
        return ()
    return (
        f"{share:.0%} of the requests were answered by a later link of their chain; the order of "
        "later links is taken for the one that was logged.",
    )
