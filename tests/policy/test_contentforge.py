"""The shipped example holds together: it loads, nothing in it contradicts the rest."""

from __future__ import annotations

from datetime import date

import pytest

from orchestra_kit.policy.check import check
from orchestra_kit.policy.policy import Policy
from orchestra_kit.policy.rule_space import survey
from orchestra_kit.shipped import path

WRITTEN = date(2026, 11, 23)


@pytest.fixture(scope="module")
def policy() -> Policy:
    return Policy.load(path("examples/contentforge/orchestra.yaml"))


def test_it_has_the_five_tasks_three_tiers_and_twenty_four_rules(policy: Policy) -> None:
    assert list(policy.tasks) == [
        "article", "social_post", "product_image", "illustration", "voice_over",
    ]  # fmt: skip
    assert list(policy.tiers) == ["premium", "standard", "basic"]
    assert len(policy.rules) == 24
    assert all(len(task.chain) == 3 for n, task in policy.tasks.items() if n != "voice_over")
    assert len(policy.tasks["voice_over"].chain) == 1
    assert [link.timeout for link in policy.tasks["article"].chain] == [30, 25, 20]


def test_its_own_analysis_finds_no_error_on_the_day_it_was_written(policy: Policy) -> None:
    assert [str(f) for f in check(policy, today=WRITTEN) if f.severity == "error"] == []


def test_every_rule_decides_something(policy: Policy) -> None:
    space = survey(policy)
    deciding = {space.first(n) for n in range(len(space.points))}
    assert [r.name for i, r in enumerate(policy.rules) if i not in deciding] == []


@pytest.mark.parametrize(
    ("legacy", "deployment"),
    [
        ("gpt-4", "gpt-sol"),
        ("claude-3.5-sonnet", "claude-sonnet"),
        ("gemini-1.5-pro", "gemini-pro"),
        ("dall-e-3", "gpt-image"),
        ("stable-diffusion-xl", "stable-diffusion"),
        ("eleven_monolingual_v1", "elevenlabs"),
    ],
)
def test_each_legacy_name_is_retired_and_has_a_successor(
    policy: Policy, legacy: str, deployment: str
) -> None:
    assert policy.retired(legacy, WRITTEN)
    assert policy.resolve(legacy) == deployment


def test_midjourney_is_done_by_hand_and_named_by_nothing(policy: Policy) -> None:
    assert policy.models["midjourney"].access == "manual"
    used = {use for rule in policy.rules for use in rule.use}
    assert "midjourney" not in used | set(policy.deployments)


def test_the_examples_are_plenty_and_each_belongs_to_one_task(policy: Policy) -> None:
    examples = {task: policy.examples(task) for task in policy.tasks}
    assert all(len(found) >= 60 for found in examples.values())
    everything = [line.lower() for found in examples.values() for line in found]
    assert len(set(everything)) == len(everything)
