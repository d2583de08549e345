"""The server's own books: what it accepted, what it answered whole, and what it would bill."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["Entry", "ServerLedger"]


@dataclass
class Entry:
    """One request that was accepted."""

    number: int
    id: str
    """As the client names its attempt; empty where it does not."""
    path: str
    fault: str = ""
    status: int | None = None
    """None until a response was begun."""
    answered: bool = False
    """Whether the whole response left this machine's side of the connection."""
    input_tokens: int = 0
    output_tokens: int = 0


class ServerLedger:
    """Entries in the order of acceptance; may be read from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: list[Entry] = []

    def accept(self, client_id: str, path: str) -> Entry:
        """Book a request that has arrived whole."""
        with self._lock:
            entry = Entry(len(self._entries), client_id, path)
            self._entries.append(entry)
            return entry

    @property
    def entries(self) -> list[Entry]:
        with self._lock:
            return list(self._entries)

    def of(self, client_id: str) -> list[Entry]:
        """What was accepted under one attempt's id: two entries are a double send."""
        return [entry for entry in self.entries if entry.id == client_id]

    def totals(self) -> Mapping[str, int]:
        """Requests accepted and answered, and tokens billed."""
        entries = self.entries
        return {
            "accepted": len(entries),
            "answered": sum(entry.answered for entry in entries),
            "input_tokens": sum(entry.input_tokens for entry in entries),
            "output_tokens": sum(entry.output_tokens for entry in entries),
        }

    def to_json(self) -> Mapping[str, Any]:
        """The totals and every entry."""
        return {"totals": self.totals(), "entries": [asdict(entry) for entry in self.entries]}
