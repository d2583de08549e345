"""What did well lately gets more of the traffic, with probabilities that are exact."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestra_kit.policy.schema import Adaptation
from orchestra_kit.routing.adaptation import Arms, Seen, adapted, chances_of_best

HALF = Adaptation(within=0.5, floor=0.02, half_life=100.0)

some = st.sampled_from([0.0, 0.05, 0.4, 1.0]) | st.floats(0.05, 3000)
counts = st.builds(Seen, some, some)


def by_sampling(seen: tuple[Seen, ...], n: int = 8_000) -> list[float]:
    random, wins = Random(3), [0] * len(seen)
    for _ in range(n):
        drawn = [random.betavariate(1 + each.good, 1 + each.bad) for each in seen]
        wins[drawn.index(max(drawn))] += 1
    return [won / n for won in wins]


@settings(max_examples=12, deadline=None)
@given(st.lists(counts, min_size=2, max_size=5).map(tuple))
def test_the_chance_of_being_the_best_agrees_with_sampling_the_posteriors(
    seen: tuple[Seen, ...],
) -> None:
    found = chances_of_best(seen)
    assert sum(found) == pytest.approx(1.0)
    assert found == pytest.approx(by_sampling(seen), abs=0.03)


def test_two_that_differ_by_one_outcome_have_a_known_chance() -> None:
    # P(Beta(2, 1) > Beta(1, 2)) = ∫ 2x (2x − x²) dx = 4/3 − 1/2
    assert chances_of_best((Seen(1, 0), Seen(0, 1))) == pytest.approx((5 / 6, 1 / 6), abs=1e-3)
    assert chances_of_best((Seen(0, 0),) * 4) == pytest.approx((0.25,) * 4)
    assert chances_of_best(()) == ()


@settings(max_examples=50, deadline=None)
@given(
    st.dictionaries(st.sampled_from("abcdef"), counts, min_size=1),
    st.floats(0.01, 0.5),
    st.floats(0.001, 0.1),
    st.data(),
)
def test_shares_sum_to_one_keep_to_the_floor_and_move_no_more_than_allowed(
    seen: dict[str, Seen], within: float, floor: float, data: st.DataObject
) -> None:
    names = sorted(seen)
    first = data.draw(st.sampled_from(names))
    known = {name: seen[name] for name in names if data.draw(st.booleans())}
    adaptation = Adaptation(within=within, floor=floor)
    found = adapted({name: float(name == first) for name in names}, known, adaptation)
    assert sum(found.values()) == pytest.approx(1.0)
    assert found[first] >= 1 - within - 1e-9
    if len(names) > 1:
        assert min(found.values()) >= min(floor, within / len(names)) - 1e-9


def test_a_deployment_that_fails_loses_what_may_be_moved_and_keeps_the_floor() -> None:
    arms = Arms({"letter": 100.0})
    for moment in range(60):
        arms.observe("letter", "good", 1.0, float(moment))
        arms.observe("letter", "bad", 0.0, float(moment))
    shares = arms.shares("letter", ("bad", "good"), "bad", HALF, 60.0)
    assert shares["bad"] == pytest.approx(0.52, abs=0.002)
    shares = arms.shares("letter", ("bad", "good"), "good", HALF, 60.0)
    assert shares["bad"] == pytest.approx(HALF.floor, abs=0.002)


def test_what_was_seen_is_forgotten_by_half_each_half_life() -> None:
    arms = Arms({"letter": 100.0})
    for _ in range(64):
        arms.observe("letter", "a", 1.0, 0.0)
    held = [arms.seen(moment)["letter"]["a"].good for moment in (0.0, 100.0, 300.0, 10_000.0)]
    assert held == pytest.approx([64, 32, 8, 0], rel=0.05)
    # A fresh outcome weighs fully beside what is left.
    arms.observe("letter", "a", 0.25, 300.0)
    now = arms.seen(300.0)["letter"]["a"]
    assert now == pytest.approx((8.25, 0.75), rel=0.06)


def test_a_clock_that_goes_back_forgets_nothing_and_multiplies_nothing() -> None:
    arms = Arms({"letter": 100.0})
    arms.observe("letter", "a", 1.0, 1_000.0)
    arms.observe("letter", "a", 1.0, 0.0)
    assert arms.seen(1_000.0)["letter"]["a"].good == pytest.approx(2.0, rel=0.06)


def test_tasks_that_do_not_adapt_hold_nothing_and_outcomes_beyond_bounds_are_refused() -> None:
    arms = Arms({"letter": 100.0})
    arms.observe("speech", "a", 1.0, 0.0)
    assert arms.seen(0.0) == {"letter": {}}
    with pytest.raises(ValueError, match="between 0 and 1"):
        arms.observe("letter", "a", 1.5, 0.0)
    with pytest.raises(ValueError, match="between 0 and 1"):
        arms.observe("letter", "a", float("nan"), 0.0)


@pytest.mark.parametrize("count", [0.0, 0.01, 0.06, 1.0, 7.3, 250.0, 90_000.0])
def test_counts_are_rounded_by_less_than_a_twentieth(count: float) -> None:
    arms = Arms({"letter": 1e9})
    for _ in range(int(count)):
        arms.observe("letter", "a", 1.0, 0.0)
    if count % 1:
        arms.observe("letter", "a", count % 1, 0.0)
    found = arms.seen(0.0)["letter"].get("a", Seen(0.0, 0.0)).good
    assert found <= count * (1 + 1e-9)
    assert found > count / 1.06 or count < 0.05


def test_a_lone_deployment_gets_everything() -> None:
    assert Arms({"letter": 100.0}).shares("letter", ("a",), "a", HALF, 0.0) == {"a": 1.0}
