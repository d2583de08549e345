"""How long the package takes to import, beside the interpreter alone."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from benchmarks.timing import Result

__all__ = ["results"]


def results() -> list[Result]:
    """Import of the package and of the engine."""
    bare = _start("pass")
    return [
        Result(
            f"import: {what}",
            f"{(taken - bare) * 1e3:.0f} ms more",
            f"python alone, {bare * 1e3:.0f} ms",
            taken / bare,
            aim,
        )
        for what, taken, aim in (
            ("orchestra_kit", _start("import orchestra_kit"), "< 300 ms"),
            ("Orchestra", _start("from orchestra_kit import Orchestra"), ""),
        )
    ]


def _start(code: str) -> float:
    taken = []
    for _ in range(5):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)
