from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from orchestra_kit.core.errors import PolicyError, SpendLimitReached
from orchestra_kit.cost.budgets import Reservation, SpendBudgets, Spender, Spent, window
from orchestra_kit.policy.schema import Budget
from tests.routing.small import a_request

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)  # a Monday
ANN = Spender(task="letter", tier="best", feature="mail", user="ann")
BOB = Spender(task="picture", tier="cheap", feature="shop", user="bob")


def budget(name: str = "day", **changes: object) -> Budget:
    return Budget(**{"name": name, "limit": "$10", "per": "day", "block_at": 1.0, **changes})


def usd(amount: str) -> Decimal:
    return Decimal(amount)


@pytest.mark.parametrize(
    ("per", "now", "starts", "ends"),
    [
        ("day", "2026-11-23T23:59:59+00:00", "2026-11-23", "2026-11-24"),
        ("week", "2026-11-22T12:00:00+00:00", "2026-11-16", "2026-11-23"),
        ("week", "2026-11-23T00:00:00+00:00", "2026-11-23", "2026-11-30"),
        ("month", "2026-12-31T12:00:00+00:00", "2026-12-01", "2027-01-01"),
        ("month", "2028-02-29T12:00:00+00:00", "2028-02-01", "2028-03-01"),
    ],
)
def test_windows_are_calendar_periods_of_utc(per: str, now: str, starts: str, ends: str) -> None:
    first, after = window(per, datetime.fromisoformat(now))
    assert (f"{first:%Y-%m-%d}", f"{after:%Y-%m-%d}") == (starts, ends)


def test_a_moment_in_another_zone_counts_in_the_day_it_is_in_utc() -> None:
    late_in_new_york = datetime(2026, 11, 22, 21, tzinfo=timezone(timedelta(hours=-5)))
    assert window("day", late_in_new_york)[0] == datetime(2026, 11, 23, tzinfo=UTC)


def test_the_worst_case_counts_until_the_actual_cost_is_settled() -> None:
    budgets = SpendBudgets([budget()])
    reservation = budgets.reserve(ANN, usd("8"), NOW)
    assert budgets.left(ANN, NOW) == pytest.approx(0.2)
    budgets.settle(reservation, usd("1"))
    assert budgets.left(ANN, NOW) == pytest.approx(0.9)


def test_a_send_that_might_pass_the_limit_is_refused_in_one_clear_sentence() -> None:
    budgets = SpendBudgets([budget(block_at=1.2)], [Spent(ANN, NOW, usd("11"))])
    budgets.release(budgets.reserve(ANN, usd("1"), NOW))
    with pytest.raises(SpendLimitReached) as caught:
        budgets.reserve(ANN, usd("1.01"), NOW)
    message = str(caught.value)
    assert "“day” blocks at $12.00 a day" in message
    assert "$11.00 is spent or set aside" in message
    assert "2026-11-24 00:00 UTC" in message


def test_a_refusal_sets_nothing_aside_in_any_budget() -> None:
    budgets = SpendBudgets([budget("all", limit="$100"), budget("ann", scope="user", limit="$1")])
    with pytest.raises(SpendLimitReached):
        budgets.reserve(ANN, usd("2"), NOW)
    assert budgets.left(BOB, NOW) == 1.0
    assert budgets.outstanding == 0


def test_a_cost_that_stays_unknown_counts_at_its_worst_case() -> None:
    budgets = SpendBudgets([budget()])
    budgets.settle(budgets.reserve(ANN, usd("4"), NOW), None)
    assert budgets.standings(NOW)[0].spent == usd("4")


def test_an_unknown_price_is_refused_where_a_budget_covers_it_and_only_there() -> None:
    budgets = SpendBudgets([budget(scope="tier", only=["best"])])
    with pytest.raises(SpendLimitReached, match="price is not known"):
        budgets.reserve(ANN, None, NOW)
    budgets.settle(budgets.reserve(BOB, None, NOW), None)
    assert budgets.covers(ANN)
    assert not budgets.covers(BOB)


def test_a_reservation_ends_once() -> None:
    budgets = SpendBudgets([budget()])
    reservation = budgets.reserve(ANN, usd("1"), NOW)
    budgets.release(reservation)
    with pytest.raises(ValueError, match="has ended already"):
        budgets.settle(reservation, usd("1"))
    assert budgets.left(ANN, NOW) == 1.0


def test_each_name_of_a_scope_has_the_whole_limit_and_others_are_not_covered() -> None:
    budgets = SpendBudgets([budget(scope="feature", only=["mail", "blog"])])
    budgets.record(ANN, usd("9"), NOW)
    assert budgets.left(ANN, NOW) == pytest.approx(0.1)
    assert budgets.left(Spender(feature="blog"), NOW) == 1.0
    assert not budgets.covers(BOB)


def test_a_budget_by_task_does_not_cover_a_request_whose_task_is_unknown() -> None:
    budgets = SpendBudgets([budget(scope="task")])
    request = a_request()
    assert not budgets.covers(Spender.of(request))
    assert budgets.covers(Spender.of(request, "letter"))


def test_requests_without_a_user_share_one_account() -> None:
    budgets = SpendBudgets([budget(scope="user")])
    budgets.record(Spender(), usd("9"), NOW)
    with pytest.raises(SpendLimitReached, match=r"user \(unnamed\)"):
        budgets.reserve(Spender(), usd("2"), NOW)


