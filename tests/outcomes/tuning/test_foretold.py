"""A policy with a model of success: what it foretells decides in the replay as in the router."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestra_kit.core.ids import stable_seed
from orchestra_kit.core.request import Request
from orchestra_kit.outcomes.tuning.policy_replay import PolicyReplay
from orchestra_kit.policy.editing import with_settings
from orchestra_kit.routing.classification import Classifier
from orchestra_kit.routing.router import Router
from orchestra_kit.routing.snapshot import Snapshot
from orchestra_kit.routing.success import Expectation, SuccessModel
from tests.outcomes.tuning.small import made_up, policy_in


class Foretelling:
    """Foretells anything, always the same of the same text."""

    models = ("large", "middle", "small")

    def expect(self, text: str, tasks: object) -> Expectation:
        chances = {name: stable_seed(name, text) % 1000 / 1000 for name in self.models}
        return Expectation(chances, 100 * (1 - max(chances.values())))


@pytest.mark.parametrize("settings", [{}, {"rules.0.when.1": 10.0, "tiers.basic.quality": 1.0}])
def test_the_replay_decides_by_what_is_foretold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, float]
) -> None:
    policy = policy_in(tmp_path / "policy", **{"complexity >= 22": "difficulty >= 22"})
    policy.success_path.write_text("{}", "utf-8")
    monkeypatch.setattr(SuccessModel, "load", lambda path: Foretelling())
    replay = PolicyReplay.of(made_up(tmp_path), policy, progress=False)
    new = with_settings(policy, settings)
    router = Router(
        new, Classifier.load(policy.classifier_path), seed=0, explore=False, success=Foretelling()
    )
    at, on = replay.at(settings), policy.capabilities.measured
    names, differs = list(policy.deployments), set()
    for case in range(len(replay.case)):
        request = Request(
            id="r", text=replay.grid.prompts[replay.query[case]],
            tier=replay.tiers[case // replay.n], arrived=datetime(2026, 11, 23, 12, tzinfo=UTC),
        )  # fmt: skip
        decision = router.decide(request, Snapshot(today=on))
        assert bool(at.review[case]) == decision.review
        if not decision.review:
            links = replay.chains.table.deployment[at.chain[case]]
            assert [names[link] for link in links if link >= 0] == list(decision.chain)
            differs.add(decision.chain)
    assert len(differs) > 3
