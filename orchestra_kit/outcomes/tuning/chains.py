"""The chain of deployments of each case, at any weights of the tiers.

Who may be called is what the router's own `Candidates` says, the order within groups what its
`Ordering` says. What is done here for many cases at once is to rank what a rule names by score.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from orchestra_kit.outcomes.tuning.score_terms import PARTS, judged_terms
from orchestra_kit.policy.editing import Settings
from orchestra_kit.policy.policy import Policy
from orchestra_kit.routing.ordering import NO_MOVES, Ordering
from orchestra_kit.routing.router import Router
from orchestra_kit.routing.scoring import DOWNGRADE
from orchestra_kit.routing.snapshot import Snapshot

__all__ = ["NOBODY", "ChainTable", "Chains"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

OwnWeights: TypeAlias = tuple[str, Floats]
"""The key of a tier's weight, and the value of it at each case."""

NOBODY = -1
_LINKS = 3
_UNKNOWN, _RANKED = -1, -2


class ChainTable:
    """The distinct chains that occur, as arrays of chain x link."""

    def __init__(self, router: Router, columns: Mapping[str, int]) -> None:
        self._router = router
        self._columns = columns
        self._names = list(router.policy.deployments)
        self._known: dict[tuple[str, tuple[str, ...]], int] = {}
        self.deployment = np.zeros((0, _LINKS), dtype=np.int64)
        """Number of the deployment; `NOBODY` behind the chain's end."""
        self.column = np.zeros((0, _LINKS), dtype=np.int64)
        """Its model's column among the outcomes; `NOBODY` where it has none."""
        self.low = np.zeros((0, _LINKS), dtype=np.bool_)
        """Whether a poor answer hands the request to the next link."""
        self.malformed = np.zeros((0, _LINKS), dtype=np.bool_)

    def number(self, task: str, chain: tuple[str, ...]) -> int:
        """The number of a chain at a task, new where it was not seen yet."""
        found = self._known.get((task, chain))
        if found is not None:
            return found
        number = self._known[task, chain] = len(self.deployment)
        links = [self._router.link(task, name) for name in chain]
        rows: dict[str, tuple[list[int], int]] = {
            "deployment": ([self._names.index(name) for name in chain], NOBODY),
            "column": ([self._columns.get(name, NOBODY) for name in chain], NOBODY),
            "low": ([int("low_quality" in link.when) for link in links], 0),
            "malformed": ([int("malformed" in link.when) for link in links], 0),
        }
        for name, (values, empty) in rows.items():
            row = np.array([[*values, *[empty] * (_LINKS - len(chain))]])
            table = getattr(self, name)
            setattr(self, name, np.concatenate([table, row.astype(table.dtype)]))
        return number


