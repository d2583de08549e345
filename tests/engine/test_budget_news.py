"""What operators hear of spend budgets: each step once, in order, and again in the next window."""

from __future__ import annotations

import pytest

from orchestra_kit.core.reply import ReplyStatus
from orchestra_kit.policy.policy import Policy
from tests.engine.small import POLICY, Kept, an_orchestra, write_policy


@pytest.fixture
def thrifty(tmp_path):
    """A budget of two hundred letters a day; each may cost ten times what it does."""
    write_policy(tmp_path)
    others = "      - {use: second, timeout: 15s}\n      - {use: third, timeout: 10s}\n"
    budget = "- {name: day, limit: $0.20, per: day}"
    text = POLICY.replace("- {name: month, limit: $300, per: month}", budget).replace(others, "")
    (tmp_path / "orchestra.yaml").write_text(text, encoding="utf-8")
    return Policy.load(tmp_path)


def written(orchestra, times):
    return [orchestra.run_sync("Write", tier="basic", task="letter") for _ in range(times)]


def heard(kept):
    return [notice.kind for notice in kept.notices if notice.kind.startswith("budget_")]


def test_each_step_is_told_once_and_in_order(thrifty):
    kept = Kept()
    with an_orchestra(thrifty, store=kept) as orchestra:
        replies = written(orchestra, 220)
        orchestra.clock.run_sync(orchestra.clock.sleep(8 * 3600))
        replies += written(orchestra, 20)
    assert heard(kept) == sorted(set(heard(kept)), key=heard(kept).index)
    assert heard(kept)[:3] == ["budget_note", "budget_downgrade", "budget_throttle"]
    spent = sum(reply.cost for reply in replies)
    assert spent <= thrifty.file.budgets[0].limit * 12 / 10


def test_the_next_window_is_told_of_anew(thrifty):
    kept = Kept()
    with an_orchestra(thrifty, store=kept) as orchestra:
        written(orchestra, 120)
        orchestra.clock.run_sync(orchestra.clock.sleep(86_400))
        written(orchestra, 120)
    assert heard(kept).count("budget_note") == 2


def test_what_waits_for_approval_says_so_and_goes_when_it_is_given(thrifty):
    with an_orchestra(thrifty) as orchestra:
        replies = written(orchestra, 220)
        waits = replies[-1]
        assert waits.status is ReplyStatus.QUEUED
        assert "approval" in waits.text
        assert orchestra.run_sync("Write", tier="basic", task="letter", approved=True).answered
