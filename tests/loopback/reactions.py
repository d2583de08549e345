"""What the loopback server may do with one request, and the usual things ready made."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

__all__ = [
    "EVENT_STREAM",
    "Reaction",
    "Received",
    "Script",
    "Written",
    "completion",
    "refusal",
    "streamed",
]

EVENT_STREAM = "text/event-stream"
WORKED = (12, 5)
"""Tokens in and out that a usual answer says it took."""


@dataclass(frozen=True)
class Received:
    """One request as it arrived."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def id(self) -> str:
        """By which the client knows its attempt; empty where it does not say."""
        return self.headers.get("x-client-request-id", "")

    @property
    def wants_stream(self) -> bool:
        return ":streamGenerateContent" in self.path or bool(self._asked().get("stream"))

    @property
    def prompt(self) -> str:
        """The body as text: wherever a protocol keeps the prompt, it is in there."""
        return self.body.decode("utf-8", "replace")

    def _asked(self) -> Mapping[str, Any]:
        try:
            data = self.json
        except ValueError:
            return {}
        return data if isinstance(data, dict) else {}


@dataclass(frozen=True)
class Reaction:
    """What the server does with one request."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    raw: bytes | None = None
    """Bytes sent instead of a well-formed response."""
    silent: bool = False
    """Never answers, until the client goes away."""
    delay: float = 0.0
    """Seconds before the first byte."""
    jitter: float = 0.0
    """Seconds that are added to the delay at most."""
    reset_after: int | None = None
    """Bytes of the response after which the connection is reset."""
    declared_length: int | None = None
    """A Content-Length that is not the body's."""
    filler: int = 0
    """Spaces that follow the body, made as they are sent."""
    slices: tuple[int, float] | None = None
    """Sends so many bytes every so many seconds."""
    parts: tuple[bytes, ...] | None = None
    """The body in chunks, as a stream is sent; `body` is left out."""
    pause: float = 0.0
    """Seconds before each part but the first."""
    ending: Literal["end", "hang up", "reset", "stall"] = "end"
    """What follows the last part: the chunked body's end, a closed or reset connection, silence."""
    billed: tuple[int, int] = (0, 0)
    """Tokens in and out that the server's own books charge."""
    name: str = ""

    def head(self) -> bytes:
        """The status line and the headers."""
        length = len(self.body) + self.filler
        if self.declared_length is not None:
            length = self.declared_length
        framing = ("transfer-encoding", "chunked") if self.parts is not None else (
            "content-length", str(length))  # fmt: skip
        named = {"content-type": "application/json", framing[0]: framing[1], **self.headers}
        lines = [f"HTTP/1.1 {self.status} Reason", *(f"{k}: {v}" for k, v in named.items())]
        return "\r\n".join(lines).encode() + b"\r\n\r\n"

    def response(self) -> bytes:
        """All of it, where it is not a stream."""
        return self.raw if self.raw is not None else self.head() + self.body

    @property
    def keeps_open(self) -> bool:
        """Whether the connection may serve another request afterwards."""
        return (
            self.raw is None
            and self.declared_length is None
            and self.reset_after is None
            and self.ending == "end"
        )


@dataclass(frozen=True)
class Written:
    """One healthy answer as a protocol writes it, and what faults are made of."""

    body: bytes
    events: tuple[bytes, ...]
    first_word: int
    """Index of the first event that carries text."""
    terminal: int
    """How many events at the end say that the answer is whole; without them it is not."""
    error_body: bytes
    error_event: bytes
    usage_event: bytes
    """An event that tells the usage at an odd place."""


Script: TypeAlias = Reaction | Callable[[Received], Reaction]
"""A reaction, or what makes one of a request."""


def completion(text: str | None = "hello", **changes: Any) -> Reaction:
    """A chat completion; `changes` replace fields of its body."""
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": "served-model",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 12, "completion_tokens": 5, "total_tokens": 17},
    }
    return Reaction(body=json.dumps({**body, **changes}).encode(), billed=WORKED)


def refusal(
    status: int, *, code: str = "", kind: str = "", message: str = "no", **headers: str
) -> Reaction:
    """An error as OpenAI writes it; underscores in header names become dashes."""
    error = {"message": message, "type": kind, "param": None, "code": code or None}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reaction(status=status, headers=named, body=json.dumps({"error": error}).encode())


def streamed(*events: bytes | str | Mapping[str, Any], **changes: Any) -> Reaction:
    """A stream of these events: bytes as they are, text as the data of one, mappings as JSON."""
    parts = tuple(e if isinstance(e, bytes) else _event(e) for e in events)
    given = {"headers": {"content-type": EVENT_STREAM}, "billed": WORKED, **changes}
    return Reaction(parts=parts, **given)


def _event(data: str | Mapping[str, Any]) -> bytes:
    text = data if isinstance(data, str) else json.dumps(data)
    return f"data: {text}\n\n".encode()
