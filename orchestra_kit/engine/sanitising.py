"""Other words for a request that was refused for its content: tried once, and never the same."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

from orchestra_kit.core.request import Request

__all__ = ["Sanitiser", "sanitised"]

Sanitiser: TypeAlias = Callable[[Request], str | None]
"""Gives a request that was refused other words, or None where there are none."""


def sanitised(request: Request, sanitiser: Sanitiser) -> Request | None:
    """The request in other words, its identifier that of the original with an ``s`` behind it.

    None where the sanitiser has no words, fails, or gives the same ones: what differs only in
    case, spaces, characters that look alike by Unicode's compatibility or that nobody sees is
    refused again, and looks like evasion.
    """
    try:
        words: object = sanitiser(request)
    except Exception:  # noqa: BLE001 - somebody else's function; the refusal stands without it
        return None
    if not isinstance(words, str) or _bare(words) in {"", _bare(request.text)}:
        return None
    return replace(request, id=f"{request.id}s", text=words)


def _bare(text: str) -> str:
    """The text without what makes no difference to a reader."""
    seen = (c for c in text if unicodedata.category(c) not in {"Cc", "Cf", "Cs"} or c.isspace())
    return " ".join(unicodedata.normalize("NFKC", "".join(seen)).casefold().split())
