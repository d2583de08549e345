"""A key and the one host that may see it."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from orchestra_kit.core.errors import UnsafeAddress

__all__ = ["BoundKey"]


@dataclass(frozen=True, slots=True)
class BoundKey:
    """A key and the one host that may see it."""

    host: str
    value: str = field(repr=False)
    header: str = "authorization"
    """The header that carries it: a bearer token, or the key alone under a name of its own."""

    def headers(self, url: str) -> dict[str, str]:
        """The header that carries the key to `url`; raises UnsafeAddress for another host."""
        if urlsplit(url).netloc != self.host:
            raise UnsafeAddress(f"The key for {self.host} may not be sent to another host.")
        if not self.value:
            return {}
        shown = f"Bearer {self.value}" if self.header == "authorization" else self.value
        return {self.header: shown}
