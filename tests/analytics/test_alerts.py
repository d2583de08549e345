from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestra_kit.analytics.alerts import FEWEST, evaluate_alert
from orchestra_kit.policy.schema import Alert
from tests.analytics.frames import HOUR, MINUTE, START, requests
from tests.analytics.synthetic import WEEK

PERIOD = WEEK.period


def alert(**fields) -> Alert:
    return Alert.model_validate({"name": "test", "for": "10m", **fields})


def every_minute(hours: int) -> np.ndarray:
    return START + np.arange(hours * 60) * MINUTE


def test_an_outage_fires_once_and_is_timed():
    at = every_minute(24)
    down = (at >= START + 5 * HOUR) & (at < START + 6 * HOUR)
    record = evaluate_alert(
        alert(watch="availability", under=0.9),
        requests(at=at, status=np.where(down, "queued", "answered")),
        PERIOD,
    )
    assert record.fired == 1
    assert record.minutes == 60
    assert record.minutes_beyond_chance == 60
    assert record.worst == 0
    assert record.first_at.hour == 5
    assert record.worst_at.hour == 5
    assert record.judged == 24 * 6
    assert record.windows == 168 * 6


def test_two_outages_fire_twice():
    at = every_minute(24)
    hour = (at - START) // HOUR
    record = evaluate_alert(
        alert(watch="availability", under=0.9),
        requests(at=at, status=np.where((hour == 5) | (hour == 9), "queued", "answered")),
        PERIOD,
    )
    assert record.fired == 2


def test_a_quiet_alert_is_recorded_with_its_worst_value():
    record = evaluate_alert(
        alert(watch="p95_latency", over="5s"), requests(at=every_minute(2), seconds=3.0), PERIOD
    )
    assert record.quiet
    assert record.worst == 3.0
    assert record.first_at is None


def test_one_failure_in_a_hundred_small_windows_is_within_chance():
    at = every_minute(100)
    status = np.where(np.arange(len(at)) % 100 == 0, "queued", "answered")
    record = evaluate_alert(
        alert(watch="availability", under=0.985), requests(at=at, status=status), PERIOD
    )
    assert record.fired > 10
    assert record.minutes_beyond_chance == 0


def test_windows_with_too_few_requests_are_not_judged():
    at = START + np.arange(FEWEST - 1) * MINUTE
    record = evaluate_alert(
        alert(watch="availability", under=0.9), requests(at=at, status="queued"), PERIOD
    )
    assert (record.fired, record.judged) == (0, 0)
    assert math.isnan(record.worst)


def test_spend_is_a_sum_over_the_window():
    record = evaluate_alert(
        alert(watch="spend", over="$5", **{"for": "1h"}),
        requests(at=every_minute(3), cost=[0.01] * 60 + [0.1] * 60 + [0.01] * 60),
        PERIOD,
    )
    assert record.fired == 1
    assert record.worst == pytest.approx(6.0)
    assert record.minutes == 60


def test_an_alert_of_one_task_and_tier_sees_nothing_else():
    record = evaluate_alert(
        alert(watch="availability", under=0.9, task="image", tier="premium"),
        requests(at=every_minute(5), status="queued"),
        PERIOD,
    )
    assert record.judged == 0
    assert record.scope == "image, premium"


def test_requests_outside_the_period_are_not_counted():
    at = every_minute(5) - 200 * HOUR
    record = evaluate_alert(
        alert(watch="availability", under=0.9), requests(at=at, status="queued"), PERIOD
    )
    assert record.judged == 0


@settings(max_examples=30)
@given(
    st.lists(st.tuples(st.integers(0, 299), st.floats(0.1, 20)), min_size=1, max_size=200),
    st.sampled_from(["p50_latency", "p90_latency", "p95_latency"]),
)
def test_quantiles_of_all_windows_agree_with_one_at_a_time(found, watch):
    minutes = np.array([m for m, _ in found])
    seconds = np.array([s for _, s in found])
    record = evaluate_alert(
        alert(watch=watch, over="10s"),
        requests(at=START + minutes * MINUTE, seconds=seconds),
        PERIOD,
    )
    q = {"p50_latency": 0.5, "p90_latency": 0.9, "p95_latency": 0.95}[watch]
    breaching, worst = 0, -math.inf
    for window in range(30):
        inside = np.sort(seconds[minutes // 10 == window])
        if len(inside) >= FEWEST:
            value = inside[math.ceil(q * len(inside)) - 1]
            breaching += value > 10
            worst = max(worst, value)
    assert record.minutes == 10 * breaching
    if worst > -math.inf:
        assert record.worst == worst
