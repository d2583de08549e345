"""Spend budgets: what may still be spent, by whom, until when.

Before a send its worst case is reserved; when it ends, what it cost is settled. Nothing is awaited
in between, so that a reservation is atomic on the event loop that makes it. The ledger is the
record; this is the count that is kept from it while the process runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import count

from orchestra_kit.core.errors import PolicyError
from orchestra_kit.cost.ladder import Crossing, Step
from orchestra_kit.cost.refusals import blocked, throttled, unpriced
from orchestra_kit.cost.spenders import Spender, Spent, counted, covering
from orchestra_kit.cost.standings import Outlook, Reservation, Standing
from orchestra_kit.cost.tally import Account, Tally
from orchestra_kit.cost.windows import window
from orchestra_kit.policy.schema import Budget

__all__ = [
    "Crossing",
    "Outlook",
    "Reservation",
    "SpendBudgets",
    "Spender",
    "Spent",
    "Standing",
    "Step",
    "window",
]

_NOTHING = Decimal(0)


class SpendBudgets:
    """All spend budgets of a policy, counted together.

    `spent` is what the windows already hold, such as the ledger's attempts of this month. Raises
    PolicyError where two budgets have one name: one of the limits would be lost.
    """

    def __init__(self, budgets: Iterable[Budget], spent: Iterable[Spent] = ()) -> None:
        self._tallies = tuple(Tally(budget) for budget in budgets)
        self._beside: tuple[SpendBudgets, ...] = ()
        """Those of another version of the policy, which count all that is spent by this one."""
        self.told: set[Crossing] = set()
        """The steps that operators were told of."""
        names: set[str] = set()
        for tally in self._tallies:
            if tally.budget.name in names:
                raise PolicyError(f"Two spend budgets are named “{tally.budget.name}”; rename one.")
            names.add(tally.budget.name)
        self._open: dict[int, _Open] = {}
        self._numbers = count(1)
        for entry in spent:
            self.record(entry.spender, entry.amount, entry.at)

    def succeeded(self, budgets: Iterable[Budget], spent: Iterable[Spent] = ()) -> SpendBudgets:
        """The budgets of another version of the policy, to be used in the place of these.

        Those that cover the same as one of these go on with its count; `spent` is what the windows
        of the others hold already. What is set aside now counts there as well, so that a budget of
        a new kind may for once count it twice, if `spent` knows of it, and never not at all. From
        then on each counts what is spent by the other, so that these can come back.
        """
        new = SpendBudgets(budgets)
        before = {covering(tally.budget): tally for tally in self._tallies}
        fresh = [t for t in new._tallies if not t.take_over(before.get(covering(t.budget)))]
        for before_this in spent:
            _count(fresh, before_this)
        new._open, new._numbers, new.told = self._open, self._numbers, self.told
        for entry in self._open.values():
            _set_aside(new._accounts(entry.spender, entry.at), entry)
        self._beside, new._beside = (new,), (self,)
        return new

    def covers(self, spender: Spender) -> bool:
        """Whether any budget counts this spender's requests: then every price must be known."""
        return any(counted(tally.budget, spender) is not None for tally in self._tallies)

    def reserve(
        self, spender: Spender, upper: Decimal | None, now: datetime, *, approved: bool = False
    ) -> Reservation:
        """Set aside the worst case of one send; `upper` is dollars, None where unknown.

        Raises SpendLimitReached where a budget's committed amount and `upper` together would pass
        its limit times `block_at`, or where a budget applies and the price is unknown. Otherwise
        raises ApprovalNeeded where they pass its limit times `throttle_at` by more than is handed
        out by now, unless the send is `approved`. The handing out of a window begins with the
        first send that would pass `throttle_at`: at that moment nothing beyond it is handed out,
        at the window's end all of what lies between it and `block_at`, and in between the share
        that has passed of the time from one to the other. It begins anew with a new process,
        which hands out less and never more. What costs nothing never waits.
        """
        accounts = [*self._accounts(spender, now)]
        if upper is None and accounts:
            raise unpriced(*accounts[0])
        amount = upper or _NOTHING
        if amount < 0:
            raise ValueError("the worst case of a send cannot be less than $0")
        for tally, account in accounts:
            if account.spent + account.reserved + amount > tally.ladder.block:
                raise blocked(tally, account, amount)
        waiting = [
            (tally, account)
            for tally, account in accounts
            if not tally.hands_out(account, amount, now) and not approved
        ]
        if waiting:
            raise throttled(*waiting[0], amount)
        reservation = Reservation(
            number=next(self._numbers),
            upper=amount,
            keys=tuple((tally.budget.name, a.of, a.starts) for tally, a in accounts),
        )
        entry = self._open[reservation.number] = _Open(reservation, spender, now)
        _set_aside(accounts, entry)
        for other in self._beside:
            _set_aside(other._accounts(spender, now), entry)
        return reservation

    def settle(self, reservation: Reservation, actual: Decimal | None) -> None:
        """End a reservation with what the send cost, in dollars.

        None means that the cost is unknown, because its answer was never seen: it then counts at
        its worst case. It counts in the window in which it was reserved. Raises ValueError where
        the reservation has ended already.
        """
        found = self._open.pop(reservation.number, None)
        if found is None:
            raise ValueError(f"reservation {reservation.number} has ended already")
        amount = reservation.upper if actual is None else actual
        for tally, account in found.accounts:
            account.reserved -= reservation.upper
            account.spent += amount
            if amount > reservation.upper:
                tally.watch(account)

    def release(self, reservation: Reservation) -> None:
        """End a reservation whose send was never made; raises ValueError as `settle` does."""
        self.settle(reservation, _NOTHING)

    def record(self, spender: Spender, amount: Decimal, at: datetime) -> None:
        """Count dollars that were spent without a reservation, such as before a restart."""
        for budgets in (self, *self._beside):
            _count(budgets._tallies, Spent(spender, at, amount))

    def outlook(self, spender: Spender, now: datetime) -> Outlook:
        """What the budgets say to a decision on this spender's request, in one look."""
        left, downgrade, covered, step = 1.0, False, False, Step.NONE
        for tally in self._tallies:
            name = counted(tally.budget, spender)
            if name is None:
                continue
            covered = True
            account = tally.find(name, now)
            committed = account.spent + account.reserved if account else _NOTHING
            left = min(left, tally.left(committed))
            if committed >= tally.ladder.lowest:
                downgrade = downgrade or committed >= tally.ladder.downgrade
                step = max(step, tally.ladder.step(committed), key=lambda s: s.rank)
        return Outlook(left=left, downgrade=downgrade, covered=covered, step=step)

    def left(self, spender: Spender, now: datetime) -> float:
        """Share of the tightest budget that is neither spent nor set aside, 0-1; 1.0 without
        one that covers the spender."""
        return self.outlook(spender, now).left

    def downgrading(self, spender: Spender, now: datetime) -> bool:
        """Whether a budget has come to its `downgrade_at`."""
        return self.outlook(spender, now).downgrade

    def crossed(self, now: datetime) -> tuple[Crossing, ...]:
        """Every step that a budget stands at or beyond in its window at `now`, by what is spent or
        set aside: by budget and name, the lowest step first.

        Told from the state and not when a step is taken, so that none is lost with a process: who
        tells of them remembers which were told.
        """
        found = [
            Crossing(
                budget=tally.budget.name,
                of=account.of,
                starts=account.starts,
                ends=account.ends,
                time_zone=tally.budget.time_zone,
                limit=tally.budget.limit,
                step=step,
            )
            for tally in self._tallies
            for account in tally.watched(now)
            for step in tally.ladder.reached(account.spent + account.reserved)
        ]
        return tuple(sorted(found, key=lambda c: (c.budget, c.of, c.step.rank)))

    def standings(self, now: datetime) -> tuple[Standing, ...]:
        """Every budget's count in its window at `now`, for each name that spent or set aside."""
        found = [
            _standing(tally, account)
            for tally in self._tallies
            for account in tally.accounts(now).values()
            if account.spent or account.reserved
        ]
        return tuple(sorted(found, key=lambda s: (s.budget, s.of)))

    @property
    def outstanding(self) -> int:
        """Reservations that have not ended."""
        return len(self._open)

    def _accounts(self, spender: Spender, now: datetime) -> Iterator[tuple[Tally, Account]]:
        yield from _accounts(self._tallies, spender, now)


