"""Gemini's protocol, `generateContent`: one call rendered, one answer read, one stream put
together."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from orchestra_kit.core.answer import Call
from orchestra_kit.providers.http_provider import HttpProvider, Rendered
from orchestra_kit.providers.reading import Reading, word
from orchestra_kit.providers.usage_dialects import gemini_usage
from orchestra_kit.providers.usage_stream import UsageOfStream

__all__ = ["KEY_HEADER", "RESERVED", "Gemini"]

KEY_HEADER = "x-goog-api-key"
"""Never in the address, where logs would keep it."""
RESERVED = frozenset({"contents", "systemInstruction", "candidateCount"})
"""Parameters that the adapter sets itself or that would change the shape of the answer."""

_TAKEN = {
    "temperature": "temperature", "top_p": "topP", "topP": "topP", "top_k": "topK", "topK": "topK",
    "stop": "stopSequences", "stopSequences": "stopSequences", "seed": "seed",
    "max_tokens": "maxOutputTokens", "max_completion_tokens": "maxOutputTokens",
    "maxOutputTokens": "maxOutputTokens", "presence_penalty": "presencePenalty",
    "presencePenalty": "presencePenalty", "frequency_penalty": "frequencyPenalty",
    "frequencyPenalty": "frequencyPenalty", "responseMimeType": "responseMimeType",
    "responseSchema": "responseSchema", "thinkingConfig": "thinkingConfig",
}  # fmt: skip
"""Parameters as requests name them, and what they are called in its `generationConfig`."""
_FINISH = {"STOP": "stop", "MAX_TOKENS": "length"}
_DECLINED = frozenset({
    "SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY",
})  # fmt: skip


class Gemini(HttpProvider):
    """A deployment at Gemini.

    Parameters that the protocol does not know are left out as well as those that are rejected.
    """

    maker = "gemini"

    def _render(self, call: Call, *, streamed: bool) -> Rendered:
        config: dict[str, object] = {}
        dropped, optional = [], {}
        if call.max_output_tokens is not None:
            config["maxOutputTokens"] = call.max_output_tokens
        for asked, value in {**self._parameters, **call.parameters}.items():
            name = _TAKEN.get(asked)
            if name is None or {name, asked} & (self._rejects | call.left_out):
                dropped.append(asked)
                continue
            if name != "maxOutputTokens":
                optional[name] = asked
            one = name == "stopSequences" and isinstance(value, str)
            config[name] = [value] if one else value
        body: dict[str, object] = {"contents": [{"role": "user", "parts": [{"text": call.text}]}]}
        if call.system:
            body["systemInstruction"] = {"parts": [{"text": call.system}]}
        if config:
            body["generationConfig"] = config
        verb = "streamGenerateContent?alt=sse" if streamed else "generateContent"
        return Rendered(
            url=f"{self._base}/models/{quote(call.model, safe='')}:{verb}",
            body=body,
            headers={},
            dropped=tuple(sorted(dropped)),
            optional=optional,
        )

    def _read(self, body: Mapping[str, object]) -> Reading | None:
        candidate = _first_candidate(body)
        feedback = body.get("promptFeedback")
        blocked = word(feedback.get("blockReason")) if isinstance(feedback, dict) else ""
        if candidate is None and not blocked:
            return None
        finish = word(candidate.get("finishReason")) if candidate else ""
        return Reading(
            text="".join(text for text, thought in _parts(candidate) if not thought),
            finish=_FINISH.get(finish, finish.lower()),
            model=word(body.get("modelVersion")),
            usage=gemini_usage(body.get("usageMetadata")),
            declined=blocked or (finish if finish in _DECLINED else ""),
            response_id=word(body.get("responseId")),
        )

    def _assembly(self) -> GeminiStream:
        return GeminiStream()


class GeminiStream:
    """The chunks of one stream, each shaped like a whole answer, put together into one."""

    sentinel = ""
    open_ended = True

    def __init__(self) -> None:
        self.finished = False
        self._begun = False
        self._text: list[str] = []
        self._usage = UsageOfStream(gemini_usage)
        self._candidate: dict[str, object] = {}
        self._named: dict[str, object] = {}

    def take(self, data: Mapping[str, object]) -> str | None:
        """The text that a chunk adds; empty where the model is only seen to think."""
        self._usage.take(data)
        kept = ("modelVersion", "responseId", "promptFeedback")
        self._named |= {name: data[name] for name in kept if data.get(name)}
        feedback = data.get("promptFeedback")
        if isinstance(feedback, dict) and feedback.get("blockReason"):
            self.finished = True
        candidate = _first_candidate(data)
        if candidate is None:
            return None
        self._begun = True
        if candidate.get("finishReason"):
            self._candidate["finishReason"] = candidate["finishReason"]
            self.finished = True
        parts = _parts(candidate)
        text = "".join(text for text, thought in parts if not thought)
        self._text.append(text)
        return text if parts else None

    def whole(self) -> dict[str, object]:
        """The answer so far; without candidates where no chunk had any."""
        content = {"parts": [{"text": "".join(self._text)}]}
        return {
            **self._named,
            "candidates": [{**self._candidate, "content": content}] if self._begun else [],
            "usageMetadata": self._usage.raw,
        }


def _first_candidate(body: Mapping[str, object]) -> Mapping[str, object] | None:
    candidates = body.get("candidates")
    if not isinstance(candidates, list) or not candidates or not isinstance(candidates[0], dict):
        return None
    return candidates[0]


def _parts(candidate: Mapping[str, object] | None) -> list[tuple[str, bool]]:
    """The texts of a candidate, each with whether it is a thought."""
    content = candidate.get("content") if candidate else None
    parts = content.get("parts") if isinstance(content, dict) else None
    if not isinstance(parts, list):
        return []
    return [
        (part["text"], bool(part.get("thought")))
        for part in parts
        if isinstance(part, dict) and isinstance(part.get("text"), str)
    ]
