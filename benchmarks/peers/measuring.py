"""What a request costs, taken in one way for us and for every peer.

Peers run in an environment of their own, so that this file imports the standard library alone.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

__all__ = ["ANSWER", "arguments", "drive", "memory", "prompt", "tell"]

WARM_UP = 50
ANSWER = "Tea keeps better in the dark, away from heat, and far from coffee."
_PROMPTS = (
    "Write a 1,500-word article on how small bakeries keep sourdough starters alive through the"
    " winter, with headings, one table of temperatures and a conclusion for beginners",
    "Write a short post for LinkedIn that announces our new organic tea, in a friendly tone, with"
    " two hashtags and a question at the end",
)
_MEBIBYTE = 1 << 20


def prompt(number: int) -> str:
    """The text of a request; no two numbers share one."""
    return f"{_PROMPTS[number % len(_PROMPTS)]} (order {number})"


def arguments(**flags: str) -> argparse.Namespace:
    """How many requests, how many at once, and what the script itself may be told by flags."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--concurrent", type=int, default=1)
    for flag, meaning in flags.items():
        parser.add_argument(f"--{flag}", default="", help=meaning)
    return parser.parse_args()


async def drive(
    one: Callable[[int], Awaitable[object]],
    requests: int,
    concurrent: int,
    *,
    warm_up: int = WARM_UP,
) -> dict[str, float]:
    """Seconds of processor and of wall for a request, MiB at the end, and MiB that the most ever
    in use lies above what was in use before.

    So many workers take the next request as soon as their last one is answered.
    """
    for number in range(-warm_up, 0):
        await one(number)
    before = memory()
    numbers = iter(range(requests))

    async def work() -> None:
        for number in numbers:
            await one(number)

    cpu, wall = time.process_time(), time.perf_counter()
    await asyncio.gather(*(work() for _ in range(concurrent)))
    return {
        "cpu": (time.process_time() - cpu) / requests,
        "wall": (time.perf_counter() - wall) / requests,
        "mebibytes": memory(),
        "grown": memory(peak=True) - before,
    }


def memory(*, peak: bool = False) -> float:
    """MiB of this process that are in memory now, or the most that ever were.

    Where the system does not tell what is there now, the most is all that is known.
    """
    status = Path("/proc/self/status")
    if status.exists():
        name = "VmHWM" if peak else "VmRSS"
        found = next(line for line in status.read_text().splitlines() if line.startswith(name))
        return int(found.split()[1]) / 1024
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (_MEBIBYTE if sys.platform == "darwin" else 1024)


def tell(found: dict[str, float]) -> None:
    """Hand the figures to whoever started this process."""
    print(json.dumps(found))
