"""One call over HTTP, whole or as it comes: what is the same in every protocol.

A protocol says how a call is rendered, how a body is read, and how the events of a stream add up;
what becomes of an attempt is decided here, once, so that a stream and a plain send that meet the
same fault tell it alike.
"""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

from orchestra_kit.core.answer import Answer, Call, Piece, Usage, UsageStatus
from orchestra_kit.core.clock import Clock
from orchestra_kit.core.errors import AttemptOutcome, FailureClass, ProviderError
from orchestra_kit.providers.allowance import read_allowance
from orchestra_kit.providers.events import Event, events
from orchestra_kit.providers.failures import ErrorBody
from orchestra_kit.providers.keys import BoundKey
from orchestra_kit.providers.reading import Assembly, Reading, as_json, as_object, word
from orchestra_kit.providers.refusal import (
    EMPTY_MESSAGE,
    cut,
    declined,
    endless,
    garbled,
    no_answer,
    prompt_of,
    refused,
)
from orchestra_kit.providers.transport import LARGEST_BODY, Incoming, Response, Transport
from orchestra_kit.providers.unsupported import rejected_parameter
from orchestra_kit.providers.usage import estimated_usage

__all__ = ["HttpProvider", "Rendered"]

_MOST_GARBLED = 1
"""Events of one stream that may be unreadable: one is a slip, two are a habit."""
_NOT_IN_A_HEADER = re.compile(r"[^\x21-\x7e]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """A call in the words of a protocol."""

    url: str
    body: Mapping[str, object]
    headers: Mapping[str, str]
    """Beside those of the key and the content."""
    dropped: tuple[str, ...] = ()
    """Parameters that were left out."""
    optional: Mapping[str, str] = field(default_factory=dict)
    """Those that might be, by their name in the protocol: as the call named them."""


class HttpProvider(ABC):
    """A deployment that is called over HTTP; a protocol fills in the three abstract methods.

    `rejects` are parameters that the model answers with an error: they are left out and named in
    the answer. `parameters` are the deployment's own; those of a call come on top. `provider` says
    whose error codes these are; those of the protocol's own maker where it is empty.
    """

    maker: ClassVar[str]
    """The kind of provider that the protocol is of."""

    def __init__(
        self,
        *,
        base_url: str,
        key: BoundKey,
        transport: Transport,
        clock: Clock,
        provider: str = "",
        rejects: frozenset[str] = frozenset(),
        parameters: Mapping[str, object] | None = None,
    ) -> None:
        self._base = base_url.rstrip("/")
        self._key = key
        self._transport = transport
        self._clock = clock
        self._provider = provider or self.maker
        self._rejects = rejects
        self._parameters = dict(parameters or {})

    @abstractmethod
    def _render(self, call: Call, *, streamed: bool) -> Rendered:
        """The call as this protocol writes it."""

    @abstractmethod
    def _read(self, body: Mapping[str, object]) -> Reading | None:
        """What a body says; None where it holds no answer at all."""

    @abstractmethod
    def _assembly(self) -> Assembly:
        """An empty stream of this protocol."""

    async def send(self, call: Call) -> Answer:
        """The answer; raises ProviderError, which says what became of the attempt."""
        rendered = self._render(call, streamed=False)
        try:
            response = await self._transport.post(
                rendered.url, headers=self._headers(call, rendered), body=_encoded(rendered.body)
            )
        except ProviderError as error:
            raise _estimated(call, error) from error.__cause__
        return self._answer(call, response, rendered)

    async def stream(self, call: Call) -> AsyncGenerator[Piece, None]:
        """The answer as it comes; raises ProviderError, which says what became of the attempt.

        Closing the generator closes the connection. The first piece's moment counts from the call.
        """
        rendered = self._render(call, streamed=True)
        began, first = self._clock.monotonic(), None
        run = _Run(self._assembly())
        headers = {"accept": "text/event-stream", **self._headers(call, rendered)}
        try:
            async with self._transport.stream(
                rendered.url, headers=headers, body=_encoded(rendered.body)
            ) as incoming:
                if not _is_stream(incoming):
                    answer = self._answer(call, await incoming.whole(), rendered)
                    yield Piece(text=answer.text)
                    yield Piece(answer=answer)
                    return
                yield Piece(taken=True)
                async for event in events(incoming.chunks):
                    text = self._taken(call, run, event, incoming.headers)
                    if text is not None:
                        if first is None:
                            first = self._clock.monotonic() - began
                        yield Piece(text=text)
                    if run.assembly.finished and not run.assembly.open_ended:
                        break
                if not run.assembly.finished:
                    raise cut(call)
                await incoming.finish()
                answer = self._told(call, run.assembly.whole(), incoming.headers, rendered)
        except ProviderError as error:
            raise self._broken(call, run, error) from error.__cause__
        facts = {"garbled_events": run.unreadable} if run.unreadable else {}
        yield Piece(
            answer=replace(answer, first_token_seconds=first, fields={**answer.fields, **facts})
        )

    def _headers(self, call: Call, rendered: Rendered) -> dict[str, str]:
        """With the attempt's own id, by which a provider's support and its logs find it: OpenAI
        documents the header, others pass over it."""
        attempt = f"{call.request_id}.{call.deployment}.{call.attempt}"
        return {
            **rendered.headers,
            "x-client-request-id": _NOT_IN_A_HEADER.sub("_", attempt)[:200],
            **self._key.headers(rendered.url),
        }

    def _taken(self, call: Call, run: _Run, event: Event, headers: Mapping[str, str]) -> str | None:
        """The text of one event; raises ProviderError for an error that it tells."""
        if run.assembly.sentinel and event.data.strip() == run.assembly.sentinel:
            run.assembly.finished = True
            return None
        data = as_object(event.data)
        if data is None:
            run.unreadable += 1
            if run.unreadable > _MOST_GARBLED:
                raise garbled(call)
            return None
        if data.get("error") or event.kind == "error":
            raise self._error_within(call, data, headers)
        text = run.assembly.take(data)
        run.begun = run.begun or text is not None
        run.characters += len(text or "")
        if run.characters > LARGEST_BODY:
            raise endless(call)
        return text

    def _answer(self, call: Call, response: Response, rendered: Rendered) -> Answer:
        """What a whole response says."""
        body = as_object(response.body)
        if response.status != 200:
            error = ErrorBody.read(as_json(response.body))
            told = refused(
                call,
                response.status,
                error,
                response.headers,
                provider=self._provider,
                now=self._clock.now(),
            )
            if told.failure is FailureClass.BAD_REQUEST:
                told.rejected = rejected_parameter(error, rendered.optional)
            raise told
        if body is None:
            raise no_answer(call, "the body is not a JSON object")
        return self._told(call, body, response.headers, rendered)

    def _told(
        self,
        call: Call,
        body: Mapping[str, object],
        headers: Mapping[str, str],
        rendered: Rendered,
    ) -> Answer:
        """What the body of a 200 says, be it sent whole or put together."""
        if body.get("error"):
            raise self._error_within(call, body, headers)
        reading = self._read(body)
        if reading is None:
            raise no_answer(call, "the body holds no message")
        usage = reading.usage or _guessed(call, reading.text)
        if reading.declined:
            raise declined(call, reading.declined, usage)
        if not reading.text.strip():
            why = f"the message is empty (finish reason {reading.finish or 'none'})"
            raise no_answer(call, why, usage, code=EMPTY_MESSAGE)
        named = {
            "response_id": reading.response_id,
            "request_id": word(headers.get("x-request-id") or headers.get("request-id")),
        }
        return Answer(
            text=reading.text,
            model=reading.model or call.model,
            usage=usage,
            finish=reading.finish or "stop",
            reported_cost=reading.cost,
            dropped_parameters=rendered.dropped,
            fields={name: value for name, value in named.items() if value},
            allowance=read_allowance(headers, now=self._clock.now()),
        )

    def _error_within(
        self, call: Call, body: Mapping[str, object], headers: Mapping[str, str]
    ) -> ProviderError:
        """An error told within a 200: its own code stands for the status where it is one."""
        error = ErrorBody.read(body)
        status = int(error.code) if re.fullmatch("[45][0-9]{2}", error.code) else 500
        return refused(call, status, error, headers, provider=self._provider, now=self._clock.now())

    def _broken(self, call: Call, run: _Run, error: ProviderError) -> ProviderError:
        """A stream's failure, with what had been seen of it.

        What had begun to answer was worked on and is billed, whatever it says afterwards, so that
        its outcome is unknown; a refusal of the content stays one even where the stream broke.
        """
        reading = self._read(run.assembly.whole())
        if reading is not None:
            if error.failure is FailureClass.STREAM_CUT and reading.declined:
                return declined(call, reading.declined, _partial(call, reading))
            if run.begun or reading.usage is not None:
                error.usage = error.usage or _partial(call, reading)
        if run.begun and error.outcome is AttemptOutcome.FAILED:
            error.outcome = AttemptOutcome.UNKNOWN
        return _estimated(call, error)


@dataclass(slots=True)
class _Run:
    """What one stream has brought so far."""

    assembly: Assembly
    begun: bool = False
    """Whether the model was seen to work on it."""
    characters: int = 0
    unreadable: int = 0


def _partial(call: Call, reading: Reading) -> Usage:
    """The counts that were seen, or a guess by the words that were."""
    if reading.usage is None:
        return _guessed(call, reading.text)
    return replace(reading.usage, status=UsageStatus.PARTIAL)


def _guessed(call: Call, text: str) -> Usage:
    return estimated_usage(prompt_of(call), text, max_output_tokens=call.max_output_tokens)


def _estimated(call: Call, error: ProviderError) -> ProviderError:
    """A body that could not be read was an answer all the same, and billed."""
    if error.outcome is AttemptOutcome.ANSWERED and error.usage is None:
        error.usage = estimated_usage(prompt_of(call), "")
    return error


def _is_stream(incoming: Incoming) -> bool:
    """Whether events follow: an error, a page or a whole answer may come in their place."""
    kind = incoming.headers.get("content-type", "").partition(";")[0].strip().lower()
    return incoming.status == 200 and kind not in {"application/json", "text/html"}


def _encoded(body: Mapping[str, object]) -> bytes:
    return json.dumps(body).encode()
