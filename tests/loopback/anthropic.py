"""Messages as the loopback server writes them after Anthropic: whole, and in named events."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from tests.loopback.chat import WORDS
from tests.loopback.reactions import Written

__all__ = ["event", "write"]

_BASE = {"id": "msg_1", "type": "message", "role": "assistant", "model": "served-model"}
_OVERLOADED = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}


def event(kind: str, **fields: Any) -> bytes:
    """One event, named on the wire and in its data."""
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


def write(
    words: Sequence[str] | None = WORDS, *, refused: bool = False, usage: str = "usual"
) -> Written:
    """A message of these words, or without content where there are none."""
    stopped = "refusal" if refused else "end_turn"
    blocks = [] if words is None else [{"type": "text", "text": "".join(words)}]
    counts = {
        "usual": {"input_tokens": 12, "output_tokens": 5},
        "nonsense": {"input_tokens": -1, "output_tokens": 10**18},
        "none": None,
    }[usage]
    early = {"input_tokens": counts["input_tokens"], "output_tokens": 1} if counts else None
    body = {**_BASE, "content": blocks, "stop_reason": stopped, "usage": counts}
    opened = {**_BASE, "content": [], "stop_reason": None, "usage": early}
    late = {"output_tokens": counts["output_tokens"]} if counts else None
    return Written(
        body=json.dumps(body).encode(),
        events=(
            event("message_start", message=opened),
            event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
            event("ping"),
            *(_delta(word) for word in words or ()),
            event("content_block_stop", index=0),
            event("message_delta", delta={"stop_reason": stopped}, usage=late),
            event("message_stop"),
        ),
        first_word=3,
        terminal=1,
        error_body=json.dumps(_OVERLOADED).encode(),
        error_event=event("error", **{k: v for k, v in _OVERLOADED.items() if k != "type"}),
        usage_event=event(
            "message_delta", delta={}, usage={"input_tokens": 12, "output_tokens": 5}
        ),
    )


def _delta(word: str) -> bytes:
    return event("content_block_delta", index=0, delta={"type": "text_delta", "text": word})
