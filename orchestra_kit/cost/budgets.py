"""Spend budgets: what may still be spent, by whom, until when.

Before a send its worst case is reserved; when it ends, what it cost is settled. Nothing is awaited
in between, so that a reservation is atomic on the event loop that makes it. The ledger is the
record; this is the count that is kept from it while the process runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from itertools import count

from orchestra_kit.core.display import Shown
from orchestra_kit.core.errors import PolicyError, SpendLimitReached
from orchestra_kit.core.money import format_usd
from orchestra_kit.core.request import Request
from orchestra_kit.policy.schema import Budget

__all__ = ["Outlook", "Reservation", "SpendBudgets", "Spender", "Spent", "Standing", "window"]

_Key = tuple[str, str, datetime]
"""Budget, the task, tier, feature or user it counts, start of its window."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spender(Shown):
    """On whose account a request goes; empty fields are an account of their own, but for the task:
    while that is unknown, budgets by task do not cover the request."""

    task: str = ""
    tier: str = ""
    feature: str = ""
    user: str = ""

    @classmethod
    def of(cls, request: Request, task: str | None = None) -> Spender:
        """The accounts of a request whose task is `task`, or else what its sender declared."""
        known = task or request.task or ""
        return cls(task=known, tier=request.tier, feature=request.feature, user=request.user)


