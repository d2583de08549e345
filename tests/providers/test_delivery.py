"""Known answers, streamed: the same answer, the same time, the same failure as a plain send."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra_kit.core.answer import Answer, Piece, Usage, UsageStatus
from orchestra_kit.core.errors import AttemptOutcome, FailureClass, ProviderError
from orchestra_kit.providers.delivery import Delivery
from orchestra_kit.providers.faults import Fault, FaultScript
from orchestra_kit.providers.provider import StreamingProvider
from orchestra_kit.providers.scripted import FOREVER
from orchestra_kit.providers.simulated import Simulated
from tests.providers.assumed import PAINTER, WRITER, a_clock, call, profiles

ANSWER = Answer(
    text="one two three four",
    model="m",
    usage=Usage(input_tokens=10, output_tokens=8),
    first_token_seconds=1.0,
)


def streamed(delivery: Delivery) -> tuple[list[tuple[float, Piece]], ProviderError | None, float]:
    """Pieces with their moments, the failure, and the moment of the end."""
    found: list[tuple[float, Piece]] = []
    with a_clock() as clock:

        async def play() -> ProviderError | None:
            try:
                async for piece in delivery.stream(clock):
                    if not piece.taken:
                        found.append((clock.monotonic(), piece))  # noqa: PERF401 - kept on failure
            except ProviderError as error:
                return error
            return None

        return found, clock.run_sync(play()), clock.monotonic()


def whole(delivery: Delivery) -> tuple[Answer | ProviderError, float]:
    with a_clock() as clock:

        async def play() -> Answer | ProviderError:
            try:
                return await delivery.whole(clock)
            except ProviderError as error:
                return error

        return clock.run_sync(play()), clock.monotonic()


def test_words_come_from_the_first_token_on_over_the_whole_time():
    pieces, error, ended = streamed(Delivery(answer=ANSWER, seconds=5.0))
    assert error is None
    assert [(at, p.text) for at, p in pieces[:-1]] == [
        (1.0, "one"), (2.0, " two"), (3.0, " three"), (4.0, " four"),
    ]  # fmt: skip
    assert pieces[-1] == (5.0, Piece(answer=ANSWER))
    assert ended == 5.0


@given(
    st.text(max_size=60), st.floats(0.1, 50), st.none() | st.floats(0, 60),
    st.sampled_from(["text/plain", "image/png"]),
)  # fmt: skip
def test_a_stream_adds_up_to_what_a_plain_send_gives(text, seconds, first, media):
    answer = replace(ANSWER, text=text, first_token_seconds=first, media_type=media)
    delivery = Delivery(answer=answer, seconds=seconds)
    pieces, error, ended = streamed(delivery)
    assert error is None
    assert "".join(piece.text for _, piece in pieces) == text
    assert [piece.answer for _, piece in pieces if piece.answer] == [answer]
    assert pieces[-1][1].answer is answer
    assert whole(delivery) == (answer, pytest.approx(ended))


def test_without_a_known_first_token_words_are_spread_evenly():
    pieces, _, _ = streamed(
        Delivery(answer=replace(ANSWER, first_token_seconds=None), seconds=10.0)
    )
    assert [at for at, _ in pieces] == pytest.approx([2.0, 4.0, 6.0, 8.0, 10.0])


def test_a_picture_comes_in_one_piece():
    picture = replace(ANSWER, media_type="image/png")
    pieces, _, _ = streamed(Delivery(answer=picture, seconds=9.0))
    assert [(at, piece.text) for at, piece in pieces] == [(9.0, ANSWER.text), (9.0, "")]


@pytest.mark.parametrize(
    ("kind", "failure", "ended"),
    [
        ("stream_cut", FailureClass.STREAM_CUT, 3.0),
        ("stream_stall", FailureClass.TIMEOUT, 3.0 + FOREVER),
        ("stream_garbled", FailureClass.STREAM_GARBLED, 3.0),
    ],
)
def test_a_stream_breaks_after_its_share_of_the_text(kind, failure, ended):
    pieces, error, at = streamed(Delivery(answer=ANSWER, seconds=5.0, fault=Fault(kind=kind)))
    assert [piece.text for _, piece in pieces] == ["one", " two"]
    assert (error.failure, error.outcome) == (failure, AttemptOutcome.UNKNOWN)
    assert error.usage == Usage(input_tokens=10, output_tokens=4, status=UsageStatus.PARTIAL)
    assert at == ended


@pytest.mark.parametrize(
    ("kind", "failure", "outcome"),
    [
        ("stream_cut", FailureClass.STREAM_CUT, AttemptOutcome.UNKNOWN),
        ("stream_stall", FailureClass.TIMEOUT, AttemptOutcome.UNKNOWN),
        ("stream_garbled", FailureClass.MALFORMED, AttemptOutcome.ANSWERED),
    ],
)
def test_a_plain_send_meets_a_streams_fault_at_the_same_moment(kind, failure, outcome):
    delivery = Delivery(answer=ANSWER, seconds=5.0, fault=Fault(kind=kind))
    error, at = whole(delivery)
    assert (error.failure, error.outcome) == (failure, outcome)
    assert at == streamed(delivery)[2]


@given(st.floats(0, 1), st.sampled_from(["stream_cut", "stream_stall", "stream_garbled"]))
def test_no_stream_that_breaks_ever_carries_an_answer(after, kind):
    fault = Fault(kind=kind, after=after)
    pieces, error, _ = streamed(Delivery(answer=ANSWER, seconds=5.0, fault=fault))
    assert error is not None
    assert len(pieces) == round(4 * after)
    assert all(piece.answer is None for _, piece in pieces)
    assert (error.usage is None) == (after == 0)


def test_what_is_unknown_stays_unknown_when_a_stream_breaks():
    unknown = replace(ANSWER, usage=Usage(status=UsageStatus.UNKNOWN))
    fault = Fault(kind="stream_cut")
    assert streamed(Delivery(answer=unknown, seconds=5.0, fault=fault))[1].usage is None


@pytest.mark.parametrize("kind", ["rate", "timeout", "connect", "malformed"])
def test_faults_that_bring_no_answer_bring_no_word_either(kind):
    delivery = Delivery(answer=ANSWER, seconds=5.0, fault=Fault(kind=kind))
    pieces, error, at = streamed(delivery)
    other, other_at = whole(delivery)
    assert pieces == []
    assert (error.failure, error.outcome, at) == (other.failure, other.outcome, other_at)


def test_a_slow_fault_slows_the_words_and_not_the_first():
    pieces, _, _ = streamed(Delivery(answer=ANSWER, seconds=5.0, fault=Fault(kind="slow")))
    assert [at for at, _ in pieces] == [1.0, 8.25, 15.5, 22.75, 30.0]


@pytest.mark.parametrize("number", range(6))
def test_a_simulated_stream_ends_in_the_answer_of_a_plain_send(number):
    harsh = {**WRITER, "failures": {"server": 0.3, "malformed": 0.2}}
    asked = call(number, deployment="writer")
    with a_clock() as clock:

        def backend() -> Simulated:
            known = profiles(writer=harsh, painter=PAINTER)
            return Simulated(known, clock=clock, seed=5, media={"writer": "text"})

        async def plain() -> object:
            try:
                return await backend().provider("writer").send(asked)
            except ProviderError as error:
                return (error.failure, error.usage)

        async def parts() -> object:
            provider = backend().provider("writer")
            assert isinstance(provider, StreamingProvider)
            try:
                taken, *words, last = [piece async for piece in provider.stream(asked)]
                assert taken.taken
            except ProviderError as error:
                return (error.failure, error.usage)
            assert "".join(word.text for word in words) == last.answer.text
            return last.answer

        assert clock.run_sync(plain()) == clock.run_sync(parts())


def test_a_stream_that_nobody_reads_on_ends_at_once():
    with a_clock() as clock:
        backend = Simulated(profiles(), clock=clock, seed=5, faults=FaultScript())

        async def one_word() -> str:
            async with aclosing(backend.provider("writer").stream(call())) as pieces:
                assert (await anext(pieces)).taken
                return (await anext(pieces)).text

        async def hurried() -> None:
            async with clock.timeout(0.001):
                await one_word()

        assert clock.run_sync(one_word()) == "[simulated"
        before = clock.monotonic()
        with pytest.raises(TimeoutError):
            clock.run_sync(hurried())
        assert clock.monotonic() - before == pytest.approx(0.001)
        assert len(asyncio.all_tasks(clock._loop)) == 0
