"""The recorded backend: what was really answered comes back as it was, and nothing else."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra_kit.core.answer import Score, Source, UsageStatus
from orchestra_kit.core.errors import AttemptOutcome, ConfigError, FailureClass
from orchestra_kit.providers.faults import FaultScript
from orchestra_kit.providers.provider import StreamingProvider
from orchestra_kit.providers.recorded import Recorded, RecordedAnswer, prompt_key
from tests.providers.assumed import a_clock, all_at_once, call, one_by_one

SCORE = Score(value=0.75, scorer="exact")
MODELS = {"writer": "small-1", "painter": "small-2"}


def recorded(prompt="What is 2 + 2?", text="4", **changes):
    given = {
        "prompt": prompt,
        "model": "small-1",
        "text": text,
        "seconds": 1.25,
        "input_tokens": 9,
        "output_tokens": 2,
        "estimated": False,
        "cost": Decimal("0.0002"),
        "score": SCORE,
        **changes,
    }
    return RecordedAnswer(**given)


def replayed(answers, calls, *, faults=None, seed=0, models=None, play=one_by_one):
    with a_clock() as clock:
        backend = Recorded(
            answers,
            models=models or {"writer": "small-1"},
            clock=clock,
            seed=seed,
            faults=FaultScript.model_validate(faults or {}),
        )
        return play(backend, calls, clock)


def asked(text="What is 2 + 2?", number=0, **changes):
    return call(number, text=text, **changes)


def test_an_answer_comes_back_with_its_text_time_tokens_cost_and_score():
    ((found, seconds),) = replayed([recorded()], [asked()])
    assert found.text == "4"
    assert found.model == "small-1"
    assert seconds == 1.25
    assert (found.usage.input_tokens, found.usage.output_tokens) == (9, 2)
    assert found.usage.status is UsageStatus.REPORTED
    assert found.reported_cost == Decimal("0.0002")
    assert found.score == SCORE
    assert Recorded.source is Source.RECORDED


def test_estimated_tokens_are_said_to_be_so_and_unknown_ones_are_not_made_up():
    ((estimated, _),) = replayed([recorded(estimated=True)], [asked()])
    assert estimated.usage.status is UsageStatus.ESTIMATED
    for lost in ("input_tokens", "output_tokens"):
        ((unknown, _),) = replayed([recorded(cost=None, **{lost: None})], [asked()])
        assert unknown.usage.status is UsageStatus.UNKNOWN
        assert unknown.reported_cost is None


def test_an_unscored_answer_stays_unscored():
    score = Score.unscored("judge", "it was off the scale")
    ((found, _),) = replayed([recorded(score=score)], [asked()])
    assert found.score == score


def test_each_deployment_answers_as_its_own_model_did():
    answers = [recorded(text="4"), recorded(text="four", model="small-2")]
    found = replayed(answers, [asked(), asked(deployment="painter")], models=MODELS)
    assert [answer.text for answer, _ in found] == ["4", "four"]


@given(
    words=st.lists(st.text(st.characters(exclude_categories=("Z", "Cc", "Cs")), min_size=1),
                   min_size=1, max_size=6),
    gaps=st.lists(st.sampled_from([" ", "  ", "\n", "\t ", "\r\n", "\u00a0"]),
                  min_size=8, max_size=8),
)  # fmt: skip
def test_white_space_makes_no_other_prompt(words, gaps):
    spaced = gaps[0] + "".join(w + g for w, g in zip(words, gaps[1:], strict=False))
    assert prompt_key(spaced) == prompt_key(" ".join(words))


@pytest.mark.parametrize("other", ["what is 2 + 2?", "What is 2+2?", "What is 2 + 2", ""])
def test_any_other_difference_makes_another_prompt(other):
    assert prompt_key(other) != prompt_key("What is 2 + 2?")


def test_a_prompt_with_a_lone_surrogate_has_a_key_too():
    assert prompt_key("broken \ud800 text") != prompt_key("broken  text")


def test_a_prompt_that_was_never_asked_has_no_answer_and_is_not_guessed():
    ((found, seconds),) = replayed([recorded()], [asked("What is 3 + 3?")])
    assert (found.failure, found.outcome) == (FailureClass.BAD_REQUEST, AttemptOutcome.NOT_SENT)
    assert seconds == 0
    assert "writer was never asked this" in str(found)
    assert "recorded prompts" in found.hint


def test_of_several_answers_the_attempts_take_turns():
    answers = [recorded(text=text) for text in ("a", "b", "c")]
    found = replayed(answers, [asked(attempt=n) for n in range(6)])
    texts = [answer.text for answer, _ in found]
    assert set(texts[:3]) == {"a", "b", "c"}
    assert texts[:3] == texts[3:]


def test_which_of_several_comes_first_depends_on_seed_and_request_alone():
    answers = [recorded(text=text) for text in ("a", "b", "c")]
    calls = [asked(number=n) for n in range(30)]
    one = [answer.text for answer, _ in replayed(answers, calls)]
    together = [answer.text for answer, _ in replayed(answers, calls, play=all_at_once)]
    backwards = [answer.text for answer, _ in replayed(answers, calls[::-1])][::-1]
    another = [answer.text for answer, _ in replayed(answers, calls, seed=1)]
    assert one == together == backwards
    assert one != another
    assert set(one) == {"a", "b", "c"}


def test_models_of_which_nothing_was_recorded_are_all_named():
    with a_clock() as clock, pytest.raises(ConfigError) as caught:
        Recorded([recorded()], models={"a": "big-1", "b": "big-2", "c": "small-1"}, clock=clock)
    assert "big-1, big-2" in str(caught.value)
    assert "small-1" in caught.value.hint


def test_an_unknown_deployment_is_named():
    with a_clock() as clock:
        backend = Recorded([recorded()], models={"writer": "small-1"}, clock=clock)
        with pytest.raises(ConfigError, match="scribe"):
            backend.provider("scribe")


def test_faults_strike_recorded_answers_too_and_then_end():
    faults = {"writer": [{"kind": "rate", "retry_after": "2s", "times": 1}]}
    (limited, _), (found, _) = replayed([recorded()], [asked(), asked()], faults=faults)
    assert (limited.failure, limited.retry_after) == (FailureClass.RATE, 2.0)
    assert found.text == "4"


@pytest.mark.parametrize(("fault", "seconds"), [({}, 7.5), ({"seconds": "3s"}, 4.25)])
def test_a_slow_fault_only_takes_longer(fault, seconds):
    faults = {"writer": [{"kind": "slow", **fault}]}
    ((found, took),) = replayed([recorded()], [asked()], faults=faults)
    assert found.text == "4"
    assert took == seconds


def test_a_malformed_fault_spoils_the_answer_after_its_time_and_bills_it():
    faults = {"writer": [{"kind": "malformed"}]}
    ((found, took),) = replayed([recorded()], [asked()], faults=faults)
    assert (found.failure, found.outcome) == (FailureClass.MALFORMED, AttemptOutcome.ANSWERED)
    assert found.usage.output_tokens == 2
    assert took == 1.25


def test_a_low_quality_fault_is_not_passed_off_as_a_recorded_score():
    faults = {"writer": [{"kind": "low_quality"}]}
    ((found, _),) = replayed([recorded()], [asked()], faults=faults)
    assert found.score.value == 0.2
    assert found.score.scorer != SCORE.scorer
    assert found.usage.output_tokens == 2


def test_a_recorded_stream_ends_in_the_answer_of_a_plain_send():
    with a_clock() as clock:
        backend = Recorded([recorded(text="It is 4.")], models={"writer": "small-1"}, clock=clock)
        provider = backend.provider("writer")

        async def play():
            plain = await provider.send(asked())
            _, *words, last = [piece async for piece in provider.stream(asked())]
            return plain, [word.text for word in words], last.answer

        plain, words, answer = clock.run_sync(play())
        assert clock.monotonic() == pytest.approx(2.5)
    assert isinstance(provider, StreamingProvider)
    assert answer == plain
    assert words == ["It", " is", " 4."]
