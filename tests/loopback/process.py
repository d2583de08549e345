"""The loopback server in a process of its own, so that its client may be stopped or killed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

__all__ = ["ServerProcess", "loopback_process"]


@dataclass(frozen=True)
class ServerProcess:
    """A running server of another process."""

    port: int
    pid: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def ledger(self) -> Any:
        """What it accepted, answered and would bill: ``totals`` and ``entries``."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", "/ledger")
            return json.load(connection.getresponse())
        finally:
            connection.close()


@contextmanager
def loopback_process() -> Iterator[ServerProcess]:
    """Start a server that answers well, or as a request's own fault says; stop it afterwards."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.loopback.server", "0"],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield ServerProcess(int(process.stdout.readline()), process.pid)
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()
