"""For each case the values of one threshold at which it fares otherwise, and how.

They are a field's own value for a cut, the classifier's confidence for the floor of it, what a
judge said of its answers for a quality floor, and the crossings of straight lines for a weight.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from orchestra_kit.outcomes.tuning.chains import NOBODY
from orchestra_kit.outcomes.tuning.policy_replay import PolicyReplay, Replayed
from orchestra_kit.outcomes.tuning.walk import walked
from orchestra_kit.policy.thresholds import Threshold

__all__ = ["MEASURES", "Options", "options_of"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

MEASURES = ("score", "cost", "latency")


@dataclass(frozen=True, eq=False)
class Options:
    """How cases change with one threshold: entry i says what case ``case[i]`` gets from ``at[i]``
    on. The first entry of each case is at ``-inf``; cases without an entry do not change."""

    case: Ints
    at: Floats
    score: Floats
    cost: Floats
    latency: Floats


def options_of(replay: PolicyReplay, threshold: Threshold, at: Replayed) -> Options:
    """What each case that it concerns gets at every value of a threshold."""
    if threshold.kind == "cut" and threshold.key in replay.rules.places:
        return _of_cut(replay, threshold, at)
    if threshold.kind == "confidence":
        return _of_confidence(replay, at)
    if threshold.kind == "quality":
        return _of_floor(replay, threshold, at)
    if threshold.kind == "weight":
        return _of_weight(replay, threshold, at)
    return _options([], [], [])


def _of_cut(replay: PolicyReplay, threshold: Threshold, at: Replayed) -> Options:
    place = replay.rules.places[threshold.key]
    everyone = np.arange(len(replay.case))
    turned = {
        met: replay.rules.first(replay.case, at.settings, {place.key: met}) for met in (True, False)
    }
    cases = everyone[turned[True] != turned[False]]
    values = replay.rules.values(threshold.key)[replay.case[cases]]
    met, unmet = (replay.evaluated(cases, at.settings, {place.key: said}) for said in (True, False))
    # As the number rises ``field > number`` ends to hold, ``field < number`` begins to.
    first, second = (met, unmet) if place.cut.op in {">", ">="} else (unmet, met)
    turn = values if place.cut.op in {">", "<="} else np.nextafter(values, np.inf)
    return _options([cases, cases], [np.full(len(cases), -np.inf), turn], [first, second])


def _of_confidence(replay: PolicyReplay, at: Replayed) -> Options:
    asked = {**at.settings, "confidence_floor": 0.0}
    cases = np.flatnonzero(np.isfinite(replay.confidence))
    answered = replay.evaluated(cases, asked)
    kept = ~answered.review
    cases, answered = cases[kept], _rows(answered, kept)
    person = _rows(answered, np.ones(len(cases), dtype=np.bool_))
    replay.reviewed(person, np.arange(len(cases)))
    turn = np.nextafter(replay.confidence[cases], np.inf)
    return _options([cases, cases], [np.full(len(cases), -np.inf), turn], [answered, person])


def _of_floor(replay: PolicyReplay, threshold: Threshold, at: Replayed) -> Options:
    """A floor that rises past what is said of an answer hands the request to the first later link
    of which more is said; past all of them the best is delivered after all were paid for."""
    task = list(replay.policy.tasks).index(str(threshold.path[1]))
    cases = np.flatnonzero((replay.task == task) & ~at.review)
    table, recorded = replay.chains.table, replay.recorded
    column = table.column[at.chain[cases]]
    there = table.deployment[at.chain[cases]] != NOBODY
    said = recorded.judged[replay.query[cases][:, None], np.maximum(column, 0)]
    said = np.where(there & (column != NOBODY), said, -np.inf)
    turns = np.maximum.accumulate(said, axis=1)
    found_cases, found_at, found = [cases], [np.full(len(cases), -np.inf)], []
    found.append(_with_chains(replay, cases, at, floors=np.full(len(cases), -np.inf)))
    for link in range(turns.shape[1]):
        here = np.isfinite(turns[:, link])
        if link:
            here &= turns[:, link] > turns[:, link - 1]
        past = np.nextafter(turns[here, link], np.inf)
        some = cases[here]
        found_cases.append(some)
        found_at.append(past)
        found.append(_with_chains(replay, some, at, floors=past))
    return _options(found_cases, found_at, found)


def _of_weight(replay: PolicyReplay, threshold: Threshold, at: Replayed) -> Options:
    tier = list(replay.policy.tiers).index(str(threshold.path[1]))
    cases = np.flatnonzero((replay.tier == tier) & ~at.review)
    rows = replay.case[cases]
    cases = cases[replay.chains.ranked(rows, at.rule[cases])]
    if not len(cases):
        return _options([], [], [])
    rows, rules = replay.case[cases], at.rule[cases]
    turns = np.sort(replay.chains.crossings(rows, rules, threshold.key, at.settings), axis=1)
    edges = np.column_stack([np.zeros(len(cases)), turns])
    found_cases, found_at, found = [], [], []
    for place in range(edges.shape[1]):
        low = edges[:, place]
        high = edges[:, place + 1] if place + 1 < edges.shape[1] else np.full(len(cases), np.nan)
        here = np.isfinite(low) & ~(high <= low)
        middle = np.where(np.isfinite(high), (low + high) / 2, low + 1.0)[here]
        chain = replay.chains.of(rows[here], rules[here], at.settings, (threshold.key, middle))
        found_cases.append(cases[here])
        found_at.append(low[here] if place else np.full(int(here.sum()), -np.inf))
        found.append(_with_chains(replay, cases[here], at, chain))
    return _options(found_cases, found_at, found)


def _with_chains(
    replay: PolicyReplay,
    cases: Ints,
    at: Replayed,
    chains: Ints | None = None,
    floors: Floats | None = None,
) -> Replayed:
    """Cases that walk other chains than they do, or their own at other floors."""
    walking = at.chain[cases] if chains is None else chains
    fates = walked(
        replay.recorded, replay.chains.table, queries=replay.query[cases], chains=walking,
        floors=replay.floors(at.settings)[replay.task[cases]] if floors is None else floors,
        deployments=len(replay.policy.deployments),
    )  # fmt: skip
    return Replayed(
        {}, at.rule[cases], at.review[cases], walking, fates.node, fates.score, fates.cost,
        fates.latency,
    )  # fmt: skip


def _options(cases: list[Ints], at: list[Floats], found: list[Replayed]) -> Options:
    if not cases:
        empty = np.zeros(0)
        return Options(np.zeros(0, dtype=np.int64), empty, empty, empty, empty)
    parts = [np.concatenate([getattr(one, name) for one in found]) for name in MEASURES]
    return Options(np.concatenate(cases), np.concatenate(at), *parts)


def _rows(replayed: Replayed, kept: Mask) -> Replayed:
    names = ("rule", "review", "chain", "node", "score", "cost", "latency")
    return Replayed({}, *(getattr(replayed, name)[kept] for name in names))
