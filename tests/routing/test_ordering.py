"""The order in which deployments are tried, and the exact probability of its first."""

from __future__ import annotations

import math
from collections import Counter
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestra_kit.core.decision import Decision
from orchestra_kit.core.ids import stable_seed
from orchestra_kit.policy.policy import Policy
from orchestra_kit.policy.schema import Adaptation
from orchestra_kit.routing.adaptation import Seen
from orchestra_kit.routing.ordering import Moves, Ordering
from orchestra_kit.routing.router import Router
from orchestra_kit.routing.snapshot import Snapshot
from tests.routing.small import TODAY, a_request, a_snapshot, write_family

ADAPT = "adapt: {within: 0.4, floor: 0.05, half_life: 10m}"
SEEN = {
    "letter": {
        "twin-1": Seen(10.0, 8.0),
        "twin-2": Seen(30.0, 2.0),
        "middling": Seen(29.0, 1.0),
        "light": Seen(0.0, 20.0),
    }
}


def decide(policy: Policy, text: str = "A letter", **changes: object) -> Decision:
    snapshot = changes.pop("snapshot", a_snapshot())
    request = a_request(text, **{"task": "letter", **changes})
    return Router(policy, None, seed=1).decide(request, snapshot)


def test_a_link_that_names_a_model_means_its_deployments_and_leaves_room_for_the_next(
    twins: Policy,
) -> None:
    decision = decide(twins, snapshot=a_snapshot(loads={"twin-1": 9.0, "twin-2": 1.0}))
    assert decision.chain == decision.planned == ("twin-2", "middling", "light")
    assert "twin-2 by load, of twin-1 and twin-2" in decision.because
    link = Router(twins, None, seed=1).link("letter", "twin-1")
    assert (link.use, link.timeout, link.when) == ("twin-1", 20.0, ("timeout", "rate"))


def test_the_equals_of_a_link_fill_the_places_that_the_others_leave(twins: Policy) -> None:
    out = {"light": "breaker open"}
    decision = decide(twins, snapshot=a_snapshot(unavailable=out, loads={"twin-2": 1.0}))
    assert set(decision.chain[:2]) == {"twin-1", "twin-2"}
    assert decision.chain[2] == "middling"


def test_a_rule_that_names_a_model_is_scored_by_the_best_of_it(twins: Policy) -> None:
    loads = {"twin-1": 9.0, "twin-2": 1.0}
    decision = decide(twins, "A letter about source code", snapshot=a_snapshot(loads=loads))
    assert decision.rule == "code"
    assert decision.chain == ("twin-2", "middling", "light")


def test_what_has_no_room_goes_behind_what_has_in_order_of_waiting(twins: Policy) -> None:
    def chain(**busy: float) -> tuple[str, ...]:
        snapshot = a_snapshot(busy={name.replace("_", "-"): s for name, s in busy.items()})
        return decide(twins, snapshot=snapshot).chain

    assert chain(middling=3.0)[1:] == ("light", "middling")
    assert chain(twin_1=9.0, twin_2=2.0)[:2] == ("middling", "light")
    assert chain(twin_1=9.0) == ("twin-2", "middling", "light")
    assert chain(twin_1=9.0, twin_2=2.0, middling=1.0) == ("light", "middling", "twin-2")
    everything = chain(twin_1=9.0, twin_2=2.0, middling=1.0, light=math.inf)
    assert everything[1:] == ("middling", "light")


def test_the_wait_is_told_and_the_plan_remembers_what_it_would_have_been(twins: Policy) -> None:
    busy = {"twin-1": math.inf, "twin-2": 2.25}
    decision = decide(twins, snapshot=a_snapshot(busy=busy))
    assert "twin-1 has no room until another call ends" in decision.because
    assert "twin-2 has no room for 2.2 s" in decision.because
    assert decision.planned[1:] == ("middling", "light")
    assert decision.planned[0].startswith("twin")
    assert decision.tier_of("middling") == 1
    assert decision.propensity == 1.0
    assert all(not c.dropped_because for c in decision.candidates if c.deployment in busy)


