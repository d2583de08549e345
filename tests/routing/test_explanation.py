from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from orchestra_kit.core.decision import Classification, Override
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


def test_the_rules_tried_before_are_named_by_the_policy_that_decided(policy: Policy) -> None:
    router = Router(policy, None, seed=1)
    decision = router.decide(
        a_request("A letter about code, 50 words", task="letter"), a_snapshot()
    )
    shown = tree(decision, policy)
    assert "rule “secret” did not hold" in shown
    assert "rule “odd” did not hold" in shown
    decision = router.decide(a_request("A letter of 3,000 words", task="letter"), a_snapshot())
    shown = tree(decision, policy)
    assert "rule “secret” did not hold" in shown
    assert "rule “long” did not hold" not in shown
    assert "rule “odd”" not in shown
    other = replace(decision, policy_hash="another")
    assert "did not hold" not in tree(other, policy)


def test_rules_that_held_as_well_and_candidates_that_came_too_late_say_so(policy: Policy) -> None:
    request = a_request("A letter of 3,000 words, urgent", task="letter")
    decision = Router(policy, None, seed=1, explore=False).decide(request, a_snapshot())
    assert decision.chain == ("spare", "strong", "middling")
    shown = tree(decision, policy)
    assert "rule “tiny” held as well, and came later" in shown
    assert "light: score" in shown
    assert shown.count("comes after the 3 that are tried") == 1
    assert "comes after the 3 that are tried" in decision.table().to_text()


def test_a_rule_that_an_override_replaces_is_named(policy: Policy) -> None:
    override = Override(
        id="o", use="light", until=datetime(2026, 11, 24, tzinfo=UTC), because="a test", by="Ann"
    )
    request = a_request("A letter of 3,000 words", task="letter")
    decision = Router(policy, None, seed=1).decide(request, a_snapshot(overrides=(override,)))
    shown = tree(decision, policy)
    assert "rule “override”: a test (Ann, until 2026-11-24 00:00 UTC)" in shown
    assert "rule “long” held, and gave way" in shown


def test_what_else_than_the_rules_put_the_first_one_there_is_told(twins: Policy) -> None:
    request = a_request("A letter", task="letter")
    router = Router(twins, None, seed=1)
    loads = {"twin-1": 1.0, "twin-2": 9.0}
    for state, said in (
        ({"loads": loads}, "twin-1 by load, of twin-1 and twin-2"),
        ({"loads": loads, "warm": "twin-2"}, "twin-2 still has this session in its cache"),
        ({"busy": {"twin-1": 2.0, "twin-2": 3.0}}, "twin-1 has no room for 2.0 s"),
    ):
        assert said in tree(router.decide(request, a_snapshot(**state)))


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
