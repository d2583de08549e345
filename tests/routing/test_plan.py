"""A person's word replaces the rules for as long as it holds."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from orchestra_kit.core.decision import Decision, Override
from orchestra_kit.policy.policy import Policy
from orchestra_kit.routing.router import Router
from tests.routing.small import a_request, a_snapshot


def an_override(use: str = "middling", **changes: object) -> Override:
    given: dict[str, object] = {
        "id": "ovr_1",
        "use": use,
        "until": datetime(2026, 11, 23, 18, 30, tzinfo=UTC),
        "because": "the others are slow today",
        "by": "Ann",
        **changes,
    }
    return Override(**given)


def decide(policy: Policy, *overrides: Override, **changes: object) -> Decision:
    text = str(changes.pop("text", "A letter"))
    state = changes.pop("state", {})
    request = a_request(text, **{"task": "letter", **changes})
    return Router(policy, None, seed=1).decide(request, a_snapshot(overrides=overrides, **state))


def test_an_override_decides_who_is_first_and_the_chain_stands_behind_it(policy: Policy) -> None:
    decision = decide(policy, an_override(), text="A letter about source code")
    assert decision.rule == "override"
    assert decision.because == "the others are slow today (Ann, until 2026-11-23 18:30 UTC)"
    assert decision.chain == decision.planned == ("middling", "strong", "light")
    assert decision.propensity == 1.0


def test_an_override_is_certain_although_its_task_explores(policy: Policy) -> None:
    router = Router(policy, None, seed=1)
    snapshot = a_snapshot(overrides=(an_override(),))
    for number in range(200):
        decision = router.decide(a_request(id=f"r{number}", task="letter"), snapshot)
        assert (decision.choice, decision.propensity) == ("middling", 1.0)
    assert router.distribution(a_request(task="letter"), snapshot) == {"middling": 1.0}


@pytest.mark.parametrize(
    ("changes", "holds"),
    [
        ({}, True),
        ({"task": "letter"}, True),
        ({"task": "speech"}, False),
        ({"tier": "best"}, True),
        ({"tier": "cheap"}, False),
        ({"task": "letter", "tier": "cheap"}, False),
    ],
)
def test_an_override_covers_its_task_and_its_tier(
    policy: Policy, changes: dict[str, object], holds: bool
) -> None:
    decision = decide(policy, an_override(**changes))
    assert (decision.rule == "override") is holds
    assert "override" not in decision.because


def test_an_override_for_every_task_leaves_those_alone_that_it_cannot_serve(
    policy: Policy,
) -> None:
    decision = decide(policy, an_override(), task="speech")
    assert (decision.rule, decision.chain) == ("default chain", ("voice",))
    assert "override" not in decision.because


@pytest.mark.parametrize(
    ("override", "said"),
    [
        (an_override("banned"), "override to banned passed over: banned-1 is disqualified"),
        (an_override("light"), "override to light passed over: breaker open"),
        (an_override("nobody"), "override to nobody passed over: the policy has none"),
        (an_override("voice", task="letter"), "makes audio, this task needs text"),
    ],
)
def test_an_override_that_cannot_be_followed_is_passed_over_and_that_is_said(
    policy: Policy, override: Override, said: str
) -> None:
    state = {"unavailable": {"light": "breaker open"}}
    decision = decide(policy, override, state=state)
    assert decision.rule == "default chain"
    assert decision.because.startswith("no rule matches")
    assert said in decision.because


def test_the_first_override_that_can_be_followed_decides(policy: Policy) -> None:
    decision = decide(policy, an_override("banned"), an_override("spare"), an_override("light"))
    assert decision.choice == "spare"
    assert "override to banned passed over" in decision.because


def test_a_person_keeps_what_a_rule_hands_to_a_person(policy: Policy) -> None:
    decision = decide(policy, an_override(), text="Écris une lettre sur le thé pour nos clients")
    assert decision.review
    assert (decision.rule, decision.chain) == ("secret", ())


def test_an_override_stands_although_its_deployment_must_wait(policy: Policy) -> None:
    decision = decide(policy, an_override(), state={"busy": {"middling": 3.0}})
    assert decision.choice == "middling"


def test_an_override_to_a_model_means_any_of_its_deployments(twins: Policy) -> None:
    decision = decide(twins, an_override("twin"), state={"loads": {"twin-1": 9.0, "twin-2": 1.0}})
    assert decision.choice == "twin-2"
    assert decision.rule == "override"
