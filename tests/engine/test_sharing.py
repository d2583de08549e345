"""Two services beside each other and one Redis: limits hold for both, an outage is found once."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import asynccontextmanager

import pytest

from orchestra_kit import Orchestra, Policy
from orchestra_kit.core.errors import ConfigError
from orchestra_kit.resilience.breaker import BreakerState
from orchestra_kit.routing.classification import Classifier
from orchestra_kit.shipped import path
from orchestra_kit.store.shared import SharedState
from tests.engine.small import Kept, an_orchestra
from tests.faults.nemesis import write_policy
from tests.loopback.faults import fault
from tests.loopback.server import LoopbackServer
from tests.store.sharing import ADDRESS

redis = pytest.importorskip("redis", reason="needs redis: pip install 'orchestra_kit[redis]'")


@pytest.fixture
def prefix():
    client = redis.Redis.from_url(ADDRESS, socket_connect_timeout=1)
    try:
        client.ping()
    except redis.ConnectionError:
        pytest.skip("needs a Redis server at 127.0.0.1:6379")
    name = f"orchestra_test_{secrets.token_hex(4)}"
    yield name
    for key in client.scan_iter(match=f"{name}*"):
        client.delete(key)
    client.close()


@asynccontextmanager
async def two_services(folder, prefix, react, limits=""):
    """Two engines over one policy, each with its own connection to Redis."""
    with LoopbackServer(react).on_thread() as server:
        write_policy(folder, server.url)
        file = folder / "orchestra.yaml"
        file.write_text(file.read_text().replace("account: a}", f"account: a{limits}}}"))
        policy = Policy.load(folder)
        classifier = Classifier.load(path("examples/contentforge/classifier.json"))
        shared = [SharedState(ADDRESS, prefix=prefix, timeout=5) for _ in range(2)]
        made = [
            Orchestra(
                policy, backend="live", seed=n, store=Kept(), classifier=classifier, shared=state
            )
            for n, state in enumerate(shared)
        ]
        try:
            yield server, made
        finally:
            for orchestra, state in zip(made, shared, strict=True):
                await orchestra.close()
                await state.close()


def ask(orchestra):
    return orchestra.run("Write", tier="basic", task="letter")


async def test_a_limit_holds_for_both_together(tmp_path, prefix):
    def react(received):
        return fault("ok")(received)

    async with two_services(tmp_path, prefix, react, ", limits: {rpm: 60}") as (_, services):
        replies = await asyncio.gather(*(ask(services[n % 2]) for n in range(16)))
        by_first = [r for r in replies if r.deployment == "first"]
        assert all(reply.answered for reply in replies)
        assert 5 <= len(by_first) <= 6  # a burst of five, and a sixth if a second has passed


async def test_what_one_finds_out_the_other_need_not(tmp_path, prefix):
    def react(received):
        return fault("status:500" if received.json["model"] == "first-1" else "ok")(received)

    async with two_services(tmp_path, prefix, react) as (server, (one, other)):
        for _ in range(4):
            await ask(one)
        assert one.health.breakers["first"].state(one.clock.monotonic()) is BreakerState.OPEN
        before = len(server.requests)
        assert (await ask(other)).deployment == "second"
        assert len(server.requests) == before + 1


async def test_a_probe_that_says_nothing_leaves_its_place_to_the_other_process(tmp_path, prefix):
    busy = [True]

    def react(received):
        is_probe = received.json["model"] == "first-1" and busy[0]
        return fault("black_hole" if is_probe else "ok")(received)

    async with two_services(tmp_path, prefix, react) as (_, (one, other)):
        for service in (one, other):
            service.health.breakers["first"].isolate(service.clock.monotonic(), seconds=1e-6)
        probing = asyncio.create_task(ask(one))
        await asyncio.sleep(0.2)
        assert (await ask(other)).deployment == "second"  # the probe is on its way
        probing.cancel()
        await asyncio.gather(probing, return_exceptions=True)
        busy[0] = False
        assert (await ask(other)).deployment == "first"


async def test_a_429_closes_the_door_for_both(tmp_path, prefix):
    def react(received):
        name = "status:429,30" if received.json["model"] == "first-1" else "ok"
        return fault(name)(received)

    async with two_services(tmp_path, prefix, react) as (server, (one, other)):
        await ask(one)
        await ask(other)
        asked = [received.json["model"] for received in server.requests]
        assert asked == ["first-1", "second-1", "second-1"]


async def test_without_redis_each_goes_on_by_itself(tmp_path):
    with LoopbackServer().on_thread() as server:
        write_policy(tmp_path, server.url)
        async with Orchestra(
            Policy.load(tmp_path),
            backend="live",
            classifier=Classifier.load(path("examples/contentforge/classifier.json")),
            shared="redis://127.0.0.1:6390/0",
        ) as orchestra:
            assert (await ask(orchestra)).answered


def test_virtual_time_is_not_shared(small):
    with pytest.raises(ConfigError, match="real time"), an_orchestra(small, shared=ADDRESS):
        pass


async def test_a_breaker_is_remembered_by_the_store_and_the_probe_is_one_call(tmp_path):
    def react(received):
        return fault("status:500" if received.json["model"] == "first-1" else "ok")(received)

    with LoopbackServer(react).on_thread() as server:
        write_policy(tmp_path, server.url)
        options = {
            "backend": "live",
            "store": tmp_path / "store.db",
            "classifier": Classifier.load(path("examples/contentforge/classifier.json")),
        }
        async with Orchestra(Policy.load(tmp_path), **options) as orchestra:
            for _ in range(4):
                await ask(orchestra)
        before = len(server.requests)
        async with Orchestra(Policy.load(tmp_path), **options) as orchestra:
            breaker = orchestra.health.breakers["first"]
            assert breaker.state(orchestra.clock.monotonic()) is BreakerState.OPEN
            assert (await ask(orchestra)).deployment == "second"
        assert len(server.requests) == before + 1


async def test_a_key_that_was_mended_works_after_a_restart(tmp_path):
    wrong = [True]

    def react(received):
        refused = received.json["model"] == "first-1" and wrong[0]
        return fault("status:401" if refused else "ok")(received)

    with LoopbackServer(react).on_thread() as server:
        write_policy(tmp_path, server.url)
        options = {
            "backend": "live",
            "store": tmp_path / "store.db",
            "classifier": Classifier.load(path("examples/contentforge/classifier.json")),
        }
        for _ in range(2):
            async with Orchestra(Policy.load(tmp_path), **options) as orchestra:
                for _ in range(3):
                    assert (await ask(orchestra)).deployment != "first"
        asked = [received.json["model"] for received in server.requests]
        assert asked.count("first-1") == 2  # once in each process
        wrong[0] = False
        async with Orchestra(Policy.load(tmp_path), **options) as orchestra:
            assert (await ask(orchestra)).deployment == "first"
