"""Requests that wait: shown, answered, approved."""

from __future__ import annotations

import json

import pytest

from orchestra_kit.core.reply import ReplyStatus
from orchestra_kit.engine.orchestra import Orchestra
from orchestra_kit.policy.policy import Policy
from orchestra_kit.providers.faults import FaultScript

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


def test_a_store_that_is_not_there_is_told_in_one_sentence(orchestra, tmp_path):
    ended = orchestra("queue", "list", "batch", "--store", tmp_path / "none.db")
    assert ended.status == 2
    assert "Traceback" not in ended.err
    assert len(ended.err.strip().splitlines()) == 1
