"""What budgets count, and when they refuse."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from orchestra_kit.core.errors import ApprovalNeeded, PolicyError, SpendLimitReached
from orchestra_kit.cost.budgets import (
    Crossing,
    Outlook,
    Reservation,
    SpendBudgets,
    Spender,
    Spent,
    Step,
    window,
)
from orchestra_kit.policy.schema import Budget
from tests.routing.small import a_request

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)  # a Monday
ANN = Spender(
    task="letter", tier="best", team="post", feature="mail", user="ann", workflow="weekly"
)
BOB = Spender(task="picture", tier="cheap", team="web", feature="shop", user="bob")


def budget(name: str = "day", **changes: object) -> Budget:
    return Budget(**{"name": name, "limit": "$10", "per": "day", "block_at": 1.0, **changes})


def usd(amount: str) -> Decimal:
    return Decimal(amount)


def test_the_worst_case_counts_until_the_actual_cost_is_settled() -> None:
    budgets = SpendBudgets([budget()])
    reservation = budgets.reserve(ANN, usd("8"), NOW)
    assert budgets.left(ANN, NOW) == pytest.approx(0.2)
    budgets.settle(reservation, usd("1"))
    assert budgets.left(ANN, NOW) == pytest.approx(0.9)


def test_a_send_that_might_pass_the_limit_is_refused_in_one_clear_sentence() -> None:
    budgets = SpendBudgets([budget(block_at=1.2)], [Spent(ANN, NOW, usd("11"))])
    budgets.release(budgets.reserve(ANN, usd("1"), NOW, approved=True))
    with pytest.raises(SpendLimitReached) as caught:
        budgets.reserve(ANN, usd("1.01"), NOW, approved=True)
    assert not isinstance(caught.value, ApprovalNeeded)
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
    (tally,) = budgets._tallies
    assert sum(map(len, tally._windows.values())) <= 2
    assert sum(map(len, tally._watched.values())) <= 2


def test_a_limit_of_zero_lets_only_what_is_free_pass() -> None:
    budgets = SpendBudgets([budget(limit="$0")])
    budgets.settle(budgets.reserve(ANN, usd("0"), NOW), usd("0"))
    with pytest.raises(SpendLimitReached):
        budgets.reserve(ANN, usd("0.000000001"), NOW)
    assert budgets.left(ANN, NOW) == 0.0


def test_two_budgets_of_one_name_are_refused_because_one_would_be_lost() -> None:
    with pytest.raises(PolicyError, match="“day”"):
        SpendBudgets([budget(), budget(limit="$1")])


@pytest.mark.parametrize("scope", ["team", "feature", "user", "workflow", "task", "tier"])
def test_every_scope_counts_a_request_under_its_own_name(scope: str) -> None:
    budgets = SpendBudgets([budget(scope=scope)])
    request = a_request(
        tier="best", user="ann", feature="mail", team="post", workflow="weekly", task="letter"
    )
    assert Spender.of(request) == ANN
    budgets.record(Spender.of(request), usd("4"), NOW)
    assert [s.of for s in budgets.standings(NOW)] == [getattr(ANN, scope)]
    assert budgets.left(BOB, NOW) == 1.0


def test_a_window_is_of_the_budgets_own_calendar_and_says_so() -> None:
    budgets = SpendBudgets([budget(time_zone="Asia/Tokyo"), budget("utc")])
    evening = NOW.replace(hour=14, minute=59)
    budgets.record(ANN, usd("9"), evening)
    standing, _ = budgets.standings(evening)
    assert standing.time_zone == "Asia/Tokyo"
    assert standing.ends == NOW.replace(hour=15)
    with pytest.raises(SpendLimitReached, match=r"2026-11-24 00:00 Asia/Tokyo"):
        budgets.reserve(ANN, usd("2"), evening)
    assert [s.budget for s in budgets.standings(NOW.replace(hour=15))] == ["utc"]


@pytest.mark.parametrize(
    ("spent", "step"),
    [
        ("0", "none"), ("4.99999", "none"), ("5", "note"), ("7.99999", "note"), ("8", "downgrade"),
        ("9.99999", "downgrade"), ("10", "throttle"), ("11.99999", "throttle"), ("12", "block"),
        ("50", "block"),
    ],
)  # fmt: skip
def test_a_step_is_reached_exactly_at_its_share(spent: str, step: str) -> None:
    budgets = SpendBudgets([budget(block_at=1.2)], [Spent(ANN, NOW, usd(spent))])
    outlook = budgets.outlook(ANN, NOW)
    assert outlook.step is Step(step)
    assert outlook.downgrade is (outlook.step.rank >= Step.DOWNGRADE.rank)


def test_the_outlook_tells_the_highest_step_of_any_budget_that_covers_the_spender() -> None:
    budgets = SpendBudgets([budget("all", limit="$100"), budget("user", scope="user")])
    budgets.record(ANN, usd("8"), NOW)
    assert budgets.outlook(ANN, NOW).step is Step.DOWNGRADE
    assert budgets.outlook(BOB, NOW) == Outlook(
        left=pytest.approx(0.92), downgrade=False, covered=True, step=Step.NONE
    )


NOON = NOW.replace(hour=12)
EVENING = NOW.replace(hour=18)


def throttled() -> SpendBudgets:
    """$10 of $10 spent at noon, and asked for more: $2 are left for twelve hours."""
    budgets = SpendBudgets([budget(block_at=1.2)], [Spent(ANN, NOW, usd("10"))])
    with pytest.raises(ApprovalNeeded):
        budgets.reserve(ANN, usd("0.01"), NOON)
    return budgets


@pytest.mark.parametrize(
    ("hour", "minute", "fits", "too_much"),
    [(15, 0, "0.5", "0.500001"), (18, 0, "1", "1.000001"), (23, 24, "1.9", "1.900001")],
)
def test_beyond_the_throttle_the_rest_is_handed_out_evenly(
    hour: int, minute: int, fits: str, too_much: str
) -> None:
    budgets, now = throttled(), NOW.replace(hour=hour, minute=minute)
    with pytest.raises(ApprovalNeeded):
        budgets.reserve(ANN, usd(too_much), now)
    budgets.reserve(ANN, usd(fits), now)
    with pytest.raises(ApprovalNeeded):
        budgets.reserve(ANN, usd("0.000001"), now)


def test_what_waits_is_told_until_when_and_the_person_is_told_kindly() -> None:
    budgets = throttled()
    with pytest.raises(ApprovalNeeded) as caught:
        budgets.reserve(ANN, usd("1"), NOW.replace(hour=13))
    message = str(caught.value)
    assert "“day” has come to $10.00 and hands out the rest of its day by and by" in message
    assert "this call may cost $1.00" in message
    assert "2026-11-23 18:01 UTC" in message
    assert "approval" in ApprovalNeeded.user_message
    assert budgets.reserve(ANN, usd("1"), NOW.replace(hour=18, minute=1)).upper == 1


def test_an_approved_send_may_go_up_to_the_block_and_not_beyond() -> None:
    budgets = throttled()
    with pytest.raises(SpendLimitReached) as caught:
        budgets.reserve(ANN, usd("2.000001"), NOON, approved=True)
    assert not isinstance(caught.value, ApprovalNeeded)
    budgets.settle(budgets.reserve(ANN, usd("2"), NOON, approved=True), usd("2"))
    with pytest.raises(SpendLimitReached):
        budgets.reserve(ANN, usd("0.000001"), NOON, approved=True)


def test_approval_does_not_help_against_another_budgets_block() -> None:
    budgets = SpendBudgets(
        [budget(block_at=1.2), budget("user", scope="user")], [Spent(ANN, NOW, usd("10"))]
    )
    with pytest.raises(SpendLimitReached, match="“user” for user ann blocks") as caught:
        budgets.reserve(ANN, usd("1"), NOON)
    assert not isinstance(caught.value, ApprovalNeeded)


def test_up_to_the_throttle_itself_nothing_waits() -> None:
    budgets = SpendBudgets([budget(block_at=1.2)])
    budgets.settle(budgets.reserve(ANN, usd("10"), NOW), usd("10"))


def test_what_costs_nothing_never_waits() -> None:
    throttled().reserve(ANN, usd("0"), NOON)


def test_a_budget_that_blocks_where_it_throttles_never_asks_for_approval() -> None:
    for block_at in (1.0, 0.9):
        budgets = SpendBudgets([budget(block_at=block_at)])
        with pytest.raises(SpendLimitReached) as caught:
            budgets.reserve(ANN, usd("10.01"), NOW)
        assert not isinstance(caught.value, ApprovalNeeded)


def test_a_new_window_is_not_throttled() -> None:
    budgets = throttled()
    budgets.reserve(ANN, usd("10"), NOW + timedelta(days=1))


def test_crossings_are_told_from_the_state_however_it_came_about() -> None:
    budgets = SpendBudgets([budget(block_at=1.2)], [Spent(ANN, NOW, usd("8.5"))])
    assert [c.step for c in budgets.crossed(NOW)] == [Step.NOTE, Step.DOWNGRADE]
    reservation = budgets.reserve(ANN, usd("1.5"), NOW)
    told = set(budgets.crossed(NOW))
    assert Crossing(
        budget="day", of="", starts=NOW.replace(hour=0), ends=NOW.replace(hour=0)
        + timedelta(days=1), time_zone="UTC", limit=usd("10"), step=Step.THROTTLE,
    ) in told  # fmt: skip
    assert set(budgets.crossed(EVENING)) == told
    budgets.settle(reservation, usd("0.1"))
    assert [c.step for c in budgets.crossed(EVENING)] == [Step.NOTE, Step.DOWNGRADE]
    assert budgets.crossed(NOW + timedelta(days=1)) == ()


def test_crossings_come_in_the_order_of_budget_and_name() -> None:
    budgets = SpendBudgets([budget("b", scope="user"), budget("a"), budget("c", limit="$90")])
    for name in ("zoe", "ann"):
        budgets.record(Spender(user=name), usd("5"), NOW)
    assert [(c.budget, c.of, c.step.value) for c in budgets.crossed(NOW)] == [
        ("a", "", "note"), ("a", "", "downgrade"), ("a", "", "throttle"), ("a", "", "block"),
        ("b", "ann", "note"), ("b", "zoe", "note"),
    ]  # fmt: skip


def test_a_cost_beyond_its_worst_case_is_counted_and_crossed() -> None:
    budgets = SpendBudgets([budget()])
    budgets.settle(budgets.reserve(ANN, usd("1"), NOW), usd("11"))
    assert budgets.standings(NOW)[0].spent == usd("11")
    assert budgets.crossed(NOW)[-1].step is Step.BLOCK
    with pytest.raises(SpendLimitReached):
        budgets.reserve(ANN, usd("0.000001"), NOW)


def test_the_next_versions_budgets_go_on_counting_what_covers_the_same() -> None:
    old = SpendBudgets([budget(), budget("users", scope="user")], [Spent(ANN, NOW, usd("3"))])
    out = old.reserve(BOB, usd("2"), NOW)
    changed = [budget(limit="$4"), budget("mail", scope="feature"), budget("m", per="month")]
    new = old.succeeded(changed, [Spent(ANN, NOW, usd("3")), Spent(BOB, NOW, usd("1"))])

    def counted() -> dict[tuple[str, str], tuple[Decimal, Decimal]]:
        return {(s.budget, s.of): (s.spent, s.reserved) for s in new.standings(NOW)}

    assert counted() == {
        ("day", ""): (usd("3"), usd("2")),  # as it was counted, whatever the ledger says
        ("mail", "mail"): (usd("3"), usd("0")),
        ("mail", "shop"): (usd("1"), usd("2")),
        ("m", ""): (usd("4"), usd("2")),
    }
    with pytest.raises(SpendLimitReached):  # by the new limit
        new.reserve(ANN, usd("1.50"), NOW)
    old.settle(out, usd("0.50"))
    assert counted()["day", ""] == (usd("3.50"), usd("0"))
    assert new.outstanding == 0


def test_what_the_next_version_spends_counts_where_the_one_before_comes_back() -> None:
    old = SpendBudgets([budget()])
    new = old.succeeded([budget(limit="$100")])
    new.settle(new.reserve(ANN, usd("50"), NOW), usd("9"))
    out = new.reserve(ANN, usd("0.75"), NOW)
    new.record(BOB, usd("0.25"), NOW)
    (standing,) = old.standings(NOW)
    assert (standing.spent, standing.reserved) == (usd("9.25"), usd("0.75"))
    with pytest.raises(SpendLimitReached):
        old.reserve(ANN, usd("0.01"), NOW)
    old.settle(out, usd("0"))
    old.release(old.reserve(ANN, usd("0.75"), NOW))
    assert new.outstanding == old.outstanding == 0


def test_a_third_version_counts_what_the_first_had_out() -> None:
    first = SpendBudgets([budget()])
    out = first.reserve(ANN, usd("6"), NOW)
    third = first.succeeded([budget(limit="$20")]).succeeded([budget(limit="$30")])
    assert third.standings(NOW)[0].reserved == 6
    first.settle(out, None)
    assert third.standings(NOW)[0].spent == 6


def test_a_throttle_goes_on_where_its_ladder_is_the_same_and_begins_anew_where_not() -> None:
    old = SpendBudgets([budget(throttle_at=0.5)], [Spent(ANN, NOW, usd("5"))])
    with pytest.raises(ApprovalNeeded):
        old.reserve(ANN, usd("1"), NOW)
    later = NOW + timedelta(hours=7)  # half of what is left of the day
    same = old.succeeded([budget("renamed", throttle_at=0.5)])
    same.release(same.reserve(ANN, usd("2.50"), later))
    with pytest.raises(ApprovalNeeded):
        old.succeeded([budget(throttle_at=0.5, note_at=0.4)]).reserve(ANN, usd("1"), later)


async def test_a_hundred_concurrent_sends_never_overshoot() -> None:
    budgets, sent, most = SpendBudgets([budget(limit="$5")]), 0, usd("0")

    async def send(number: int) -> None:
        nonlocal sent, most
        try:
            reservation = budgets.reserve(ANN, usd("0.13"), NOW)
        except SpendLimitReached:
            return
        sent += 1
        most = max(most, budgets.standings(NOW)[0].committed)
        await asyncio.sleep(0)
        budgets.settle(reservation, (usd("0.13"), usd("0.04"), None)[number % 3])

    await asyncio.gather(*(send(number) for number in range(100)))
    assert sent == 38  # 38 × $0.13 = $4.94
    assert most == usd("4.94")
    assert budgets.outstanding == 0
    for number in range(100):
        await send(number)
    assert most <= 5
    assert budgets.standings(NOW)[0].spent > usd("4.86")


class BudgetMachine(RuleBasedStateMachine):
    """Reservations and settlements in any order, against a list that is added up anew."""

    reservations: Bundle[Reservation] = Bundle("reservations")
    BUDGETS = (
        budget("all", limit="$20", per="month", block_at=1.2, time_zone="America/New_York"),
        budget("users", scope="user", limit="$7", throttle_at=0.6, note_at=0.9, block_at=1.0),
        budget("best", scope="tier", only=["best"], limit="$9", per="week", block_at=0.9),
        budget("team", scope="team", limit="$11", throttle_at=0.5, block_at=2.0),
    )

    def __init__(self) -> None:
        super().__init__()
        self.budgets = SpendBudgets(self.BUDGETS)
        self.now = NOW
        self.entries: dict[int, tuple[Spender, datetime, Decimal]] = {}
        self.open: set[int] = set()
        self.throttled: dict[tuple[str, str, datetime], datetime] = {}

    def name(self, one: Budget, spender: Spender) -> str:
        return "" if one.scope == "global" else getattr(spender, one.scope)

    def committed(self, one: Budget, name: str, at: datetime) -> Decimal:
        start, end = window(one.per, at, one.time_zone)
        return sum(
            (
                amount
                for spender, when, amount in self.entries.values()
                if start <= when < end and self.name(one, spender) == name
            ),
            Decimal(0),
        )

    def expected(self, spender: Spender, upper: Decimal) -> type[SpendLimitReached] | None:
        """The refusal that the rules demand, worked out from the definitions in fractions."""
        wanted = []
        for one in self.BUDGETS:
            name = self.name(one, spender)
            if one.only and name not in one.only:
                continue
            total = Fraction(self.committed(one, name, self.now) + upper)
            limit = Fraction(one.limit)
            block = limit * Fraction(str(one.block_at))
            if total > block:
                return SpendLimitReached
            wanted.append((one, name, total, limit * Fraction(str(one.throttle_at)), block))
        waits = False
        for one, name, total, throttle, block in wanted:
            if total <= throttle or not upper:
                continue
            start, end = window(one.per, self.now, one.time_zone)
            since = self.throttled.setdefault((one.name, name, start), self.now)
            share = Fraction(str((self.now - since).total_seconds())) / Fraction(
                str((end - since).total_seconds())
            )
            waits = waits or total > throttle + (block - throttle) * share
        return ApprovalNeeded if waits else None

    @rule(
        target=reservations,
        spender=st.sampled_from([ANN, BOB, Spender(tier="best", user="cy", team="web")]),
        cents=st.integers(0, 400),
        approved=st.booleans(),
    )
    def reserve(self, spender: Spender, cents: int, approved: bool) -> object:
        upper = Decimal(cents) / 100
        refusal = self.expected(spender, upper)
        if refusal is SpendLimitReached or (refusal and not approved):
            with pytest.raises(SpendLimitReached) as caught:
                self.budgets.reserve(spender, upper, self.now, approved=approved)
            assert type(caught.value) is refusal
            return multiple()
        made = self.budgets.reserve(spender, upper, self.now, approved=approved)
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
    def crossings_are_what_a_fresh_count_says(self) -> None:
        expected = set()
        for one in self.BUDGETS:
            for name in {self.name(one, spender) for spender, _, _ in self.entries.values()}:
                if one.only and name not in one.only:
                    continue
                share = self.committed(one, name, self.now) / one.limit
                for step in ("note", "downgrade", "throttle", "block"):
                    if share >= Decimal(str(getattr(one, f"{step}_at"))):
                        expected.add((one.name, name, step))
        assert {(c.budget, c.of, c.step.value) for c in self.budgets.crossed(self.now)} == expected

    @invariant()
    def every_reservation_is_open_until_it_ends(self) -> None:
        assert self.budgets.outstanding == len(self.open)


TestBudgetMachine = BudgetMachine.TestCase
TestBudgetMachine.settings = settings(stateful_step_count=40, deadline=None)
