"""Faults by name, for requests that ask for them: ``fault=cut:3`` in a prompt, or in the header
``x-fault``.

Each works on a whole answer and on a stream, in every protocol that the server writes: what is
said of events means bytes of the body there.

=====================  ===========================================================================
latency:S[,J]          answers after S seconds, and up to J more
black_hole             never answers
reset                  resets the connection before the headers
reset_after_headers    resets it after them
cut:K                  resets it after K events, or half of a whole body
hang_up:K              closes it there without the end that the framing promised
stall:K                falls silent there
slice:N,S              sends N bytes every S seconds
drip                   sends one byte a second
length_short           declares fewer bytes than it sends
length_long            declares more
bomb:MB                a body of so many megabytes, compressed to a thousandth
large:MB               the same, not compressed
bad_json               answers what is no JSON
truncated_json         breaks off within the JSON, with a proper end of the response
html                   answers a page
empty                  answers nothing
null, blank            an answer without text
no_usage               tells no usage
nonsense_usage         tells a negative and a huge count
early_usage            tells the usage on an event amid the text
content_filter         refuses for its content
garbled:N              N events amid the stream are no JSON
no_end                 leaves out the event that ends the stream
error_event:K          K events, and then an error within the status 200
status:N[,S]           answers with the status N, and asks to wait S seconds
=====================  ===========================================================================
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tests.loopback import anthropic, chat, gemini
from tests.loopback.reactions import EVENT_STREAM, WORKED, Reaction, Received, Script, Written

__all__ = ["FAULTS", "asked_fault", "fault"]

_ASKED = re.compile(r"fault=([a-z_]+)(?::([0-9.,]+))?")
_PAGE = b"<html><body><h1>Welcome to our wireless network</h1></body></html>"


def asked_fault(received: Received) -> Script | None:
    """The fault that a request asks for by its header or its prompt."""
    named = received.headers.get("x-fault")
    found = _ASKED.search(f"fault={named}" if named else received.prompt)
    return fault(*found.groups(default="")) if found else None


def fault(name: str, argument: str = "") -> Script:
    """The fault of this name; raises KeyError for one that is not in the table above."""
    if ":" in name:
        name, _, argument = name.partition(":")
    make = FAULTS[name]
    numbers = [float(number) for number in argument.split(",") if number]

    def react(received: Received) -> Reaction:
        return replace(make(received, numbers), name=name)

    return react


def write(received: Received, **changes: Any) -> Written:
    """A healthy answer in the protocol that the request's path belongs to."""
    if received.path.endswith("/messages"):
        return anthropic.write(**changes)
    if "enerateContent" in received.path:
        return gemini.write(**changes)
    return chat.write(**changes)


_Make = Callable[[Received, list[float]], Reaction]


def answered(received: Received, written: Written | None = None) -> Reaction:
    """The healthy answer, whole or as a stream as the request asks."""
    written = written or write(received)
    if not received.wants_stream:
        return Reaction(body=written.body, billed=WORKED, name="ok")
    return Reaction(
        headers={"content-type": EVENT_STREAM}, parts=written.events, billed=WORKED, name="ok"
    )


def _changed(**changes: object) -> _Make:
    return lambda received, _: replace(answered(received), **changes)


def _latency(received: Received, numbers: list[float]) -> Reaction:
    delay, jitter = [*numbers, 0.0][:2]
    return replace(answered(received), delay=delay, jitter=jitter)


def _reset_after_headers(received: Received, _: list[float]) -> Reaction:
    whole = answered(received)
    return replace(whole, reset_after=len(whole.head()))


