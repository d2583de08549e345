from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestra_kit.core.decision import Decision, Override
from orchestra_kit.core.errors import InvalidRequestError, PolicyError
from orchestra_kit.core.ids import stable_seed
from orchestra_kit.policy.policy import Policy
from orchestra_kit.routing.classification import Calibration, Classifier
from orchestra_kit.routing.router import Router
from tests.routing.small import POLICY, a_request, a_snapshot, write_policy

UNSURE = Calibration(temperature=1.0, offset=-20.0, slope=0.0)
SURE = Calibration(temperature=1.0, offset=20.0, slope=0.0)


def classifier(calibration: Calibration, favourite: float = 9.0) -> Classifier:
    return Classifier(
        tasks=("letter", "picture", "speech"),
        weights={"letter": (1.0, (favourite, 0.0, 0.0)), "~<le": (1.0, (0.0, 0.0, 0.0))},
        bias=(0.0, 0.0, 0.0),
        calibration=calibration,
        digest="",
    )


def decide(policy: Policy, text: str = "A letter about tea", **changes: object) -> Decision:
    """A decision on a declared letter, exploring switched off unless the seed is given."""
    snapshot = changes.pop("snapshot", a_snapshot())
    seed = changes.pop("seed", QUIET)
    request = a_request(text, **{"task": "letter", **changes})
    return Router(policy, None, seed=seed).decide(request, snapshot)


def _quiet_seed() -> int:
    return next(s for s in range(99) if stable_seed("explore", s, "req_1") / 2**64 > 0.5)


QUIET = _quiet_seed()


def test_without_a_matching_rule_the_tasks_chain_applies_in_its_order(policy: Policy) -> None:
    decision = decide(policy)
    assert decision.rule == "default chain"
    assert decision.chain == decision.planned == ("strong", "middling", "light")
    assert decision.choice == "strong"


def test_the_first_rule_that_holds_decides_and_the_chain_stands_behind_it(policy: Policy) -> None:
    decision = decide(policy, "Write 3,000 words of python code for a letter")
    assert (decision.rule, decision.because) == ("long", "it keeps the thread")
    assert decision.chain == ("spare", "strong", "middling")


def test_of_several_that_a_rule_names_the_best_scored_is_chosen_by_tier(policy: Policy) -> None:
    text = "A letter about source code"
    assert decide(policy, text, tier="best").choice == "strong"
    assert decide(policy, text, tier="cheap").choice == "light"


def test_under_a_downgrade_cost_counts_double(policy: Policy) -> None:
    text = "A letter about source code"
    dear = decide(policy, text, tier="cheap").candidates
    saving = decide(policy, text, tier="cheap", snapshot=a_snapshot(downgrade=True)).candidates
    by_task = a_snapshot(downgraded_tasks=frozenset({"letter"}))
    assert saving == decide(policy, text, tier="cheap", snapshot=by_task).candidates
    assert dear != saving


def test_under_a_downgrade_a_chain_is_tried_by_score_and_that_is_said(policy: Policy) -> None:
    router, thrifty = Router(policy, None, seed=7, explore=False), a_snapshot(downgrade=True)
    request = a_request(task="letter", tier="cheap")
    assert router.decide(request, a_snapshot()).chain == ("strong", "middling", "light")
    decision = router.decide(request, thrifty)
    assert decision.chain == decision.planned == ("light", "middling", "strong")
    assert "a spend budget asks for cheaper choices" in decision.because
    of_task = a_snapshot(downgraded_tasks=frozenset({"letter"}))
    assert router.decide(request, of_task).chain == decision.chain
    best = router.decide(a_request(task="letter", tier="best"), thrifty)
    scores = {c.deployment: c.score for c in best.candidates}
    assert list(best.chain) == sorted(best.chain, key=lambda name: -scores[name])


def test_under_a_downgrade_a_rule_that_names_one_and_an_override_stand(policy: Policy) -> None:
    router, thrifty = Router(policy, None, seed=7, explore=False), a_snapshot(downgrade=True)
    long = router.decide(a_request("Write 3,000 words", task="letter", tier="cheap"), thrifty)
    assert long.chain == ("spare", "light", "middling")
    override = Override(
        id="o", use="strong", until=datetime(2027, 1, 1, tzinfo=UTC), because="a trial", by="ann"
    )
    decision = router.decide(
        a_request(task="letter", tier="cheap"), a_snapshot(downgrade=True, overrides=(override,))
    )
    assert decision.chain == ("strong", "middling", "light")


