"""Anthropic's Messages protocol: one call rendered, one message read, one stream put together."""

from __future__ import annotations

from collections.abc import Mapping

from orchestra_kit.core.answer import Call
from orchestra_kit.providers.http_provider import HttpProvider, Rendered
from orchestra_kit.providers.reading import Reading, word
from orchestra_kit.providers.usage import estimated_usage
from orchestra_kit.providers.usage_dialects import anthropic_usage
from orchestra_kit.providers.usage_stream import UsageOfStream

__all__ = ["KEY_HEADER", "RESERVED", "Anthropic"]

KEY_HEADER = "x-api-key"
RESERVED = frozenset({"model", "messages", "system", "stream"})
"""Parameters that the adapter sets itself."""

_VERSION = "2023-06-01"
"""Of the protocol; there has been no later one."""
_MOST_TOKENS = 4096
"""Output where nobody says how much: the protocol demands a number."""
_TAKEN = frozenset({
    "temperature", "top_p", "top_k", "stop_sequences", "thinking", "metadata", "service_tier",
})  # fmt: skip
_NAMED_OTHERWISE = {"stop": "stop_sequences", "max_completion_tokens": "max_tokens"}
_FINISH = {
    "end_turn": "stop", "stop_sequence": "stop", "max_tokens": "length",
    "model_context_window_exceeded": "length",
}  # fmt: skip


class Anthropic(HttpProvider):
    """A deployment at Anthropic, or behind a server that speaks its protocol.

    Parameters that the protocol does not know are left out as well as those that are rejected.
    """

    maker = "anthropic"

    def _render(self, call: Call, *, streamed: bool) -> Rendered:
        body: dict[str, object] = {
            "model": call.model,
            "max_tokens": call.max_output_tokens or _MOST_TOKENS,
            "messages": [{"role": "user", "content": call.text}],
        }
        dropped, optional = [], {}
        unwanted = self._rejects | call.left_out
        for asked, value in {**self._parameters, **call.parameters}.items():
            name = _NAMED_OTHERWISE.get(asked, asked)
            if name == "max_tokens":
                body[name] = value
            elif name in _TAKEN and not {name, asked} & unwanted:
                optional[name] = asked
                one = name == "stop_sequences" and isinstance(value, str)
                body[name] = [value] if one else value
            else:
                dropped.append(asked)
        if call.system:
            body["system"] = call.system
        if streamed:
            body["stream"] = True
        return Rendered(
            url=f"{self._base}/messages",
            body=body,
            headers={"anthropic-version": _VERSION},
            dropped=tuple(sorted(dropped)),
            optional=optional,
        )

    def _read(self, body: Mapping[str, object]) -> Reading | None:
        content = body.get("content")
        if not isinstance(content, list):
            return None
        blocks = [block for block in content if isinstance(block, dict)]
        texts = [block.get("text") for block in blocks if block.get("type") == "text"]
        stopped = word(body.get("stop_reason"))
        return Reading(
            text="".join(text for text in texts if isinstance(text, str)),
            finish=_FINISH.get(stopped, stopped),
            model=word(body.get("model")),
            usage=anthropic_usage(body.get("usage")),
            declined=stopped if stopped == "refusal" else "",
            response_id=word(body.get("id")),
        )

    def _assembly(self) -> MessageStream:
        return MessageStream()


class MessageStream:
    """The events of one stream, put together into the message that they tell of."""

    sentinel = ""
    open_ended = False

    def __init__(self) -> None:
        self.finished = False
        self._begun = False
        self._counted = False
        """Whether the output's count has come; until then there is only a placeholder."""
        self._text: list[str] = []
        self._usage = UsageOfStream(anthropic_usage)
        self._named: dict[str, object] = {}

    def take(self, data: Mapping[str, object]) -> str | None:
        """The text that an event adds; empty where the model is only seen to think."""
        self._usage.take(data)
        match data.get("type"):
            case "message_start":
                message = data.get("message")
                if isinstance(message, dict):
                    self._named |= {k: message[k] for k in ("id", "model") if message.get(k)}
                    self._begun = True
            case "content_block_start":
                return self._added(data.get("content_block")) or None
            case "content_block_delta":
                return self._added(data.get("delta"))
            case "message_delta":
                self._counted = self._counted or bool(data.get("usage"))
                delta = data.get("delta")
                if isinstance(delta, dict) and delta.get("stop_reason"):
                    self._named["stop_reason"] = delta["stop_reason"]
            case "message_stop":
                self.finished = True
        return None

    def whole(self) -> dict[str, object]:
        """The message so far; without content where none had begun."""
        content = [{"type": "text", "text": "".join(self._text)}]
        told = {"content": content} if self._begun else {}
        return {**self._named, **told, "usage": self._usage_so_far()}

    def _usage_so_far(self) -> dict[str, object]:
        """With the output estimated by its words as long as nobody has counted it."""
        raw = dict(self._usage.raw)
        if raw and not self._counted:
            raw["output_tokens"] = estimated_usage("", "".join(self._text)).output_tokens
        return raw

    def _added(self, part: object) -> str:
        text = part.get("text") if isinstance(part, dict) else None
        if not isinstance(text, str):
            return ""
        self._begun = True
        self._text.append(text)
        return text
