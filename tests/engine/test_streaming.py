"""Answers word by word: three limits, and no second answer behind the reader's back."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from orchestra_kit.core.answer import Answer, Piece, Score, Usage
from orchestra_kit.core.errors import (
    AttemptOutcome,
    FailureClass,
    IncompleteAnswer,
    OrchestraError,
    ProviderError,
)
from orchestra_kit.core.reply import ReplyStatus
from orchestra_kit.policy.policy import Policy
from tests.engine.small import POLICY, Kept, Told, an_orchestra, play, write_policy

WORDS = ("Dear ", "Aunt, ", "thank ", "you ", "for the tea.")


def answer_of(call):
    return Answer(
        text="".join(WORDS),
        model=call.model,
        usage=Usage(input_tokens=10, output_tokens=20),
        score=Score(value=0.9, scorer="test"),
    )


async def steady(call, clock):
    for word in WORDS:
        await clock.sleep(1)
        yield Piece(text=word)
    yield Piece(answer=answer_of(call))


def cut_after(words, error=None):
    """Ends without a last piece, or with an error, after so many words."""

    async def pieces(call, clock):
        for word in WORDS[:words]:
            await clock.sleep(1)
            yield Piece(text=word)
        if error is not None:
            raise error

    return pieces


def stalling_after(words):
    async def pieces(call, clock):
        for word in WORDS[:words]:
            await clock.sleep(1)
            yield Piece(text=word)
        await asyncio.get_running_loop().create_future()
        yield Piece()

    return pieces


class Streaming(Told):
    """Streams as each deployment is told, steadily where nothing is said."""

    def __init__(self, clock, doings=None):
        super().__init__(clock, doings)
        self.open = 0

    def provider(self, deployment):
        return _StreamingDeployment(self, deployment)


class _StreamingDeployment:
    def __init__(self, backend, name):
        self._backend, self._name = backend, name

    async def send(self, call):
        return answer_of(call)

    async def stream(self, call):
        self._backend.sent.append((self._name, self._backend.clock.monotonic()))
        self._backend.open += 1
        try:
            async for piece in self._backend.doings.get(self._name, steady)(
                call, self._backend.clock
            ):
                yield piece
        finally:
            self._backend.open -= 1


def streaming(**doings):
    return lambda clock: Streaming(clock, doings)


async def read(orchestra, **options):
    """The words that came, the reply, and what was raised."""
    words, raised = [], None
    async with orchestra.stream("Write", **{"tier": "basic", "task": "letter", **options}) as s:
        try:
            async for word in s:
                words.append(word)  # noqa: PERF401 - what came before it broke counts
        except IncompleteAnswer as error:
            raised = error
    return words, s.reply, raised


def read_sync(orchestra, **options):
    return play(orchestra, read(orchestra, **options))


def test_words_come_as_they_are_made_and_the_reply_when_they_have(small):
    kept = Kept()
    with an_orchestra(small, streaming(), store=kept) as orchestra:
        moments = []

        async def scene():
            async with orchestra.stream("Write", tier="basic", task="letter") as words:
                async for _ in words:
                    moments.append(orchestra.clock.monotonic())  # noqa: PERF401
            return words.reply

        reply = play(orchestra, scene())
    assert moments == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert (reply.status, reply.text) == (ReplyStatus.ANSWERED, "".join(WORDS))
    assert kept.replies == [reply]
    assert reply.cost > 0


async def test_it_is_read_from_another_loop_as_well(small):
    clocked = an_orchestra(small, streaming())
    with clocked as orchestra:
        words, reply, raised = await read(orchestra)
    assert (words, raised) == (list(WORDS), None)
    assert reply.answered


@pytest.mark.parametrize(
    "broken",
    [
        cut_after(0),
        stalling_after(0),
        cut_after(
            0,
            ProviderError(
                "overloaded", failure=FailureClass.OVERLOADED, outcome=AttemptOutcome.FAILED
            ),
        ),
    ],
    ids=["cut", "stalled", "error"],
)
def test_before_the_first_word_another_deployment_takes_over_unnoticed(small, broken):
    with an_orchestra(small, streaming(first=broken)) as orchestra:
        words, reply, raised = read_sync(orchestra)
    assert words == list(WORDS)
    assert raised is None
    assert reply.deployment == "second"
    assert reply.attempts[0].failure is not None


@pytest.mark.parametrize(
    ("broken", "failure"),
    [
        (cut_after(2), FailureClass.STREAM_CUT),
        (stalling_after(2), FailureClass.STREAM_CUT),
        (
            cut_after(
                2,
                ProviderError(
                    "garbled",
                    failure=FailureClass.STREAM_GARBLED,
                    outcome=AttemptOutcome.UNKNOWN,
                    usage=Usage(input_tokens=10),
                ),
            ),
            FailureClass.STREAM_GARBLED,
        ),
    ],
    ids=["cut", "stalled", "garbled"],
)
def test_after_the_first_word_nothing_is_put_in_its_place_unsaid(small, broken, failure):
    kept = Kept()
    with an_orchestra(small, streaming(first=broken), store=kept) as orchestra:
        words, reply, raised = read_sync(orchestra)
        assert orchestra.budgets.outstanding == 0
    assert words == list(WORDS[:2])
    assert raised is not None
    assert raised.reply is reply
    assert (reply.status, reply.text) == (ReplyStatus.INCOMPLETE, "Dear Aunt, ")
    (attempt,) = reply.attempts
    assert (attempt.outcome, attempt.failure) == (AttemptOutcome.UNKNOWN, failure)
    assert attempt.cost is None
    assert attempt.cost_upper > 0
    assert kept.replies == [reply]
    assert not reply.answered


def test_the_limit_between_words_is_one_of_its_own(small):
    with an_orchestra(small, streaming(first=stalling_after(1))) as orchestra:
        _, reply, _ = read_sync(orchestra)
    assert reply.seconds == pytest.approx(1 + 30)


@pytest.mark.parametrize("broken", [cut_after(3), stalling_after(2)])
def test_a_buffered_stream_is_made_good_by_another_whenever_it_breaks(small, broken):
    async def breaking(call, clock):
        async for _ in broken(call, clock):
            pass
        raise ProviderError("cut", failure=FailureClass.STREAM_CUT, outcome=AttemptOutcome.UNKNOWN)

    with an_orchestra(small, lambda clock: Told(clock, {"first": breaking})) as orchestra:
        words, reply, raised = read_sync(orchestra, buffered=True)
    assert (words, raised) == (["by second"], None)
    assert reply.deployment == "second"


def test_a_buffered_stream_hands_out_no_poor_answer_and_no_word_where_nobody_answers(small):
    async def poor(call, clock):
        return replace(answer_of(call), score=Score(value=0.1, scorer="test"))

    async def down(call, clock):
        raise ProviderError("no", failure=FailureClass.SERVER, outcome=AttemptOutcome.FAILED)

    with an_orchestra(small, lambda clock: Told(clock, {"first": poor})) as orchestra:
        words, reply, _ = read_sync(orchestra, buffered=True)
        assert (words, reply.deployment) == (["by second"], "second")
        orchestra._backend.doings.update(dict.fromkeys(("first", "second", "third"), down))
        words, reply, raised = read_sync(orchestra, buffered=True)
    assert (words, raised, reply.status) == ([], None, ReplyStatus.QUEUED)


def limits(folder, of_task="", of_model=""):
    """The small policy with limits for silence, of letters and of the first model."""
    write_policy(folder)
    text = POLICY.replace("cost: $0.05}\n", f"cost: $0.05}}\n    streaming: {{{of_task}}}\n", 1)
    window = "{context_window: 100000"
    text = text.replace(window, f"{window}, streaming: {{{of_model}}}", 1)
    (folder / "orchestra.yaml").write_text(text, encoding="utf-8")
    return Policy.load(folder)


def taken_then(seconds):
    """Taken by the server after a second, and silent for so long before its words."""

    async def pieces(call, clock):
        await clock.sleep(1)
        yield Piece(taken=True)
        await clock.sleep(seconds)
        async for piece in steady(call, clock):
            yield piece

    return pieces


def test_a_model_that_thinks_long_has_limits_of_its_own(tmp_path):
    policy = limits(tmp_path, "first_token: 4s", "first_token: 18s")
    silent = {"first": taken_then(10), "second": stalling_after(0)}
    with an_orchestra(policy, streaming(**silent)) as orchestra:
        assert read_sync(orchestra)[1].deployment == "first"
        orchestra._backend.doings["first"] = stalling_after(0)
        reply = read_sync(orchestra)[1]
    assert [round(a.seconds) for a in reply.attempts[:2]] == [18, 4]
    assert reply.deployment == "third"


def test_a_server_that_does_not_take_the_call_is_left_before_the_first_token_is_due(tmp_path):
    policy = limits(tmp_path, "headers: 3s, first_token: 12s", "headers: 3s, first_token: 12s")
    silent = {"first": stalling_after(0), "second": taken_then(20)}
    with an_orchestra(policy, streaming(**silent)) as orchestra:
        reply = read_sync(orchestra)[1]
    assert [round(a.seconds) for a in reply.attempts[:2]] == [3, 12]
    assert [a.failure for a in reply.attempts[:2]] == [FailureClass.TIMEOUT] * 2
    assert reply.deployment == "third"


def test_what_may_be_silent_for_long_may_be_so_from_the_call_on_and_no_longer(tmp_path):
    policy = limits(tmp_path, "headers: 3s", "headers: 3s, first_token: 12s")
    with an_orchestra(policy, streaming(first=taken_then(10.5))) as orchestra:
        # A second to be taken, 10.5 of silence, and one to the first word: too late.
        assert read_sync(orchestra)[1].deployment == "second"


def test_a_stream_that_goes_on_for_ever_ends_with_the_deadline(small):
    async def endless(call, clock):
        while True:
            await clock.sleep(5)
            yield Piece(text="and ")

    with an_orchestra(small, streaming(first=endless)) as orchestra:
        words, reply, raised = read_sync(orchestra)
    assert reply.seconds == pytest.approx(60)
    assert len(words) == 11
    assert raised is not None


def test_a_reader_who_leaves_ends_the_request_and_frees_the_connection(small):
    kept = Kept()
    with an_orchestra(small, streaming(), store=kept) as orchestra:

        async def scene():
            async with orchestra.stream("Write", tier="basic", task="letter") as words:
                async for _ in words:
                    break
            return words

        words = play(orchestra, scene())
        assert orchestra._backend.open == 0
        assert orchestra.budgets.outstanding == 0
        assert [a.failure for a in kept.finished] == [FailureClass.CANCELLED]
        with pytest.raises(OrchestraError):
            _ = words.reply


def test_a_provider_that_does_not_stream_hands_out_its_answer_whole(small):
    with an_orchestra(small) as orchestra:
        words, reply, _ = read_sync(orchestra)
    assert words == ["by first"]
    assert reply.answered


def test_a_poor_answer_that_does_not_stream_is_never_shown(small):
    async def poor(call, clock):
        return Answer(text="poor", model="m", usage=Usage(), score=Score(value=0.1, scorer="test"))

    with an_orchestra(small, lambda clock: Told(clock, {"first": poor})) as orchestra:
        words, reply, _ = read_sync(orchestra)
    assert words == ["by second"]
    assert reply.deployment == "second"


def test_where_nobody_answers_there_are_no_words_and_the_reply_says_what_to_tell(small):
    down = cut_after(
        0, ProviderError("no", failure=FailureClass.SERVER, outcome=AttemptOutcome.FAILED)
    )
    with an_orchestra(small, streaming(first=down, second=down, third=down)) as orchestra:
        words, reply, raised = read_sync(orchestra)
    assert (words, raised) == ([], None)
    assert reply.status is ReplyStatus.QUEUED
    assert reply.text


@pytest.mark.parametrize("failure", list(FailureClass))
@pytest.mark.parametrize("outcome", list(AttemptOutcome))
def test_streams_and_whole_answers_take_the_same_way(small, failure, outcome):
    """Whatever fails before the first word: the same sends, the same rows."""
    error = ProviderError("no", failure=failure, outcome=outcome)

    async def failing(call, clock):
        raise error

    async def failing_stream(call, clock):
        raise error
        yield Piece()

    with an_orchestra(small, lambda clock: Told(clock, {"first": failing})) as orchestra:
        whole = orchestra.run_sync("Write", tier="basic", task="letter")
    with an_orchestra(small, streaming(first=failing_stream)) as orchestra:
        _, streamed, _ = read_sync(orchestra)
    rows = [
        [(a.deployment, a.outcome, a.failure, a.cost is None) for a in reply.attempts]
        for reply in (whole, streamed)
    ]
    assert rows[0] == rows[1]
    assert whole.status is streamed.status
