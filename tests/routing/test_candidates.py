from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from orchestra_kit.core.decision import Candidate, Classification
from orchestra_kit.policy.policy import Policy
from orchestra_kit.routing.candidates import Candidates
from orchestra_kit.routing.context import measure
from orchestra_kit.routing.snapshot import Snapshot
from tests.routing.small import POLICY, a_request, a_snapshot, write_policy


def judged(
    policy: Policy, snapshot: Snapshot, text: str = "Write a letter about tea"
) -> dict[str, Candidate]:
    context = measure(a_request(text), Classification("letter", 1.0), budget_left=1.0)
    named = set(policy.deployments) - {"spare"}
    found = Candidates(policy).judge(context, snapshot, named, "the chain of letter")
    return {candidate.deployment: candidate for candidate in found}


def test_every_deployment_appears_once_with_a_score_or_a_reason(policy: Policy) -> None:
    found = judged(policy, a_snapshot(unavailable={"light": "breaker open"}))
    assert list(found) == list(policy.deployments)
    for candidate in found.values():
        assert (candidate.score is None) == bool(candidate.dropped_because)


@pytest.mark.parametrize(
    ("deployment", "reason"),
    [
        ("painter", "makes image, this task needs text"),
        ("voice", "makes audio, this task needs text"),
        ("gone", "gone-1 is retired since 2026-11-23"),
        ("banned", "banned-1 is disqualified for letter"),
        ("fresh", "was never measured at letter"),
        ("spare", "not named by the chain of letter"),
        ("light", "breaker open"),
        ("unpriced", "its price is not known, and a spend budget is on"),
    ],
)
def test_the_reason_for_dropping_is_the_right_one(
    policy: Policy, deployment: str, reason: str
) -> None:
    snapshot = a_snapshot(unavailable={"light": "breaker open"}, needs_price=True)
    assert judged(policy, snapshot)[deployment].dropped_because == reason


def test_a_request_that_does_not_fit_the_context_window_is_not_sent_there(
    policy: Policy,
) -> None:
    assert judged(policy, a_snapshot())["tiny"].score is not None
    long = judged(policy, a_snapshot(), "Write a letter about tea. " * 100)["tiny"]
    assert "its context window holds 4,100" in long.dropped_because


def test_a_model_is_out_from_the_day_of_its_retirement(policy: Policy) -> None:
    candidates = Candidates(policy)
    context = measure(a_request(), Classification("letter", 1.0), budget_left=1.0)

    def reason(day: int) -> str:
        snapshot = Snapshot(today=date(2026, 11, day))
        found = candidates.judge(context, snapshot, set(policy.deployments), "")
        return next(c.dropped_because for c in found if c.deployment == "leaving")

    assert reason(23) == ""
    assert reason(24) == "leaving-1 is retired since 2026-11-24"
    assert reason(23) == ""


def test_an_unknown_price_is_shown_as_unknown_and_scored_where_no_budget_is_on(
    policy: Policy,
) -> None:
    free = judged(policy, a_snapshot())["unpriced"]
    assert free.cost is None
    assert free.score is not None
    for snapshot in (
        a_snapshot(needs_price=True),
        a_snapshot(priced_tasks=frozenset({"letter"})),
    ):
        assert judged(policy, snapshot)["unpriced"].score is None
    other = a_snapshot(priced_tasks=frozenset({"speech"}))
    assert judged(policy, other)["unpriced"].score is not None


def test_a_downgrade_moves_the_scores_of_dear_ones_most(policy: Policy) -> None:
    plain, saving = judged(policy, a_snapshot()), judged(policy, a_snapshot(downgrade=True))

    def loss(name: str) -> float:
        return (plain[name].score or 0.0) - (saving[name].score or 0.0)

    assert loss("strong") > loss("light") > 0


def test_a_tier_that_weighs_value_scores_by_what_the_task_is_worth_to_it(tmp_path: Path) -> None:
    text = POLICY.replace(
        "best: {quality: 1.0, cost: 0.1, latency: 0.2}",
        "best: {quality: 1.0, cost: 0.1, latency: 0.2, value: 0.5}",
    )
    plain = judged(write_policy(tmp_path), a_snapshot())
    minded = judged(write_policy(tmp_path, orchestra=text), a_snapshot())
    for name, candidate in plain.items():
        if candidate.score is None or candidate.cost is None:
            continue
        # An accepted letter is worth a dollar to this tier.
        profit = (candidate.quality or 0.0) - candidate.cost
        assert (minded[name].score or 0.0) - candidate.score == pytest.approx(0.5 * profit)
