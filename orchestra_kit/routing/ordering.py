"""From the deployments that may be called to the order in which they are, with its probability.

What a policy names at one place is a group: one deployment, or all of a model's, which are equal.
The first group with room for one more call leads. Who of it goes first is settled by the session's
warm cache or by load; then, where the task says so, part of the traffic is moved: evenly, to keep
figures fresh, or to what did well lately. All of these are probabilities that are worked out before
anything is drawn, so that the probability of the choice is exact.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from orchestra_kit.policy.schema import Adaptation
from orchestra_kit.routing.adaptation import Seen, adapted
from orchestra_kit.routing.balancing import by_load, chances, drawn
from orchestra_kit.routing.snapshot import Snapshot

__all__ = ["LONGEST_CHAIN", "NO_MOVES", "Groups", "Moves", "Order", "Ordering"]

LONGEST_CHAIN = 3
"""Deployments that one request may be tried on."""

Groups: TypeAlias = Sequence[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Moves:
    """How much of a task's traffic does not go where the rules say, and by what.

    An adaptation replaces exploring: its floor keeps the figures fresh as well.
    """

    explore: float = 0.0
    adapt: Adaptation | None = None
    seen: Mapping[str, Seen] | None = None


NO_MOVES = Moves()


@dataclass(frozen=True, slots=True)
class Order:
    """Deployments in order, and the probability that the first was chosen."""

    chain: tuple[str, ...] = ()
    propensity: float = 1.0
    note: str = ""
    """What else than the rules put the first one there, to be added to their reason."""
    moved: bool = False
    """Whether the first is one that the rules would not have tried first."""


class Ordering:
    """The order of one request's eligible deployments; each stands in one group.

    Where `firm` is set the first group leads whether it has room or not.
    """

    def __init__(
        self,
        groups: Groups,
        snapshot: Snapshot,
        weights: Mapping[str, float],
        *,
        firm: bool = False,
    ) -> None:
        self._groups = groups
        self._weights = weights
        self._loads, self._warm, self._busy = snapshot.loads, snapshot.warm, snapshot.busy
        self._open: Groups = groups
        if self._busy:
            roomy = [tuple(n for n in group if n not in self._busy) for group in groups]
            if firm and groups:
                roomy[0] = groups[0]
            # Where nothing has room the order stays as it was meant.
            self._open = [group for group in roomy if group] or groups
        self._lead = self._open[0] if self._open else ()

    def distribution(self, moves: Moves = NO_MOVES) -> dict[str, float]:
        """The probability of every deployment that may be the first; they sum to 1."""
        if not self._lead:
            return {}
        by_rules = self._by_rules()
        everyone = self._everyone()
        if len(everyone) < 2 or not (moves.adapt or moves.explore):
            return by_rules
        spread = {name: by_rules.get(name, 0.0) for name in everyone}
        if moves.adapt is not None:
            return adapted(spread, moves.seen or {}, moves.adapt)
        part = moves.explore / len(everyone)
        return {name: part + (1.0 - moves.explore) * share for name, share in spread.items()}

    def draw(self, moves: Moves, uniform: Callable[[], float]) -> Order:
        """One order; `uniform` gives the request's draw from [0, 1)."""
        if not self._lead:
            return Order()
        shares = self.distribution(moves)
        first = self._first(shares, moves, uniform()) if len(shares) > 1 else next(iter(shares))
        warm = self._warm in self._lead
        moved = first not in self._lead or (warm and first != self._warm)
        note = self._waiting()
        if moved:
            why = "by what was seen lately" if moves.adapt else "to keep its figures fresh"
            usual = self._warm if warm else " or ".join(self._lead)
            note += f" ({first} goes before {usual} this time, {why})"
        elif warm:
            note += f" ({first} still has this session in its cache)"
        elif len(self._lead) > 1:
            note += f" ({first} by load, of {' and '.join(self._lead)})"
        return Order(self._behind(first), shares[first], note, moved)

    def planned(self, order: Order) -> tuple[str, ...]:
        """The order as it would be here, where more is available than `order` was drawn from.

        The head of `order` stays at the head where it was moved there, which was not done for want
        of another, or where it is one of the equals that lead here.
        """
        if not self._lead:
            return ()
        head = order.chain[0] if order.chain else ""
        if head and (order.moved or head in self._lead):
            return self._behind(head)
        return self._behind(self._ranked(self._lead)[0])

    def _everyone(self) -> list[str]:
        return [name for group in self._open for name in group]

    def _by_rules(self) -> dict[str, float]:
        """Who goes first of the group that leads."""
        if self._warm in self._lead:
            return {self._warm: 1.0}
        return chances(self._lead, self._loads, self._weights)

    def _first(self, shares: Mapping[str, float], moves: Moves, draw: float) -> str:
        """One draw decides whether to explore and, by its remainder, what."""
        if moves.adapt is not None or not moves.explore:
            return drawn(shares, draw)
        if draw < moves.explore:
            everyone = self._everyone()
            return everyone[min(int(draw / moves.explore * len(everyone)), len(everyone) - 1)]
        return drawn(self._by_rules(), (draw - moves.explore) / (1.0 - moves.explore))

    def _ranked(self, group: tuple[str, ...]) -> Sequence[str]:
        """Equals in order: the warm one, then by load."""
        if len(group) == 1:
            return group
        names = by_load(group, self._loads, self._weights)
        return sorted(names, key=lambda name: name != self._warm)

    def _behind(self, first: str) -> tuple[str, ...]:
        """The chain that begins with `first`: what has room before what has not, and one of every
        group before a second one of any, so that a link's equals do not crowd the next link out."""
        places = [
            (name, number)
            for number, group in enumerate(self._groups)
            for name in (self._ranked(group) if len(group) > 1 else group)
        ]
        if self._busy and self._open is not self._groups:
            places.sort(key=lambda place: self._busy.get(place[0], -1.0))
        places.sort(key=lambda place: place[0] != first)
        if len(places) > LONGEST_CHAIN:
            seen: set[int] = set()
            again = []
            for place, (_, number) in enumerate(places):
                again.append((number in seen, place))
                seen.add(number)
            kept = sorted(place for _, place in sorted(again)[:LONGEST_CHAIN])
            places = [places[place] for place in kept]
        return tuple([name for name, _ in places])

    def _waiting(self) -> str:
        """Words for those without room that would have gone before what leads."""
        if not self._busy or self._open is self._groups:
            return ""
        before = []
        for group in self._groups:
            before += [name for name in group if name in self._busy and name not in self._lead]
            if not set(group).isdisjoint(self._lead):
                break
        said = [f"{name} has no room {_for(self._busy[name])}" for name in before]
        return f" ({', '.join(said)})" if said else ""


def _for(seconds: float) -> str:
    if math.isinf(seconds):
        return "until another call ends"
    return f"for {seconds:.1f} s"
