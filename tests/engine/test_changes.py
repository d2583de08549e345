"""A promotion, watched while it is young and undone where a guardrail is passed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from orchestra_kit import Policy
from orchestra_kit.core.errors import ConfigError
from orchestra_kit.core.reply import Reply, ReplyStatus
from orchestra_kit.engine.changes import SETTLES_AFTER, Rollout, RolloutState, adaptation_off
from tests.engine.small import NOON, POLICY, an_orchestra, write_policy

GUARDRAILS = "guardrails:\n  - {watch: failures, over: 0.05}\n"


def version(folder, text: str) -> Policy:
    folder.mkdir()
    write_policy(folder)
    (folder / "orchestra.yaml").write_text(text, encoding="utf-8")
    return Policy.load(folder)


@pytest.fixture(scope="module")
def before(tmp_path_factory) -> Policy:
    return version(tmp_path_factory.mktemp("before") / "policy", POLICY + GUARDRAILS)


@pytest.fixture(scope="module")
def after(tmp_path_factory) -> Policy:
    text = POLICY.replace("deadline: 60s", "deadline: 50s") + GUARDRAILS
    return version(tmp_path_factory.mktemp("after") / "policy", text)


def reply_by(policy: Policy) -> Reply:
    with an_orchestra(policy) as orchestra:
        return orchestra.run_sync("Write a letter", tier="best", task="letter")


@pytest.fixture
def rollout(before, after) -> Rollout:
    return Rollout(before, after, because="a shorter deadline", by="ann", at=NOON)


def test_the_journal_says_who_promoted_what_and_why(rollout, before, after):
    made = rollout.promotion
    assert (made.kind, made.what, made.by, made.because) == (
        "promotion", "small", "ann", "a shorter deadline",
    )  # fmt: skip
    assert (made.before, made.after, made.at) == (before.hash, after.hash, NOON)
    assert before.hash != after.hash


def test_where_requests_fail_the_version_before_comes_back_once(rollout, before, after):
    failed = replace(reply_by(after), status=ReplyStatus.UNAVAILABLE, attempts=())
    later = NOON + timedelta(minutes=1)
    told = [change for _ in range(50) if (change := rollout.observe(failed, later)) is not None]
    assert len(told) == 1
    assert (told[0].kind, told[0].what, told[0].at) == ("rollback", "small", later)
    assert (told[0].before, told[0].after) == (after.hash, before.hash)
    assert told[0].by == "guard of failures"
    assert "more than 5.0%" in told[0].because
    assert rollout.state is RolloutState.UNDONE
    assert rollout.breach is not None


def test_what_was_decided_by_the_version_before_says_nothing_of_the_new_one(rollout, before):
    failed = replace(reply_by(before), status=ReplyStatus.UNAVAILABLE, attempts=())
    assert [c for _ in range(200) if (c := rollout.observe(failed, NOON))] == []
    assert rollout.state is RolloutState.WATCHED


def test_a_version_that_did_well_for_long_enough_is_watched_no_longer(rollout, after):
    well = reply_by(after)
    failed = replace(well, status=ReplyStatus.UNAVAILABLE, attempts=())
    for _ in range(SETTLES_AFTER):
        assert rollout.state is RolloutState.WATCHED
        assert rollout.observe(well, NOON) is None
    assert rollout.state is RolloutState.SETTLED
    assert [c for _ in range(100) if (c := rollout.observe(failed, NOON))] == []


def test_a_version_without_guardrails_is_held_to_those_of_the_one_before(before, tmp_path):
    bare = version(tmp_path / "policy", POLICY)
    rollout = Rollout(before, bare, because="fewer lines", by="ann", at=NOON)
    failed = replace(reply_by(bare), status=ReplyStatus.UNAVAILABLE, attempts=())
    assert [c.kind for _ in range(50) if (c := rollout.observe(failed, NOON))] == ["rollback"]


@pytest.mark.parametrize("missing", ["because", "by"])
def test_a_promotion_needs_a_reason_and_somebody_who_asks_for_it(before, after, missing):
    given = {"because": "why", "by": "ann", missing: "  "}
    with pytest.raises(ConfigError, match="needs a"):
        Rollout(before, after, at=NOON, **given)


def test_the_journal_says_why_adaptation_was_switched_off(rollout, after):
    failed = replace(reply_by(after), status=ReplyStatus.UNAVAILABLE, attempts=())
    while rollout.breach is None:
        rollout.observe(failed, NOON)
    change = adaptation_off("letter", rollout.breach, NOON)
    assert (change.kind, change.what, change.by) == (
        "adaptation_off",
        "letter",
        "guard of failures",
    )
    assert change.because == rollout.breach.sentence()