def _broken(ending: str) -> _Make:
    def make(received: Received, numbers: list[float]) -> Reaction:
        written = write(received)
        if not received.wants_stream:
            half = written.body[: len(written.body) // 2]
            return Reaction(
                body=half, declared_length=len(written.body), ending=ending, billed=WORKED
            )
        events = int(numbers[0]) if numbers else len(written.events) // 2
        words = max(0, events - written.first_word)
        whole = answered(received)
        return replace(
            whole, parts=written.events[:events], ending=ending, billed=(WORKED[0], words)
        )

    return make


def _sliced(received: Received, numbers: list[float]) -> Reaction:
    size, seconds = numbers
    return replace(answered(received), slices=(int(size), seconds))


def _declared(difference: int) -> _Make:
    def make(received: Received, _: list[float]) -> Reaction:
        whole = answered(received)
        body = b"".join(whole.parts) if whole.parts is not None else whole.body
        return replace(whole, parts=None, body=body, declared_length=len(body) + difference)

    return make


def _bomb(received: Received, numbers: list[float]) -> Reaction:
    packer = zlib.compressobj(wbits=16 + zlib.MAX_WBITS)
    space = b" " * 1_000_000
    packed = [packer.compress(space) for _ in range(int(numbers[0]))]
    whole = _plain(received, b"".join([*packed, packer.flush()]))
    return replace(whole, headers={**whole.headers, "content-encoding": "gzip"})


def _large(received: Received, numbers: list[float]) -> Reaction:
    return replace(_plain(received, b""), filler=int(numbers[0] * 1_000_000))


def _plain(received: Received, body: bytes) -> Reaction:
    """This body, in the content type that the request expects."""
    return replace(answered(received), parts=None, body=body)


def _body(body: bytes, *, page: bool = False) -> _Make:
    def make(received: Received, _: list[float]) -> Reaction:
        headers = {"content-type": "text/html"} if page else answered(received).headers
        return replace(_plain(received, body), headers=headers)

    return make


def _truncated(received: Received, _: list[float]) -> Reaction:
    written = write(received)
    if not received.wants_stream:
        return _plain(received, written.body[:-30])
    last = written.events[written.first_word + 2]
    return replace(
        answered(received), parts=(*written.events[: written.first_word + 2], last[:-30])
    )


def _written(**changes: object) -> _Make:
    return lambda received, _: answered(received, write(received, **changes))


def _early_usage(received: Received, _: list[float]) -> Reaction:
    written = write(received, usage="none")
    if not received.wants_stream:
        return answered(received)
    at = written.first_word + 2
    parts = (*written.events[:at], written.usage_event, *written.events[at:])
    return replace(answered(received), parts=parts)


def _garbled(received: Received, numbers: list[float]) -> Reaction:
    written = write(received)
    if not received.wants_stream:
        return _plain(received, written.body.replace(b'"', b"'"))
    at = written.first_word + 1
    torn = (b'data: {"torn": [{"del\n\n',) * int([*numbers, 1.0][0])
    return replace(answered(received), parts=(*written.events[:at], *torn, *written.events[at:]))


def _no_end(received: Received, _: list[float]) -> Reaction:
    written = write(received)
    if not received.wants_stream:
        return replace(_declared(100)(received, []))
    return replace(answered(received), parts=written.events[: -written.terminal])


def _error_event(received: Received, numbers: list[float]) -> Reaction:
    written = write(received)
    if not received.wants_stream:
        return replace(_plain(received, written.error_body), billed=(0, 0))
    events = int([*numbers, 0.0][0])
    words = max(0, events - written.first_word)
    billed = (WORKED[0], words) if words else (0, 0)
    parts = (*written.events[:events], written.error_event)
    return replace(answered(received), parts=parts, billed=billed)


def _status(_: Received, numbers: list[float]) -> Reaction:
    status, *wait = numbers
    headers = {"retry-after": f"{wait[0]:g}"} if wait else {}
    body = b'{"error": {"message": "no", "type": null, "code": null}}'
    return Reaction(status=int(status), headers=headers, body=body)


FAULTS: dict[str, _Make] = {
    "ok": lambda received, _: answered(received),
    "latency": _latency,
    "black_hole": lambda *_: Reaction(silent=True),
    "reset": _changed(reset_after=0, billed=(0, 0)),
    "reset_after_headers": _reset_after_headers,
    "cut": _broken("reset"),
    "hang_up": _broken("hang up"),
    "stall": _broken("stall"),
    "slice": _sliced,
    "drip": _changed(slices=(1, 1.0)),
    "length_short": _declared(-30),
    "length_long": _declared(100),
    "bomb": _bomb,
    "large": _large,
    "bad_json": _body(b"data: not json\n\ndata: nor this\n\ndata: nor that\n\n"),
    "truncated_json": _truncated,
    "html": _body(_PAGE, page=True),
    "empty": _body(b""),
    "null": _written(words=None),
    "blank": _written(words=(" ", "\n")),
    "no_usage": _written(usage="none"),
    "nonsense_usage": _written(usage="nonsense"),
    "early_usage": _early_usage,
    "content_filter": _written(refused=True),
    "garbled": _garbled,
    "no_end": _no_end,
    "error_event": _error_event,
    "status": _status,
}
