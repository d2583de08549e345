"""Other processes for tests to look at: writers that die, hold a lock, or run out of room."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def a_process(code: str, *arguments: object) -> subprocess.Popen[str]:
    """A new Python that runs this code with these arguments, its input and output to talk to."""
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
