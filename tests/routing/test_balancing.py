"""Equal deployments share the load, and how probable each choice was is known exactly."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestra_kit.routing.balancing import (
    EXPLORED,
    balanced,
    by_load,
    chances,
    drawn,
    newcomers_load,
)

NAMES = ("a", "b", "c", "d", "e")


@st.composite
def situations(draw: st.DrawFn) -> tuple[list[str], dict[str, float], dict[str, float]]:
    names = list(NAMES[: draw(st.integers(1, 5))])
    # Few different loads, so that ties are tried as well.
    load = st.sampled_from([0.5, 1.0, 2.0, 30.0])
    loads = draw(st.dictionaries(st.sampled_from(names), load))
    weights = draw(st.dictionaries(st.sampled_from(names), st.floats(0.1, 20)))
    return names, loads, weights


@settings(max_examples=200, deadline=None)
@given(situations())
def test_the_chances_of_all_sum_to_one_and_none_is_negative(
    situation: tuple[list[str], dict[str, float], dict[str, float]],
) -> None:
    names, loads, weights = situation
    found = chances(names, loads, weights)
    assert list(found) == names
    assert sum(found.values()) == pytest.approx(1.0)
    assert min(found.values()) >= 0.0


@settings(max_examples=100, deadline=None)
@given(situations(), st.floats(0, 1, exclude_max=True))
def test_every_deployment_is_in_the_order_once_and_the_first_with_its_own_chance(
    situation: tuple[list[str], dict[str, float], dict[str, float]], uniform: float
) -> None:
    names, loads, weights = situation
    order, propensity = balanced(names, loads, weights, uniform)
    assert sorted(order) == names
    assert propensity == chances(names, loads, weights)[order[0]] > 0


@pytest.mark.parametrize(
    ("loads", "weights"),
    [
        ({"a": 1.0, "b": 2.0, "c": 3.0, "d": 3.0}, {}),
        ({"a": 1.0, "b": 2.0, "c": 3.0, "d": 9.0}, {"a": 1, "b": 5, "c": 2, "d": 30}),
        ({"a": 1.0, "c": 3.0, "d": 2.0}, {"b": 4}),
        ({}, {"a": 3, "d": 2}),
    ],
)
def test_the_chances_are_those_of_drawing_two_by_weight_and_taking_the_less_loaded(
    loads: dict[str, float], weights: dict[str, float]
) -> None:
    names, random, n = NAMES[:4], Random(5), 40_000
    known = [name for name in names if name in loads]
    whole = sum(weights.get(name, 1) for name in names)

    def two(of: list[str]) -> str:
        if len(of) == 1:
            return of[0]
        first = random.choices(of, [weights.get(x, 1) for x in of])[0]
        rest = [x for x in of if x != first]
        second = random.choices(rest, [weights.get(x, 1) for x in rest])[0]
        if first not in loads:
            return first
        better = loads[second] / weights.get(second, 1) < loads[first] / weights.get(first, 1)
        return second if better else first

    def once() -> str:
        if not known or len(known) == len(names):
            return two(list(names))
        reached, uniform = 0.0, random.random()
        for name in names:
            if name not in loads:
                reached += min(EXPLORED, weights.get(name, 1) / whole)
                if uniform < reached:
                    return name
        return two(known)

    chosen = [once() for _ in range(n)]
    for name, chance in chances(names, loads, weights).items():
        spread = 4 * (n * chance * (1 - chance)) ** 0.5
        assert abs(chosen.count(name) - n * chance) <= spread + 1e-9


def test_of_two_the_less_loaded_for_its_weight_always_goes_first() -> None:
    assert chances(("a", "b"), {"a": 4.0, "b": 3.0}, {}) == pytest.approx({"a": 0.0, "b": 1.0})
    assert chances(("a", "b"), {"a": 4.0, "b": 3.0}, {"a": 2.0}) == pytest.approx(
        {"a": 1.0, "b": 0.0}
    )


def test_the_most_loaded_of_three_never_goes_first() -> None:
    found = chances(("a", "b", "c"), {"a": 1.0, "b": 2.0, "c": 3.0}, {})
    assert found["a"] == pytest.approx(2 / 3)
    assert found["b"] == pytest.approx(1 / 3)
    assert found["c"] == 0.0


def test_with_nothing_known_or_all_alike_the_shares_are_the_weights() -> None:
    weights = {"a": 3.0, "b": 1.0}
    assert chances(("a", "b"), {}, weights) == pytest.approx({"a": 0.75, "b": 0.25})
    alike = {"a": 3.0, "b": 1.0}
    assert chances(("a", "b"), alike, weights) == pytest.approx({"a": 0.75, "b": 0.25})


def test_one_that_was_not_called_lately_is_explored_and_stands_in_the_middle() -> None:
    loads = {"a": 1.0, "b": 8.0, "d": 4.0}
    found = chances(NAMES[:4], loads, {})
    assert found["c"] == EXPLORED
    assert by_load(NAMES[:4], loads, {}).index("c") in {1, 2}
    tiny = chances(NAMES[:4], loads, {"c": 0.003})
    assert tiny["c"] == pytest.approx(0.003 / 3.003)


def test_one_that_was_never_called_counts_as_the_median_of_its_equals() -> None:
    assert newcomers_load([], 3) is None
    assert newcomers_load([1.0, 9.0, 2.0], 0) == 2.0
    assert newcomers_load([2.0], 2) == 6.0
    found = chances(("a", "b"), {"a": 2.0, "b": newcomers_load([2.0], 0)}, {"b": 3.0})
    assert found["b"] > 0.75


def test_a_draw_of_one_for_want_of_digits_still_finds_somebody() -> None:
    assert drawn({"a": 0.5, "b": 0.5, "c": 0.0}, 1.0) == "b"
    assert drawn({"a": 0.0, "b": 1.0}, 0.0) == "b"
