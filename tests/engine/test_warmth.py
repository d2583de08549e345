"""Sessions stay where the provider still has their beginning in its prompt cache, and no longer."""

from __future__ import annotations

from collections import Counter

import pytest

from orchestra_kit.core.errors import AttemptOutcome, FailureClass, ProviderError
from orchestra_kit.policy.policy import Policy
from tests.engine.small import CAPABILITIES, POLICY, an_orchestra, told, write_policy

SESSIONS = [f"ses_{number}" for number in range(30)]
CELL = "{quality: 0.9, quality_low: 0.8, quality_high: 1.0, p50: 2, p95: 4, n: 10}"


@pytest.fixture
def twins(tmp_path):
    """Two deployments of the first model, each of which keeps prompts for five minutes."""
    write_policy(tmp_path)
    twin = "{provider: openai, model: first-1, key: none, prompt_cache: 5m}\n"
    text = (
        POLICY.replace("{use: first, timeout", "{use: first-1, timeout")
        .replace("  first: {provider: openai, model: first-1, key: none}\n", f"  first: {twin}")
        .replace("  second: {provider", f"  other: {twin}  second: {{provider")
    )
    (tmp_path / "orchestra.yaml").write_text(text, encoding="utf-8")
    cells = CAPABILITIES + f"  other:\n    letter: {CELL}\n"
    (tmp_path / "capabilities.yaml").write_text(cells, encoding="utf-8")
    return Policy.load(tmp_path)


def a_turn(orchestra, turns):
    """The next turn of every session: who answered each."""
    return {
        session: orchestra.run_sync(
            "Write", tier="best", task="letter", session=session, session_turns=turns
        ).deployment
        for session in SESSIONS
    }


def test_every_session_stays_where_it_began_while_the_load_is_shared(twins):
    with an_orchestra(twins) as orchestra:
        first = a_turn(orchestra, 0)
        assert min(Counter(first.values())[name] for name in ("first", "other")) >= 5
        assert a_turn(orchestra, 1) == first
        assert a_turn(orchestra, 2) == first


def test_after_the_cache_has_expired_the_load_decides_again(twins):
    with an_orchestra(twins) as orchestra:
        first = a_turn(orchestra, 0)
        orchestra.clock.run_sync(orchestra.clock.sleep(301))
        assert a_turn(orchestra, 1) != first


def test_each_turn_keeps_the_cache_for_its_time_anew(twins):
    with an_orchestra(twins) as orchestra:
        first = a_turn(orchestra, 0)
        for turn in range(1, 4):
            orchestra.clock.run_sync(orchestra.clock.sleep(200))
            assert a_turn(orchestra, turn) == first


def test_a_session_leaves_a_warm_deployment_whose_breaker_is_open_and_stays_away(twins):
    async def down(call, clock):
        raise ProviderError("no", failure=FailureClass.SERVER, outcome=AttemptOutcome.FAILED)

    with an_orchestra(twins) as orchestra:
        a_turn(orchestra, 0)
        told(orchestra).doings["first"] = down
        a_turn(orchestra, 1)
        assert "first" in orchestra.health.unavailable()
        del told(orchestra).doings["first"]
        assert set(a_turn(orchestra, 2).values()) == {"other"}
