"""The chat completions protocol, as OpenAI speaks it and llama.cpp, vLLM, Ollama, Groq, Mistral,
xAI and OpenRouter after it: one call rendered, one answer read, one stream put together.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from orchestra_kit.core.answer import Call
from orchestra_kit.providers.http_provider import HttpProvider, Rendered
from orchestra_kit.providers.keys import BoundKey
from orchestra_kit.providers.reading import Reading, word
from orchestra_kit.providers.refusal import EMPTY_MESSAGE
from orchestra_kit.providers.usage import openai_chat_usage, reported_cost, xai_usage
from orchestra_kit.providers.usage_stream import UsageOfStream

__all__ = ["EMPTY_MESSAGE", "RESERVED", "BoundKey", "OpenAICompatible"]

RESERVED = frozenset({"model", "messages", "stream", "stream_options", "n"})
"""Parameters that the adapter sets itself or that would change the shape of the answer."""

_LENGTH, _NEWER_LENGTH = "max_tokens", "max_completion_tokens"
_LENGTH_PARAMETER = "max_tokens_parameter"
"""A deployment's parameter that names the one for the length: newer models of OpenAI want
``max_completion_tokens``, every other server ``max_tokens``."""
_STREAM_USAGE = "stream_usage"
"""A deployment's parameter: ``false`` for a server that answers ``stream_options`` with an error.
Its streams then tell no usage unless they do so unasked."""
_CACHE_KEY = "prompt_cache_key"
"""By which OpenAI sends requests of one session to the same prompt cache. Other servers of this
protocol may answer a parameter that they do not know with an error, so it goes to OpenAI alone."""
_CACHE_HEADER = "x-grok-conv-id"
"""The same at xAI."""


class OpenAICompatible(HttpProvider):
    """A deployment behind a server that speaks chat completions."""

    maker = "openai"

    def _render(self, call: Call, *, streamed: bool) -> Rendered:
        wanted = {**self._parameters, **call.parameters}
        length_name = str(wanted.pop(_LENGTH_PARAMETER, _LENGTH))
        if length_name in call.left_out:  # never without any: an answer has to end somewhere
            length_name = _LENGTH if length_name != _LENGTH else _NEWER_LENGTH
        tells_usage = wanted.pop(_STREAM_USAGE, True) is not False
        if call.max_output_tokens is not None:
            wanted.setdefault(length_name, call.max_output_tokens)
        unwanted = self._rejects | RESERVED | call.left_out
        dropped = tuple(sorted(name for name in wanted if name in unwanted))
        messages = [{"role": "user", "content": call.text}]
        if call.system:
            messages.insert(0, {"role": "system", "content": call.system})
        body = {name: value for name, value in wanted.items() if name not in dropped}
        optional = {name: name for name in body}
        headers, host = {}, self._key.host
        if call.session and host == "api.openai.com" and _CACHE_KEY not in self._rejects:
            body.setdefault(_CACHE_KEY, _cache_key(call.session))
        elif call.session and host == "api.x.ai":
            headers[_CACHE_HEADER] = _cache_key(call.session)
        if streamed:
            body["stream"] = True
            if tells_usage:
                body["stream_options"] = {"include_usage": True}
        return Rendered(
            url=f"{self._base}/chat/completions",
            body={"model": call.model, "messages": messages, **body},
            headers=headers,
            dropped=dropped,
            optional=optional,
        )

    def _read(self, body: Mapping[str, object]) -> Reading | None:
        choice = _first_choice(body)
        message = choice.get("message") if choice else None
        if choice is None or not isinstance(message, dict):
            return None
        finish = word(choice.get("finish_reason"))
        declined = "content_filter" if finish == "content_filter" else ""
        if not declined and message.get("refusal"):
            declined = "refusal"
        counted = xai_usage if self._provider == "xai" else openai_chat_usage
        return Reading(
            text=_text_of(message),
            finish=finish,
            model=word(body.get("model")),
            usage=counted(body.get("usage")),
            declined=declined,
            cost=reported_cost(body.get("usage")),
            response_id=word(body.get("id")),
        )

    def _assembly(self) -> ChatStream:
        return ChatStream()


class ChatStream:
    """The chunks of one stream, put together into the completion that they are parts of."""

    sentinel = "[DONE]"
    open_ended = False

    def __init__(self) -> None:
        self.finished = False
        self._begun = False
        self._text: list[str] = []
        self._refusal: list[str] = []
        self._finish: object = None
        self._usage = UsageOfStream(openai_chat_usage)
        self._named: dict[str, object] = {}

    def take(self, data: Mapping[str, object]) -> str | None:
        """The text that a chunk adds; empty where the model is only seen to think."""
        self._named |= {name: data[name] for name in ("id", "model") if data.get(name)}
        self._usage.take(data)
        choice = _first_choice(data)
        if choice is None:
            return None
        self._begun = True
        self._finish = choice.get("finish_reason") or self._finish
        delta = choice.get("delta")
        if not isinstance(delta, dict):
            return None
        refusal = delta.get("refusal")
        if isinstance(refusal, str):
            self._refusal.append(refusal)
        text = _text_of(delta)
        if text:
            self._text.append(text)
            return text
        return "" if delta.get("reasoning_content") or delta.get("reasoning") else None

    def whole(self) -> dict[str, object]:
        """The completion so far; without choices where no chunk had any."""
        message = {"content": "".join(self._text), "refusal": "".join(self._refusal)}
        choice = {"message": message, "finish_reason": self._finish}
        return {
            **self._named,
            "choices": [choice] if self._begun else [],
            "usage": self._usage.raw or None,
        }


def _cache_key(session: str) -> str:
    """A session's name may say who holds it; its digest does as well and says nothing."""
    return hashlib.sha256(session.encode("utf-8", "surrogatepass")).hexdigest()[:32]


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
