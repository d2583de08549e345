from __future__ import annotations

from dataclasses import replace

from orchestra_kit.core.decision import Classification
from orchestra_kit.policy.policy import Policy
from orchestra_kit.routing.explanation import tree
from orchestra_kit.routing.router import Router
from tests.routing.small import a_request, a_snapshot


def test_the_tree_names_the_rule_the_measures_every_deployment_and_every_reason(
    policy: Policy,
) -> None:
    snapshot = a_snapshot(unavailable={"light": "breaker open"})
    request = a_request("A letter of 3,000 words", task="letter")
    decision = Router(policy, None, seed=1).decide(request, snapshot)
    shown = tree(decision)
    assert "rule “long”: it keeps the thread" in shown
    assert "3,000 words asked for" in shown
    assert "light: breaker open" in shown
    assert "task letter, declared by the sender" in shown
    for name in policy.deployments:
        assert f"─ {name}: " in shown


def test_a_classified_task_shows_its_runner_up_and_review_says_that_nothing_is_called(
    policy: Policy,
) -> None:
    request = a_request("A letter", task="letter")
    decision = Router(policy, None, seed=1).decide(request, a_snapshot())
    found = Classification("letter", 0.6, {"letter": 0.6, "speech": 0.1, "picture": 0.3})
    shown = tree(replace(decision, classification=found, review=True, chain=()))
    assert "task letter, 60% sure; next picture at 30%" in shown
    assert "a person decides; nothing is called" in shown


def test_text_that_policies_and_senders_write_cannot_break_the_tree(policy: Policy) -> None:
    request = a_request("A letter", task="letter")
    decision = Router(policy, None, seed=1).decide(request, a_snapshot())
    hostile = replace(decision, rule="x\n\x1b[31m", because="a\u202eb\nc")
    shown = tree(hostile)
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert shown.count("\n") == tree(decision).count("\n")
