"""One budget's count: an account for each name that it counts, in each of its windows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType

from orchestra_kit.cost.ladder import Ladder
from orchestra_kit.cost.windows import window
from orchestra_kit.policy.schema import Budget

__all__ = ["Account", "Tally"]

_BEFORE_ALL = datetime.min.replace(tzinfo=UTC)
_NONE: Mapping[str, Account] = MappingProxyType({})


@dataclass(slots=True, eq=False)
class Account:
    """What one name spent of a budget in one window, and what is set aside."""

    of: str
    starts: datetime
    ends: datetime
    spent: Decimal = Decimal(0)
    reserved: Decimal = Decimal(0)
    throttled: datetime | None = None
    """When the first send came that would have passed the throttle."""
    watched: bool = False
    """Whether it ever came to the lowest step."""


class Tally:
    """A budget with its accounts.

    The present window and the one before are kept: sends that began in that may still be out.
    """

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.ladder = Ladder.of(budget)
        self._windows: dict[datetime, dict[str, Account]] = {}
        self._watched: dict[datetime, list[Account]] = {}
        self._latest = _BEFORE_ALL
        self._bounds = (_BEFORE_ALL, _BEFORE_ALL)

    def account(self, name: str, now: datetime) -> Account:
        """The account of a name in the window of a moment, opened where there is none."""
        starts, ends = self._window(now)
        accounts = self._windows.get(starts)
        if accounts is None:
            self._forget(starts)
            accounts = self._windows[starts] = {}
        account = accounts.get(name)
        if account is None:
            account = accounts[name] = Account(name, starts, ends)
        return account

    def take_over(self, other: Tally | None) -> bool:
        """Go on with the count of one that covers the same, without what is set aside; whether
        there is one."""
        if other is None:
            return False
        self._latest = other._latest
        for starts, accounts in other._windows.items():
            mine = self._windows[starts] = {}
            for name, old in accounts.items():
                new = mine[name] = Account(name, starts, old.ends, spent=old.spent)
                if self.ladder == other.ladder:
                    new.throttled = old.throttled
                self.watch(new)
        return True

    def find(self, name: str, now: datetime) -> Account | None:
        """The account of a name in the window of a moment; None where nothing was spent."""
        return self.accounts(now).get(name)

    def accounts(self, now: datetime) -> Mapping[str, Account]:
        """The accounts of the window of a moment, by name."""
        return self._windows.get(self._window(now)[0], _NONE)

    def left(self, committed: Decimal) -> float:
        """Share of the limit that an amount leaves, 0-1."""
        if not self.budget.limit:
            return 0.0
        return max(0.0, 1.0 - float(committed / self.budget.limit)) if committed else 1.0

    def hands_out(self, account: Account, amount: Decimal, now: datetime) -> bool:
        """Whether an amount fits the pace of the throttle, which begins where it would pass it."""
        committed = account.spent + account.reserved + amount
        if committed <= self.ladder.throttle or not amount:
            return True
        if account.throttled is None:
            account.throttled = now
        return self.ladder.hands_out(committed, account.throttled, now, account.ends)

    def fits_at(self, account: Account, amount: Decimal) -> datetime:
        """The minute from which an amount fits the pace, if nothing else is spent."""
        since = account.throttled or account.starts
        committed = account.spent + account.reserved + amount
        moment = self.ladder.when(committed, since, account.ends)
        return min(moment.replace(second=0, microsecond=0) + timedelta(minutes=1), account.ends)

    def watch(self, account: Account) -> None:
        """Keep an account that has come to a step where `watched` finds it."""
        if not account.watched and account.spent + account.reserved >= self.ladder.lowest:
            account.watched = True
            self._watched.setdefault(account.starts, []).append(account)

    def watched(self, now: datetime) -> Iterator[Account]:
        """The accounts of the window of a moment that ever came to a step: few, so that looking
        for crossings does not go through every user."""
        yield from self._watched.get(self._window(now)[0], ())

    def _window(self, now: datetime) -> tuple[datetime, datetime]:
        if not self._bounds[0] <= now < self._bounds[1]:
            self._bounds = window(self.budget.per, now, self.budget.time_zone)
        return self._bounds

    def _forget(self, starts: datetime) -> None:
        """Drop the windows before the last one, so that a year of users does not pile up; accounts
        with sends still out are kept until those end."""
        if starts <= self._latest:
            return
        kept_from, self._latest = self._latest, starts
        for old in [start for start in self._windows if start < kept_from]:
            out = {name: a for name, a in self._windows[old].items() if a.reserved}
            self._watched.pop(old, None)
            if out:
                self._windows[old] = out
            else:
                del self._windows[old]