def test_an_equal_that_answers_for_another_is_still_the_primary(twins: Policy) -> None:
    for out in ({"unavailable": {"twin-1": "breaker open"}}, {"busy": {"twin-1": 5.0}}):
        decision = decide(twins, snapshot=a_snapshot(**out))
        assert decision.choice == "twin-2"
        assert decision.tier_of("twin-2") == 0


SITUATIONS: dict[str, tuple[str, dict[str, object], str]] = {
    "chain alone": ("explore: 0.0", {}, "A letter"),
    "equals of unknown load": ("explore: 0.0", {"warm": "elsewhere"}, "A letter"),
    "equals by load": (
        "explore: 0.0",
        {"loads": {"twin-1": 3.0, "twin-2": 5.0, "twin-3": 4.0}},
        "A letter",
    ),
    "one not called lately": (
        "explore: 0.0",
        {"loads": {"twin-1": 3.0, "twin-2": 5.0}},
        "A letter",
    ),
    "exploring": ("explore: 0.2", {"loads": {"twin-1": 3.0, "twin-3": 5.0}}, "A letter"),
    "exploring beside a warm one": ("explore: 0.2", {"warm": "twin-2"}, "A letter"),
    "exploring what has room": (
        "explore: 0.2",
        {"busy": {"twin-2": 3.0, "light": 1.0}},
        "A letter",
    ),
    "adapting": (ADAPT, {"arms": SEEN, "loads": {"twin-1": 3.0, "twin-2": 5.0}}, "A letter"),
    "adapting with nothing seen": (ADAPT, {}, "A letter"),
    "adapting beside a warm one": (ADAPT, {"arms": SEEN, "warm": "twin-1"}, "A letter"),
    "adapting by a scored rule": (ADAPT, {"arms": SEEN}, "A letter about source code"),
    "adapting with some out": (
        ADAPT,
        {"arms": SEEN, "unavailable": {"twin-2": "breaker open"}, "busy": {"middling": 1.0}},
        "A letter",
    ),
}


@pytest.mark.parametrize("name", SITUATIONS)
def test_the_probability_of_a_choice_is_how_often_it_is_made(name: str, tmp_path: Path) -> None:
    letter, state, text = SITUATIONS[name]
    policy = write_family(tmp_path, letter=letter, weights=(1.0, 2.0, 0.5))
    router, snapshot, n = Router(policy, None, seed=4), a_snapshot(**state), 1_500
    expected = router.distribution(a_request(text, task="letter"), snapshot)
    assert sum(expected.values()) == pytest.approx(1.0)
    chosen: Counter[str] = Counter()
    for number in range(n):
        decision = router.decide(a_request(text, id=f"r{number}", task="letter"), snapshot)
        assert decision.choice is not None
        assert decision.propensity == pytest.approx(expected[decision.choice])
        chosen[decision.choice] += 1
    assert _chi_square(chosen, expected, n) < 30  # 6 degrees of freedom: p > 0.00003


def _chi_square(chosen: Counter[str], expected: dict[str, float], n: int) -> float:
    assert all(expected[name] > 0 for name in chosen)
    return sum((chosen[x] - n * p) ** 2 / (n * p) for x, p in expected.items() if p > 0)


groups = st.permutations(["a", "b", "c", "d", "e", "f"]).flatmap(
    lambda names: st.sampled_from(
        [
            [tuple(names[:3]), tuple(names[3:4]), tuple(names[4:])],
            [tuple(names[:1]), tuple(names[1:3])],
            [tuple(names[:2])],
            [tuple(names[:1])],
        ]
    )
)
some = st.sets(st.sampled_from("abcdef"))
snapshots = st.builds(
    lambda busy, loads, warm: Snapshot(
        today=TODAY,
        busy=dict.fromkeys(sorted(busy), 2.0),
        loads={name: float(ord(name)) for name in sorted(loads)},
        warm=warm,
    ),
    some, some, st.sampled_from(["", "a", "b", "c"]),
)  # fmt: skip
moves = st.sampled_from(
    [
        Moves(),
        Moves(0.1),
        Moves(adapt=Adaptation(within=0.3), seen={"a": Seen(5, 1), "d": Seen(9, 0)}),
        Moves(adapt=Adaptation(within=0.5, floor=0.1)),
    ]
)


