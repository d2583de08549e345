"""An answer is given again to exactly the same question, and to nothing else."""

from __future__ import annotations

import asyncio
import dataclasses
import secrets
from decimal import Decimal
from types import MappingProxyType

import pytest

from orchestra_kit import Orchestra
from orchestra_kit.core.answer import Call, Source
from orchestra_kit.core.errors import AttemptOutcome, FailureClass, ProviderError, StoreError
from orchestra_kit.core.request import Request
from orchestra_kit.engine import answer_cache
from orchestra_kit.engine.answer_cache import NOT_ASKED_BY, key_of
from orchestra_kit.engine.rendering import first_call
from orchestra_kit.policy.policy import Policy
from orchestra_kit.routing.classification import Classifier
from orchestra_kit.routing.snapshot import Snapshot
from orchestra_kit.shipped import path
from orchestra_kit.store import schema
from orchestra_kit.store.answers import AnswersInMemory
from orchestra_kit.store.shared import SharedState
from orchestra_kit.store.store import Store
from tests.engine.small import POLICY, Kept, an_orchestra, never, play, told, well, write_policy
from tests.faults.nemesis import write_policy as write_live_policy
from tests.loopback.faults import fault
from tests.loopback.server import LoopbackServer
from tests.store.sharing import ADDRESS

HOUR = 3600


def caching_policy(folder, cache="{ttl: 24h}", *changes):
    write_policy(folder)
    text = POLICY.replace("    is: a letter\n", f"    is: a letter\n    cache: {cache}\n")
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    (folder / "orchestra.yaml").write_text(text, encoding="utf-8")
    return Policy.load(folder)


@pytest.fixture
def policy(tmp_path):
    return caching_policy(tmp_path)


def ask(orchestra, text="Write to Ann", **asked):
    asked = {"tier": "basic", "task": "letter", **asked}
    return orchestra.handle(orchestra.request(text, **asked))


def asked(orchestra, *texts, **more):
    async def one_by_one():
        return [await ask(orchestra, text, **more) for text in texts]

    return play(orchestra, one_by_one())


def at_once(orchestra, number, **more):
    async def together():
        return await asyncio.gather(*(ask(orchestra, **more) for _ in range(number)))

    return play(orchestra, together())


# What is given again


def test_without_a_word_of_the_policy_nothing_is_given_again(small):
    with an_orchestra(small) as orchestra:
        _first, second = asked(orchestra, "Write to Ann", "Write to Ann")
        assert second.repeats is None
        assert len(told(orchestra).sent) == 2


def test_the_same_question_is_paid_once(policy):
    with an_orchestra(policy) as orchestra:
        first, second = asked(orchestra, "Write to Ann", "Write to Ann")
        assert len(told(orchestra).sent) == 1
        assert first.repeats is None
        assert first.cost_avoided is None
        assert second.answered
        assert (second.text, second.model, second.deployment) == (
            first.text, first.model, first.deployment,
        )  # fmt: skip
        assert second.score == first.score
        assert second.cost == 0
        assert second.cost_avoided == first.cost > 0
        assert second.attempts == ()
        assert second.tier_of_chain == 0
        assert second.seconds == 0
        assert second.repeats is not None
        assert "repeated from 2026-11-18" in second.table().to_text()


def test_a_repeated_answer_spends_nothing_and_is_no_sign_of_health(policy):
    with an_orchestra(policy) as orchestra:
        asked(orchestra, "Write to Ann")
        before = [standing.spent for standing in orchestra.budgets.standings(orchestra.clock.now())]
        asked(orchestra, *["Write to Ann"] * 10)
        after = [standing.spent for standing in orchestra.budgets.standings(orchestra.clock.now())]
        assert after == before


def test_an_answer_is_fresh_for_its_time_and_then_made_anew(policy):
    with an_orchestra(policy) as orchestra:

        async def a_day():
            made = await ask(orchestra)
            await orchestra.clock.sleep(24 * HOUR - 10)
            late = await ask(orchestra)
            await orchestra.clock.sleep(20)
            return made, late, await ask(orchestra)

        made, late, anew = play(orchestra, a_day())
        assert made.repeats is None
        assert late.repeats is not None
        assert anew.repeats is None
        assert anew.cost > 0


def test_what_is_forgotten_is_made_anew(policy):
    with an_orchestra(policy) as orchestra:
        asked(orchestra, "Write to Ann", "Write to Bob")
        assert play(orchestra, orchestra.forget_answers("letter")) == 2
        assert asked(orchestra, "Write to Ann")[0].repeats is None


# Metamorphic: whatever differs is another question


