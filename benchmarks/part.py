"""One part of the benchmarks, in a process of its own: memory and imports do not mix.

``python -m benchmarks.part NAME`` prints its lines as JSON.
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.timing import Result

__all__ = ["PARTS", "measured"]

_HERE = Path(__file__).resolve().parent
_EVERY = (
    "start", "decision", "overhead", "memory", "http", "availability", "balancing", "ledger",
    "replay",
)  # fmt: skip
PARTS: Sequence[str] = tuple(name for name in _EVERY if (_HERE / f"{name}.py").exists())
"""Modules with a function `results`, in the order of the table."""


def measured(part: str) -> list[Result]:
    """The lines of a part, measured in a fresh process; a line that says so where it fails."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.part", part],
        cwd=_HERE.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        last = done.stderr.strip().rpartition("\n")[2]
        return [Result(part, f"failed: {last}", "", None, "to be measured", False)]
    return [Result(**line) for line in json.loads(done.stdout.splitlines()[-1])]


if __name__ == "__main__":
    found = importlib.import_module(f"benchmarks.{sys.argv[1]}").results()
    print(json.dumps([asdict(line) for line in found]))