@settings(max_examples=150, deadline=None)
@given(groups, snapshots, moves, st.floats(0, 1, exclude_max=True), st.booleans())
def test_every_draw_gives_a_short_chain_whose_first_has_its_part_of_the_distribution(
    of: list[tuple[str, ...]], snapshot: Snapshot, moved: Moves, uniform: float, firm: bool
) -> None:
    ordering = Ordering(of, snapshot, {"b": 3.0}, firm=firm)
    shares = ordering.distribution(moved)
    assert sum(shares.values()) == pytest.approx(1.0)
    order = ordering.draw(moved, lambda: uniform)
    eligible = [name for group in of for name in group]
    assert len(order.chain) == len(set(order.chain)) == min(3, len(eligible))
    assert set(order.chain) <= set(eligible)
    assert order.propensity == shares[order.chain[0]] > 0
    if not firm and set(eligible) - set(snapshot.busy):
        assert order.chain[0] not in snapshot.busy
    assert ordering.planned(order)[0] == order.chain[0] or not order.moved


def test_twenty_thousand_draws_of_everything_together_agree_with_the_distribution() -> None:
    snapshot = Snapshot(
        today=TODAY, loads={"a": 3.0, "b": 2.0, "c": 4.0}, busy={"d": 2.0}, warm="f"
    )
    ordering = Ordering([("a", "b", "c"), ("d",), ("e", "f")], snapshot, {"a": 2.0})
    seen = {"e": Seen(9, 1)}
    for moved in (Moves(), Moves(0.15), Moves(adapt=Adaptation(within=0.4), seen=seen)):
        shares, n = ordering.distribution(moved), 20_000
        chosen = Counter(ordering.draw(moved, partial(_uniform, k)).chain[0] for k in range(n))
        assert _chi_square(chosen, shares, n) < 25  # 5 degrees of freedom: p > 0.0001


def _uniform(number: int) -> float:
    return stable_seed("explore", 1, f"req_{number}") / 2**64


def test_without_exploring_nothing_is_moved_by_what_was_seen_either(tmp_path: Path) -> None:
    policy = write_family(tmp_path, letter=ADAPT)
    router = Router(policy, None, seed=1, explore=False)
    snapshot = a_snapshot(arms=SEEN, warm="twin-1")
    assert router.distribution(a_request("A letter", task="letter"), snapshot) == {"twin-1": 1.0}


def test_a_moved_choice_says_by_what_and_what_it_goes_before(tmp_path: Path) -> None:
    router = Router(write_family(tmp_path, letter=ADAPT), None, seed=1)
    snapshot = a_snapshot(arms=SEEN)
    decisions = [
        router.decide(a_request(id=f"r{number}", task="letter"), snapshot) for number in range(60)
    ]
    moved = next(decision for decision in decisions if decision.choice == "middling")
    assert "middling goes before twin-1 or twin-2 this time, by what was seen lately" in (
        moved.because
    )
    assert moved.planned == moved.chain


def test_nothing_to_call_and_a_person_have_no_distribution(policy: Policy) -> None:
    router = Router(policy, None, seed=1)
    everything = a_snapshot(unavailable=dict.fromkeys(policy.deployments, "breaker open"))
    assert router.distribution(a_request(task="letter"), everything) == {}
    request = a_request("Écris une lettre sur le thé pour nos clients", task="letter")
    assert router.distribution(request, a_snapshot()) == {}
