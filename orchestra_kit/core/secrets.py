"""Secret values: read from the environment, never shown, and taken out of every text that leaves.

A policy names environment variables, never keys. The value lives in one registry, whose picture is
empty, and `scrub` removes it from any text in each form in which it may have travelled: as it is,
escaped in JSON, encoded for a URL, or in base64 at any of the three offsets. What merely looks
like a secret goes too, registered or not.
"""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Iterator, Mapping
from urllib.parse import quote, quote_plus

from orchestra_kit.core.errors import ConfigError, MissingSecret

__all__ = ["HIDDEN", "Secrets", "scrub", "secret"]

HIDDEN = "[hidden]"
"""What stands where a secret stood."""

_SHORTEST = 6
"""Characters below which a value is not searched for: it would tear ordinary words apart."""

_PATTERNS = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----"
    r".*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----|\Z)"
    r"|(?<![A-Za-z0-9])(?:sk|rk|pk|gsk|xai|pplx|r8)[-_][A-Za-z0-9_-]{16,}"
    r"|(?i:\bbearer\s+)[A-Za-z0-9._~+/=-]{8,}"
    r"|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"
    r"|\bAIza[A-Za-z0-9_-]{30,}"
    r"|\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]*",
    re.DOTALL,
)
"""Keys as OpenAI, Groq, xAI, AWS and Google write them, bearer tokens, JWT, and PEM blocks; a PEM
block that never ends hides the rest of the text."""


class Secrets:
    """Values that must not be seen; shows nothing of itself."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        """Guards the set of values and the pattern made of it."""
        self._values: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def add(self, value: str) -> None:
        """Register a value."""
        with self._lock:
            if len(value) < _SHORTEST or value in self._values:
                return
            self._values.add(value)
            forms = {form for known in self._values for form in _forms(known)}
            longest_first = sorted(forms, key=len, reverse=True)
            self._pattern = re.compile("|".join(map(_expression, longest_first)))

    def scrub(self, text: str) -> str:
        """The text without registered values and without what looks like a key."""
        if self._pattern is not None:
            text = self._pattern.sub(HIDDEN, text)
        return _PATTERNS.sub(HIDDEN, text)

    def __repr__(self) -> str:
        return "Secrets()"

    def __reduce__(self) -> tuple[type[Secrets], tuple[()]]:
        return (Secrets, ())


_REGISTRY = Secrets()


def secret(reference: str, environment: Mapping[str, str]) -> str:
    """The value that ``env:NAME`` refers to, registered; empty for ``none``.

    Raises MissingSecret when the variable is absent or empty, or when its value cannot be sent as
    a header; ConfigError when the reference is neither form.
    """
    if reference == "none":
        return ""
    kind, _, name = reference.partition(":")
    if kind != "env" or not name:
        raise ConfigError("A key is written as env:NAME, or none where no key is needed.")
    value = environment.get(name, "").strip()
    if not value:
        raise MissingSecret(f"The environment variable {name} is not set.", hint="Set it.")
    _REGISTRY.add(value)
    if not value.isprintable() or not value.isascii():
        raise MissingSecret(
            f"The environment variable {name} holds characters that no key has.",
            hint="Copy the key again, without line breaks.",
        )
    return value


def scrub(text: str) -> str:
    """The text without any secret that this process has read, and without what looks like one."""
    return _REGISTRY.scrub(text)


def _expression(form: str) -> str:
    """The form as a regular expression; the digits of an URL's escapes may be of either case."""
    return re.sub(r"%([0-9A-Fa-f]{2})", r"%(?i:\1)", re.escape(form))


def _forms(value: str) -> Iterator[str]:
    """Every spelling under which a value may turn up in a text."""
    yield value
    for ascii_only in (True, False):
        once = json.dumps(value, ensure_ascii=ascii_only)[1:-1]
        yield once
        yield json.dumps(once, ensure_ascii=ascii_only)[1:-1]
    yield from (quote(value, safe=""), quote(value), quote_plus(value))
    yield from _base64_forms(value.encode())


def _base64_forms(raw: bytes) -> Iterator[str]:
    """Base64 of the value inside any longer text: the characters that depend on it alone.

    Three bytes make four characters, so a value may begin at one of three offsets; characters
    that mix in a neighbour's bits are left out.
    """
    for offset in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            encoded = encode(b"\0" * offset + raw).decode()
            first = (offset * 8 + 5) // 6
            last = (offset + len(raw)) * 8 // 6
            if last - first >= _SHORTEST:
                yield encoded[first:last]
