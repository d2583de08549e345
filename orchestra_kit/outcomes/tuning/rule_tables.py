"""Which rule decides each case, at any values of the cuts in the rules' conditions.

A condition with k cuts is evaluated once for each of the 2^k ways in which they can turn out, by
the policy's own CEL; after that a cut may take any value, and only numbers are compared.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from orchestra_kit.policy.conditions import FIELDS, Condition, Fields
from orchestra_kit.policy.editing import Settings
from orchestra_kit.policy.policy import Policy
from orchestra_kit.policy.thresholds import Cut, cuts

__all__ = ["MOST_CUTS", "CutPlace", "RuleTables"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

MOST_CUTS = 6
"""Cuts of one condition that are replayed; further ones keep their values."""
_TRUE = {
    ">": np.greater, ">=": np.greater_equal, "<": np.less, "<=": np.less_equal,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class CutPlace:
    """One cut: its rule, its bit in the rule's table, what it compares."""

    key: str
    rule: int
    bit: int
    cut: Cut


class RuleTables:
    """Truth of every rule at every case, by how its cuts turn out.

    `contexts` has one row a case.
    """

    def __init__(self, policy: Policy, contexts: pd.DataFrame) -> None:
        self.count = len(policy.rules)
        """How many rules there are; as a rule's number it stands for none of them."""
        self.places: dict[str, CutPlace] = {}
        self._of_rule: list[list[CutPlace]] = []
        self._tables: list[Mask] = []
        self._values: dict[str, Floats] = {}
        for number, rule in enumerate(policy.rules):
            own = [
                CutPlace(f"rules.{number}.when.{bit}", number, bit, cut)
                for bit, cut in enumerate(cuts(rule.when)[:MOST_CUTS])
            ]
            self._of_rule.append(own)
            self.places.update((place.key, place) for place in own)
            self._tables.append(_table(rule.when, [place.cut for place in own], contexts))
        for place in self.places.values():
            name = place.cut.field
            if name not in self._values:
                self._values[name] = contexts[name].to_numpy(dtype=np.float64)

    def values(self, key: str) -> Floats:
        """(cases,) what the cut compares with its number."""
        return self._values[self.places[key].cut.field]

    def first(
        self, cases: Ints, settings: Settings, forced: Mapping[str, bool] | None = None
    ) -> Ints:
        """The number of the first rule that holds at each case; `count` where none does.

        `forced` says how some cuts turn out, whatever their values.
        """
        found = np.full(len(cases), self.count, dtype=np.int64)
        for number in range(self.count - 1, -1, -1):
            found[self._holds(number, cases, settings, forced or {})] = number
        return found

    def _holds(
        self, number: int, cases: Ints, settings: Settings, forced: Mapping[str, bool]
    ) -> Mask:
        own, table = self._of_rule[number], self._tables[number]
        if not own:
            return np.asarray(table[0, cases])
        code = np.zeros(len(cases), dtype=np.int64)
        for place in own:
            if place.key in forced:
                code += int(forced[place.key]) << place.bit
            else:
                value = settings.get(place.key, place.cut.value)
                met = _TRUE[place.cut.op](self._values[place.cut.field][cases], value)
                code += met.astype(np.int64) << place.bit
        return np.asarray(table[code, cases])


def _table(text: str, own: list[Cut], contexts: pd.DataFrame) -> Mask:
    """(2^cuts, cases) whether the condition holds."""
    rows = []
    for turned in itertools.product((False, True), repeat=len(own)):
        # The last of `product` turns fastest; the first cut is the lowest bit.
        ways = turned[::-1]
        words = text
        for cut, true in sorted(zip(own, ways, strict=True), key=lambda p: -p[0].span[0]):
            said = "(true)" if true else "(false)"
            words = words[: cut.span[0]] + said + words[cut.span[1] :]
        rows.append(_holds_at(Condition(words), contexts))
    table = np.stack(rows)
    # A comparison with what is not known is neither true nor false: the condition says what then.
    absent = contexts[[cut.field for cut in own]].isna().any(axis=1).to_numpy()
    if absent.any():
        table[:, absent] = _holds_at(Condition(text), contexts)[absent]
    return table


def _holds_at(condition: Condition, contexts: pd.DataFrame) -> Mask:
    """Evaluated once for each combination of the fields that it reads."""
    read = sorted(condition.fields)
    if not read:
        holds = condition.holds(Fields(_plain(contexts.iloc[0])))
        return np.full(len(contexts), holds, dtype=np.bool_)
    groups = contexts.groupby(read, sort=False, dropna=False)
    codes = groups.ngroup().to_numpy()
    first = contexts[~groups.cumcount().astype(bool)]
    truth = np.zeros(len(first), dtype=np.bool_)
    truth[codes[first.index]] = [
        condition.holds(Fields(_plain(row))) for _, row in first.iterrows()
    ]
    return np.asarray(truth[codes])


_KINDS = {"str": str, "int": int, "float": float, "bool": bool}


def _plain(row: pd.Series[Any]) -> dict[str, object]:
    """A context's fields as CEL knows them."""
    return {
        name: None if pd.isna(row[name]) else _KINDS[kind](row[name])
        for name, kind in FIELDS.items()
    }
