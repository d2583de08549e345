"""A spend budget over a period: hand-worked, and against the router under a downgrade."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from orchestra_kit.core.errors import TableError
from orchestra_kit.core.request import Request
from orchestra_kit.outcomes.tuning.policy_replay import PolicyReplay
from orchestra_kit.outcomes.tuning.prompts import ARRIVES
from orchestra_kit.outcomes.tuning.spend import BudgetReplay, Phase, spend_course
from orchestra_kit.policy.schema import Budget
from orchestra_kit.routing.classification import Classifier
from orchestra_kit.routing.router import Router
from orchestra_kit.routing.snapshot import Snapshot
from tests.outcomes.tuning.small import made_up, policy_in

BY_HAND = BudgetReplay(
    Budget.model_validate({"name": "month", "limit": "$10", "per": "month"}),
    (Phase(0.0, 0.8, False, 0.9, 0.1), Phase(0.8, 1.0, True, 0.7, 0.05),
     Phase(1.0, 1.2, True, 0.7, 0.05)),
    200.0,
)  # fmt: skip


def test_a_period_by_hand() -> None:
    """$8 answer 80 at $0.10, $2 answer 40 at $0.05, $2 more 40 of them; 40 of 200 wait."""
    found = BY_HAND.at()
    assert found.shares == pytest.approx((0.4, 0.2, 0.2))
    assert found.waiting == pytest.approx(0.2)
    assert found.spent == pytest.approx(12.0)
    assert found.quality == pytest.approx((80 * 0.9 + 80 * 0.7) / 160)


def test_a_wide_limit_changes_nothing() -> None:
    found = BY_HAND.at(1000.0)
    assert found.shares == pytest.approx((1.0, 0.0, 0.0))
    assert found.waiting == 0
    assert found.quality == pytest.approx(0.9)


def test_more_money_never_makes_more_wait() -> None:
    waiting = [BY_HAND.at(limit).waiting for limit in np.linspace(0.5, 40, 60)]
    assert (np.diff(waiting) <= 1e-12).all()


@pytest.fixture(scope="module")
def replay(tmp_path_factory: pytest.TempPathFactory) -> PolicyReplay:
    folder = tmp_path_factory.mktemp("spend")
    policy = policy_in(
        folder / "policy",
        **{"confidence < 0.4": "confidence < 0.4 || (budget_left < 0.5 && code)"},
    )
    return PolicyReplay.of(made_up(folder), policy, progress=False)


def test_a_downgrade_is_that_of_the_router(replay: PolicyReplay) -> None:
    policy, there = replay.policy, replay.under(budget_left=0.1, downgrade=True)
    router = Router(policy, Classifier.load(policy.classifier_path), seed=0, explore=False)
    on = policy.capabilities.measured
    for case in range(0, len(there.case), 3):
        request = Request(
            id="r", text=there.grid.prompts[there.query[case]], tier=there.tiers[case // there.n],
            arrived=datetime(on.year, on.month, on.day, ARRIVES, tzinfo=UTC),
        )  # fmt: skip
        decision = router.decide(request, Snapshot(today=on, budget_left=0.1, downgrade=True))
        table, chain = there.chains.table, there.today.chain[case]
        assert bool(there.today.review[case]) == decision.review
        if not decision.review:
            names = list(policy.deployments)
            mine = [names[d] for d in table.deployment[chain] if d >= 0]
            assert mine == list(decision.chain)


def test_rules_that_read_what_is_left_make_phases(replay: PolicyReplay) -> None:
    found = spend_course(replay, "monthly", requests_per_week=1000)
    assert [phase.begins for phase in found.phases] == [0.0, 0.5, 0.8, 1.0]
    assert [phase.downgrade for phase in found.phases] == [False, False, True, True]
    assert found.at(0.01).waiting > found.at(5.0).waiting
    assert "waits for approval" in found.at().table().to_text()


def test_an_unknown_budget_is_refused(replay: PolicyReplay) -> None:
    with pytest.raises(TableError, match="no spend budget “weekly”"):
        spend_course(replay, "weekly", requests_per_week=10)
