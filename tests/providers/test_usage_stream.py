"""Usage out of a stream: on whichever event it stands, and as far as the stream came."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from orchestra_kit.core.answer import Usage, UsageStatus
from orchestra_kit.providers.usage import openai_chat_usage, openai_responses_usage, reported_cost
from orchestra_kit.providers.usage_dialects import anthropic_usage, gemini_usage
from orchestra_kit.providers.usage_stream import UsageOfStream

CHAT = {
    "prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120,
    "prompt_tokens_details": {"cached_tokens": 60},
    "completion_tokens_details": {"reasoning_tokens": 5},
}  # fmt: skip
READ = Usage(input_tokens=40, cached_tokens=60, output_tokens=15, reasoning_tokens=5)
WORD = {"choices": [{"delta": {"content": "Hi"}}], "usage": None}


@given(st.integers(0, 4), st.sampled_from(["alone", "beside words", "in the choice", "twice"]))
def test_the_usage_of_a_chat_is_found_on_any_chunk(at: int, how: str) -> None:
    chunks: list[object] = [WORD] * 5
    chunks[at] = {
        "alone": {"choices": [], "usage": CHAT},
        "beside words": {**WORD, "usage": CHAT},
        "in the choice": {"choices": [{"delta": {}, "usage": CHAT}]},
        "twice": {"choices": [{"delta": {}, "usage": CHAT}], "usage": CHAT},
    }[how]
    seen = UsageOfStream(openai_chat_usage)
    for chunk in chunks:
        seen.take(chunk)
    assert seen.usage(whole=True) == READ


def test_running_counts_of_a_chat_are_not_added_up() -> None:
    seen = UsageOfStream(openai_chat_usage)
    for made in (0, 7, 20):
        seen.take({**WORD, "usage": {"prompt_tokens": 100, "completion_tokens": made}})
    assert seen.usage(whole=True) == Usage(input_tokens=100, output_tokens=20)


def test_the_final_count_of_a_message_stands_and_its_writes_are_all_priced() -> None:
    seen = UsageOfStream(anthropic_usage)
    seen.take({"type": "message_start", "message": {"usage": {
        "input_tokens": 500, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 1000,
        "cache_creation": {"ephemeral_5m_input_tokens": 800, "ephemeral_1h_input_tokens": 200},
        "output_tokens": 1,
    }}})  # fmt: skip
    seen.take({"type": "ping"})
    cut = seen.usage(whole=False)
    assert cut is not None
    assert cut.status is UsageStatus.PARTIAL
    assert (cut.input_tokens, cut.output_tokens) == (500, 1)
    # A search of the server's own let the prompt grow while the answer was written.
    seen.take({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {
        "input_tokens": 700, "cache_read_input_tokens": 1000, "cache_creation_input_tokens": 6000,
        "output_tokens": 350, "server_tool_use": {"web_search_requests": 3},
    }})  # fmt: skip
    assert seen.usage(whole=True) == Usage(
        input_tokens=700, cached_tokens=1000, cache_write_tokens=5800, cache_write_1h_tokens=200,
        output_tokens=350, queries=3,
    )  # fmt: skip


def test_a_nought_or_null_at_the_end_takes_no_count_back() -> None:
    seen = UsageOfStream(anthropic_usage)
    seen.take({"message": {"usage": {"input_tokens": 500, "output_tokens": 0}}})
    seen.take({"usage": {"input_tokens": 0, "cache_read_input_tokens": None, "output_tokens": 9}})
    assert seen.usage(whole=True) == Usage(input_tokens=500, output_tokens=9)


def test_responses_and_gemini_are_read_alike() -> None:
    seen = UsageOfStream(openai_responses_usage)
    seen.take({"type": "response.created", "response": {"usage": None}})
    usage = {"input_tokens": 5, "output_tokens": 6, "cost": {"total_cost": 0.25}}
    seen.take({"type": "response.completed", "response": {"usage": usage}})
    assert seen.usage(whole=True) == Usage(input_tokens=5, output_tokens=6)
    assert reported_cost(seen.raw) is not None
    seen = UsageOfStream(gemini_usage)
    seen.take({"usageMetadata": {"promptTokenCount": 5, "totalTokenCount": 5}})
    seen.take(
        {"usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 8, "totalTokenCount": 13}}
    )
    assert seen.usage(whole=True) == Usage(input_tokens=5, output_tokens=8)


def test_a_stream_that_broke_before_any_count_has_no_usage() -> None:
    seen = UsageOfStream(openai_chat_usage)
    for event in (WORD, None, "[DONE]", [], {"usage": 7}, {"choices": "none"}):
        seen.take(event)
    assert seen.usage(whole=False) is None
    assert seen.usage(whole=True) is None


def test_nonsense_in_a_stream_stays_nonsense_and_depth_does_no_harm() -> None:
    seen = UsageOfStream(openai_chat_usage)
    deep: dict[str, object] = {}
    for _ in range(5_000):
        deep = {"deeper": deep}
    seen.take({"usage": {**CHAT, "deep": deep}})
    assert seen.usage(whole=True) == READ
    seen.take({"usage": {"completion_tokens": -3}})
    assert seen.usage(whole=True) is None
