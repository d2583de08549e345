"""Answers that are kept: fresh or not at all, dropped by task, the same in every place."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal

import pytest

from orchestra_kit.core.clock import SystemClock
from orchestra_kit.core.errors import StoreError
from orchestra_kit.store import schema
from orchestra_kit.store.answers import (
    AnswersInMemory,
    AnswerStore,
    KeptAnswer,
    KeptForTask,
)
from orchestra_kit.store.export import export
from orchestra_kit.store.shared import SharedState
from orchestra_kit.store.shared_answers import SharedAnswers
from orchestra_kit.store.store import Store
from tests.store.sharing import ADDRESS
from tests.store.values import START

HOUR = timedelta(hours=1)


def an_answer(number: int = 1, **changed: object) -> KeptAnswer:
    task = changed.get("task", "letter")
    return dataclasses.replace(
        KeptAnswer(
            key=f"small:{task}:{number:064x}",
            source="live",
            policy="small",
            task="letter",
            deployment="first",
            model="first-1",
            at=START,
            until=START + HOUR,
            text="A letter, with “quotes” and 茶",
            quality=0.9,
            scorer="test",
            cost=Decimal("0.001234567"),
        ),
        **changed,
    )


@pytest.fixture(params=["memory", "sqlite", "postgresql", "redis"])
async def answers(request: pytest.FixtureRequest) -> AsyncIterator[AnswerStore]:
    if request.param == "memory":
        yield AnswersInMemory()
    elif request.param == "redis":
        state = SharedState(
            ADDRESS, prefix=request.getfixturevalue("prefix"), timeout=5, cache=True
        )
        yield SharedAnswers(state)
        await state.close()
    else:
        place = request.getfixturevalue("path" if request.param == "sqlite" else "server")
        with Store.open(str(place), durable=False) as store:
            yield store.answers(SystemClock())


async def test_what_is_kept_is_given_back_as_it_was(answers):
    kept = an_answer()
    assert await answers.get(kept.key, START) is None
    await answers.put(kept, START)
    assert await answers.get(kept.key, START) == kept
    assert await answers.get(an_answer(2).key, START) is None


async def test_an_unknown_cost_and_quality_stay_unknown(answers):
    kept = an_answer(cost=None, quality=None)
    await answers.put(kept, START)
    assert await answers.get(kept.key, START) == kept


async def test_what_has_ended_is_not_given_back(answers):
    kept = an_answer()
    await answers.put(kept, START)
    assert await answers.get(kept.key, kept.until - timedelta(microseconds=1)) == kept
    assert await answers.get(kept.key, kept.until) is None


async def test_when_the_clock_was_set_back_nobody_knows_how_old_an_answer_is(answers):
    kept = an_answer()
    await answers.put(kept, START)
    assert await answers.get(kept.key, START - HOUR) is None
    assert await answers.get(kept.key, START - timedelta(seconds=59)) == kept


async def test_a_later_answer_takes_the_place_of_an_earlier_one(answers):
    await answers.put(an_answer(), START)
    later = an_answer(text="another", at=START + HOUR / 2, until=START + 2 * HOUR)
    await answers.put(later, START + HOUR / 2)
    assert await answers.get(later.key, START + HOUR) == later


async def test_answers_are_dropped_by_task_or_by_policy(answers):
    for kept in (an_answer(1), an_answer(2), an_answer(3, task="poem"), an_answer(4, task="po*")):
        await answers.put(kept, START)
    assert await answers.forget("small", "letter") == 2
    assert await answers.get(an_answer(1).key, START) is None
    assert await answers.get(an_answer(3, task="poem").key, START) is not None
    assert await answers.forget("smal") == 0
    assert await answers.forget("small", "po*") == 1
    assert await answers.forget("small") == 1


async def test_memory_keeps_the_latest_and_not_without_bound():
    answers = AnswersInMemory()
    for number in range(40):
        await answers.put(an_answer(number, text="x" * 1_000_000), START)
    found = [await answers.get(an_answer(number).key, START) for number in range(40)]
    assert [answer is not None for answer in found] == [False] * 30 + [True] * 10
    huge = an_answer(99, text="x" * 20_000_000)
    await answers.put(huge, START)
    assert await answers.get(huge.key, START) is None


async def test_memory_lets_go_of_what_has_ended():
    answers = AnswersInMemory()
    await answers.put(an_answer(1), START)
    await answers.put(an_answer(2, until=START + 3 * HOUR), START + HOUR)
    assert await answers.forget("small") == 1


async def test_a_store_lets_go_of_what_has_ended_and_tells_what_it_keeps(any_store):
    answers = any_store.answers(SystemClock())
    await answers.put(an_answer(1), START)
    await answers.put(an_answer(2, until=START + 3 * HOUR), START + HOUR)
    assert len(any_store.rows(schema.answers.select())) == 1
    assert any_store.kept_answers(START) == (
        KeptForTask(policy="small", task="letter", source="live", answers=1, characters=29),
    )
    assert any_store.kept_answers(START + 3 * HOUR) == ()
    assert any_store.forget_answers("small", "letter") == 1


async def test_a_text_that_a_database_would_change_is_not_kept(any_store):
    answers = any_store.answers(SystemClock())
    for text in ("half \ud800", "nul \0"):
        await answers.put(an_answer(text=text), START)
        assert await answers.get(an_answer().key, START) is None


async def test_answers_outlive_their_process(path):
    with Store.open(path) as store:
        await store.answers(SystemClock()).put(an_answer(), START)
    with Store.open(path) as store:
        assert await store.answers(SystemClock()).get(an_answer().key, START) == an_answer()


async def test_a_store_that_was_closed_says_so(path):
    store = Store.open(path)
    answers = store.answers(SystemClock())
    store.close()
    with pytest.raises(StoreError, match="closed"):
        await answers.get(an_answer().key, START)


async def test_answers_are_in_no_export(path, tmp_path):
    with Store.open(path) as store:
        await store.answers(SystemClock()).put(an_answer(), START)
    done = export(path, tmp_path / "out", format="csv", progress=False)
    assert "answers.csv" not in done.rows


@pytest.mark.parametrize("value", [b"", b"{}", b"[1]", b'{"text": "torn', b"\xff\xfe"])
async def test_what_cannot_be_read_in_redis_is_nothing(prefix, value):
    state = SharedState(ADDRESS, prefix=prefix, timeout=5, cache=True)
    await state.put(an_answer().key, value, 60)
    assert await SharedAnswers(state).get(an_answer().key, START) is None
    await state.close()


async def test_redis_itself_forgets_at_the_end(prefix):
    state = SharedState(ADDRESS, prefix=prefix, timeout=5, cache=True)
    kept = an_answer(until=START + timedelta(seconds=90))
    await SharedAnswers(state).put(kept, START)
    assert 80_000 < await state._redis.pttl(f"{prefix}:cache:{kept.key}") <= 90_000
    await state.close()


async def test_a_redis_that_is_not_to_cache_keeps_nothing(shared):
    await SharedAnswers(shared).put(an_answer(), START)
    assert await SharedAnswers(shared).get(an_answer().key, START) is None
