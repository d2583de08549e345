"""Overrides: in force until they expire or somebody ends them, and written down once."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from orchestra_kit.core.clock import SystemClock, VirtualClock
from orchestra_kit.core.decision import Change, Override
from orchestra_kit.core.errors import ConfigError, StoreError, StoreFull
from orchestra_kit.engine.overrides import Overrides, check_names
from orchestra_kit.store.store import Store
from tests.engine.small import NOON

ASKED = {"because": "first is slow today", "by": "ann"}


@dataclass
class Kept:
    """Keeps like a store, and fails when told to."""

    overrides: dict[str, Override] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)
    changes: list[Change] = field(default_factory=list)
    full: set[str] = field(default_factory=set)
    """Names of the methods that find no room."""

    def _room(self, method: str) -> None:
        if method in self.full:
            raise StoreFull("no room")

    def add_override(self, override: Override) -> None:
        self._room("add_override")
        self.overrides[override.id] = override

    def end_override(self, override_id: str) -> None:
        self._room("end_override")
        if override_id in self.ended or override_id not in self.overrides:
            raise StoreError(f"no override {override_id} is in force.")
        self.ended.add(override_id)

    def add_change(self, change: Change) -> None:
        self._room("add_change")
        self.changes.append(change)


class World:
    def __init__(self) -> None:
        self.clock = VirtualClock(NOON)
        self.kept = Kept()
        self.overrides = Overrides(self.clock, self.kept, seed=7)

    def wait(self, seconds: float) -> None:
        self.clock.run_sync(self.clock.sleep(seconds))

    def in_force(self) -> list[str]:
        return [o.id for o in self.overrides.in_force(self.clock.now())]

    def journal(self) -> list[str]:
        return [change.kind for change in self.kept.changes]


@pytest.fixture
def world():
    world = World()
    yield world
    world.clock.close()


def test_one_holds_from_the_moment_it_is_made_until_it_expires(world):
    made = world.overrides.add("second", seconds=60, task="letter", tier="best", **ASKED)
    assert (made.use, made.task, made.tier) == ("second", "letter", "best")
    assert made.until == NOON + timedelta(seconds=60)
    assert world.in_force() == [made.id]
    world.wait(59.9)
    assert world.in_force() == [made.id]
    world.wait(0.1)
    assert world.in_force() == []


def test_the_latest_comes_first(world):
    first = world.overrides.add("second", seconds=60, **ASKED)
    second = world.overrides.add("third", seconds=30, **ASKED)
    assert world.in_force() == [second.id, first.id]
    world.wait(31)
    assert world.in_force() == [first.id]


def test_the_journal_says_who_did_it_and_why(world):
    made = world.overrides.add("second", seconds=3600, task="letter", tier="best", **ASKED)
    world.overrides.end(made.id, by="bob", because="first is quick again")
    began, ended = world.kept.changes
    assert (began.kind, began.what, began.before) == ("override", "letter, best tier", "the rules")
    assert (began.after, began.by) == ("second until 2026-11-18 13:00 UTC", "ann")
    assert (ended.kind, ended.before, ended.after) == ("override_ended", "second", "the rules")
    assert (ended.by, ended.because) == ("bob", "first is quick again")
    assert world.kept.ended == {made.id}
    assert world.in_force() == []


def test_an_expiry_is_written_down_once_however_often_somebody_looks(world):
    world.overrides.add("second", seconds=10, **ASKED)
    world.wait(11)
    for _ in range(5):
        assert world.in_force() == []
    assert world.journal() == ["override", "override_ended"]
    assert world.kept.changes[1].because == "it expired"
    assert world.kept.changes[1].what == "every task"


def test_of_two_processes_one_writes_an_expiry_down(world):
    made = world.overrides.add("second", seconds=10, **ASKED)
    other = Overrides(world.clock, world.kept, known=[made])
    world.wait(11)
    assert other.in_force(world.clock.now()) == ()
    assert world.in_force() == []
    assert world.journal() == ["override", "override_ended"]


@pytest.mark.parametrize("method", ["end_override", "add_change"])
def test_an_expiry_that_finds_no_room_costs_no_request_and_is_written_later(world, method):
    world.overrides.add("second", seconds=10, **ASKED)
    world.wait(11)
    world.kept.full = {method}
    assert world.in_force() == []
    world.kept.full = set()
    world.wait(60)
    assert world.in_force() == []
    assert world.journal() == ["override", "override_ended"]


@pytest.mark.parametrize("method", ["add_override", "add_change"])
def test_one_that_cannot_be_kept_does_not_hold(world, method):
    world.kept.full = {method}
    with pytest.raises(StoreFull):
        world.overrides.add("second", seconds=10, **ASKED)
    assert world.in_force() == []
    assert set(world.kept.overrides) == world.kept.ended


def test_one_that_is_not_in_force_cannot_be_ended(world):
    made = world.overrides.add("second", seconds=10, **ASKED)
    with pytest.raises(ConfigError, match="No override “x” is in force"):
        world.overrides.end("x", by="bob")
    world.wait(10)
    with pytest.raises(ConfigError, match="is in force"):
        world.overrides.end(made.id, by="bob")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"seconds": 60, "because": " "}, "needs a reason"),
        ({"seconds": 60, "by": ""}, "needs a name"),
        ({}, "needs one end"),
        ({"seconds": 60, "until": NOON + timedelta(hours=1)}, "needs one end"),
        ({"seconds": 0}, "ended already"),
        ({"seconds": -5}, "ended already"),
        ({"seconds": math.inf}, "too long"),
        ({"seconds": math.nan}, "too long"),
        ({"seconds": 1e12}, "too long"),
        ({"until": NOON}, "ended already"),
        ({"until": datetime(2026, 11, 19)}, "time zone"),  # noqa: DTZ001 - that is the fault
    ],
)
def test_what_makes_no_sense_is_said_and_does_not_hold(world, given, said):
    with pytest.raises(ConfigError, match=said):
        world.overrides.add("second", **{**ASKED, **given})
    assert world.in_force() == []
    assert world.journal() == []


def test_without_a_keeper_one_holds_all_the_same(world):
    overrides = Overrides(world.clock)
    made = overrides.add("second", seconds=10, **ASKED)
    assert overrides.in_force(NOON) == (made,)
    world.wait(10)
    assert overrides.in_force(world.clock.now()) == ()


def test_a_store_keeps_them_beyond_the_process(tmp_path):
    clock = SystemClock()
    with Store.open(tmp_path / "store.db", durable=False) as store:
        made = Overrides(clock, store).add("second", seconds=3600, task="letter", **ASKED)
    with Store.open(tmp_path / "store.db", durable=False) as store:
        overrides = Overrides(clock, store, known=store.overrides(clock.now()))
        assert overrides.in_force(clock.now()) == (made,)
        overrides.end(made.id, by="bob")
        assert store.overrides(clock.now()) == ()
        assert [c.kind for c in store.changes()] == ["override", "override_ended"]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ({"use": "secnd"}, "no deployment or model “secnd”. Did you mean “second”"),
        ({"use": "second", "task": "lettr"}, "no task “lettr”. Did you mean “letter”"),
        ({"use": "second", "tier": "gold"}, "no tier “gold”. Known are: best, basic"),
        ({"use": "voice", "task": "letter"}, "makes audio, and letter needs text"),
    ],
)
def test_names_that_the_policy_does_not_know_are_told_with_those_it_does(small, names, said):
    with pytest.raises(ConfigError, match=said):
        check_names(small, **names)


def test_deployments_and_models_are_both_known(small):
    check_names(small, "second", task="letter", tier="best")
    check_names(small, "second-1")


class Overriding(RuleBasedStateMachine):
    """Any order of additions, endings, waits and failing writes, against a plain list."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.model: list[Override] = []

    def teardown(self) -> None:
        self.world.kept.full = set()
        self.world.wait(100_000)
        self.world.in_force()
        kinds = self.world.journal()
        assert kinds.count("override") == kinds.count("override_ended")
        self.world.clock.close()

    @rule(seconds=st.sampled_from([1.0, 30.0, 300.0]))
    def adds(self, seconds):
        try:
            made = self.world.overrides.add("second", seconds=seconds, **ASKED)
        except StoreFull:
            assert self.world.kept.full
        else:
            self.model.insert(0, made)

    @rule(number=st.integers(0, 5))
    def ends(self, number):
        holding = self.holding()
        if self.world.kept.full or number >= len(holding):
            return
        self.world.overrides.end(holding[number].id, by="bob")
        self.model.remove(holding[number])

    @rule(seconds=st.sampled_from([0.5, 29.0, 61.0]))
    def waits(self, seconds):
        self.world.wait(seconds)

    @rule(full=st.sets(st.sampled_from(["add_override", "end_override", "add_change"])))
    def store_fills_or_frees(self, full):
        # What can neither be written down nor taken back is the one thing that is not promised.
        self.world.kept.full = full - ({"end_override"} if "add_change" in full else set())

    def holding(self) -> list[Override]:
        now = self.world.clock.now()
        return [o for o in self.model if o.until > now]

    @invariant()
    def what_holds_is_what_should(self):
        assert self.world.in_force() == [o.id for o in self.holding()]


Overriding.TestCase.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
TestOverriding = Overriding.TestCase