def test_where_none_of_a_rules_deployments_is_eligible_the_chain_applies_and_says_so(
    policy: Policy,
) -> None:
    decision = decide(policy, "A letter that explains a theorem")
    assert decision.rule == "odd"
    assert decision.chain == ("strong", "middling", "light")
    assert "fresh and gone and banned cannot be used now" in decision.because


def test_what_is_unavailable_is_skipped_and_the_plan_remembers_it(policy: Policy) -> None:
    snapshot = a_snapshot(unavailable={"strong": "breaker open"})
    decision = decide(policy, snapshot=snapshot)
    assert decision.chain == ("middling", "light")
    assert decision.planned == ("strong", "middling", "light")
    assert decision.tier_of("middling") == 1
    dropped = {c.deployment: c.dropped_because for c in decision.candidates}
    assert dropped["strong"] == "breaker open"


def test_with_nothing_eligible_the_chain_is_empty_and_nothing_raises(policy: Policy) -> None:
    everything = dict.fromkeys(policy.deployments, "isolated by hand")
    decision = decide(policy, snapshot=a_snapshot(unavailable=everything))
    assert decision.chain == ()
    assert decision.choice is None
    assert decision.propensity == 1.0
    assert decision.planned == ("strong", "middling", "light")
    assert "nothing that is named for it can be used now" in decision.because


def test_a_legacy_name_in_a_chain_means_its_successor(policy: Policy) -> None:
    decision = decide(policy, task="picture")
    assert decision.chain == ("painter",)
    link = Router(policy, None, seed=0).link("picture", "painter")
    assert (link.use, link.timeout) == ("painter", 20.0)


def test_a_deployment_that_only_a_rule_names_inherits_the_first_links_terms(
    policy: Policy,
) -> None:
    router = Router(policy, None, seed=0)
    inherited, own = router.link("letter", "spare"), router.link("letter", "light")
    assert (inherited.use, inherited.timeout, inherited.when) == (
        "spare", 20.0, ("timeout", "rate"),
    )  # fmt: skip
    assert own == policy.tasks["letter"].chain[2]