SAME = {"user": "ann", "team": "red", "parameters": {"temperature": 0.2}}
OTHER = [
    {"text": "Write to Ann "},
    {"text": "write to Ann"},
    {"tier": "best"},
    {"user": "bob"},
    {"team": "blue"},
    {"session": "s1"},
    {"session_turns": 1},
    {"parameters": {}},
    {"parameters": {"temperature": 0.3}},
    {"parameters": {"temperature": 0.2, "tool_choice": "none"}},
    {"parameters": {"temperature": 0.2, "system": "You are terse."}},
    {"requires": ["temperature"]},
    {"attachments": ["text/plain"]},
    {"data": "personal"},
]
ALIKE = [
    {"feature": "mail"},
    {"workflow": "blog"},
    {"within": 30.0},
    {"approved": True},
]


@pytest.mark.parametrize("other", OTHER, ids=str)
def test_another_question_gets_an_answer_of_its_own(tmp_path, other):
    serving = "second: {provider: anthropic, model: second-1, key: none}"
    policy = caching_policy(
        tmp_path,
        "{ttl: 24h}",
        ("first-1, key: none", "first-1, key: none, data: personal"),
        (serving, serving.replace("key: none", "key: none, region: eu")),
        ("first-1: {context_window", "first-1: {reads: [text], context_window"),
    )
    with an_orchestra(policy) as orchestra:
        play(orchestra, ask(orchestra, **SAME))
        different = {**SAME, **other}
        text = different.pop("text", "Write to Ann")
        assert play(orchestra, ask(orchestra, text, **different)).repeats is None
        assert play(orchestra, ask(orchestra, **SAME)).repeats is not None


@pytest.mark.parametrize("alike", ALIKE, ids=str)
def test_what_changes_nothing_in_the_answer_is_the_same_question(policy, alike):
    with an_orchestra(policy) as orchestra:
        play(orchestra, ask(orchestra, **SAME))
        assert play(orchestra, ask(orchestra, **SAME, **alike)).repeats is not None


def test_every_field_of_a_request_is_judged_by_one_of_the_tests_above():
    varied = {name for change in (*OTHER, *ALIKE) for name in change}
    given = {"id", "arrived", "task", "region", "mended"}
    assert {field.name for field in dataclasses.fields(Request)} - given == varied


def test_whatever_is_sent_is_part_of_the_key(policy, monkeypatch):
    with an_orchestra(policy) as orchestra:
        request = orchestra.request("Write to Ann", tier="basic", task="letter")
        decision = orchestra.router.decide(request, Snapshot(today=request.arrived.date()))
    call = first_call(policy, request, decision)
    key = key_of(policy, Source.LIVE, request, decision)
    for field in dataclasses.fields(Call):
        value = getattr(call, field.name)
        changed = (
            MappingProxyType({"changed": 1})
            if isinstance(value, dict | MappingProxyType)
            else value + 1
            if isinstance(value, int)
            else f"{value}, changed"
        )
        another = dataclasses.replace(call, **{field.name: changed})
        monkeypatch.setattr(answer_cache, "first_call", lambda *_, another=another: another)
        same = key_of(policy, Source.LIVE, request, decision) == key
        assert same == (field.name in NOT_ASKED_BY), field.name


def test_the_source_the_region_the_model_and_the_version_are_part_of_the_key(tmp_path):
    (tmp_path / "a").mkdir()
    policy, changed = caching_policy(tmp_path / "a"), {}
    for name, change in {
        "price": ("$1, basic", "$2, basic"),
        "served as": ("model: first-1, key", "served_as: first-1b, model: first-1, key"),
        "parameters": ("first-1, key: none", "first-1, key: none, parameters: {top_p: 0.5}"),
    }.items():
        folder = tmp_path / name
        folder.mkdir()
        changed[name] = caching_policy(folder, "{ttl: 24h}", change)
    with an_orchestra(policy) as orchestra:
        request = orchestra.request("Write to Ann", tier="basic", task="letter")
        snapshot = Snapshot(today=request.arrived.date())
        decision = orchestra.router.decide(request, snapshot)
        without = Snapshot(today=snapshot.today, unavailable={"first": "it is down"})
        fallback = orchestra.router.decide(request, without)
    assert decision.choice != fallback.choice
    keys = [key_of(policy, Source.LIVE, request, decision)]
    keys.append(key_of(policy, Source.SIMULATED, request, decision))
    keys.append(key_of(policy, Source.LIVE, request, fallback))
    keys.append(key_of(policy, Source.LIVE, dataclasses.replace(request, region="eu"), decision))
    keys += [key_of(other, Source.LIVE, request, decision) for other in changed.values()]
    assert None not in keys
    assert len(set(keys)) == len(keys) == 7


