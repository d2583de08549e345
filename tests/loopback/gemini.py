"""Answers as the loopback server writes them after Gemini: whole, and in chunks of one shape."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from tests.loopback.chat import WORDS
from tests.loopback.reactions import Written

__all__ = ["chunk", "data", "write"]

_BASE = {"modelVersion": "served-model", "responseId": "gem_1"}
_USAGE = {"promptTokenCount": 12, "candidatesTokenCount": 5, "totalTokenCount": 17}
_NONSENSE = {"promptTokenCount": -1, "candidatesTokenCount": 10**18}
_OVERLOADED = {"error": {"code": 503, "message": "Overloaded", "status": "UNAVAILABLE"}}


def chunk(*texts: str, finish: str = "", **fields: Any) -> dict[str, Any]:
    """One chunk, which is shaped like a whole answer."""
    candidate: dict[str, Any] = {"index": 0}
    if texts:
        candidate["content"] = {"role": "model", "parts": [{"text": text} for text in texts]}
    if finish:
        candidate["finishReason"] = finish
    return {**_BASE, "candidates": [candidate], **fields}


def data(found: object) -> bytes:
    """One event."""
    return f"data: {json.dumps(found)}\r\n\r\n".encode()


def write(
    words: Sequence[str] | None = WORDS, *, refused: bool = False, usage: str = "usual"
) -> Written:
    """An answer of these words, or without parts where there are none."""
    finish = "SAFETY" if refused else "STOP"
    counts = {"usual": _USAGE, "nonsense": _NONSENSE, "none": None}[usage]
    told = {"usageMetadata": counts} if counts else {}
    whole = () if words is None else ("".join(words),)
    return Written(
        body=json.dumps(chunk(*whole, finish=finish, **told)).encode(),
        events=(
            *(data(chunk(word)) for word in words or ()),
            data(chunk(finish=finish, **told)),
        ),
        first_word=0,
        terminal=1,
        error_body=json.dumps(_OVERLOADED).encode(),
        error_event=data(_OVERLOADED),
        usage_event=data({**_BASE, "usageMetadata": _USAGE}),
    )