class Chains:
    """The chains of all cases of a policy. `contexts` has one row a case, its tiers among them.

    The snapshot's `downgrade` is how a spend budget past its first step has it: cost counts double,
    and not even a chain's order stands above the score. `chances` are what a model of success
    foretells of each distinct prompt, whose tiers follow each other in `contexts`.
    """

    def __init__(
        self,
        policy: Policy,
        contexts: pd.DataFrame,
        columns: Mapping[str, int],
        snapshot: Snapshot,
        *,
        chances: Sequence[Mapping[str, float]] | None = None,
        seed: int = 0,
    ) -> None:
        self.table = ChainTable(Router(policy, None, seed=seed, explore=False), columns)
        self._policy, self._snapshot = policy, snapshot
        self._names = list(policy.deployments)
        self._tasks, self._tiers = list(policy.tasks), list(policy.tiers)
        self._uses = [[policy.targets(name) for name in rule.use] for rule in policy.rules] + [[]]
        self._links = {
            name: [policy.targets(link.use) for link in task.chain]
            for name, task in policy.tasks.items()
        }
        self.task = _codes(contexts["task"], self._tasks)
        self.tier = _codes(contexts["tier"], self._tiers)
        if chances is None:
            kinds = pd.MultiIndex.from_frame(contexts[["task", "words", "tokens"]])
            self._kind = np.asarray(pd.factorize(kinds)[0], dtype=np.int64)
        else:  # what is foretold differs from prompt to prompt
            self._kind = np.arange(len(contexts)) % len(chances)
        first = np.unique(self._kind, return_index=True)[1]
        scored = {name for uses in self._uses if len(uses) > 1 for g in uses for name in g}
        if snapshot.downgrade:
            scored = set(self._names)
        self._terms = judged_terms(policy, contexts.iloc[first], snapshot, scored, chances)
        patterns, of_kind = np.unique(
            np.column_stack([self.task[first], self._terms.eligible]), axis=0, return_inverse=True
        )
        self._patterns = patterns
        self._group = np.asarray(of_kind).ravel()[self._kind]
        # By rule and group: the chain, or that it must be ranked by score case by case.
        self._fixed = np.full((len(self._uses), len(patterns)), _UNKNOWN, dtype=np.int64)
        self._ranked: dict[tuple[int, int, tuple[int, ...]], int] = {}

    def of(
        self, cases: Ints, rules: Ints, settings: Settings, own: OwnWeights | None = None
    ) -> Ints:
        """The number of each case's chain, where the rule of that number decides it.

        `own` gives each case a weight of its own.
        """
        found = self._fixed_of(cases, rules)
        ranked = np.flatnonzero(found == _RANKED)
        if len(ranked):
            mine = None if own is None else (own[0], own[1][ranked])
            found[ranked] = self._rank(cases[ranked], rules[ranked], settings, mine)
        return found

    def ranked(self, cases: Ints, rules: Ints) -> Mask:
        """Whether weights have a say in each case's chain."""
        return np.asarray(self._fixed_of(cases, rules) == _RANKED)

    def crossings(self, cases: Ints, rules: Ints, key: str, settings: Settings) -> Floats:
        """(cases, c) the values of one weight at which the order of two deployments changes; NaN
        where there is none."""
        part = PARTS.index(key.split(".")[-1])
        found = np.full((len(cases), 0), np.nan)
        sign = 1.0 if part == 0 else -1.0
        for members, here in self._same(cases, rules):
            kind = self._kind[cases[here]]
            slope = sign * self._weight_of(part) * self._terms.parts[part][kind][:, members]
            rest = self._scores(cases[here], members, {**settings, key: 0.0})
            pairs = [(a, b) for a in range(len(members)) for b in range(a)]
            width = len(pairs)
            if width > found.shape[1]:
                found = np.pad(found, ((0, 0), (0, width - found.shape[1])), constant_values=np.nan)
            for place, (a, b) in enumerate(pairs):
                with np.errstate(divide="ignore", invalid="ignore"):
                    at = (rest[:, b] - rest[:, a]) / (slope[:, a] - slope[:, b])
                found[here, place] = np.where(np.isfinite(at) & (at > 0), at, np.nan)
        return found

    def _same(self, cases: Ints, rules: Ints) -> list[tuple[list[int], Ints]]:
        """Cases that rank the same deployments, together."""
        groups = self._group[cases]
        first, codes = _first_of(rules * len(self._patterns) + groups)
        return [
            (self._members(int(rules[row]), int(groups[row])), np.flatnonzero(codes == number))
            for number, row in enumerate(first)
        ]

    def _fixed_of(self, cases: Ints, rules: Ints) -> Ints:
        """(cases,) the chain that weights cannot change, or that they can."""
        groups = self._group[cases]
        found = self._fixed[rules, groups]
        new = found == _UNKNOWN
        if new.any():
            for rule, group in set(zip(rules[new].tolist(), groups[new].tolist(), strict=True)):
                self._fixed[rule, group] = self._fix(rule, group)
            found = self._fixed[rules, groups]
        return np.asarray(found)

    def _fix(self, rule: int, group: int) -> int:
        if len(self._competing(rule, group)) > 1:
            return _RANKED
        if self._snapshot.downgrade and len(self._eligible_links(group)) > 1:
            return _RANKED
        return self._number(rule, group, self._members(rule, group))

    def _competing(self, rule: int, group: int) -> list[tuple[str, ...]]:
        return self._left(self._uses[rule], group)

    def _eligible_links(self, group: int) -> list[tuple[str, ...]]:
        return self._left(self._links[self._tasks[self._patterns[group, 0]]], group)

    def _left(self, groups: Sequence[tuple[str, ...]], group: int) -> list[tuple[str, ...]]:
        eligible = self._patterns[group, 1:]
        kept = [tuple(n for n in g if eligible[self._names.index(n)]) for g in groups]
        return [g for g in kept if g]

    def _members(self, rule: int, group: int) -> list[int]:
        """The deployments that compete for the order, as numbers."""
        groups = list(self._competing(rule, group))
        if self._snapshot.downgrade:
            groups += self._eligible_links(group)
        return list(dict.fromkeys(self._names.index(name) for g in groups for name in g))

    def _rank(self, cases: Ints, rules: Ints, settings: Settings, own: OwnWeights | None) -> Ints:
        found = np.empty(len(cases), dtype=np.int64)
        for members, here in self._same(cases, rules):
            rule, group = int(rules[here[0]]), int(self._group[cases[here[0]]])
            some, back = cases[here], None
            if own is None:  # cases of one kind and tier are ranked alike
                first, back = _first_of(self._kind[some] * len(self._tiers) + self.tier[some])
                some = some[first]
            mine = None if own is None else (own[0], own[1][here])
            order = self._ordered(some, members, settings, mine)
            base = len(members) ** np.arange(len(members))
            each, place = _first_of(order @ base)
            chains = [
                self._number(rule, group, [members[place] for place in order[row]]) for row in each
            ]
            numbers = np.array(chains, dtype=np.int64)[place]
            found[here] = numbers if back is None else numbers[back]
        return found

    def _ordered(
        self, cases: Ints, members: list[int], settings: Settings, own: OwnWeights | None
    ) -> Ints:
        """(cases, members) places in `members` from the best to the worst, as `best_first` has
        it."""
        kind = self._kind[cases]
        names = np.argsort(np.argsort([self._names[m] for m in members])).astype(np.float64)
        keys: list[Floats] = [np.broadcast_to(names, (len(cases), len(members)))]
        keys += [
            self._terms.figures[name][kind][:, members]
            for name in reversed(self._policy.file.priorities)
        ]
        keys.append(-np.round(self._scores(cases, members, settings, own), 9))
        return np.lexsort(tuple(keys), axis=1)

    def _scores(
        self,
        cases: Ints,
        members: list[int],
        settings: Settings,
        own: OwnWeights | None = None,
    ) -> Floats:
        kind, tier = self._kind[cases], self.tier[cases]
        weights = [self._weights(part, settings)[tier][:, None] for part in range(3)]
        if own is not None:
            part = PARTS.index(own[0].split(".")[-1])
            weights[part] = own[1][:, None] * self._weight_of(part)
        quality, cost, latency = (p[kind][:, members] for p in self._terms.parts)
        return np.asarray(
            self._terms.profit[tier, kind][:, members]
            + (weights[0] * quality - weights[1] * cost - weights[2] * latency)
        )

    def _weight_of(self, part: int) -> float:
        return DOWNGRADE if part == 1 and self._snapshot.downgrade else 1.0

    def _weights(self, part: int, settings: Settings) -> Floats:
        name = PARTS[part]
        values = [
            settings.get(f"tiers.{tier}.{name}", getattr(self._policy.tiers[tier], name))
            for tier in self._tiers
        ]
        return np.array(values, dtype=np.float64) * self._weight_of(part)

    def _number(self, rule: int, group: int, order: list[int]) -> int:
        """The chain where what competes comes in an order."""
        key = (rule, group, tuple(order))
        if key not in self._ranked:
            task = self._tasks[self._patterns[group, 0]]
            chain = self._chain(rule, group, [self._names[number] for number in order])
            self._ranked[key] = self.table.number(task, chain)
        return self._ranked[key]

    def _chain(self, rule: int, group: int, order: list[str]) -> tuple[str, ...]:
        """As `Router` puts groups together: the best of what the rule names, the chain, the rest
        of the rule's."""
        rank = partial(_best_of, {name: place for place, name in enumerate(order)})
        of_rule = sorted(self._competing(rule, group), key=rank)
        links = self._eligible_links(group)
        if self._snapshot.downgrade:
            links = sorted(links, key=rank)
        taken: set[str] = set()
        groups = []
        for names in (*of_rule[:1], *links, *of_rule[1:]):
            left = tuple(name for name in names if name not in taken)
            taken.update(left)
            if left:
                groups.append(left)
        weights = {name: d.weight for name, d in self._policy.deployments.items()}
        return Ordering(groups, self._snapshot, weights).draw(NO_MOVES, float).chain


def _first_of(codes: Ints) -> tuple[Ints, Ints]:
    """Where each distinct code first stands, and which of them each code is; codes are small."""
    if not len(codes):
        return codes, codes
    place = np.full(int(codes.max()) + 1, -1, dtype=np.int64)
    place[codes[::-1]] = np.arange(len(codes))[::-1]
    first = place[place >= 0]
    place[place >= 0] = np.arange(len(first))
    return first, place[codes]


def _best_of(rank: Mapping[str, int], group: tuple[str, ...]) -> int:
    return min(rank.get(name, len(rank)) for name in group)


def _codes(column: pd.Series[str], names: Sequence[str]) -> Ints:
    return pd.Categorical(column, categories=list(names)).codes.astype(np.int64)
