"""Server-sent events, from bytes cut anywhere."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra_kit.core.errors import FailureClass, ProviderError
from orchestra_kit.providers.events import LARGEST_EVENT, Event, EventReader, events


def read(*chunks: bytes, largest: int = LARGEST_EVENT) -> list[Event]:
    reader = EventReader(largest_event=largest)
    found = [event for chunk in chunks for event in reader.feed(chunk)]
    return [*found, *reader.end()]


def data(*chunks: bytes) -> list[str]:
    return [event.data for event in read(*chunks)]


@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"])
def test_every_kind_of_line_end_is_understood(newline):
    text = newline.join([b"data: one", b"", b"data: two", b"data: lines", b"", b""])
    assert data(text) == ["one", "two\nlines"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b": a comment\n\ndata: x\n\n", [Event("x")]),
        (b":\n:\n\n", []),
        (b"\xef\xbb\xbfdata: x\n\n", [Event("x")]),
        (b"\xef\xbb\xbf\xef\xbb\xbfdata: x\n\n", []),
        (b"data:x\n\n", [Event("x")]),
        (b"data:  x\n\n", [Event(" x")]),
        (b"data\n\n", [Event("")]),
        (b"data:\ndata:\n\n", [Event("\n")]),
        (b"event: ping\n\ndata: x\n\n", [Event("x")]),
        (b"event: delta\ndata: x\n\ndata: y\n\n", [Event("x", "delta"), Event("y")]),
        (b"id: 7\ndata: x\n\ndata: y\n\n", [Event("x", id="7"), Event("y", id="7")]),
        (b"id: 7\0\ndata: x\n\n", [Event("x")]),
        (b"retry: 100\ndata: x\nunknown: y\n\n", [Event("x")]),
        (b"data: a:b\n\n", [Event("a:b")]),
        (b"\n\n\n\ndata: x\n\n\n\n", [Event("x")]),
        (b"data: \xff\xfe\n\n", [Event("\ufffd\ufffd")]),
        ("data: Grüße ✓\n\n".encode(), [Event("Grüße ✓")]),
    ],
)
def test_fields_mean_what_the_standard_says(text, expected):
    assert read(text) == expected


def test_an_event_that_lacks_only_its_end_is_delivered():
    assert data(b"data: x\n\ndata: [DONE]") == ["x", "[DONE]"]
    assert data(b"data: [DONE]\n") == ["[DONE]"]


BITS = st.sampled_from(
    [b"data: x", b"data:", b"event: e", b"id: 1", b": c", b"\n", b"\r", b"\r\n", b"\n\n", b"\xef",
     b"\xbb\xbf", "é✓".encode(), b"\0", b":"]
)  # fmt: skip
STREAMS = st.lists(BITS | st.binary(max_size=4), max_size=30).map(b"".join)


@given(STREAMS, st.lists(st.integers(0, 120), max_size=12))
def test_how_the_bytes_are_cut_changes_nothing(stream, cuts):
    places = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    chunks = [stream[a:b] for a, b in pairwise(places)]
    single = [stream[n : n + 1] for n in range(len(stream))]
    assert read(*chunks) == read(stream) == read(*single)


@given(st.lists(st.text(st.characters(exclude_characters="\r\n", codec="utf-8")), max_size=5))
def test_what_was_written_is_read(texts):
    stream = b"".join(f"data: {text}\n\n".encode() for text in texts)
    assert data(stream) == texts


@given(st.lists(st.binary(max_size=60), max_size=8))
def test_garbage_raises_nothing_but_a_provider_error(chunks):
    try:
        found: list[Event] | FailureClass = read(*chunks, largest=40)
    except ProviderError as error:
        found = error.failure
    assert isinstance(found, list) or found is FailureClass.MALFORMED


@pytest.mark.parametrize(
    "stream",
    [b"x" * 101, b"data: " + b"x" * 95, b"data: xxxxxxxx\n" * 8, b": " + b"x" * 99 + b"\n"],
    ids=["no end", "one line", "many lines", "comment"],
)
def test_an_event_may_not_be_larger_than_its_limit(stream):
    with pytest.raises(ProviderError, match=r"larger than 0\.0001 MB"):
        read(stream, largest=100)
    assert read(stream, largest=200) is not None


def test_the_limit_is_for_each_event_alone():
    assert len(read(*[b"data: " + b"x" * 90 + b"\n\n"] * 50, largest=100)) == 50


async def test_events_before_a_fault_are_delivered():
    async def chunks() -> AsyncIterator[bytes]:
        yield b"data: one\n\ndata: " + b"x" * (LARGEST_EVENT + 1)

    found = events(chunks())
    assert (await anext(found)).data == "one"
    with pytest.raises(ProviderError):
        await anext(found)
