"""Chat completions as the loopback server writes them: whole, and in the chunks of a stream."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tests.loopback.reactions import Written

__all__ = ["DONE", "USAGE", "WORDS", "chunk", "finish_chunk", "usage_chunk", "write"]

WORDS = ("Hello", " there", ",", " friend", ".")
"""The usual answer, word by word."""
DONE = "[DONE]"
USAGE = {"prompt_tokens": 12, "completion_tokens": 5, "total_tokens": 17}
NONSENSE = {"prompt_tokens": -1, "completion_tokens": 10**18}
_BASE = {"id": "chatcmpl-1", "model": "served-model"}
_OVERLOADED = {"message": "Overloaded", "type": "overloaded_error", "code": None}


def chunk(delta: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """One chunk of a stream."""
    choice = {"index": 0, "delta": dict(delta), "finish_reason": None}
    return {**_BASE, "object": "chat.completion.chunk", "choices": [choice], **changes}


def finish_chunk(reason: str = "stop") -> dict[str, Any]:
    """The chunk that says why the answer ended."""
    found = chunk({})
    found["choices"][0]["finish_reason"] = reason
    return found


def usage_chunk(usage: object = None) -> dict[str, Any]:
    """The last chunk, without choices, where the usage was asked for."""
    return {**chunk({}), "choices": [], "usage": USAGE if usage is None else usage}


def write(
    words: Sequence[str] | None = WORDS, *, refused: bool = False, usage: str = "usual"
) -> Written:
    """An answer of these words, or with null where its text should be."""
    finish = "content_filter" if refused else "stop"
    text = None if words is None else "".join(words)
    counts = {"usual": USAGE, "nonsense": NONSENSE, "none": None}[usage]
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": finish}
    body = {**_BASE, "object": "chat.completion", "choices": [choice]}
    deltas = [chunk({"content": word}) for word in words or [None]]
    events: list[Any] = [chunk({"role": "assistant", "content": ""}), *deltas, finish_chunk(finish)]
    if counts is not None:
        body["usage"] = counts
        events.append(usage_chunk(counts))
    return Written(
        body=json.dumps(body).encode(),
        events=tuple(_data(event) for event in [*events, DONE]),
        first_word=1,
        terminal=1,
        error_body=json.dumps({"error": _OVERLOADED}).encode(),
        error_event=_data({"error": _OVERLOADED}),
        usage_event=_data(chunk({}, usage=USAGE)),
    )


def _data(event: object) -> bytes:
    text = event if isinstance(event, str) else json.dumps(event)
    return f"data: {text}\n\n".encode()