@pytest.mark.parametrize(("shared_by", "users", "teams"), [
    ("user", False, False), ("team", True, False), ("everyone", True, True),
])  # fmt: skip
def test_who_may_share_is_said_by_the_policy(tmp_path, shared_by, users, teams):
    policy = caching_policy(tmp_path, f"{{ttl: 24h, shared_by: {shared_by}}}")
    with an_orchestra(policy) as orchestra:
        play(orchestra, ask(orchestra, user="ann", team="red"))
        other_user = play(orchestra, ask(orchestra, user="bob", team="red"))
        other_team = play(orchestra, ask(orchestra, user="eve", team="blue"))
    assert (other_user.repeats is not None, other_team.repeats is not None) == (users, teams)


@pytest.mark.parametrize(
    "parameter",
    [object(), {1: 2, "a": 3}, {1, 2}, Decimal(1)],
    ids=["object", "mixed keys", "set", "decimal"],
)
def test_what_cannot_be_written_down_is_never_the_same(policy, parameter):
    with an_orchestra(policy) as orchestra:
        first, second = asked(orchestra, "Write", "Write", parameters={"thing": parameter})
        assert first.answered
        assert second.answered
        assert second.repeats is None


# What is never kept


async def cut_off(call, clock):
    answer = await well(call, clock)
    return dataclasses.replace(answer, text="It goes on and on and", finish="length")


async def with_tools(call, clock):
    return dataclasses.replace(await well(call, clock), finish="tool_calls")


async def poor(call, clock):
    answer = await well(call, clock)
    return dataclasses.replace(answer, score=dataclasses.replace(answer.score, value=0.1))


async def refused(call, clock):
    raise ProviderError("no", failure=FailureClass.CONTENT, outcome=AttemptOutcome.REFUSED)


async def broken(call, clock):
    raise ProviderError("no", failure=FailureClass.SERVER, outcome=AttemptOutcome.FAILED)


@pytest.mark.parametrize("doing", [cut_off, with_tools, poor, refused])
def test_what_is_not_whole_and_good_is_not_kept(policy, doing):
    everyone = dict.fromkeys(("first", "second", "third"), doing)
    with an_orchestra(policy) as orchestra:
        told(orchestra).doings.update(everyone)
        asked(orchestra, "Write to Ann")
        told(orchestra).doings.clear()
        assert asked(orchestra, "Write to Ann")[0].repeats is None


def test_what_a_fallback_said_does_not_outlive_its_hour(policy):
    with an_orchestra(policy) as orchestra:
        told(orchestra).doings["first"] = broken
        (reply,) = asked(orchestra, "Write to Ann")
        assert reply.deployment == "second"
        told(orchestra).doings.clear()
        (reply,) = asked(orchestra, "Write to Ann")
        assert (reply.deployment, reply.repeats) == ("first", None)


def test_a_stream_is_kept_when_it_is_whole_and_shown_at_once_when_it_is_repeated(policy):
    async def read(orchestra):
        words = []
        async with orchestra.stream("Write to Ann", tier="basic", task="letter") as stream:
            words = [word async for word in stream]
        return "".join(words), stream.reply

    with an_orchestra(policy) as orchestra:
        text, made = play(orchestra, read(orchestra))
        again, repeated = play(orchestra, read(orchestra))
        (plain,) = asked(orchestra, "Write to Ann")
    assert text == again == plain.text == made.text
    assert made.repeats is None
    assert repeated.repeats is not None
    assert plain.repeats is not None


# One flight


def test_of_equal_requests_at_once_one_is_sent(policy):
    with an_orchestra(policy) as orchestra:
        replies = at_once(orchestra, 50)
        assert len(told(orchestra).sent) == 1
        assert sum(reply.repeats is None for reply in replies) == 1
        assert {reply.text for reply in replies} == {"by first"}
        paid = sum((reply.cost for reply in replies), Decimal(0))
        assert paid == max(reply.cost for reply in replies)
        assert len({reply.request_id for reply in replies}) == 50


def test_when_the_one_that_asks_fails_the_others_ask_for_themselves(policy):
    first_time = True

    async def fails_once(call, clock):
        nonlocal first_time
        if first_time:
            first_time = False
            await clock.sleep(1)
            return await refused(call, clock)
        return await well(call, clock)

    with an_orchestra(policy) as orchestra:
        told(orchestra).doings["first"] = fails_once
        replies = at_once(orchestra, 5)
        assert sum(reply.answered for reply in replies) == 4
        assert len(told(orchestra).sent) == 5


