"""Where a span of a model call keeps what was asked and answered, in four generations of names.

Today ``gen_ai.input.messages`` and ``gen_ai.output.messages``, with ``gen_ai.system_instructions``
apart; before that one event a message, ``gen_ai.user.message`` and ``gen_ai.choice``; before that
the events ``gen_ai.content.prompt`` and ``gen_ai.content.completion``; and, of instrumentations
older than the conventions, numbered attributes ``gen_ai.prompt.0.content``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from orchestra_kit.outcomes.importing.messages import (
    answer_text,
    content_text,
    prompt_text,
    structure,
)
from orchestra_kit.outcomes.importing.records import parsed

__all__ = ["answered", "asked"]

Events = Sequence[tuple[str, Mapping[str, object]]]
"""Name and attributes of each."""

_MESSAGES = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}
_MOST = 1_000
"""Numbered messages that are looked for."""


def asked(own: Mapping[str, object], events: Events) -> str | None:
    """What the model was asked; None where it was not recorded."""
    for held in (own, *(held for _, held in events)):
        found = _listed(held.get("gen_ai.input.messages"))
        if found:
            system = content_text(structure(held.get("gen_ai.system_instructions")))
            return prompt_text(
                [*([{"role": "system", "content": system}] if system else ()), *found]
            )
    told = [
        {"role": _MESSAGES[name], "content": _content(held)}
        for name, held in events
        if name in _MESSAGES
    ]
    if told:
        return prompt_text(told)
    for held in (*(held for name, held in events if name == "gen_ai.content.prompt"), own):
        found_text = prompt_text(held.get("gen_ai.prompt"))
        if found_text:
            return found_text
    return prompt_text(_numbered(own, "gen_ai.prompt"))


def answered(own: Mapping[str, object], events: Events) -> str | None:
    """The first answer of the model; None where it was not recorded."""
    for held in (own, *(held for _, held in events)):
        found = _listed(held.get("gen_ai.output.messages"))
        if found:
            return answer_text(found)
    for name, held in events:
        if name == "gen_ai.choice":
            return answer_text(_content(held))
    for held in (*(held for name, held in events if name == "gen_ai.content.completion"), own):
        text = answer_text(held.get("gen_ai.completion"))
        if text:
            return text
    numbered = _numbered(own, "gen_ai.completion")
    return answer_text(numbered[0]) if numbered else None


def _listed(value: object) -> list[object]:
    found = parsed(value)
    return found if isinstance(found, list) else []


def _content(held: Mapping[str, object]) -> str:
    for name in ("message", "gen_ai.event.content", "content"):
        value = structure(held.get(name)) if name == "content" else parsed(held.get(name))
        if isinstance(value, Mapping):
            value = value.get("message", value)
        if value is not None:
            return content_text(value)
    return ""


def _numbered(own: Mapping[str, object], name: str) -> list[object]:
    found: list[object] = []
    for number in range(_MOST):
        content = own.get(f"{name}.{number}.content")
        role = own.get(f"{name}.{number}.role")
        if content is None and role is None:
            break
        found.append({"role": role, "content": content_text(structure(content))})
    return found