@dataclass(frozen=True, slots=True)
class _Open:
    """A reservation that has not ended, and wherever it counts."""

    reservation: Reservation
    spender: Spender
    at: datetime
    accounts: list[tuple[Tally, Account]] = field(default_factory=list)


def _accounts(
    tallies: Iterable[Tally], spender: Spender, now: datetime
) -> Iterator[tuple[Tally, Account]]:
    for tally in tallies:
        name = counted(tally.budget, spender)
        if name is not None:
            yield tally, tally.account(name, now)


def _set_aside(accounts: Iterable[tuple[Tally, Account]], entry: _Open) -> None:
    for tally, account in accounts:
        account.reserved += entry.reservation.upper
        tally.watch(account)
        entry.accounts.append((tally, account))


def _count(tallies: Iterable[Tally], entry: Spent) -> None:
    for tally, account in _accounts(tallies, entry.spender, entry.at):
        account.spent += entry.amount
        tally.watch(account)


def _standing(tally: Tally, account: Account) -> Standing:
    return Standing(
        budget=tally.budget.name,
        of=account.of,
        starts=account.starts,
        ends=account.ends,
        time_zone=tally.budget.time_zone,
        limit=tally.budget.limit,
        spent=account.spent,
        reserved=account.reserved,
        step=tally.ladder.step(account.spent + account.reserved),
    )
