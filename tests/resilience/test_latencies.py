"""Quantiles of the latest calls, and a load that jumps to a peak and forgets it slowly."""

from __future__ import annotations

import math
import statistics
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra_kit.resilience.latencies import Latencies, PeakEwma

SECONDS = st.floats(0, 1000, allow_nan=False)


def test_nothing_is_said_of_nothing():
    assert Latencies().quantile(0.5) is None
    assert Latencies().count == 0
    assert PeakEwma().value() is None
    assert PeakEwma().load(3) is None


@given(st.lists(SECONDS, min_size=1, max_size=500), st.floats(0, 1))
def test_a_quantile_is_that_of_the_latest_two_hundred(seconds, share):
    latencies = Latencies()
    for each in seconds:
        latencies.add(each)
    latest = sorted(seconds[-200:])
    assert latencies.count == len(latest)
    found = latencies.quantile(share)
    assert found in latest
    assert sum(each <= found for each in latest) >= share * len(latest) - 1e-9
    assert (
        sum(each < found for each in latest) < max(1e-9, share * len(latest)) or found == latest[0]
    )


def test_the_median_is_that_of_the_statisticians():
    latencies = Latencies()
    for each in (5.0, 1.0, 4.0, 2.0, 3.0):
        latencies.add(each)
    assert latencies.quantile(0.5) == statistics.median_low([1, 2, 3, 4, 5])


@pytest.mark.parametrize("count", [1, 20, 100, 199, 200])
def test_a_share_of_whole_calls_is_exact(count):
    latencies = Latencies()
    for each in range(1, count + 1):
        latencies.add(float(each))
    for rank in range(1, count + 1):
        assert latencies.quantile(rank / count) == rank
    assert latencies.quantile(0.0) == 1.0


@pytest.mark.parametrize("share", [0.0, 0.5, 0.95, 1.0])
def test_it_is_always_the_oldest_that_goes(share):
    random, latencies, seen = Random(5), Latencies(), []
    for _ in range(1000):
        seen.append(random.lognormvariate(0, 1))
        latencies.add(seen[-1])
        latest = sorted(seen[-200:])
        rank = max(1, math.ceil(round(share * len(latest), 6)))
        assert latencies.quantile(share) == latest[rank - 1]


def test_of_equal_durations_the_oldest_goes():
    latencies = Latencies()
    for each in (1.0, 1.0, *[2.0] * 198):
        latencies.add(each)
    assert latencies.quantile(0.01) == 1.0
    latencies.add(3.0)
    assert latencies.quantile(0.005) == 1.0
    assert latencies.quantile(0.01) == 2.0
    assert latencies.quantile(1.0) == 3.0


def test_silence_does_not_make_a_slow_deployment_fast():
    load = PeakEwma()
    load.observe(0.0, 30.0)
    load.observe(0.0, 1.0)
    assert load.value() == 30.0
    load.observe(1000.0, 1.0)
    assert load.value() == pytest.approx(1.0)


def test_a_peak_is_taken_over_at_once_and_forgotten_by_its_time_constant():
    load = PeakEwma()
    load.observe(0.0, 1.0)
    load.observe(1.0, 9.0)
    assert load.value() == 9.0
    load.observe(11.0, 1.0)
    assert load.value() == pytest.approx(1.0 + 8.0 * math.exp(-1.0))


def test_load_grows_with_what_is_in_flight():
    load = PeakEwma()
    load.observe(0.0, 2.0)
    assert [load.load(n) for n in (0, 1, 4)] == [2.0, 4.0, 10.0]


@given(st.lists(st.tuples(st.floats(-5, 50), SECONDS), min_size=1, max_size=60))
def test_the_load_lies_between_the_shortest_and_the_longest_call(steps):
    load, now = PeakEwma(), 0.0
    for wait, seconds in steps:
        now += wait  # also backwards
        load.observe(now, seconds)
        value = load.value()
        seen = [s for _, s in steps]
        assert min(seen) - 1e-9 <= value <= max(seen) + 1e-9
        assert value >= seconds - 1e-9
