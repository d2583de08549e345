"""Incidents: opened once, counted, made louder, closed when over, and written sparingly."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from orchestra_kit.core.clock import VirtualClock
from orchestra_kit.core.errors import FailureClass, StoreFull
from orchestra_kit.core.reply import Incident, Notice, Severity
from orchestra_kit.engine.incidents import PAGE_AFTER, QUIET_AFTER, WARN_AFTER, Incidents
from orchestra_kit.engine.notices import Notices
from orchestra_kit.engine.playbook import entry_for
from orchestra_kit.engine.playbook_entry import When

NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)
EXHAUSTED = entry_for(when=When.EXHAUSTED)
SERVER = entry_for(FailureClass.SERVER)
QUALITY = entry_for(FailureClass.LOW_QUALITY)
RATE = entry_for(FailureClass.RATE)


class World:
    """A virtual clock, a ledger that may fail, and the incidents over them."""

    def __init__(self) -> None:
        self.clock = VirtualClock(NOON)
        self.written: list[Incident] = []
        self.told: list[Notice] = []
        self.full = False
        self.incidents = Incidents(
            self.clock, self.write, notices=Notices(self.clock, self.tell), seed=7
        )

    async def write(self, incident: Incident) -> None:
        await asyncio.sleep(0)
        if self.full:
            raise StoreFull("no room")
        self.written.append(incident)

    async def tell(self, notice: Notice) -> None:
        self.told.append(notice)

    def do(self, doing):
        async def awaited():
            return await doing

        return self.clock.run_sync(awaited())

    def wait(self, seconds: float) -> None:
        self.do(self.clock.sleep(seconds))

    def happens(self, entry, about: str, times: int = 1) -> str:
        found = ""
        for _ in range(times):
            found = self.do(self.incidents.happened(entry, about))
        return found

    def look(self) -> None:
        self.do(self.incidents.look())


@pytest.fixture
def world():
    world = World()
    yield world
    world.clock.close()


def test_what_is_told_at_once_opens_one_and_the_next_belongs_to_it(world):
    first = world.happens(EXHAUSTED, "letter")
    assert first
    assert world.happens(EXHAUSTED, "letter") == first
    assert world.happens(EXHAUSTED, "speech") not in ("", first)
    assert [(i.about, i.requests) for i in world.incidents.open] == [("letter", 2), ("speech", 1)]


def test_what_may_happen_now_and_then_opens_one_when_it_is_often(world):
    times, within = QUALITY.detects.times, QUALITY.detects.within
    assert world.happens(QUALITY, "first", times - 1) == ""
    world.wait(within)
    assert world.happens(QUALITY, "first", times - 1) == ""
    assert world.written == []
    assert world.happens(QUALITY, "first") != ""
    assert world.written[-1].requests == times


def test_what_opens_none_is_not_counted(world):
    assert world.happens(entry_for(FailureClass.CIRCUIT), "first", 200) == ""
    assert world.incidents.open == ()


def test_failures_of_a_deployment_are_one_incident_from_its_breakers_opening_to_its_closing(world):
    assert world.happens(SERVER, "first", 5) == ""
    opened = world.do(world.incidents.out("first", FailureClass.SERVER, "first is open"))
    assert world.happens(SERVER, "first") == opened
    assert world.incidents.open[0].requests == 6
    assert world.incidents.open[0].escalated == "provider support"
    world.wait(QUIET_AFTER * 2)
    world.look()
    assert len(world.incidents.open) == 1  # quiet, because nothing is sent there
    world.do(world.incidents.back("second"))
    assert len(world.incidents.open) == 1
    world.do(world.incidents.back("first"))
    assert world.incidents.open == ()
    assert world.written[-1].closed == NOON + timedelta(seconds=QUIET_AFTER * 2)
    assert world.written[-1].requests == 6


def test_failures_long_before_the_opening_do_not_belong_to_it(world):
    world.happens(SERVER, "first", 5)
    world.wait(31)
    world.happens(SERVER, "first", 2)
    world.do(world.incidents.out("first", FailureClass.SERVER))
    assert world.incidents.open[0].requests == 2


def test_a_breaker_that_opens_again_opens_no_second_incident(world):
    first = world.do(world.incidents.out("first", FailureClass.SERVER))
    assert world.do(world.incidents.out("first", FailureClass.SERVER)) == first
    assert world.do(world.incidents.out("first", FailureClass.AUTH)) != first
    assert {i.kind for i in world.incidents.open} == {"server_error", "wrong_key"}


def test_slow_calls_and_what_never_opens_a_breaker(world):
    world.do(world.incidents.out("first", None))
    assert world.incidents.open[0].kind == "no_answer_in_time"
    assert world.do(world.incidents.out("first", FailureClass.CONTENT)) == ""


def test_one_that_nothing_else_ends_is_over_after_ten_quiet_minutes(world):
    first = world.happens(EXHAUSTED, "letter")
    world.wait(QUIET_AFTER - 1)
    world.happens(EXHAUSTED, "letter")
    world.wait(QUIET_AFTER - 1)
    world.look()
    assert len(world.incidents.open) == 1
    world.wait(1)
    world.look()
    assert world.incidents.open == ()
    assert (world.written[-1].id, world.written[-1].requests) == (first, 2)
    assert world.written[-1].closed is not None
    assert world.happens(EXHAUSTED, "letter") != first


def test_one_that_lasts_becomes_a_warning_and_then_somebody_is_paged(world):
    world.happens(QUALITY, "first", QUALITY.detects.times)
    assert (world.written[-1].severity, world.written[-1].escalated) == (Severity.INFO, "")
    seen = {}
    for minute in range(1, 36):
        world.wait(60)
        world.happens(QUALITY, "first")
        world.look()
        seen[minute] = world.incidents.open[0].severity
    assert seen[WARN_AFTER / 60 - 1] is Severity.INFO
    assert seen[WARN_AFTER / 60] is seen[PAGE_AFTER / 60 - 1] is Severity.WARNING
    assert seen[PAGE_AFTER / 60] is Severity.CRITICAL
    assert world.incidents.open[0].escalated == "human review"
    lasting = [n for n in world.told if n.kind == "incident_lasts"]
    assert [n.severity for n in lasting] == [Severity.WARNING, Severity.CRITICAL]
    assert "30 minutes" in lasting[1].message
    assert "human review" in lasting[1].message


def test_one_that_is_critical_from_the_start_pages_after_half_an_hour_and_once(world):
    for _ in range(50):
        world.happens(EXHAUSTED, "letter")
        world.wait(60)
        world.look()
    lasting = [n for n in world.told if n.kind == "incident_lasts"]
    assert len(lasting) == 1
    assert lasting[0].at == NOON + timedelta(seconds=PAGE_AFTER)


def test_operators_are_told_of_the_opening_of_what_nobody_else_tells_of(world):
    world.happens(RATE, "first", 50)
    world.happens(EXHAUSTED, "letter")
    assert [(n.kind, n.deployment) for n in world.told] == [("rate_limit", "first")]
    assert "20 times in 5 minutes" in world.told[0].message


def test_a_storm_writes_each_incident_once_in_five_seconds(world):
    world.happens(EXHAUSTED, "letter")
    for _ in range(100):
        world.happens(EXHAUSTED, "letter")
        world.wait(0.1)
        world.look()
    assert 2 <= len(world.written) <= 4
    world.do(world.incidents.flush())
    assert world.written[-1].requests == 101


def test_the_last_count_is_written_although_nothing_more_happens_to_it(world):
    world.happens(EXHAUSTED, "letter", 3)
    assert world.written[-1].requests == 1
    world.wait(5)
    world.look()
    assert world.written[-1].requests == 3


def test_a_full_store_costs_no_request_and_loses_no_incident(world):
    world.full = True
    first = world.happens(EXHAUSTED, "letter", 2)
    assert first
    world.wait(QUIET_AFTER)
    world.look()
    assert world.incidents.open == ()
    assert world.written == []
    world.full = False
    world.wait(5)
    world.look()
    assert [(i.id, i.requests) for i in world.written] == [(first, 2)]
    assert world.written[0].closed is not None


def test_a_hundred_requests_at_once_open_one(world):
    async def all_at_once():
        return await asyncio.gather(
            *(world.incidents.happened(EXHAUSTED, "letter") for _ in range(100))
        )

    assert len(set(world.do(all_at_once()))) == 1
    assert world.incidents.open[0].requests == 100
    assert len(world.written) == 1


def test_several_that_look_at_the_same_moment_close_one_once(world):
    world.happens(EXHAUSTED, "letter")
    world.wait(QUIET_AFTER)

    async def all_at_once():
        await asyncio.gather(*(world.incidents.look() for _ in range(10)))

    world.do(all_at_once())
    assert sum(i.closed is not None for i in world.written) == 1


def test_what_another_process_left_open_goes_on_and_is_known_by_its_name(world):
    left = Incident(
        id="inc_1", kind="chain_exhausted", about="letter", severity=Severity.CRITICAL,
        opened=NOON - timedelta(minutes=29), last=NOON - timedelta(minutes=1), closed=None,
        requests=40, message="m", escalated="ops",
    )  # fmt: skip
    of_old = Incident(**{**left.to_dict(), "kind": "gone_from_the_playbook", "closed": None})
    world.incidents.resume([left, of_old])
    assert [i.id for i in world.incidents.open] == ["inc_1"]
    assert world.happens(EXHAUSTED, "letter") == "inc_1"
    assert world.incidents.open[0].requests == 41
    world.wait(61)
    world.look()
    assert [n.kind for n in world.told] == ["incident_lasts"]
    world.wait(QUIET_AFTER)
    world.look()
    assert world.incidents.open == ()


def test_messages_hold_no_secret_and_no_control_characters(world):
    message = "failed with sk-abcdefghijklmnop1234 \x1b[2J"
    world.do(world.incidents.happened(EXHAUSTED, "letter", message))
    assert "sk-abc" not in world.written[0].message
    assert "\x1b" not in world.written[0].message


class Incidental(RuleBasedStateMachine):
    """Any order of occurrences, openings, closings and waits."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.counted: dict[str, int] = {}

    def teardown(self) -> None:
        self.world.full = False
        self.world.do(self.world.incidents.flush())
        last = {i.id: i for i in self.world.written}
        for incident in self.world.incidents.open:
            assert last[incident.id] == incident
        self.world.clock.close()

    @rule(
        entry=st.sampled_from([EXHAUSTED, SERVER, RATE]),
        about=st.sampled_from("ab"),
        times=st.sampled_from([1, 3, 25]),
    )
    def happens(self, entry, about, times):
        for _ in range(times):
            found = self.world.happens(entry, about)
            if found:
                self.counted[found] = self.counted.get(found, 0) + 1

    @rule(about=st.sampled_from("ab"))
    def goes_out(self, about):
        self.world.do(self.world.incidents.out(about, FailureClass.SERVER))

    @rule(about=st.sampled_from("ab"))
    def comes_back(self, about):
        self.world.do(self.world.incidents.back(about))
        assert not any(
            i.about == about and i.kind == SERVER.kind for i in self.world.incidents.open
        )

    @rule(seconds=st.sampled_from([0.5, 6.0, 59.0, 700.0]))
    def waits(self, seconds):
        self.world.wait(seconds)
        self.world.look()

    @rule(full=st.booleans())
    def store_fills_or_frees(self, full):
        self.world.full = full

    @invariant()
    def there_is_one_at_a_time_for_each_thing(self):
        things = [(i.kind, i.about) for i in self.world.incidents.open]
        assert len(set(things)) == len(things)

    @invariant()
    def no_request_is_lost_from_the_count(self):
        for incident in self.world.incidents.open:
            assert incident.requests >= self.counted.get(incident.id, 0)
            assert incident.opened <= incident.last
            assert incident.closed is None

    @invariant()
    def what_is_closed_stays_closed(self):
        closed: set[str] = set()
        for incident in self.world.written:
            assert incident.id not in closed
            if incident.closed is not None:
                closed.add(incident.id)


Incidental.TestCase.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
TestIncidental = Incidental.TestCase
