"""How the benchmarks take time."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

__all__ = ["Result", "cpu_each", "percentile"]


@dataclass(frozen=True)
class Result:
    """One line of the benchmark's table."""

    what: str
    measured: str
    floor: str
    ratio: float | None
    aim: str = ""


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
