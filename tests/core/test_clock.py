"""The virtual clock skips waiting and keeps everything else about time."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra_kit.core.clock import SystemClock, VirtualClock

START = datetime(2026, 11, 2, tzinfo=UTC)


@pytest.fixture
def clock():
    made = VirtualClock(START)
    yield made
    made.close()


def test_a_week_of_waiting_takes_no_time(clock):
    began = time.perf_counter()

    async def wait():
        await clock.sleep(7 * 86400)
        return clock.now()

    assert clock.run_sync(wait()) == START + timedelta(days=7)
    assert time.perf_counter() - began < 5


def test_a_timeout_fires_at_its_virtual_moment(clock):
    async def hurry():
        with pytest.raises(TimeoutError):
            async with clock.timeout(30):
                await clock.sleep(31)
        return clock.monotonic()

    assert clock.run_sync(hurry()) == pytest.approx(30)


def test_no_timeout_never_fires(clock):
    async def patient():
        async with clock.timeout(None):
            await clock.sleep(1e6)
        return "done"

    assert clock.run_sync(patient()) == "done"


@given(delays=st.lists(st.floats(0.001, 1e5), min_size=1, max_size=20))
def test_sleepers_wake_in_the_order_of_their_moments(delays):
    clock = VirtualClock(START)
    woken = []

    async def sleeper(delay):
        await clock.sleep(delay)
        woken.append(clock.monotonic())

    async def everybody():
        await asyncio.gather(*(sleeper(delay) for delay in delays))

    try:
        clock.run_sync(everybody())
    finally:
        clock.close()
    assert woken == sorted(woken)
    assert woken[-1] == pytest.approx(max(delays))


def test_time_stands_still_while_another_thread_works(clock):
    async def work():
        with clock.outside():
            await asyncio.to_thread(time.sleep, 0.01)
        return clock.monotonic()

    async def both():
        late = asyncio.create_task(clock.sleep(1000))
        moment = await work()
        late.cancel()
        return moment

    assert clock.run_sync(both()) == 0


def test_sleep_until_a_past_moment_returns_at_once(clock):
    async def wait():
        await clock.sleep_until(START - timedelta(hours=1))
        return clock.now()

    assert clock.run_sync(wait()) == START


async def test_coroutines_come_to_the_virtual_loop_from_a_running_one(clock):
    async def wait():
        await clock.sleep(3600)
        return clock.now()

    assert await clock.run(wait()) == START + timedelta(hours=1)


async def test_plain_calls_work_inside_a_running_loop(clock):
    async def wait():
        await clock.sleep(60)
        return clock.monotonic()

    assert clock.run_sync(wait()) == 60


def test_an_error_reaches_the_caller(clock):
    async def fail():
        raise KeyError("lost")

    with pytest.raises(KeyError, match="lost"):
        clock.run_sync(fail())


def test_a_start_without_time_zone_is_refused():
    with pytest.raises(ValueError, match="time zone"):
        VirtualClock(datetime(2026, 11, 2))  # noqa: DTZ001 - the fault under test


def test_the_system_clock_serves_several_calls_on_one_loop():
    clock = SystemClock()

    async def loop():
        return id(asyncio.get_running_loop())

    assert clock.run_sync(loop()) == clock.run_sync(loop())
    assert clock.now().tzinfo is UTC
