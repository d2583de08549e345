"""Several processes keep to one limit and send one probe; without Redis each goes on by itself."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import replace
from datetime import timedelta

import pytest

from orchestra_kit.core.answer import Source
from orchestra_kit.core.errors import StoreError
from orchestra_kit.store.routing_changes import StoredBreaker
from orchestra_kit.store.shared import SharedState
from tests.store.processes import ROOT
from tests.store.sharing import ADDRESS
from tests.store.values import START

redis = pytest.importorskip("redis", reason="needs redis: pip install 'orchestra_kit[redis]'")

NOWHERE = "redis://127.0.0.1:6390/15"


def _processes(count: int, prefix: str, job: str, seconds: float) -> list[subprocess.Popen[str]]:
    """So many processes at the job, all of them ready."""
    made = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.store.sharing", prefix, job, str(seconds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        for _ in range(count)
    ]
    for process in made:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    return made


def _results(count: int, prefix: str, job: str, seconds: float) -> list[list]:
    made = _processes(count, prefix, job, seconds)
    for process in made:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    return [json.loads(process.communicate()[0]) for process in made]


# Several processes


def test_several_processes_keep_to_one_rate(prefix):
    got = sorted(moment for part in _results(3, prefix, "limits", 1.5) for moment in part)
    elapsed = got[-1] - got[0]
    burst, rate = 50, 10
    assert len(got) <= burst + rate * elapsed + 2
    assert len(got) >= 0.9 * (burst + rate * elapsed), "and use what they may"


def test_several_processes_share_the_places(prefix):
    held = [tuple(part) for parts in _results(3, prefix, "places", 1.0) for part in parts]
    events = sorted([(end, -1) for _, end in held] + [(start, 1) for start, _ in held])
    now = most = 0
    for _, change in events:
        now += change
        most = max(most, now)
    assert most <= 3
    assert len(held) > 100


def test_of_all_processes_one_probes(prefix):
    claims = [number for part in _results(4, prefix, "probe", 0) for number in part]
    assert sorted(claims) == list(range(100))


async def test_the_places_of_a_killed_process_come_back(prefix, shared):
    (process,) = _processes(1, prefix, "hold", 0)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("\n")
    process.stdin.flush()
    assert process.stdout.readline() == "holding\n"
    process.kill()
    process.communicate()
    wait = await shared.take("account", "mine", concurrent=3)
    assert wait is not None
    assert wait > 0
    time.sleep(0.9)
    assert await shared.take("account", "mine", concurrent=3) == 0


# Breakers


def a_standing(deployment: str = "gpt-5", seconds: int = 0, state: str = "open") -> StoredBreaker:
    return StoredBreaker(
        deployment=deployment,
        source=Source.LIVE,
        state=state,
        openings=2,
        until=START + timedelta(seconds=30) if state == "open" else None,
        at=START + timedelta(seconds=seconds),
    )


async def test_breakers_are_told_and_what_is_older_does_not_replace_what_is_newer(shared):
    await shared.publish_breaker(a_standing())
    await shared.publish_breaker(a_standing("gemini-pro", state="closed"))
    assert await shared.breakers(Source.LIVE) == {
        "gpt-5": a_standing(), "gemini-pro": a_standing("gemini-pro", state="closed"),
    }  # fmt: skip
    await shared.publish_breaker(a_standing(seconds=5, state="half_open"))
    await shared.publish_breaker(a_standing(seconds=4))
    found = await shared.breakers(Source.LIVE)
    assert found["gpt-5"] == a_standing(seconds=5, state="half_open")
    assert await shared.breakers(Source.SIMULATED) == {}
    await shared.publish_breaker(replace(a_standing(), source=Source.SIMULATED))
    assert len(await shared.breakers(Source.SIMULATED)) == 1


async def test_what_is_no_standing_is_passed_over(prefix, shared):
    await shared.publish_breaker(a_standing())
    client = redis.Redis.from_url(ADDRESS)
    spoilt = {
        "a": b"not json", "b": b"[]", "c": b'{"state": 1}', "d": b'{"at": "soon"}', b"\xff": b"{}",
        "e": b'{"state":"open","openings":1,"until":null,"at":1e400}',
    }  # fmt: skip
    client.hset(f"{prefix}:breakers:live", mapping=spoilt)
    client.close()
    assert await shared.breakers(Source.LIVE) == {"gpt-5": a_standing()}
    await shared.publish_breaker(a_standing("a"))
    assert set(await shared.breakers(Source.LIVE)) == {"gpt-5", "a"}


async def test_a_probe_is_claimed_once_until_it_is_released_or_its_time_is_over(prefix, shared):
    other = SharedState(ADDRESS, prefix=prefix, timeout=5)
    assert await shared.claim_probe("gpt-5", 60)
    assert not await shared.claim_probe("gpt-5", 60)
    assert not await other.claim_probe("gpt-5", 60)
    await other.release_probe("gpt-5")
    assert not await other.claim_probe("gpt-5", 60), "only who claimed it may release it"
    await shared.release_probe("gpt-5")
    assert await other.claim_probe("gpt-5", 0.05)
    time.sleep(0.08)
    assert await shared.claim_probe("gpt-5", 60)
    await other.close()


# Cache


async def test_the_cache_keeps_what_it_is_given_for_its_time(prefix):
    shared = SharedState(ADDRESS, prefix=prefix, timeout=5, cache=True)
    assert await shared.get("task:1") is None
    await shared.put("task:1", b"an answer\0\xff", 60)
    await shared.put("task:2", b"another", 0.05)
    await shared.put("other", b"third", 60)
    await shared.put("never", b"kept", 0)
    assert await shared.get("task:1") == b"an answer\0\xff"
    assert await shared.get("never") is None
    time.sleep(0.08)
    assert await shared.get("task:2") is None
    assert await shared.forget("task:") == 1
    assert await shared.get("task:1") is None
    assert await shared.get("other") == b"third"
    await shared.put("*", b"star", 60)
    assert await shared.forget("*") == 1, "a prefix is text, and no pattern"
    assert await shared.get("other") == b"third"
    await shared.close()


async def test_without_being_asked_for_the_cache_keeps_nothing(prefix, shared):
    await shared.put("key", b"a prompt", 60)
    assert await shared.get("key") is None
    client = redis.Redis.from_url(ADDRESS)
    assert list(client.scan_iter(match=f"{prefix}*")) == []
    client.close()


# Without Redis


async def test_without_redis_nothing_is_shared_and_nothing_is_raised():
    shared = SharedState(NOWHERE, cache=True)
    assert not await shared.reachable()
    assert await shared.take("a", "one", requests_per_minute=1) is None
    await shared.settle("a", "one", 5)
    await shared.throttle("a", 5)
    await shared.publish_breaker(a_standing())
    assert await shared.breakers(Source.LIVE) == {}
    assert await shared.claim_probe("gpt-5", 5), "each process probes for itself"
    await shared.release_probe("gpt-5")
    await shared.put("key", b"value", 5)
    assert await shared.get("key") is None
    assert await shared.forget("") == 0
    assert shared.down_since is not None
    assert "Error" in shared.last_error
    await shared.close()


async def test_a_redis_that_hangs_costs_a_request_a_moment_once_a_second():
    import asyncio

    async def never(reader, writer):
        await reader.read()
        writer.close()

    server = await asyncio.start_server(never, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    shared = SharedState(f"redis://127.0.0.1:{port}/0", timeout=0.1)
    began = time.monotonic()
    for number in range(20):
        assert await shared.take("a", str(number), concurrent=1) is None
    assert time.monotonic() - began < 0.5
    assert shared.down_since is not None
    await shared.close()
    server.close()


async def test_redis_is_asked_again_later(prefix, monkeypatch):
    shared = SharedState(ADDRESS, prefix=prefix, timeout=5)
    ask, shared._take = shared._take, _Refusing()
    assert await shared.take("a", "one", concurrent=1) is None
    since = shared.down_since
    assert since is not None
    shared._take = ask
    assert await shared.take("a", "one", concurrent=1) is None, "left alone for a second"
    monkeypatch.setattr("orchestra_kit.store.shared._LEAVE_ALONE", 0.0)
    shared._leave_alone_until = 0.0
    assert await shared.take("a", "one", concurrent=1) == 0
    assert shared.down_since is None
    await shared.close()


class _Refusing:
    async def __call__(self, **_: object) -> object:
        raise redis.ConnectionError("refused")


def test_an_address_that_is_none_is_refused():
    with pytest.raises(StoreError, match="cannot be read") as refused:
        SharedState("http://ana:hunter2@host")
    assert "hunter2" not in str(refused.value)


def test_a_password_is_never_shown():
    shared = SharedState("redis://ana:hunter2@127.0.0.1:6390/3")
    assert shared.shown == "redis://127.0.0.1:6390/3"


def test_without_its_client_sharing_is_refused_with_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "redis.asyncio", None)
    with pytest.raises(StoreError, match=r"pip install 'orchestra_kit\[redis\]'"):
        SharedState(ADDRESS)


async def test_nothing_is_left_in_redis_for_ever(prefix, shared):
    await shared.take("a", "one", requests_per_minute=60, tokens_per_minute=60, tokens=900)
    await shared.throttle("b", 30)
    await shared.publish_breaker(a_standing())
    await shared.claim_probe("gpt-5", 5)
    client = redis.Redis.from_url(ADDRESS)
    keys = list(client.scan_iter(match=f"{prefix}*"))
    assert len(keys) == 6
    assert all(0 < client.ttl(key) <= 86_400 for key in keys)
    client.close()
