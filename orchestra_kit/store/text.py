"""Text on its way into the store: what is kept of a prompt, and what no database can hold.

A database's text knows neither NUL nor halves of surrogate pairs. The first is dropped, the second
replaced by U+FFFD, and what was changed is told.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["LONGEST_MESSAGE", "LONGEST_PROMPT", "Capture", "CaptureMode", "storable"]

CaptureMode = Literal["none", "hash", "full"]

LONGEST_PROMPT = 100_000
"""Characters of a prompt that are kept when prompts are captured in full; the rest is cut off."""

LONGEST_MESSAGE = 4_000
"""Characters of a message, name or reason that are kept."""

_DIGEST_LENGTH = 16


def storable(text: str) -> str:
    """The text as a database can hold it; the very same object where nothing has to change."""
    if text.isascii():
        return text.replace("\0", "") if "\0" in text else text
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text.replace("\0", "") if "\0" in text else text


@dataclass(frozen=True, slots=True)
class Capture:
    """What is kept of prompts, and the key under which equal prompts are told to be equal.

    Plain digests of short prompts can be guessed, so these are keyed (HMAC-SHA-256, cut to 16 hex
    digits) with a key that each store makes for itself and that no export contains.
    """

    mode: CaptureMode = "none"
    key: bytes = field(default=b"", repr=False)

    def digest(self, prompt: str) -> str:
        """The keyed digest of a prompt; empty when nothing is captured."""
        if self.mode == "none":
            return ""
        data = prompt.encode("utf-8", "surrogatepass")
        return hmac.digest(self.key, data, "sha256").hex()[:_DIGEST_LENGTH]

    def kept(self, prompt: str) -> tuple[str | None, str]:
        """The text to keep, if any, and in words what was changed about it."""
        if self.mode != "full":
            return None, ""
        text = storable(prompt[:LONGEST_PROMPT])
        changes = []
        if len(prompt) > LONGEST_PROMPT:
            changes.append(f"cut from {len(prompt):,} to {LONGEST_PROMPT:,} characters")
        if text != prompt[:LONGEST_PROMPT]:
            changes.append("freed of characters that a database cannot hold")
        return text, " and ".join(changes)
