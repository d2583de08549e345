"""How long the package takes to import, beside the interpreter alone."""

from __future__ import annotations

import subprocess
import sys
import time
from functools import partial

from benchmarks.timing import Figures, Result, interleaved

__all__ = ["results"]


_ROUNDS = 5
_MOST = 0.3
"""Seconds that the package may add to the start of a script or a notebook."""


def results(*, rounds: int = _ROUNDS) -> list[Result]:
    """Import of the package and of the engine."""
    works = {
        "alone": "pass",
        "orchestra_kit": "import orchestra_kit",
        "Orchestra": "from orchestra_kit import Orchestra",
    }
    found = interleaved({name: partial(_start, code) for name, code in works.items()}, rounds)
    alone, package, engine = (found[name]["seconds"] for name in works)
    floor, n = f"python alone, {alone * 1e3:.0f} ms", f"{rounds} starts"
    return [
        Result(
            "import: orchestra_kit",
            f"{(package - alone) * 1e3:.0f} ms more",
            floor,
            package / alone,
            f"< {_MOST * 1e3:.0f} ms",
            package - alone < _MOST,
            n,
        ),
        Result(
            "import: Orchestra",
            f"{(engine - alone) * 1e3:.0f} ms more",
            floor,
            engine / alone,
            n=n,
        ),
    ]


def _start(code: str) -> Figures:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return {"seconds": time.perf_counter() - began}
