"""Outages of the simulated backend: by the clock, from the start of the traffic."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest

from orchestra_kit.core.answer import Answer
from orchestra_kit.core.errors import FailureClass
from orchestra_kit.providers.faults import FaultScript
from orchestra_kit.providers.simulated import Simulated
from tests.providers.assumed import MONDAY, a_clock, all_at_once, call, profiles

HOUR = timedelta(hours=1)


def an_outage(**changes):
    return {
        "deployment": "writer",
        "starts": "1d2h",
        "lasts": "3h",
        "failure": "server",
        **changes,
    }


def timed_at(moment, sent, *outages):
    ((found, seconds),) = play_at(moment, [sent], *outages)
    assert isinstance(found, Answer)
    return seconds


def sent_at(moment, calls, *outages, **options):
    return [found for found, _ in play_at(moment, calls, *outages, **options)]


def play_at(moment, calls, *outages, origin=MONDAY, faults=None):
    with a_clock(moment) as clock:
        backend = Simulated(
            profiles(outages=list(outages)),
            clock=clock,
            seed=5,
            origin=origin,
            faults=FaultScript.model_validate(faults or {}),
        )
        return all_at_once(backend, calls, clock)


def fails(moment, *outages, **options):
    (found,) = sent_at(moment, [call()], *outages, **options)
    return not isinstance(found, Answer)


BEGINS = MONDAY + 26 * HOUR


@pytest.mark.parametrize(
    ("after", "down"),
    [(-0.001, False), (0.0, True), (1.5, True), (2.999, True), (3.0, False), (24.0, False)],
)
def test_a_deployment_is_down_from_the_first_moment_of_its_outage_to_the_last(after, down):
    assert fails(BEGINS + after * HOUR, an_outage()) is down


def test_the_outage_is_counted_from_the_origin_and_without_one_there_is_none():
    assert fails(BEGINS + 24 * HOUR, an_outage(), origin=MONDAY + 24 * HOUR)
    assert not fails(BEGINS, an_outage(), origin=None)


def test_others_are_not_touched():
    (found,) = sent_at(BEGINS, [call(deployment="painter")], an_outage())
    assert isinstance(found, Answer)


@pytest.mark.parametrize("kind", ["server", "overloaded", "rate", "timeout"])
def test_it_fails_as_the_outage_says(kind):
    (found,) = sent_at(BEGINS, [call()], an_outage(failure=kind))
    assert found.failure is FailureClass(kind)


def test_an_outage_can_make_answers_slow_or_poor_instead():
    (poor,) = sent_at(BEGINS, [call()], an_outage(failure="low_quality"))
    assert poor.score.value == 0.2
    seconds = [timed_at(moment, call(), an_outage(failure="slow")) for moment in (BEGINS, MONDAY)]
    assert seconds[0] > 3 * seconds[1]


def test_a_partial_outage_befalls_its_share_of_the_sends():
    n = 3000
    found = sent_at(BEGINS, [call(i) for i in range(n)], an_outage(share=0.3))
    failed = sum(not isinstance(outcome, Answer) for outcome in found)
    assert failed / n == pytest.approx(0.3, abs=4 * math.sqrt(0.3 * 0.7 / n))


def test_a_script_can_shield_a_deployment_from_its_outage():
    assert not fails(BEGINS, an_outage(), faults={"writer": [{"kind": "none"}]})
