"""The chat completions protocol, as OpenAI speaks it and llama.cpp, vLLM, Ollama, Groq, Mistral,
xAI and OpenRouter after it: one call rendered, one answer read, every fault named.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from urllib.parse import urlsplit

from orchestra_kit.core.answer import Answer, Call, Usage
from orchestra_kit.core.clock import Clock
from orchestra_kit.core.display import clean_text
from orchestra_kit.core.errors import AttemptOutcome, FailureClass, ProviderError, UnsafeAddress
from orchestra_kit.core.secrets import scrub
from orchestra_kit.providers.failures import ErrorBody, classify, outcome_of, retry_after
from orchestra_kit.providers.transport import Response, Transport
from orchestra_kit.providers.usage import estimated_usage, reported_usage

__all__ = ["EMPTY_MESSAGE", "RESERVED", "BoundKey", "OpenAICompatible"]

RESERVED = frozenset({"model", "messages", "stream", "stream_options", "n"})
"""Parameters that the adapter sets itself or that would change the shape of the answer."""

EMPTY_MESSAGE = "empty_message"
"""Code of the error for a message without text; ours, since providers have none for it."""

_LENGTH_PARAMETER = "max_tokens_parameter"
"""A deployment's parameter that names the one for the length: newer models of OpenAI want
``max_completion_tokens``, every other server ``max_tokens``."""
_TICKS_A_DOLLAR = 10_000_000_000
"""xAI states the cost of a call in ticks of 10⁻¹⁰ dollars."""


@dataclass(frozen=True, slots=True)
class BoundKey:
    """A key and the one host that may see it."""

    host: str
    value: str = field(repr=False)

    def headers(self, url: str) -> dict[str, str]:
        """The header that carries the key to `url`; raises UnsafeAddress for another host."""
        if urlsplit(url).netloc != self.host:
            raise UnsafeAddress(f"The key for {self.host} may not be sent to another host.")
        return {"authorization": f"Bearer {self.value}"} if self.value else {}


class OpenAICompatible:
    """A deployment behind a server that speaks chat completions.

    `rejects` are parameters that the model answers with an error: they are left out and named in
    the answer. `parameters` are the deployment's own; those of a call come on top.
    """

    def __init__(
        self,
        *,
        base_url: str,
        key: BoundKey,
        transport: Transport,
        clock: Clock,
        rejects: frozenset[str] = frozenset(),
        parameters: Mapping[str, object] | None = None,
    ) -> None:
        self._url = f"{base_url.rstrip('/')}/chat/completions"
        self._key = key
        self._transport = transport
        self._clock = clock
        self._rejects = rejects
        self._parameters = dict(parameters or {})

    async def send(self, call: Call) -> Answer:
        """The answer; raises ProviderError, which says what became of the attempt."""
        body, dropped = self._render(call)
        try:
            response = await self._transport.post(
                self._url, headers=self._key.headers(self._url), body=json.dumps(body).encode()
            )
        except ProviderError as error:
            if error.outcome is AttemptOutcome.ANSWERED:
                error.usage = estimated_usage(_prompt(call), "")
            raise
        return self._read(call, response, dropped)

    def _render(self, call: Call) -> tuple[dict[str, object], tuple[str, ...]]:
        """The body of a call, and the parameters that were left out of it."""
        wanted = {**self._parameters, **call.parameters}
        length_name = str(wanted.pop(_LENGTH_PARAMETER, "max_tokens"))
        if call.max_output_tokens is not None:
            wanted.setdefault(length_name, call.max_output_tokens)
        dropped = tuple(sorted(name for name in wanted if name in self._rejects | RESERVED))
        messages = [{"role": "user", "content": call.text}]
        if call.system:
            messages.insert(0, {"role": "system", "content": call.system})
        kept = {name: value for name, value in wanted.items() if name not in dropped}
        return {"model": call.model, "messages": messages, **kept}, dropped

    def _read(self, call: Call, response: Response, dropped: tuple[str, ...]) -> Answer:
        try:
            data = json.loads(response.body)
        except (ValueError, RecursionError):
            data = None
        if response.status != 200:
            raise self._refusal(call, response.status, ErrorBody.read(data), response.headers)
        if not isinstance(data, dict):
            raise _no_answer(call, "the body is not a JSON object")
        if data.get("error"):
            error = ErrorBody.read(data)
            status = int(error.code) if error.code.isdecimal() and len(error.code) == 3 else 500
            raise self._refusal(call, status, error, response.headers)
        choice = _first_choice(data)
        message = choice.get("message") if choice else None
        if choice is None or not isinstance(message, dict):
            raise _no_answer(call, "the body holds no message")
        text = _text_of(message)
        finish = choice.get("finish_reason")
        usage = reported_usage(data.get("usage")) or estimated_usage(_prompt(call), text)
        if finish == "content_filter" or message.get("refusal"):
            raise ProviderError(
                f"{call.deployment} declined to answer this content",
                failure=FailureClass.CONTENT,
                outcome=AttemptOutcome.REFUSED,
                status=200,
                code="content_filter" if finish == "content_filter" else "refusal",
                usage=usage,
            )
        if not text.strip():
            why = f"the message is empty (finish reason {_word(finish) or 'none'})"
            raise _no_answer(call, why, usage, code=EMPTY_MESSAGE)
        return Answer(
            text=text,
            model=_word(data.get("model")) or call.model,
            usage=usage,
            finish=_word(finish) or "stop",
            reported_cost=_reported_cost(data.get("usage")),
            dropped_parameters=dropped,
            fields=_facts(data, response.headers),
        )

    def _refusal(
        self, call: Call, status: int, error: ErrorBody, headers: Mapping[str, str]
    ) -> ProviderError:
        failure = classify(status, error)
        said = clean_text(scrub(error.message), longest=200)
        code = scrub(error.code or error.kind)[:80]
        parts = [f"{call.deployment} answered {status}"]
        parts += [f"({code})"] if code else []
        return ProviderError(
            " ".join(parts) + (f": {said}" if said else ""),
            failure=failure,
            outcome=outcome_of(failure),
            status=status,
            code=code,
            retry_after=retry_after(headers, error, now=self._clock.now()),
        )


def _no_answer(
    call: Call, why: str, usage: Usage | None = None, *, code: str = ""
) -> ProviderError:
    """A 200 that is none: it was probably worked on and billed, so its usage is estimated."""
    return ProviderError(
        f"{call.deployment} answered 200, but {clean_text(why, longest=120)}",
        failure=FailureClass.MALFORMED,
        outcome=AttemptOutcome.ANSWERED,
        status=200,
        code=code,
        usage=usage or estimated_usage(_prompt(call), ""),
    )


def _prompt(call: Call) -> str:
    return call.system + call.text


def _first_choice(data: Mapping[str, object]) -> Mapping[str, object] | None:
    choices = data.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        return None
    return choices[0]


def _text_of(message: Mapping[str, object]) -> str:
    """The content, also where it comes in parts."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        return "".join(part for part in parts if isinstance(part, str))
    return ""


def _word(value: object) -> str:
    return scrub(value)[:200] if isinstance(value, str) else ""


def _reported_cost(usage: object) -> Decimal | None:
    ticks = usage.get("cost_in_usd_ticks") if isinstance(usage, dict) else None
    if isinstance(ticks, bool) or not isinstance(ticks, int) or ticks < 0:
        return None
    return Decimal(ticks) / _TICKS_A_DOLLAR


def _facts(data: Mapping[str, object], headers: Mapping[str, str]) -> dict[str, object]:
    """What is worth keeping beside the answer: by which names the provider knows the call."""
    facts = {"response_id": _word(data.get("id")), "request_id": _word(headers.get("x-request-id"))}
    return {name: value for name, value in facts.items() if value}