def test_when_the_one_that_asks_is_cancelled_the_others_ask_for_themselves(policy):
    async def scene():
        first = asyncio.create_task(ask(orchestra))
        others = [asyncio.create_task(ask(orchestra)) for _ in range(3)]
        await orchestra.clock.sleep(0.5)
        first.cancel()
        return await asyncio.gather(*others)

    with an_orchestra(policy) as orchestra:
        assert all(reply.answered for reply in play(orchestra, scene()))


def test_nobody_waits_for_another_beyond_half_of_the_time(policy):
    with an_orchestra(policy) as orchestra:
        told(orchestra).doings.update(dict.fromkeys(("first", "second", "third"), never))

        async def scene():
            first = asyncio.create_task(ask(orchestra))
            await orchestra.clock.sleep(0.1)
            second = asyncio.create_task(ask(orchestra, within=10.0))
            await orchestra.clock.sleep(3)
            told(orchestra).doings.clear()
            reply = await second
            first.cancel()
            return reply

        reply = play(orchestra, scene())
        assert reply.answered
        assert reply.repeats is None
        assert 5.0 <= reply.seconds <= 10.0


# Where they are kept


def test_an_answer_outlives_its_process_and_the_books_tell_it_from_others(policy, tmp_path):
    place = tmp_path / "store.db"
    with an_orchestra(policy, store=place) as orchestra:
        (made,) = asked(orchestra, "Write to Ann")
    with an_orchestra(policy, store=place, seed=8) as orchestra:
        (again,) = asked(orchestra, "Write to Ann")
        assert told(orchestra).sent == []
    assert again.repeats is not None
    with Store.open(place) as store:
        rows = store.rows(schema.requests.select().order_by(schema.requests.c.repeats.desc()))
        known = {row.id: row for row in rows}
        kept = known[again.request_id]
        assert (kept.cost, kept.cost_avoided, kept.attempts) == (0, made.cost, 0)
        assert (kept.repeats, kept.chain_tier, kept.deployment) == (again.repeats, 0, "first")
        assert (known[made.request_id].repeats, known[made.request_id].cost_avoided) == (None, None)
        assert len(store.rows(schema.attempts.select())) == 1


@pytest.fixture
def prefix():
    redis = pytest.importorskip("redis", reason="needs redis: pip install 'orchestra_kit[redis]'")
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


def live(folder, server, **options):
    write_live_policy(folder, server.url)
    file = folder / "orchestra.yaml"
    text = file.read_text().replace(
        "    is: a letter\n", "    is: a letter\n    cache: {ttl: 1h}\n"
    )
    file.write_text(text)
    classifier = Classifier.load(path("examples/contentforge/classifier.json"))
    return Orchestra(Policy.load(folder), backend="live", classifier=classifier, **options)


async def test_two_services_share_their_answers_through_redis(tmp_path, prefix):
    states = [SharedState(ADDRESS, prefix=prefix, timeout=5, cache=True) for _ in range(2)]
    with LoopbackServer(lambda received: fault("ok")(received)).on_thread() as server:
        one, other = (live(tmp_path, server, shared=state, store=Kept()) for state in states)
        made = await one.run("Write to Ann", tier="basic", task="letter")
        again = await other.run("Write to Ann", tier="basic", task="letter")
        assert made.repeats is None
        assert again.repeats is not None
        assert again.text == made.text
        assert len(server.requests) == 1
        assert await other.forget_answers() == 1
        anew = await one.run("Write to Ann", tier="basic", task="letter")
        assert anew.repeats is None
        for orchestra, state in zip((one, other), states, strict=True):
            await orchestra.close()
            await state.close()


async def test_without_redis_the_store_still_has_them(tmp_path):
    with LoopbackServer(lambda received: fault("ok")(received)).on_thread() as server:
        for expected in (1, 1):
            async with live(
                tmp_path, server, shared="redis://127.0.0.1:6390/0", store=tmp_path / "store.db"
            ) as orchestra:
                assert (await orchestra.run("Write", tier="basic", task="letter")).answered
            assert len(server.requests) == expected


async def test_a_store_that_fails_costs_no_answer(policy):
    class Failing(AnswersInMemory):
        async def get(self, key, now):
            raise StoreError("no")

        async def put(self, answer, now):
            raise StoreError("no")

    with an_orchestra(policy) as orchestra:
        orchestra._answers._places = [Failing()]
        first, second = asked(orchestra, "Write", "Write")
        assert first.answered
        assert second.answered
