"""Requests that wait: shown, answered, approved."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import select

from orchestra_kit.core.reply import ReplyStatus
from orchestra_kit.engine.orchestra import Orchestra
from orchestra_kit.policy.policy import Policy
from orchestra_kit.providers.faults import FaultScript
from orchestra_kit.store import schema
from orchestra_kit.store.store import Store

EVERY_TIME = FaultScript.model_validate({"*": [{"kind": "server"}]})


@pytest.fixture
def store(contentforge, tmp_path):
    """A store in which two requests wait in the batch queue."""
    place = tmp_path / "store.db"
    policy = Policy.load(contentforge)
    with Orchestra(policy, store=place, seed=1, faults=EVERY_TIME) as orchestra:
        for text in ("Write a 1,500-word article on tea", "Write an article on clocks"):
            assert orchestra.run_sync(text, task="article").status is ReplyStatus.QUEUED
    return place


def test_what_waits_is_listed_with_its_text_and_why(orchestra, store):
    ended = orchestra("queue", "list", "batch", "--store", store)
    assert ended.status == 0
    assert "2 requests wait" in ended.out
    assert "article on tea" in ended.out
    found = json.loads(orchestra("queue", "list", "batch", "--store", store, "--json").out)
    assert [w["entry"]["task"] for w in found] == ["article", "article"]


def test_what_is_answered_leaves_the_queue(orchestra, store, contentforge):
    options = ("--store", store, "--policy", contentforge, "--backend", "simulated")
    ended = orchestra("queue", "run", "batch", *options, "--number", 1)
    assert ended.status == 0, ended.err
    assert "1 of 1 requests were answered" in ended.out
    ended = orchestra("queue", "run", "batch", *options, "--json")
    assert [reply["status"] for reply in json.loads(ended.out)] == ["answered"]
    assert "0 requests wait" in orchestra("queue", "list", "batch", "--store", store).out


def test_what_else_was_asked_binds_whoever_answers_later(orchestra, contentforge, tmp_path):
    place = tmp_path / "store.db"
    asked = {
        "user": "ann", "team": "red", "feature": "blog", "session": "s1", "session_turns": 3,
        "parameters": {"temperature": 0.2}, "requires": ["temperature"],
    }  # fmt: skip
    with Orchestra(Policy.load(contentforge), store=place, seed=1, faults=EVERY_TIME) as engine:
        reply = engine.run_sync("Write an article on tea", task="article", tier="basic", **asked)
        assert reply.status is ReplyStatus.QUEUED
    with Store.open(place) as store:
        (waiting,) = store.open_queue("batch")
    assert waiting.entry.asked == asked
    options = ("--store", place, "--policy", contentforge, "--backend", "simulated")
    assert orchestra("queue", "run", "batch", *options).status == 0
    with Store.open(place) as store:
        requests = schema.requests.c
        query = select(requests.user, requests.team, requests.feature, requests.session)
        assert store.rows(query) == [("ann", "red", "blog", "s1")] * 2


def test_nobody_answers_later_from_where_it_may_not_be(orchestra, contentforge, tmp_path):
    place = tmp_path / "store.db"
    with Orchestra(Policy.load(contentforge), store=place, seed=1) as engine:
        reply = engine.run_sync("Write an article on tea", task="article", region="mars")
        assert not reply.answered
    options = ("--store", place, "--policy", contentforge, "--backend", "simulated")
    assert orchestra("queue", "run", "batch", *options, "--json").status == 1


def test_a_store_that_is_not_there_is_told_in_one_sentence(orchestra, tmp_path):
    ended = orchestra("queue", "list", "batch", "--store", tmp_path / "none.db")
    assert ended.status == 2
    assert "Traceback" not in ended.err
    assert len(ended.err.strip().splitlines()) == 1
