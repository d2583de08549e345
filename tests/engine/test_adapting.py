"""Traffic that follows what deployments did lately, within the bounds that the policy sets."""

from __future__ import annotations

from collections import Counter

import pytest

from orchestra_kit.core.errors import AttemptOutcome, FailureClass, ProviderError
from orchestra_kit.policy.policy import Policy
from orchestra_kit.store.store import Store
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


async def refusing(call, clock):
    await clock.sleep(0.5)
    raise ProviderError("no", failure=FailureClass.BAD_REQUEST, outcome=AttemptOutcome.REFUSED)


@pytest.fixture
def guarded(adapting):
    """The same, with a guardrail on failures of letters and one on those of speeches."""
    path = adapting.folder / "orchestra.yaml"
    rails = "guardrails:\n" + "".join(
        f"  - {{watch: failures, task: {task}, over: 0.05}}\n" for task in ("letter", "speech")
    )
    text = path.read_text(encoding="utf-8").replace("budgets:\n", f"{rails}budgets:\n")
    path.write_text(text, encoding="utf-8")
    return Policy.load(adapting.folder)


def test_a_guardrail_that_moved_requests_break_switches_the_adaptation_off(guarded, tmp_path):
    with Store.open(tmp_path / "store.db") as store:
        with an_orchestra(guarded, store=store) as orchestra:
            usual = orchestra.explain("Write", tier="best", task="letter").planned[0]
            for name in {"first", "second", "third"} - {usual}:
                told(orchestra).doings[name] = refusing
            replies = [orchestra.run_sync("Write", tier="best", task="letter") for _ in range(600)]
            failed = [n for n, reply in enumerate(replies) if not reply.answered]
            assert all(replies[n].decision.moved for n in failed)
            assert 1 <= len(failed) <= 20
            after = replies[failed[-1] + 1 :]
            assert len(after) > 100
            assert {reply.decision.choice for reply in after} == {usual}
            assert {reply.decision.propensity for reply in after[1:]} == {1.0}
        (change,) = [c for c in store.changes() if c.kind == "adaptation_off"]
        assert (change.what, change.by) == ("letter", "guard of failures of letter")
        assert "failures" in change.because


def test_what_goes_wrong_where_the_rules_send_it_is_not_held_against_an_adaptation(guarded):
    with an_orchestra(guarded) as orchestra:
        usual = orchestra.explain("Write", tier="best", task="letter").planned[0]
        told(orchestra).doings[usual] = refusing
        after = shares(orchestra, 400)
        assert after[usual] < 1  # what did well still gets the part that may be moved


def test_another_version_of_the_policy_adapts_again(guarded):
    with an_orchestra(guarded) as orchestra:
        usual = orchestra.explain("Write", tier="best", task="letter").planned[0]
        for name in {"first", "second", "third"} - {usual}:
            told(orchestra).doings[name] = refusing
        shares(orchestra, 400)
        assert shares(orchestra, 50)[usual] == 1
        told(orchestra).doings.clear()
        orchestra.promote(guarded, because="the others are mended", by="ann")
        assert shares(orchestra, 200)[usual] < 0.95