def test_the_tightest_budget_decides_what_is_left_and_when_to_downgrade() -> None:
    budgets = SpendBudgets(
        [budget("month", limit="$100", per="month"), budget("day", downgrade_at=0.5)]
    )
    budgets.record(ANN, usd("4.99"), NOW)
    assert not budgets.downgrading(ANN, NOW)
    budgets.record(BOB, usd("0.01"), NOW)
    assert budgets.downgrading(ANN, NOW)
    assert budgets.left(ANN, NOW) == pytest.approx(0.5)


def test_a_new_window_begins_empty_and_late_settlements_stay_in_the_old_one() -> None:
    budgets = SpendBudgets([budget()])
    reservation = budgets.reserve(ANN, usd("9"), NOW)
    tomorrow = NOW + timedelta(days=1)
    assert budgets.left(ANN, tomorrow) == 1.0
    budgets.settle(reservation, usd("9"))
    assert budgets.left(ANN, tomorrow) == 1.0
    assert budgets.left(ANN, NOW) == pytest.approx(0.1)


def test_a_year_of_users_does_not_pile_up() -> None:
    budgets = SpendBudgets([budget(scope="user")])
    for day in range(365):
        at = NOW + timedelta(days=day)
        budgets.settle(budgets.reserve(Spender(user=f"u{day}"), usd("1"), at), usd("1"))
    assert len(budgets._spent) <= 2
    assert len(budgets._reserved) <= 2


def test_a_limit_of_zero_lets_only_what_is_free_pass() -> None:
    budgets = SpendBudgets([budget(limit="$0")])
    budgets.settle(budgets.reserve(ANN, usd("0"), NOW), usd("0"))
    with pytest.raises(SpendLimitReached):
        budgets.reserve(ANN, usd("0.000000001"), NOW)
    assert budgets.left(ANN, NOW) == 0.0


def test_two_budgets_of_one_name_are_refused_because_one_would_be_lost() -> None:
    with pytest.raises(PolicyError, match="“day”"):
        SpendBudgets([budget(), budget(limit="$1")])


class BudgetMachine(RuleBasedStateMachine):
    """Reservations and settlements in any order, against a list that is added up anew."""

    reservations: Bundle[Reservation] = Bundle("reservations")
    BUDGETS = (
        budget("all", limit="$20", per="month", block_at=1.2),
        budget("users", scope="user", limit="$7", block_at=1.0),
        budget("best", scope="tier", only=["best"], limit="$9", per="week", block_at=0.9),
    )

    def __init__(self) -> None:
        super().__init__()
        self.budgets = SpendBudgets(self.BUDGETS)
        self.now = NOW
        self.entries: dict[int, tuple[Spender, datetime, Decimal]] = {}
        self.open: set[int] = set()

    def committed(self, one: Budget, name: str, at: datetime) -> Decimal:
        start, end = window(one.per, at)
        return sum(
            (
                amount
                for spender, when, amount in self.entries.values()
                if start <= when < end
                and (one.scope == "global" or getattr(spender, one.scope) == name)
            ),
            Decimal(0),
        )

    @rule(
        target=reservations,
        spender=st.sampled_from([ANN, BOB, Spender(tier="best", user="cy")]),
        cents=st.integers(0, 400),
    )
    def reserve(self, spender: Spender, cents: int) -> object:
        upper = Decimal(cents) / 100
        room = [
            one.limit * Decimal(str(one.block_at))
            - self.committed(one, "" if one.scope == "global" else getattr(spender, one.scope),
                             self.now)
            for one in self.BUDGETS
            if one.scope == "global" or not one.only or getattr(spender, one.scope) in one.only
        ]  # fmt: skip
        if upper > min(room):
            with pytest.raises(SpendLimitReached):
                self.budgets.reserve(spender, upper, self.now)
            return multiple()
        made = self.budgets.reserve(spender, upper, self.now)
        self.entries[made.number] = (spender, self.now, upper)
        self.open.add(made.number)
        return made

    @rule(reservation=consumes(reservations), share=st.sampled_from([0, 30, 100, None]))
    def settle(self, reservation: Reservation, share: int | None) -> None:
        actual = None if share is None else reservation.upper * share / 100
        self.budgets.settle(reservation, actual)
        spender, at, upper = self.entries[reservation.number]
        self.entries[reservation.number] = (spender, at, upper if actual is None else actual)
        self.open.discard(reservation.number)
        with pytest.raises(ValueError, match="has ended already"):
            self.budgets.settle(reservation, Decimal(0))

    @rule(hours=st.sampled_from([1, 9, 30, 200]))
    def time_passes(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @invariant()
    def what_is_committed_never_passes_the_ceiling(self) -> None:
        for standing in self.budgets.standings(self.now):
            one = next(b for b in self.BUDGETS if b.name == standing.budget)
            assert standing.committed <= one.limit * Decimal(str(one.block_at))
            assert standing.committed == self.committed(one, standing.of, self.now)
            assert standing.reserved >= 0

    @invariant()
    def every_reservation_is_open_until_it_ends(self) -> None:
        assert self.budgets.outstanding == len(self.open)


TestBudgetMachine = BudgetMachine.TestCase
TestBudgetMachine.settings = settings(stateful_step_count=40, deadline=None)
