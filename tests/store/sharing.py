"""A process that shares: claims from one Redis what it is told to, and prints what it got.

``python -m tests.store.sharing PREFIX JOB SECONDS`` waits for a line, so that many begin at once.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time

from orchestra_kit.store.shared import SharedState

ADDRESS = "redis://127.0.0.1:6379/15"


async def limits(shared: SharedState, until: float) -> list[float]:
    """Claims as often as it may; the moments at which it got leave."""
    got = []
    while time.time() < until:
        ticket = f"{os.getpid()}.{len(got)}"
        wait = await shared.take(
            "account", ticket, requests_per_minute=600, tokens_per_minute=60_000, tokens=50
        )
        assert wait is not None
        if wait == 0:
            got.append(time.time())
            await shared.settle("account", ticket, 50)
        else:
            await asyncio.sleep(min(wait, 0.05))
    return got


async def places(shared: SharedState, until: float) -> list[tuple[float, float]]:
    """Holds a place for a moment, again and again; from when to when it held one."""
    held = []
    while time.time() < until:
        ticket = f"{os.getpid()}.{len(held)}"
        if await shared.take("account", ticket, concurrent=3) == 0:
            began = time.time()
            await asyncio.sleep(0.01)
            held.append((began, time.time()))
            await shared.settle("account", ticket, None)
        else:
            await asyncio.sleep(0.002)
    return held


async def hold(shared: SharedState, until: float) -> list[float]:
    """Takes every place, says so, and never gives one back."""
    for number in range(3):
        await shared.take("account", f"{os.getpid()}.{number}", concurrent=3, lease=0.8)
    _say("holding")
    await asyncio.sleep(60)
    return []


async def probe(shared: SharedState, until: float) -> list[float]:
    """Tries to be the one who probes, a hundred times over."""
    return [n for n in range(100) if await shared.claim_probe(f"deployment-{n}", 60)]


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def main() -> None:
    prefix, job, seconds = sys.argv[1:]
    shared = SharedState(ADDRESS, prefix=prefix, timeout=5)
    assert await shared.reachable()
    _say("ready")
    sys.stdin.readline()
    got = await globals()[job](shared, time.time() + float(seconds))
    assert shared.down_since is None, shared.last_error
    _say(json.dumps(got))
    await shared.close()


if __name__ == "__main__":
    asyncio.run(main())
