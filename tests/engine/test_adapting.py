"""Traffic that follows what deployments did lately, within the bounds that the policy sets."""

from __future__ import annotations

from collections import Counter

import pytest

from orchestra_kit.policy.policy import Policy
from tests.engine.small import POLICY, an_orchestra, told, well, write_policy

ADAPTING = """\
rules:
  - name: letters
    when: task == "letter"
    use: [first, second, third]
    because: all three write them well
"""


@pytest.fixture
def adapting(tmp_path):
    """Half of the letters follow what was seen; each deployment keeps at least two in a hundred."""
    write_policy(tmp_path)
    text = POLICY.replace(
        "    is: a letter\n",
        "    is: a letter\n    adapt: {within: 0.5, floor: 0.02, half_life: 10m}\n",
    ).replace("budgets:\n", f"{ADAPTING}budgets:\n")
    (tmp_path / "orchestra.yaml").write_text(text, encoding="utf-8")
    return Policy.load(tmp_path)


def shares(orchestra, requests):
    chosen = Counter(
        orchestra.run_sync("Write", tier="best", task="letter").decision.choice
        for _ in range(requests)
    )
    return {name: chosen[name] / requests for name in ("first", "second", "third")}


def test_what_turns_slow_loses_traffic_and_keeps_its_floor(adapting):
    async def slow(call, clock):
        await clock.sleep(9)
        await clock.sleep(2)  # beyond the task's 10 s
        return await well(call, clock)

    with an_orchestra(adapting) as orchestra:
        before = shares(orchestra, 300)
        usual = max(before, key=before.get)
        told(orchestra).doings[usual] = slow
        shares(orchestra, 100)
        after = shares(orchestra, 300)
        assert after[usual] < before[usual] - 0.1
        assert all(share >= 0.005 for share in after.values())
        assert after[usual] > 0.4  # never more than half is moved


def test_every_decision_carries_the_probability_of_its_choice(adapting):
    with an_orchestra(adapting) as orchestra:
        for _ in range(60):
            decision = orchestra.run_sync("Write", tier="best", task="letter").decision
            assert 0.02 <= decision.propensity <= 1
