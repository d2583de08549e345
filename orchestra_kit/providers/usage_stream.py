"""The usage of a stream, put together from whichever of its events speak of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from orchestra_kit.core.answer import Usage, UsageStatus

__all__ = ["UsageOfStream"]

_DEEPEST = 3
"""No usage nests as deep; what is nested deeper is taken whole, so that it cannot exhaust us."""


class UsageOfStream:
    """Merges what any event says: counts are cumulative, so that the last word on each stands.

    ::

        seen = UsageOfStream(anthropic_usage)
        for event in events:
            seen.take(event)
        usage = seen.usage(whole=True)

    A nought after a count does not take it back, and neither does null: servers close with both.
    """

    def __init__(self, read: Callable[[object], Usage | None]) -> None:
        self._read = read
        self.raw: dict[str, object] = {}
        """The provider's words so far, as a plain answer would hold them."""

    def take(self, event: object) -> None:
        """Look for usage in one decoded event, of whatever kind it is."""
        for seen in _spoken_of(event):
            _merge(self.raw, seen)

    def usage(self, *, whole: bool) -> Usage | None:
        """The usage seen, PARTIAL where the stream was not `whole`; None where none was seen, or
        where it is nonsense."""
        usage = self._read(self.raw) if self.raw else None
        if usage is None or whole:
            return usage
        return replace(usage, status=UsageStatus.PARTIAL)


def _spoken_of(event: object) -> Iterator[Mapping[str, object]]:
    """The usage objects of an event: on its top as of OpenAI, Anthropic's `message_delta` and
    Gemini; in its `message` as of Anthropic's `message_start`; in its `response` as of Responses;
    in its first choice as of Moonshot."""
    if not isinstance(event, Mapping):
        return
    choices = event.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    for holder in (event, event.get("message"), event.get("response"), first):
        if not isinstance(holder, Mapping):
            continue
        for name in ("usage", "usageMetadata"):
            found = holder.get(name)
            if isinstance(found, Mapping):
                yield found


def _merge(kept: dict[str, object], seen: Mapping[str, object], depth: int = 0) -> None:
    for name, value in seen.items():
        before = kept.get(name)
        if isinstance(value, Mapping) and depth < _DEEPEST:
            inner = dict(before) if isinstance(before, Mapping) else {}
            _merge(inner, value, depth + 1)
            kept[name] = inner
        elif value is not None and not (value == 0 and before):
            kept[name] = value
