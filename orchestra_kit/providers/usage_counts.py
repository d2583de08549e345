"""Counts in a provider's JSON, read with suspicion, and told apart so that each is priced once."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from functools import wraps

from orchestra_kit.core.answer import Usage

__all__ = ["Counts", "NonsenseCountError", "input_usage", "none_for_nonsense"]

_MOST = 100_000_000
"""More tokens than any context window by two orders of magnitude; a larger count is a fault."""


class NonsenseCountError(ValueError):
    """A count is missing, of the wrong kind, negative, far too large, or at odds with another."""


class Counts:
    """The counts of one JSON object; every reading raises NonsenseCountError for what is none."""

    def __init__(self, raw: object) -> None:
        if not isinstance(raw, Mapping):
            raise NonsenseCountError
        self._raw = raw

    def __contains__(self, name: str) -> bool:
        return self._raw.get(name) is not None

    def need(self, name: str) -> int:
        """A count that must be there."""
        value = self._raw.get(name)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MOST:
            raise NonsenseCountError(name)
        return value

    def get(self, *names: str) -> int:
        """The first of these counts that is there, 0 where none is."""
        return next((self.need(name) for name in names if name in self), 0)

    def seconds(self, name: str) -> float:
        """A duration that must be there."""
        value = self._raw.get(name)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise NonsenseCountError(name)
        if not math.isfinite(value) or not 0 <= value <= _MOST:
            raise NonsenseCountError(name)
        return float(value)

    def group(self, *names: str) -> Counts:
        """The first of these objects that is there, empty where none is."""
        return Counts(next((self._raw[name] for name in names if name in self), {}))

    def groups(self, name: str) -> Iterator[Counts]:
        """The objects of a list or of a mapping; none where it is absent."""
        value = self._raw.get(name)
        if value is None:
            return
        if not isinstance(value, (list, Mapping)):
            raise NonsenseCountError(name)
        for item in value.values() if isinstance(value, Mapping) else value:
            yield Counts(item)

    def word(self, name: str) -> str:
        """A text, empty where it is none."""
        value = self._raw.get(name)
        return value if isinstance(value, str) else ""


def none_for_nonsense(read: Callable[[object], Usage]) -> Callable[[object], Usage | None]:
    """A reader that gives None where one of its counts is nonsense."""

    @wraps(read)
    def reader(raw: object) -> Usage | None:
        try:
            return read(raw)
        except NonsenseCountError:
            return None

    return reader


def input_usage(
    total: int,
    *,
    cached: int = 0,
    written: int = 0,
    written_1h: int = 0,
    audio: int = 0,
    image: int = 0,
) -> Usage:
    """A prompt of `total` tokens, split into disjoint counts that add up to it.

    Where a provider counts tokens both as read from its cache and as audio or images without
    saying how many are both, text is taken to have been cached first, then images, then audio:
    the dearest stay fresh.
    """
    fresh = total - cached - written - written_1h - audio - image
    if fresh < 0:
        image_too = min(image, -fresh)
        audio_too = min(audio, -fresh - image_too)
        if image_too + audio_too < -fresh or -fresh > cached:
            raise NonsenseCountError
        fresh, image, audio = 0, image - image_too, audio - audio_too
    return Usage(
        input_tokens=fresh,
        cached_tokens=cached,
        cache_write_tokens=written,
        cache_write_1h_tokens=written_1h,
        input_audio_tokens=audio,
        input_image_tokens=image,
    )
