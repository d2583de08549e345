"""The simulated backend: what a send yields, how often, how fast, and on what it depends.

Tolerances are four standard errors of the stated number of sends: with the seeds fixed these tests
always give the same verdict, and a backend that follows its profile fails one seed in 16,000.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from shutil import copytree
from statistics import fmean, pstdev

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from orchestra_kit.core.answer import Answer, Source
from orchestra_kit.core.errors import AttemptOutcome, ConfigError, FailureClass
from orchestra_kit.policy.policy import Policy
from orchestra_kit.providers.faults import FaultScript
from orchestra_kit.providers.simulated import Simulated, open_backend
from orchestra_kit.shipped import path
from tests.providers.assumed import (
    PAINTER,
    WRITER,
    a_clock,
    all_at_once,
    call,
    one_by_one,
    profiles,
    what,
)

SENDS = 4000
MEDIA = {"writer": "text", "painter": "image", "voice": "audio"}


def sent(calls, *, faults=None, seed=3, **deployments):
    """Every call at the same moment, each outcome with its seconds."""
    with a_clock() as clock:
        backend = Simulated(
            profiles(**deployments),
            clock=clock,
            seed=seed,
            faults=FaultScript.model_validate(faults or {}),
            media=MEDIA,
        )
        return all_at_once(backend, calls, clock)


def answer(**changes):
    ((found, _),) = sent([call(**changes)])
    assert isinstance(found, Answer)
    return found


def share_within(values, limit):
    return sum(value <= limit for value in values) / len(values)


def four_errors(share, n=SENDS):
    return 4 * math.sqrt(share * (1 - share) / n)


# ── What an outcome depends on ──────────────────────────────────────────────────────────────────


def test_an_outcome_depends_on_seed_request_deployment_and_attempt_and_on_nothing_else():
    base = call(1)
    with a_clock() as clock:
        one, two, other = (
            Simulated(profiles(writer=WRITER, twin=WRITER), clock=clock, seed=seed)
            for seed in (3, 3, 4)
        )
        again = replace(base, tier="premium", seed=99, model="writer-1")
        assert what(all_at_once(one, [base], clock)[0][0]) == what(
            all_at_once(two, [again], clock)[0][0]
        )
        changed = [
            all_at_once(other, [base], clock),
            all_at_once(one, [call(2)], clock),
            all_at_once(one, [call(1, attempt=1)], clock),
            all_at_once(one, [call(1, deployment="twin")], clock),
        ]
    scores = {found.score.value for ((found, _),) in changed}
    scores.add(answer(number=1).score.value)
    assert len(scores) == 5


@given(order=st.permutations(range(12)), together=st.booleans())
def test_neither_the_order_nor_the_company_of_sends_changes_what_they_yield(order, together):
    harsh = {**WRITER, "failures": {"server": 0.2, "rate": 0.2, "malformed": 0.2}}
    calls = [call(n // 2, attempt=n % 2) for n in range(12)]
    expected = [what(found) for found, _ in sent(calls, writer=harsh)]
    with a_clock() as clock:
        backend = Simulated(profiles(writer=harsh), clock=clock, seed=3, media=MEDIA)
        play = all_at_once if together else one_by_one
        found = play(backend, [calls[n] for n in order], clock)
    assert [what(outcome) for outcome, _ in found] == [expected[n] for n in order]


def test_it_says_that_it_is_simulated():
    assert Simulated.source is Source.SIMULATED
    found = answer()
    assert found.score.scorer == "simulated"
    assert found.text.startswith("[simulated letter")


# ── Time ────────────────────────────────────────────────────────────────────────────────────────


def test_the_first_token_comes_after_the_time_that_the_profile_says():
    firsts = [found.first_token_seconds for found, _ in sent([call(n) for n in range(SENDS)])]
    assert share_within(firsts, 0.6) == pytest.approx(0.50, abs=four_errors(0.50))
    assert share_within(firsts, 1.5) == pytest.approx(0.95, abs=four_errors(0.95))


def test_a_picture_takes_the_fixed_time_of_its_profile_after_the_first_token():
    found = sent([call(n, deployment="painter") for n in range(SENDS)])
    making = [seconds - made.first_token_seconds for made, seconds in found]
    assert share_within(making, 9.0) == pytest.approx(0.50, abs=four_errors(0.50))
    assert share_within(making, 16.0) == pytest.approx(0.95, abs=four_errors(0.95))


def test_text_comes_at_the_pace_of_the_profile():
    found = sent([call(n) for n in range(SENDS)])
    paces = [
        (seconds - made.first_token_seconds) * 100 / made.usage.output_tokens
        for made, seconds in found
    ]
    assert fmean(paces) == pytest.approx(1.0, abs=4 * 0.15 / math.sqrt(SENDS) + 0.002)


def test_waiting_is_the_clocks_and_as_long_as_was_drawn():
    ((found, seconds),) = sent([call()])
    assert seconds > found.first_token_seconds > 0


# ── Quality and length ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("complexity", "mean"), [(0.0, 0.8), (50.0, 0.7), (100.0, 0.6)])
def test_quality_falls_with_complexity_and_spreads_as_the_profile_says(complexity, mean):
    context = {"complexity": complexity}
    scores = [
        found.score.value for found, _ in sent([call(n, context=context) for n in range(SENDS)])
    ]
    assert fmean(scores) == pytest.approx(mean, abs=4 * 0.05 / math.sqrt(SENDS))
    assert pstdev(scores) == pytest.approx(0.05, abs=4 * 0.05 / math.sqrt(2 * SENDS))


def test_quality_never_leaves_its_scale():
    wild = {**WRITER, "tasks": {"letter": {"quality": 0.95, "spread": 0.5, "difficulty": 0.0}}}
    scores = [found.score.value for found, _ in sent([call(n) for n in range(500)], writer=wild)]
    assert min(scores) == 0.0
    assert max(scores) == 1.0


def test_an_answer_is_as_long_as_was_asked_for_or_else_as_the_profile_says():
    for context, mean in (({}, 300), ({"words": 1000}, 1350)):
        found = sent([call(n, context=context) for n in range(SENDS)])
        tokens = [made.usage.output_tokens for made, _ in found]
        assert fmean(tokens) == pytest.approx(mean, rel=4 * 0.1 / math.sqrt(SENDS) + 0.002)


def test_an_answer_is_cut_off_at_the_most_that_is_allowed_and_says_so():
    cut, whole = answer(max_output_tokens=50), answer(max_output_tokens=5000)
    assert (cut.usage.output_tokens, cut.finish) == (50, "length")
    assert whole.finish == "stop"


# ── Usage of every medium ───────────────────────────────────────────────────────────────────────


def test_text_is_billed_by_token():
    usage = answer(context={"tokens": 40}).usage
    assert usage.input_tokens == 40
    assert usage.output_tokens > 0
    assert (usage.images, usage.characters) == (0, 0)


def test_a_picture_is_billed_as_one_picture():
    found = answer(deployment="painter", context={"tokens": 40})
    assert found.media_type == "image/png"
    assert (found.usage.images, found.usage.input_tokens) == (1, 40)
    assert (found.usage.output_tokens, found.usage.characters) == (0, 0)


def test_speech_is_billed_by_the_character_spoken():
    ((found, _),) = sent([call(deployment="voice", text="Good morning")], voice=PAINTER)
    assert found.media_type == "audio/mpeg"
    assert found.usage.characters == 12
    assert (found.usage.output_tokens, found.usage.images) == (0, 0)


# ── Failures by chance ──────────────────────────────────────────────────────────────────────────


def test_failures_come_as_often_as_the_profile_says_each_of_its_kind():
    shares = {
        "server": 0.05, "overloaded": 0.03, "rate": 0.04, "timeout": 0.01, "content": 0.02,
        "malformed": 0.02,
    }  # fmt: skip
    found = sent([call(n) for n in range(SENDS)], writer={**WRITER, "failures": shares})
    counts = Counter(
        "answered" if isinstance(outcome, Answer) else outcome.failure.value for outcome, _ in found
    )
    assert counts.keys() == {*shares, "answered"}
    for kind, share in shares.items():
        assert counts[kind] / SENDS == pytest.approx(share, abs=four_errors(share))


def test_a_rate_limit_by_chance_says_how_long_to_wait():
    ((found, seconds),) = sent([call()], writer={**WRITER, "failures": {"rate": 1.0}})
    assert found.failure is FailureClass.RATE
    assert found.retry_after == 2.0
    assert 0 < seconds <= 2.0


# ── Faults on purpose ───────────────────────────────────────────────────────────────────────────


def test_a_slow_answer_is_whole_and_billed_and_takes_six_times_as_long():
    ((usual, seconds),) = sent([call()], faults={"*": [{"kind": "none"}]})
    ((slow, longer),) = sent([call()], faults={"*": [{"kind": "slow"}]})
    assert slow == usual
    assert longer == pytest.approx(6 * seconds)
    ((slow, longer),) = sent([call()], faults={"*": [{"kind": "slow", "seconds": "5s"}]})
    assert longer == pytest.approx(seconds + 5)


def test_a_poor_answer_is_billed_and_below_any_floor():
    ((found, _),) = sent([call()], faults={"writer": [{"kind": "low_quality"}]})
    assert found.score.value == 0.2
    assert found.usage.output_tokens > 0


def test_an_unreadable_answer_is_none_and_is_billed_all_the_same():
    ((found, seconds),) = sent([call()], faults={"writer": [{"kind": "malformed"}]})
    assert (found.failure, found.outcome) == (FailureClass.MALFORMED, AttemptOutcome.ANSWERED)
    assert found.usage.output_tokens > 0
    assert seconds > 0.5


def test_a_script_goes_before_chance_and_can_shield_from_it():
    broken = {**WRITER, "failures": {"server": 1.0}}
    calls = [call(n) for n in range(3)]
    script = {"writer": [{"kind": "none", "times": 1}, {"kind": "connect", "times": 1}]}
    shielded, scripted, by_chance = sent(calls, faults=script, writer=broken)
    assert isinstance(shielded[0], Answer)
    assert scripted[0].failure is FailureClass.CONNECT
    assert by_chance[0].failure is FailureClass.SERVER


def test_a_task_that_the_profile_lacks_is_refused_before_anything_happens():
    ((found, seconds),) = sent([call(task="poem")], faults={"*": [{"kind": "timeout"}]})
    assert (found.failure, found.outcome) == (FailureClass.BAD_REQUEST, AttemptOutcome.NOT_SENT)
    assert "poem" in str(found)
    assert seconds == 0


def test_a_deployment_without_a_profile_is_named():
    with a_clock() as clock:
        backend = Simulated(profiles(), clock=clock, seed=1)
        with pytest.raises(ConfigError, match="scribe"):
            backend.provider("scribe")


# ── Opened for a policy ─────────────────────────────────────────────────────────────────────────


def opened(policy, clock, **changes):
    given = {"seed": 1, "faults": FaultScript(), "origin": None, "recording": None, **changes}
    return open_backend(policy, clock=clock, **given)


def rewritten(tmp_path, change):
    """A copy of the shipped example whose profiles `change` has altered."""
    folder = tmp_path / "contentforge"
    copytree(path("examples/contentforge"), folder)
    file = folder / "simulation.yaml"
    profiles = yaml.safe_load(file.read_text("utf-8"))
    change(profiles)
    file.write_text(yaml.safe_dump(profiles), encoding="utf-8")
    return Policy.load(folder)


def test_the_shipped_policy_opens_and_every_deployment_makes_what_its_model_makes():
    policy = Policy.load(path("examples/contentforge"))
    with a_clock() as clock:
        backend = opened(policy, clock)
        for name in policy.deployments:
            assert backend.provider(name)
        picture = all_at_once(backend, [call(task="illustration", deployment="gpt-image")], clock)
        speech = all_at_once(backend, [call(task="voice_over", deployment="elevenlabs")], clock)
    assert picture[0][0].media_type == "image/png"
    assert speech[0][0].media_type == "audio/mpeg"


def test_deployments_without_a_profile_are_all_named_in_one_sentence(tmp_path):
    def change(profiles):
        del profiles["deployments"]["grok"], profiles["deployments"]["elevenlabs"]
        profiles["outages"] = []

    with a_clock() as clock, pytest.raises(ConfigError) as caught:
        opened(rewritten(tmp_path, change), clock)
    told = str(caught.value)
    assert "grok" in told
    assert "elevenlabs" in told
    assert "simulation.yaml" in told
    assert "\n" not in told


def test_a_profile_without_a_task_of_its_chain_is_told_before_the_first_request(tmp_path):
    def change(profiles):
        del profiles["deployments"]["gemini-pro"]["tasks"]["article"]

    with a_clock() as clock, pytest.raises(ConfigError, match=r"gemini-pro\.tasks\.article"):
        opened(rewritten(tmp_path, change), clock)
