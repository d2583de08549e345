"""How the benchmarks take time, and the lines in which they tell what they found."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = [
    "Command",
    "Figures",
    "Result",
    "at_least",
    "at_most",
    "cpu_each",
    "interleaved",
    "percentile",
]

Figures = Mapping[str, float]
"""What a process of its own told: figures by name."""
_ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Result:
    """One line of the benchmark's table."""

    what: str
    measured: str
    floor: str
    ratio: float | None
    aim: str = ""
    met: bool | None = None
    """None where there is no aim, or nothing that could be held against it."""
    n: str = ""
    """Upon how much it rests."""


@dataclass(frozen=True)
class Command:
    """A module that is run by an interpreter, and tells its figures as one line of JSON."""

    module: str
    flags: Sequence[str] = ()
    python: str | Path = sys.executable

    def run(self) -> Figures:
        """Run it in a fresh process; raises RuntimeError with its last words where it fails."""
        done = subprocess.run(
            [str(self.python), "-m", self.module, *self.flags],
            cwd=_ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{self.module} failed: {done.stderr.strip()[-600:]}")
        found = json.loads(done.stdout.splitlines()[-1])
        assert isinstance(found, dict)
        return found


def interleaved(works: Mapping[str, Callable[[], Figures]], rounds: int) -> dict[str, Figures]:
    """The medians of what each work finds.

    They take turns, round after round, so that a machine whose speed drifts favours nobody.
    """
    found: dict[str, list[Figures]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            found[name].append(work())
    return {
        name: {figure: statistics.median(each[figure] for each in taken) for figure in taken[0]}
        for name, taken in found.items()
    }


def at_most(ratio: float, most: float) -> tuple[str, bool]:
    """The aim that a ratio be no more than this, and whether it is met."""
    return f"<= {most:g}x", ratio <= most


def at_least(ratio: float, least: float) -> tuple[str, bool]:
    """The aim that a ratio be no less than this, and whether it is met."""
    return f">= {least:g}x", ratio >= least


def cpu_each(work: Callable[[], object], times: int, *, rounds: int = 5) -> float:
    """Seconds of processor time of one call: the median of `rounds` rounds of `times` calls."""
    found = []
    for _ in range(rounds):
        began = time.process_time()
        for _ in range(times):
            work()
        found.append((time.process_time() - began) / times)
    return statistics.median(found)


def percentile(values: Iterable[float], share: float) -> float:
    """The value below which `share` of the values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
