"""Which of several equal deployments takes the next call: the less loaded of two that are drawn.

Sending everything to the least loaded looks best and herds: all who look at the same figures go to
the same place. Drawing two and taking the better spreads the calls and keeps nearly all of the gain
(Mitzenmacher, “The power of two choices in randomized load balancing”, 2001). Both are drawn by
weight, the second from the others, and what is compared is load divided by weight. Load is
Finagle's: a moving average of the latency that jumps to a peak at once, times the calls in flight
and one.

A deployment without a load was not called lately. It stands in the order at the median of the
others, for nothing is known against it and nothing for it, but it is drawn first only for
`EXPLORED` of the calls: enough to learn how it does, too little to hurt where it does badly. One
that was never called is given a load by `newcomers_load`: it has its share from the first call on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import median

__all__ = ["EXPLORED", "balanced", "by_load", "chances", "drawn", "newcomers_load"]

EXPLORED = 0.01
"""Share of the calls that a deployment gets of which nothing recent is known, while something is
known of others; never more than its share by weight."""


def balanced(
    names: Sequence[str], loads: Mapping[str, float], weights: Mapping[str, float], draw: float
) -> tuple[tuple[str, ...], float]:
    """The deployments in the order in which to try them, and the exact probability of the first.

    `draw` is uniform on [0, 1) and decides the first; the others follow by load over weight.
    `loads` are seconds, absent where unknown; `weights` are above 0, 1 where absent.
    """
    shares = chances(names, loads, weights)
    first = drawn(shares, draw)
    rest = (name for name in by_load(names, loads, weights) if name != first)
    return (first, *rest), shares[first]


def newcomers_load(latencies: Iterable[float], in_flight: int) -> float | None:
    """The load of one that was never called: as if it took the median of its equals' `latencies`,
    in seconds, which is neither none at all nor the worst; None where none is known."""
    known = list(latencies)
    return median(known) * (in_flight + 1) if known else None


def by_load(
    names: Sequence[str], loads: Mapping[str, float], weights: Mapping[str, float]
) -> tuple[str, ...]:
    """The deployments by load over weight, the least first."""
    costs = _costs(names, loads, weights)
    return tuple(sorted(names, key=lambda name: costs[name]))


def drawn(shares: Mapping[str, float], draw: float) -> str:
    """The one in whose part of [0, 1) the draw falls; never one whose part is empty."""
    reached, last = 0.0, ""
    for name, share in shares.items():
        if share > 0.0:
            reached += share
            last = name
            if draw < reached:
                return name
    return last


def chances(
    names: Sequence[str], loads: Mapping[str, float], weights: Mapping[str, float]
) -> dict[str, float]:
    """The probability of each deployment to be the first of `balanced`; they sum to 1."""
    if len(names) == 1:
        return {names[0]: 1.0}
    known = [name for name in names if name in loads]
    by_weight = _parts(names, weights)
    if not known or len(known) == len(names):
        return _less_loaded(names, loads if known else {}, weights, by_weight)
    shares = {name: min(EXPLORED, by_weight[name]) for name in names if name not in loads}
    rest = 1.0 - sum(shares.values())
    among = _less_loaded(known, loads, weights, _parts(known, weights))
    return {name: shares[name] if name in shares else rest * among[name] for name in names}


def _less_loaded(
    names: Sequence[str],
    loads: Mapping[str, float],
    weights: Mapping[str, float],
    parts: Mapping[str, float],
) -> dict[str, float]:
    """Chances where two are drawn, by weight and without putting back, and the less loaded wins;
    of two that are alike the one that was drawn first."""
    if len(names) == 1:
        return {names[0]: 1.0}
    costs = _costs(names, loads, weights)
    found = dict.fromkeys(names, 0.0)
    for one in names:
        others = 1.0 - parts[one]
        for other in names:
            if other != one:
                winner = other if costs[other] < costs[one] else one
                found[winner] += parts[one] * parts[other] / others
    return found


def _parts(names: Sequence[str], weights: Mapping[str, float]) -> dict[str, float]:
    total = sum(weights.get(name, 1.0) for name in names)
    return {name: weights.get(name, 1.0) / total for name in names}


def _costs(
    names: Sequence[str], loads: Mapping[str, float], weights: Mapping[str, float]
) -> dict[str, float]:
    """Load over weight; the median of the known ones where a load is not known."""
    known = {name: loads[name] / weights.get(name, 1.0) for name in names if name in loads}
    usual = median(known.values()) if known else 0.0
    return {name: known.get(name, usual) for name in names}
