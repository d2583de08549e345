"""The text of a conversation, in the shapes in which the tools of the field write it down.

OpenAI's chat messages, completions and responses, Anthropic's blocks, OpenTelemetry's parts, and
plain text. A prompt of one user message is its text; one of several messages names the roles.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from orchestra_kit.outcomes.importing.records import parsed

__all__ = ["answer_text", "content_text", "prompt_text", "structure"]

_OF_MESSAGES = frozenset({"messages", "choices", "output", "role", "parts", "input", "prompt"})
_OF_PARTS = frozenset({"role", "type", "parts"})


def prompt_text(messages: object) -> str | None:
    """What was asked, of a list of messages, one message or a text; None where there is nothing."""
    value = structure(messages)
    if isinstance(value, str):
        return value if value.strip() else None
    if isinstance(value, Mapping):
        value = value.get("messages") or value.get("input") or value.get("prompt") or [value]
        if isinstance(value, str):
            return value if value.strip() else None
    if not isinstance(value, list):
        return None
    found = [(_role(message), content_text(message)) for message in value]
    said = [(role, text) for role, text in found if text.strip()]
    if not said:
        return None
    if len(said) == 1 and said[0][0] in ("user", "human", ""):
        return said[0][1]
    return "\n\n".join(f"{role or 'user'}: {text}" for role, text in said)


def answer_text(response: object) -> str | None:
    """What was answered: the first choice of a response, a message or a text; None for nothing."""
    value = structure(response)
    if isinstance(value, list):
        value = value[0] if value else None
    if isinstance(value, Mapping):
        choices, output = value.get("choices"), value.get("output")
        if isinstance(choices, list) and choices and isinstance(choices[0], Mapping):
            first = choices[0]
            value = first.get("message") or first.get("text")
        elif isinstance(output, (list, str)):
            value = _joined(output) if isinstance(output, list) else output
    text = content_text(value)
    return text if text.strip() else None


def structure(value: object) -> object:
    """The messages or parts that a text holds as JSON; any other text, also of JSON, as it is."""
    found = parsed(value)
    if found is value or found in ({}, []):
        return found
    if isinstance(found, list):
        like = all(isinstance(item, Mapping) and _OF_PARTS & item.keys() for item in found)
    else:
        like = isinstance(found, Mapping) and bool(_OF_MESSAGES & found.keys())
    return found if like else value


def content_text(content: object) -> str:
    """The text of a message or of its content; what is no text is named in brackets."""
    if isinstance(content, Mapping):
        for name in ("content", "parts", "text", "arguments"):
            inner = content.get(name)
            if isinstance(inner, str):
                return inner
            if isinstance(inner, list):
                return _joined(inner)
        kind = content.get("type")
        return f"[{kind}]" if isinstance(kind, str) and kind not in ("text", "message") else ""
    if isinstance(content, list):
        return _joined(content)
    if isinstance(content, str):
        return content
    return "" if content is None else json.dumps(content, default=str)


def _joined(parts: Iterable[object]) -> str:
    return "\n".join(text for text in map(_part, parts) if text)


def _part(part: object) -> str:
    """One part of a content, which may be a message that has parts, and no deeper."""
    if isinstance(part, Mapping):
        for name in ("text", "content"):
            inner = part.get(name)
            if isinstance(inner, str) and part.get("type") not in ("blob", "reasoning", "thinking"):
                return inner
            if isinstance(inner, list):
                texts = [p["text"] for p in inner if isinstance(p, Mapping) and "text" in p]
                return "\n".join(text for text in texts if isinstance(text, str))
        kind = part.get("type")
        return "" if kind in ("reasoning", "thinking", None) else f"[{kind}]"
    return part if isinstance(part, str) else ""


def _role(message: object) -> str:
    role = message.get("role") if isinstance(message, Mapping) else ""
    return role if isinstance(role, str) else ""
