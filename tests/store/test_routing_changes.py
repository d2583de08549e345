"""Overrides, the journal of changes, and breakers that a restart remembers."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from orchestra_kit.core.answer import Source
from orchestra_kit.core.clock import VirtualClock
from orchestra_kit.core.decision import Change, Override
from orchestra_kit.core.errors import StoreError
from orchestra_kit.store.routing_changes import StoredBreaker
from orchestra_kit.store.store import Store
from tests.store.values import START

HOUR = timedelta(hours=1)


def an_override(name: str = "ovr_1", *, hours: int = 2) -> Override:
    return Override(
        id=name,
        use="claude-sonnet",
        until=START + hours * HOUR,
        because="the editors prefer it this week",
        by="ana",
        task="article",
    )


@pytest.fixture
def kept(place, clock):
    with Store.open(place, durable=False, clock=clock) as opened:
        yield opened


def test_an_override_is_in_force_until_it_expires(kept):
    kept.add_override(an_override())
    assert kept.overrides(START) == (an_override(),)
    assert kept.overrides(START + 2 * HOUR - timedelta(microseconds=1)) == (an_override(),)
    assert kept.overrides(START + 2 * HOUR) == ()


def test_an_override_that_was_ended_is_in_force_no_more(kept):
    kept.add_override(an_override())
    kept.end_override("ovr_1")
    assert kept.overrides(START) == ()
    with pytest.raises(StoreError, match="no override ovr_1 is in force"):
        kept.end_override("ovr_1")
    with pytest.raises(StoreError, match="no override ovr_2"):
        kept.end_override("ovr_2")


def test_of_several_overrides_the_latest_comes_first(kept, clock):
    kept.add_override(an_override("ovr_b"))
    clock.run_sync(clock.sleep(60))
    kept.add_override(an_override("ovr_a"))
    assert [o.id for o in kept.overrides(START)] == ["ovr_a", "ovr_b"]


def test_an_override_is_added_once(kept):
    kept.add_override(an_override())
    with pytest.raises(StoreError, match="there already"):
        kept.add_override(an_override(hours=9))
    assert kept.overrides(START) == (an_override(),)


def a_change(minutes: int = 0, kind: str = "override") -> Change:
    return Change(
        at=START + timedelta(minutes=minutes),
        kind=kind,
        what="article",
        before="gpt-5",
        after="claude-sonnet",
        because="the editors prefer it",
        by="ana",
    )


def test_the_journal_keeps_changes_in_their_order(kept):
    kept.add_change(a_change(5, "override_ended"))
    kept.add_change(a_change())
    kept.add_change(a_change())
    assert kept.changes() == (a_change(), a_change(), a_change(5, "override_ended"))
    assert kept.changes(START + timedelta(minutes=5)) == (a_change(5, "override_ended"),)
    assert kept.changes(START + timedelta(minutes=6)) == ()


def a_breaker(deployment: str = "gpt-5", source: Source = Source.LIVE) -> StoredBreaker:
    return StoredBreaker(
        deployment=deployment,
        source=source,
        state="open",
        openings=2,
        until=START + timedelta(seconds=30),
        at=START,
    )


def test_a_restart_remembers_how_the_breakers_stood(place):
    closed = replace(a_breaker("gemini-pro"), state="closed", openings=0, until=None)
    with Store.open(place, clock=VirtualClock(START)) as store:
        store.save_breakers([a_breaker(), closed])
    with Store.open(place, read_only=True) as again:
        assert again.breakers() == (closed, a_breaker())


def test_a_breaker_stands_as_it_was_saved_last_and_each_source_for_itself(kept):
    kept.save_breakers([a_breaker(), a_breaker(source=Source.SIMULATED)])
    later = replace(a_breaker(), state="half_open", until=None)
    kept.save_breakers([later])
    assert kept.breakers(Source.LIVE) == (later,)
    assert kept.breakers(Source.SIMULATED) == (a_breaker(source=Source.SIMULATED),)
    kept.save_breakers([])
    assert len(kept.breakers()) == 2


def test_nothing_is_changed_through_a_store_that_only_reads(path):
    with Store.open(path, read_only=True) as store:
        for change in (
            lambda: store.add_override(an_override()),
            lambda: store.end_override("ovr_1"),
            lambda: store.add_change(a_change()),
            lambda: store.save_breakers([a_breaker()]),
        ):
            with pytest.raises(StoreError, match="for reading only"):
                change()