@dataclass(frozen=True, slots=True)
class Spent(Shown):
    """An amount that was spent before: what a restart reads back from the ledger."""

    spender: Spender
    at: datetime
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation(Shown):
    """The worst case of one send, set aside until it is settled."""

    number: int
    upper: Decimal
    """Dollars."""
    keys: tuple[_Key, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing(Shown):
    """One budget in one window, for one of the names it counts."""

    budget: str
    of: str
    """The task, tier, feature or user; empty for a global budget."""
    starts: datetime
    ends: datetime
    limit: Decimal
    spent: Decimal
    reserved: Decimal

    @property
    def committed(self) -> Decimal:
        """Dollars spent or set aside."""
        return self.spent + self.reserved

    @property
    def share(self) -> float:
        """Committed share of the limit; more than 1 beyond it."""
        return float(self.committed / self.limit) if self.limit else 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook(Shown):
    """What the budgets say to a decision."""

    left: float
    """Share of the tightest budget that is neither spent nor set aside, 0-1; 1.0 without one."""
    downgrade: bool
    """Whether a budget has come to its `downgrade_at`."""
    covered: bool
    """Whether any budget counts the spender, so that every price must be known."""


class SpendBudgets:
    """All spend budgets of a policy, counted together.

    `spent` is what the windows already hold, such as the ledger's attempts of this month. Raises
    PolicyError where two budgets have one name: one of the limits would be lost.
    """

    def __init__(self, budgets: Iterable[Budget], spent: Iterable[Spent] = ()) -> None:
        self._budgets: dict[str, Budget] = {}
        for budget in budgets:
            if budget.name in self._budgets:
                raise PolicyError(f"Two spend budgets are named “{budget.name}”; rename one.")
            self._budgets[budget.name] = budget
        self._ceilings = {
            name: budget.limit * Decimal(str(budget.block_at))
            for name, budget in self._budgets.items()
        }
        self._spent: dict[_Key, Decimal] = {}
        self._reserved: dict[_Key, Decimal] = {}
        self._open: dict[int, Reservation] = {}
        self._latest: dict[str, datetime] = {}
        self._numbers = count(1)
        for entry in spent:
            self.record(entry.spender, entry.amount, entry.at)

    def covers(self, spender: Spender) -> bool:
        """Whether any budget counts this spender's requests: then every price must be known."""
        return any(_counted(budget, spender) is not None for budget in self._budgets.values())

    def reserve(self, spender: Spender, upper: Decimal | None, now: datetime) -> Reservation:
        """Set aside the worst case of one send; `upper` is dollars, None where unknown.

        Raises SpendLimitReached where a budget's committed amount and `upper` together would pass
        its limit times `block_at`, or where a budget applies and the price is unknown.
        """
        keys = tuple(self._keys(spender, now))
        if upper is None and keys:
            raise SpendLimitReached(
                f"The spend budget “{keys[0][0]}” covers this call, whose price is not known.",
                hint="Add the model's price to the price book.",
            )
        amount = upper or Decimal(0)
        if amount < 0:
            raise ValueError("the worst case of a send cannot be less than $0")
        for key in keys:
            self._refuse_beyond(key, amount)
        for key in keys:
            self._reserved[key] = self._reserved.get(key, Decimal(0)) + amount
        reservation = Reservation(number=next(self._numbers), upper=amount, keys=keys)
        self._open[reservation.number] = reservation
        return reservation

    def settle(self, reservation: Reservation, actual: Decimal | None) -> None:
        """End a reservation with what the send cost, in dollars.

        None means that the cost is unknown, because its answer was never seen: it then counts at
        its worst case. It counts in the window in which it was reserved. Raises ValueError where
        the reservation has ended already.
        """
        if self._open.pop(reservation.number, None) is None:
            raise ValueError(f"reservation {reservation.number} has ended already")
        amount = reservation.upper if actual is None else actual
        for key in reservation.keys:
            self._reserved[key] = self._reserved.get(key, Decimal(0)) - reservation.upper
            self._spent[key] = self._spent.get(key, Decimal(0)) + amount

    def release(self, reservation: Reservation) -> None:
        """End a reservation whose send was never made; raises ValueError as `settle` does."""
        self.settle(reservation, Decimal(0))

    def record(self, spender: Spender, amount: Decimal, at: datetime) -> None:
        """Count dollars that were spent without a reservation, such as before a restart."""
        for key in self._keys(spender, at):
            self._spent[key] = self._spent.get(key, Decimal(0)) + amount

    def outlook(self, spender: Spender, now: datetime) -> Outlook:
        """What the budgets say to a decision on this spender's request, in one look."""
        left, downgrade, covered = 1.0, False, False
        for key in self._keys(spender, now):
            budget = self._budgets[key[0]]
            share = self._share(key)
            left = min(left, max(0.0, 1.0 - share))
            downgrade = downgrade or share >= budget.downgrade_at
            covered = True
        return Outlook(left=left, downgrade=downgrade, covered=covered)

    def left(self, spender: Spender, now: datetime) -> float:
        """Share of the tightest budget that is neither spent nor set aside, 0-1; 1.0 without
        one that covers the spender."""
        return self.outlook(spender, now).left

    def downgrading(self, spender: Spender, now: datetime) -> bool:
        """Whether a budget has come to its `downgrade_at`."""
        return self.outlook(spender, now).downgrade

    def standings(self, now: datetime) -> tuple[Standing, ...]:
        """Every budget's count in its window at `now`, for each name that has spent."""
        keys = {
            key
            for key in (*self._spent, *self._reserved)
            if key[2] == window(self._budgets[key[0]].per, now)[0]
        }
        return tuple(self._standing(key) for key in sorted(keys))

    @property
    def outstanding(self) -> int:
        """Reservations that have not ended."""
        return len(self._open)

    def _keys(self, spender: Spender, now: datetime) -> Iterator[_Key]:
        for budget in self._budgets.values():
            name = _counted(budget, spender)
            if name is not None:
                start = window(budget.per, now)[0]
                self._forget_before(budget.name, start)
                yield budget.name, name, start

    def _forget_before(self, budget: str, start: datetime) -> None:
        """Drop the windows before the last one, so that a year of users does not pile up.

        The last window is kept: sends that began in it may still be out.
        """
        if start <= self._latest.get(budget, datetime.min.replace(tzinfo=UTC)):
            return
        kept_from = self._latest.get(budget, start)
        self._latest[budget] = start
        for counts in (self._spent, self._reserved):
            for key in [k for k in counts if k[0] == budget and k[2] < kept_from]:
                if not self._reserved.get(key):
                    del counts[key]

    def _share(self, key: _Key) -> float:
        limit = self._budgets[key[0]].limit
        committed = self._spent.get(key, Decimal(0)) + self._reserved.get(key, Decimal(0))
        return float(committed / limit) if limit else 1.0

    def _standing(self, key: _Key) -> Standing:
        budget = self._budgets[key[0]]
        return Standing(
            budget=budget.name,
            of=key[1],
            starts=key[2],
            ends=window(budget.per, key[2])[1],
            limit=budget.limit,
            spent=self._spent.get(key, Decimal(0)),
            reserved=self._reserved.get(key, Decimal(0)),
        )

    def _refuse_beyond(self, key: _Key, amount: Decimal) -> None:
        ceiling = self._ceilings[key[0]]
        committed = self._spent.get(key, Decimal(0)) + self._reserved.get(key, Decimal(0))
        if committed + amount > ceiling:
            budget, standing = self._budgets[key[0]], self._standing(key)
            of = f" for {budget.scope} {key[1] or '(unnamed)'}" if budget.scope != "global" else ""
            raise SpendLimitReached(
                f"The spend budget “{budget.name}”{of} blocks at {format_usd(ceiling)} a "
                f"{budget.per}; {format_usd(standing.committed)} is spent or set aside, and this "
                f"call may cost {format_usd(amount)}.",
                hint=f"Raise its limit, or wait until {standing.ends:%Y-%m-%d %H:%M} UTC.",
            )


def _counted(budget: Budget, spender: Spender) -> str | None:
    """The name that a budget counts a spender under; None where it does not cover it."""
    if budget.scope == "global":
        return ""
    name: str = getattr(spender, budget.scope)
    if budget.only and name not in budget.only:
        return None
    return None if budget.scope == "task" and not name else name


def window(per: str, now: datetime) -> tuple[datetime, datetime]:
    """First moment of the UTC calendar day, week (from Monday) or month, and of the next one."""
    return _window(per, now.astimezone(UTC).date())


@lru_cache(maxsize=256)
def _window(per: str, date_: date) -> tuple[datetime, datetime]:
    day = datetime.combine(date_, time(), UTC)
    if per == "day":
        return day, day + timedelta(days=1)
    if per == "week":
        monday = day - timedelta(days=day.weekday())
        return monday, monday + timedelta(days=7)
    first = day.replace(day=1)
    return first, (first + timedelta(days=32)).replace(day=1)
