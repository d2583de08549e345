"""The ledger: every claim, on every table, with what was measured and the verdict.

::

    from orchestra_kit.outcomes.claims import Ledger

    Ledger.measure({"six tasks": Outcomes.read("examples/recorded/outcomes.parquet")})
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tqdm.auto import tqdm

from orchestra_kit.core.display import Table
from orchestra_kit.core.errors import TableError
from orchestra_kit.outcomes.claims.claim import CLAIMS
from orchestra_kit.outcomes.claims.entry import Data, Entry
from orchestra_kit.outcomes.claims.recorded import SPOKEN_OF, recorded_entries
from orchestra_kit.outcomes.claims.simulated import SIMULATED, simulated_entries
from orchestra_kit.outcomes.claims.verdict import Verdict
from orchestra_kit.outcomes.table import Outcomes
from orchestra_kit.policy.policy import Policy

__all__ = ["REQUESTS", "Ledger"]

REQUESTS = 2_000
"""Simulated requests unless told otherwise."""
_NOWHERE = Data(name="none", source="", split="")
_NO_POLICY = "It takes simulated traffic, and no policy was given to simulate."
_NO_WORKFLOWS = (
    "There is no implementation of workflows yet, and no recording of several steps towards one "
    "answer."
)
_SMALL = 100
"""Test queries below which a table is said to be small."""


@dataclass(frozen=True, eq=False)
class Ledger:
    """Claims beside measurements, in the order of `CLAIMS`. Make one with `Ledger.measure`."""

    entries: tuple[Entry, ...]

    @classmethod
    def measure(
        cls,
        tables: Mapping[str, Outcomes],
        *,
        policy: Policy | None = None,
        requests: int = REQUESTS,
        seed: int = 0,
        progress: bool = True,
    ) -> Ledger:
        """Measure every claim on every table by its name, and on a policy's simulated traffic.

        Each table is measured by itself, so that sources are never mixed. Raises TableError where
        there is neither a table nor a policy, and as `Sides.of` does.
        """
        if not tables and policy is None:
            raise TableError("There is nothing to measure claims on; give a table or a policy.")
        found: list[Entry] = []
        for name, outcomes in tqdm(tables.items(), desc="claims", unit="table",
                                   disable=not progress, leave=False):  # fmt: skip
            found += recorded_entries(name, outcomes, seed=seed)
        if policy is not None:
            found += simulated_entries(policy, requests=requests, seed=seed)
        measured = {entry.claim.name for entry in found}
        for claim in CLAIMS:
            if claim.name not in measured:
                found.append(Entry.unmeasurable(claim, _NOWHERE, _why_not(claim.name)))
        places = {claim.name: place for place, claim in enumerate(CLAIMS)}
        return cls(tuple(sorted(found, key=lambda entry: places[entry.claim.name])))

    def of(self, claim: str) -> tuple[Entry, ...]:
        """The entries of a claim by its name; empty for others."""
        return tuple(entry for entry in self.entries if entry.claim.name == claim)

    def finding(self) -> str:
        """What came of it, in words: how many figures hold, and which data were small."""
        counts = Counter(entry.verdict for entry in self.entries)
        asked = len(self.entries) - counts[Verdict.UNMEASURABLE]
        words = ", ".join(f"{verdict.value}: {counts[verdict]}" for verdict in Verdict)
        said = [
            f"{counts[Verdict.SHOWS]} of {asked} measured figures show what is claimed ({words})."
        ]
        small = {e.data.name: e.n for e in self.entries if 0 < e.n < _SMALL
                 and e.data.source != "simulated"}  # fmt: skip
        said += [
            f"{name} has {n} test queries: too few for most claims, and intervals are wide."
            for name, n in small.items()
        ]
        if any(entry.data.source == "simulated" for entry in self.entries):
            said.append("Simulated figures follow from assumed profiles, not from any provider.")
        return " ".join(said)

    def table(self) -> Table:
        """One row a figure."""
        rows = [
            (
                entry.claim.about,
                entry.claim.words,
                entry.figure(),
                f"{entry.n:,}" if entry.n else "–",
                str(entry.data),
                entry.verdict.value,
                entry.remark(),
            )
            for entry in self.entries
        ]
        columns = ("about", "claimed", "measured (95 % interval)", "n", "data", "verdict", "note")
        return Table(columns, rows, title=self.finding(), right=frozenset({"n"}))

    def data(self) -> Table:
        """What was measured on: source, split, and where costs come from."""
        known = {str(entry.data): entry.data for entry in self.entries if entry.data.source}
        rows = [(d.name, d.source, d.split, d.costs) for d in known.values()]
        return Table(("data", "source", "split", "costs"), rows, title="The data")

    def definitions(self) -> Table:
        """What is measured for each claim."""
        rows = [(claim.about, claim.words, claim.how) for claim in CLAIMS]
        return Table(("about", "claimed", "what is measured"), rows, title="How it is measured")

    def to_dict(self) -> dict[str, Any]:
        """As JSON knows it."""
        return {"finding": self.finding(), "entries": [entry.to_dict() for entry in self.entries]}

    def to_text(self) -> str:
        """The table for a terminal, one claim after another."""
        lines = [self.finding()]
        for entry in self.entries:
            head = f"{entry.claim.about}: {entry.claim.words}"
            if f"\n{head}" not in lines:
                lines.append(f"\n{head}")
            count = f", n = {entry.n:,}" if entry.n else ""
            where = f", {entry.data}" if entry.data.source else ""
            lines.append(f"  {entry.verdict.value}: {entry.figure()}{count}{where}")
            if entry.remark():
                lines.append(f"    {entry.remark()}")
        lines.append("")
        lines += [f"{d} ({source}): {split}; costs: {costs}." for d, source, split, costs
                  in self.data().rows]  # fmt: skip
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"Ledger of {len(self.entries)} figures: {self.finding()}"

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        page = self.table().to_html() + self.data().to_html()
        return {"text/plain": self.to_text(), "text/html": page}


def _why_not(claim: str) -> str:
    if claim in SIMULATED:
        return _NO_POLICY
    return "It takes a table of outcomes." if claim in SPOKEN_OF else _NO_WORKFLOWS
