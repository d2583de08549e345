"""A session goes on where its beginning is cached, unless another is better all the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestra_kit.core.decision import Classification, Decision
from orchestra_kit.policy.policy import Policy
from orchestra_kit.routing.affinity import affinity_key, warm_tokens
from orchestra_kit.routing.context import measure
from orchestra_kit.routing.router import Router
from tests.routing.small import POLICY, PRICES, a_request, a_snapshot, write_policy


def decide(policy: Policy, text: str = "A letter", **changes: object) -> Decision:
    snapshot = changes.pop("snapshot", a_snapshot())
    request = a_request(text, **{"task": "letter", **changes})
    return Router(policy, None, seed=1).decide(request, snapshot)


def test_the_key_of_a_request_is_its_session() -> None:
    assert affinity_key(a_request(session="s_1")) == "s_1"
    assert affinity_key(a_request()) == ""


def test_a_later_turn_finds_more_of_its_prompt_in_the_cache() -> None:
    def tokens(turns: int) -> tuple[int, int]:
        request = a_request("Write a letter about tea. " * 40, session_turns=turns)
        context = measure(request, Classification("letter", 1.0), budget_left=1.0)
        return warm_tokens(context), context.tokens

    first, whole = tokens(0)
    assert first == tokens(1)[0] == whole // 2
    assert tokens(9)[0] == whole * 9 // 10


def test_the_warm_one_of_equal_deployments_goes_first_for_sure(twins: Policy) -> None:
    loads = {"twin-1": 1.0, "twin-2": 50.0}
    decision = decide(twins, snapshot=a_snapshot(loads=loads, warm="twin-2"))
    assert decision.chain[0] == "twin-2"
    assert decision.propensity == 1.0
    assert "twin-2 still has this session in its cache" in decision.because


@pytest.mark.parametrize(
    "state", [{"busy": {"twin-2": 4.0}}, {"unavailable": {"twin-2": "breaker open"}}]
)
def test_a_session_leaves_a_warm_deployment_that_cannot_take_it(
    twins: Policy, state: dict[str, object]
) -> None:
    decision = decide(twins, snapshot=a_snapshot(warm="twin-2", **state))
    assert decision.choice == "twin-1"
    assert "in its cache" not in decision.because


def test_among_scored_candidates_the_cache_counts_by_what_it_saves(
    policy: Policy,
) -> None:
    text = "A letter about source code. " + "The story so far. " * 600
    snapshot = a_snapshot(warm="strong")

    def cost(warm: str) -> float:
        decision = decide(policy, text, session_turns=9, snapshot=a_snapshot(warm=warm))
        return next(c.cost for c in decision.candidates if c.deployment == "strong") or 0.0

    tokens = decide(policy, text, session_turns=9).context.tokens
    # Nine tenths of the prompt at $0.50 for a million instead of $2.
    assert cost("") - cost("strong") == pytest.approx(tokens * 9 // 10 * 1.5e-6)
    # `light` is far cheaper even so, and the tier wants cheap: the session moves.
    assert decide(policy, text, tier="cheap", session_turns=9, snapshot=snapshot).choice == "light"


def test_a_warm_cache_keeps_a_session_where_the_scores_are_close(tmp_path: Path) -> None:
    text = POLICY.replace("use: [light, strong, spare]", "use: [middling, spare]")
    cached = PRICES.replace(
        "spare-1: [{from: 2026-01-01, input: $1,",
        "spare-1: [{from: 2026-01-01, input: $1, cached: $0.10,",
    )
    policy = write_policy(tmp_path, orchestra=text.replace("explore: 0.1", "explore: 0.0"),
                          prices=cached)  # fmt: skip
    ask = "A letter about source code. " + "The story so far. " * 200
    assert decide(policy, ask, session_turns=3).choice == "middling"
    assert decide(policy, ask, session_turns=3, snapshot=a_snapshot(warm="spare")).choice == "spare"
