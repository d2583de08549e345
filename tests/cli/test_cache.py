"""Kept answers: counted, and forgotten by task."""

from __future__ import annotations

import json

import pytest

from orchestra_kit.engine.orchestra import Orchestra
from orchestra_kit.policy.policy import Policy


@pytest.fixture
def store(contentforge, tmp_path):
    """A store that keeps the answers of two requests."""
    place = tmp_path / "store.db"
    file = contentforge / "orchestra.yaml"
    text = file.read_text(encoding="utf-8")
    before = "  social_post:\n"
    assert before in text
    file.write_text(text.replace(before, f"{before}    cache: {{ttl: 24h}}\n"), "utf-8")
    policy = Policy.load(contentforge)
    with Orchestra(policy, store=place, seed=1) as orchestra:
        for text in ("Write a post on tea", "Write a post on clocks"):
            assert orchestra.run_sync(text, task="social_post").answered
        assert orchestra.run_sync("Write a post on tea", task="social_post").repeats is not None
    return place


def test_kept_answers_are_counted_and_forgotten(orchestra, store):
    (found,) = json.loads(orchestra("cache", "list", "--store", store, "--json").out)
    assert (found["policy"], found["task"], found["answers"]) == ("contentforge", "social_post", 2)
    assert "2 answers are kept" in orchestra("cache", "list", "--store", store).out
    ended = orchestra("cache", "forget", "contentforge", "article", "--store", store)
    assert "0 answers of “article” of contentforge were forgotten" in ended.out
    ended = orchestra("cache", "forget", "contentforge", "--store", store, "--json")
    assert json.loads(ended.out)["forgotten"] == 2
    assert "0 answers are kept" in orchestra("cache", "list", "--store", store).out


def test_a_redis_that_does_not_answer_is_told_in_one_sentence(orchestra):
    ended = orchestra("cache", "forget", "small", "--shared", "redis://127.0.0.1:6390/0")
    assert ended.status == 2
    assert ended.err.startswith("orchestra: Redis at redis://127.0.0.1:6390/0 does not answer")
    assert len(ended.err.strip().splitlines()) == 1