def test_a_declared_task_is_taken_at_its_word(policy: Policy) -> None:
    found = decide(policy, "Draw a fox").classification
    assert (found.task, found.confidence, found.by) == ("letter", 1.0, "sender")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"task": "leter"}, "There is no task “leter” in this policy. Did you mean “letter”?"),
        ({"task": "?"}, "Known are: letter, picture, speech."),
        ({"tier": "gold"}, "There is no tier “gold” in this policy. Known are: best, cheap."),
        ({"text": " \n\t"}, "The request is empty."),
        ({"text": ""}, "The request is empty."),
    ],
)
def test_a_request_that_cannot_be_served_says_what_is_wrong(
    policy: Policy, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        Router(policy, None, seed=0).decide(
            a_request(**{"task": "letter", **changes}), a_snapshot()
        )
    assert message in str(caught.value)


def test_a_hostile_task_name_is_shown_without_its_controls(policy: Policy) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        decide(policy, task="\x1b[31m\u202e" + "x" * 10_000)
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_an_unsure_classification_goes_to_a_person_whatever_the_rules_say(
    policy: Policy,
) -> None:
    router = Router(policy, classifier(UNSURE), seed=QUIET)
    decision = router.decide(a_request("A letter of 3,000 words"), a_snapshot())
    assert decision.review
    assert decision.rule == "confidence floor"
    assert "33% sure, below the policy's 75%" in decision.because
    assert (decision.chain, decision.planned, decision.propensity) == ((), (), 1.0)


def test_a_rule_that_asks_for_review_gives_its_own_name_and_reason(policy: Policy) -> None:
    router = Router(policy, classifier(UNSURE), seed=QUIET)
    text = "Écris un letter sur le thé pour nos clients"
    decision = router.decide(a_request(text), a_snapshot())
    assert decision.review
    assert (decision.rule, decision.because) == ("secret", "Ann reads it")


def test_a_sure_classification_is_routed(policy: Policy) -> None:
    router = Router(policy, classifier(SURE), seed=QUIET)
    decision = router.decide(a_request("A letter about tea"), a_snapshot())
    assert not decision.review
    assert decision.classification.by == "classifier"
    assert decision.chain == ("strong", "middling", "light")


def test_without_a_classifier_an_undeclared_task_says_how_to_mend_it(policy: Policy) -> None:
    with pytest.raises(PolicyError, match=r"has not been trained; run `orchestra train"):
        Router(policy, None, seed=0).decide(a_request(), a_snapshot())


def test_the_tightest_budget_of_the_decided_task_is_what_conditions_see(policy: Policy) -> None:
    snapshot = a_snapshot(budget_left=0.9, task_budget_left={"letter": 0.2, "speech": 0.1})
    assert decide(policy, snapshot=snapshot).context.budget_left == 0.2


def _decisions(policy: Policy, n: int, **snapshot: object) -> list[Decision]:
    router = Router(policy, None, seed=7)
    known = a_snapshot(**snapshot)
    return [router.decide(a_request(id=f"req_{i}", task="letter"), known) for i in range(n)]


def test_exploring_chooses_evenly_as_often_as_the_task_allows(policy: Policy) -> None:
    n = 6000
    chosen = Counter(d.choice for d in _decisions(policy, n))
    # One request in ten explores, evenly among three: each other one gets 1/30, give or take
    # four standard errors.
    spread = 4 * (n * (1 / 30) * (29 / 30)) ** 0.5
    assert set(chosen) == {"strong", "middling", "light"}
    assert abs(chosen["middling"] - n / 30) < spread
    assert abs(chosen["light"] - n / 30) < spread


def test_the_propensity_is_exact_and_sums_to_one_over_the_choices(policy: Policy) -> None:
    propensity = {d.choice: d.propensity for d in _decisions(policy, 600)}
    assert propensity["strong"] == pytest.approx(0.9 + 0.1 / 3)
    assert propensity["middling"] == propensity["light"] == pytest.approx(0.1 / 3)
    assert sum(propensity.values()) == pytest.approx(1.0)


def test_an_exploring_choice_heads_chain_and_plan_and_is_explained(policy: Policy) -> None:
    explored = next(
        d
        for d in _decisions(policy, 600, unavailable={"middling": "breaker open"})
        if d.choice == "light"
    )
    assert explored.chain == ("light", "strong")
    assert explored.planned == ("light", "strong", "middling")
    assert explored.propensity == pytest.approx(0.05)
    assert "light goes before strong this time" in explored.because


def test_a_choice_without_alternative_is_certain(policy: Policy) -> None:
    out = {"middling": "breaker open", "light": "breaker open"}
    assert {d.propensity for d in _decisions(policy, 50, unavailable=out)} == {1.0}


def test_the_same_request_and_seed_give_the_same_decision_and_other_seeds_others(
    policy: Policy,
) -> None:
    assert _decisions(policy, 200) == _decisions(policy, 200)
    other = Router(policy, None, seed=8)
    again = [
        other.decide(a_request(id=f"req_{i}", task="letter"), a_snapshot()) for i in range(200)
    ]
    assert [d.choice for d in _decisions(policy, 200)] != [d.choice for d in again]


def test_the_decision_carries_what_is_needed_to_value_it_again(policy: Policy) -> None:
    decision = decide(policy)
    assert (decision.policy, decision.policy_hash, decision.seed) == (
        "small", policy.hash, QUIET,
    )  # fmt: skip
    assert {c.deployment for c in decision.candidates} == set(policy.deployments)
    assert decision.request_id == "req_1"


def test_a_decision_without_unavailable_deployments_plans_what_it_does(policy: Policy) -> None:
    for decision in _decisions(policy, 100):
        assert decision.planned == decision.chain


def test_no_chain_is_longer_than_three_or_names_a_deployment_twice(policy: Policy) -> None:
    texts = ("A letter", "3,000 words", "source code", "a theorem", "urgent letter")
    for text in texts:
        for i in range(40):
            chain = decide(policy, text, id=f"r{i}", seed=i).chain
            assert len(chain) <= 3
            assert len(set(chain)) == len(chain)


def test_a_task_without_rules_still_has_a_decision(tmp_path: Path) -> None:
    bare = POLICY[: POLICY.index("rules:")]
    policy = write_policy(tmp_path, orchestra=bare)
    decision = decide(policy, "hello", task="speech")
    assert decision.chain == ("voice",)
    assert replace(decision, rule="x") != decision
