"""How much memory a service keeps for requests that are long answered."""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from pathlib import Path

from benchmarks.calls import opened, run_one
from benchmarks.peers.measuring import memory, tell
from benchmarks.policies import without_limits
from benchmarks.timing import Command, Result

__all__ = ["results"]

_REQUESTS, _WARM_UP, _AT_ONCE, _READINGS = 100_000, 10_000, 200, 20
_MOST = 20.0
"""MB that 100,000 requests may leave behind."""
_UNIT = 100_000


def results(*, requests: int = _REQUESTS, warm_up: int = _WARM_UP) -> list[Result]:
    """The slope of the memory in use, with every step on disk."""
    flags = ("--requests", str(requests), "--warm-up", str(warm_up))
    found = Command("benchmarks.memory", flags).run()
    slope, before = found["slope"], found["before"]
    return [
        Result(
            "memory that 100,000 requests leave behind",
            f"{slope:+.1f} MB",
            f"in use after the first {warm_up:,}, {before:.0f} MB",
            (before + slope) / before,
            f"< {_MOST:g} MB",
            slope < _MOST,
            f"{requests:,} requests, {_AT_ONCE} at once",
        )
    ]


async def _measured(requests: int, warm_up: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        policy = without_limits(Path(folder))
        async with opened(policy, Path(folder) / "kept.db") as orchestra:
            numbers = iter(range(warm_up + requests))

            async def some(how_many: int) -> None:
                async def work(share: int) -> None:
                    for _ in range(share):
                        await run_one(orchestra, next(numbers))

                shares = [how_many // _AT_ONCE] * (_AT_ONCE - 1)
                await asyncio.gather(*map(work, [*shares, how_many - sum(shares)]))

            await some(warm_up)
            readings = [(0, _megabytes())]
            for reading in range(1, _READINGS + 1):
                done = requests * reading // _READINGS
                await some(done - readings[-1][0])
                readings.append((done, _megabytes()))
    return {"slope": _slope(readings) * _UNIT, "before": readings[0][1]}


def _megabytes() -> float:
    return memory() * (1 << 20) / 1e6


def _slope(readings: list[tuple[int, float]]) -> float:
    """By least squares over all readings: two of them alone would show the collector's mood."""
    middle = sum(x for x, _ in readings) / len(readings)
    level = sum(y for _, y in readings) / len(readings)
    above = sum((x - middle) * (y - level) for x, y in readings)
    return above / sum((x - middle) ** 2 for x, _ in readings)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--requests", type=int, required=True)
    parser.add_argument("--warm-up", type=int, required=True)
    asked = parser.parse_args()
    tell(asyncio.run(_measured(asked.requests, asked.warm_up)))
