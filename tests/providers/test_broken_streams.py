"""Streams that break, err or are left: never a success, and what they consumed is told."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from orchestra_kit.core.answer import UsageStatus
from orchestra_kit.core.errors import AttemptOutcome, FailureClass
from tests.loopback.chat import DONE, chunk, finish_chunk, usage_chunk
from tests.loopback.server import LoopbackServer, Reaction, refusal, streamed
from tests.providers.calling import a_call, adapter, read_stream


async def stream_of(*reactions: Reaction, **options: object):
    async with LoopbackServer(*reactions) as server, adapter(server.port, **options) as provider:
        return await read_stream(provider, a_call())


async def test_a_stream_without_its_last_event_is_never_a_success():
    found = await stream_of(streamed(chunk({"content": "hi"}), finish_chunk(), usage_chunk()))
    assert found.texts == ["hi"]
    assert found.error.failure is FailureClass.STREAM_CUT
    assert found.error.outcome is AttemptOutcome.UNKNOWN
    assert found.error.usage.status is UsageStatus.PARTIAL
    assert found.error.usage.output_tokens == 5


async def test_of_a_broken_stream_without_counts_the_words_are_estimated():
    found = await stream_of(streamed(chunk({"content": "x" * 40})))
    assert found.error.usage.status is UsageStatus.ESTIMATED
    assert found.error.usage.output_tokens == 10


async def test_a_text_without_end_is_cut_off_and_its_words_estimated():
    endless = streamed(*[chunk({"content": "x" * 500_000})] * 20)
    found = await stream_of(endless)
    assert found.error.failure is FailureClass.MALFORMED
    assert found.error.outcome is AttemptOutcome.ANSWERED
    assert found.error.usage.status is UsageStatus.ESTIMATED
    assert found.error.usage.output_tokens > 1_000_000
    assert len(found.text) <= 8_000_000


async def test_a_stream_that_says_nothing_has_no_usage():
    found = await stream_of(streamed())
    assert found.error.failure is FailureClass.STREAM_CUT
    assert found.error.usage is None


async def test_one_unreadable_event_is_passed_over_and_counted():
    found = await stream_of(
        streamed(
            chunk({"content": "a"}), "{not json", chunk({"content": "b"}), finish_chunk(), DONE
        )
    )
    assert found.answer.text == "ab"
    assert found.answer.fields["garbled_events"] == 1


@pytest.mark.parametrize("bad", ["{not json", "[1]", "null", '"text"', "[" * 50_000])
async def test_a_second_unreadable_event_ends_the_stream(bad):
    found = await stream_of(
        streamed(chunk({"content": "a"}), bad, chunk({"content": "b"}), bad, finish_chunk(), DONE)
    )
    assert found.texts == ["a", "b"]
    assert found.error.failure is FailureClass.STREAM_GARBLED
    assert found.error.outcome is AttemptOutcome.UNKNOWN


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        ({"type": "overloaded_error", "message": "Overloaded"}, "overloaded"),
        ({"code": "rate_limit_exceeded", "message": "slow down"}, "rate"),
        ({"code": "insufficient_quota", "message": "pay"}, "quota"),
        ({"code": "context_length_exceeded", "message": "too long"}, "context"),
        ({"code": 502, "message": "upstream"}, "server"),
        ({"code": 429, "message": "upstream"}, "rate"),
        ("something broke", "server"),
    ],
)
async def test_an_error_within_a_stream_has_its_own_class(error, failure):
    before = await stream_of(streamed({"error": error}))
    assert before.error.failure == FailureClass(failure)
    assert before.error.usage is None
    amid = await stream_of(streamed(chunk({"content": "Hel"}), {"error": error}, DONE))
    assert amid.texts == ["Hel"]
    assert amid.error.failure == FailureClass(failure)
    assert amid.error.usage.status is UsageStatus.ESTIMATED


async def test_an_error_after_the_first_words_leaves_the_outcome_unknown():
    error = {"error": {"type": "overloaded_error", "message": "Overloaded"}}
    before = (await stream_of(streamed(error))).error
    assert before.outcome is AttemptOutcome.FAILED
    amid = (await stream_of(streamed(chunk({"content": "Hel"}), error))).error
    assert amid.outcome is AttemptOutcome.UNKNOWN


async def test_an_error_event_by_its_name_is_understood():
    event = b'event: error\ndata: {"type": "overloaded_error", "message": "Overloaded"}\n\n'
    assert (await stream_of(streamed(event))).error.failure is FailureClass.OVERLOADED


@pytest.mark.parametrize("ending", [[DONE], []], ids=["whole", "cut"])
@pytest.mark.parametrize(
    "last", [finish_chunk("content_filter"), chunk({"refusal": "I cannot."})], ids=str
)
@pytest.mark.parametrize("before", [[chunk({"content": "Well"})], []], ids=["words", "nothing"])
async def test_a_refusal_of_the_content_stays_one_even_where_the_stream_breaks(
    before, last, ending
):
    found = await stream_of(streamed(*before, last, *ending))
    assert found.error.failure is FailureClass.CONTENT
    assert found.error.outcome is AttemptOutcome.REFUSED
    assert found.error.usage is not None


@pytest.mark.parametrize(
    "events",
    [[DONE], [finish_chunk(), DONE], [chunk({"content": " \n"}), finish_chunk("length"), DONE]],
)
async def test_a_stream_without_text_is_malformed(events):
    found = await stream_of(streamed(*events))
    assert found.error.failure is FailureClass.MALFORMED
    assert found.error.outcome is AttemptOutcome.ANSWERED
    assert found.error.usage is not None


async def test_a_refusal_by_status_is_told_as_a_plain_send_tells_it():
    found = await stream_of(refusal(429, code="rate_limit_exceeded", retry_after="2"))
    assert found.error.failure is FailureClass.RATE
    assert found.error.status == 429
    assert found.error.retry_after == 2


async def test_a_closed_stream_closes_its_connection():
    stalls = streamed(chunk({"content": "one"}), ending="stall")
    async with LoopbackServer(stalls) as server, adapter(server.port) as provider:
        async with aclosing(provider.stream(a_call())) as pieces:
            assert [(await anext(pieces)).text for _ in range(2)] == ["", "one"]
            assert server.open == 1
        async with asyncio.timeout(2):
            while server.open:
                await asyncio.sleep(0)
        assert server.gone == 1


@pytest.mark.parametrize("fault", ["black_hole", "stall:0", "stall:3"])
async def test_a_stream_given_up_closes_its_connection(fault):
    async with LoopbackServer() as server, adapter(server.port) as provider:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await read_stream(provider, a_call(text=f"fault={fault}"))
        async with asyncio.timeout(2):
            while server.open or not server.gone:
                await asyncio.sleep(0)


async def test_what_openai_says_of_sending_again_is_passed_on():
    for said, expected in (("true", True), ("false", False), ("maybe", None)):
        found = await stream_of(refusal(500, x_should_retry=said))
        assert found.error.should_retry is expected
