"""Identifiers: time-ordered for records, content hashes for things that are what they say."""

from __future__ import annotations

import hashlib
import json
import secrets
from random import Random
from typing import Any

__all__ = ["content_hash", "new_id", "stable_seed"]

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def new_id(prefix: str, moment: float, random: Random | None = None) -> str:
    """An identifier that sorts by time, such as ``req_01jd4…``.

    `moment` is seconds since the epoch; with `random` the rest is reproducible.
    """
    bits = random.getrandbits(60) if random else secrets.randbits(60)
    value = (int(moment * 1000) << 60) | bits
    digits = []
    for _ in range(21):
        value, index = divmod(value, 32)
        digits.append(_ALPHABET[index])
    return f"{prefix}_{''.join(reversed(digits))}"


def content_hash(value: Any, *, length: int = 12) -> str:
    """Hex digest of a JSON-able value, the same for equal values whatever the order of keys."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, default=str, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:length]


def stable_seed(*parts: object) -> int:
    """A 64-bit seed that depends only on the parts, alike in every process."""
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(
        hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    )
