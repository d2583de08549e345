"""What one request over HTTP costs, in a fresh process each time.

``--kind`` is ``plain`` for the POST alone, by the client that the live backend uses too, or
``run`` for `Orchestra.run`; with ``--store`` every step is on the disk before the next one begins.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from benchmarks.calls import run_one
from benchmarks.peers.measuring import arguments, drive, prompt, tell
from benchmarks.policies import TASK, never_asked, over_http
from orchestra_kit import Orchestra

_MOST_CONNECTIONS = 1_000


async def _run(url: str, store: str, requests: int, concurrent: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        policy = over_http(Path(folder), url)
        async with Orchestra(
            policy, backend="live", store=store or None, classifier=never_asked()
        ) as orchestra:
            return await drive(
                lambda n: run_one(orchestra, n, task=TASK), requests, concurrent, warm_up=1
            )


async def _plain(url: str, requests: int, concurrent: int) -> dict[str, float]:
    connector = aiohttp.TCPConnector(limit=_MOST_CONNECTIONS)
    session = aiohttp.ClientSession(connector=connector)
    transport = AiohttpTransport(client=session)
    async with httpx.AsyncClient(transport=transport, timeout=60, trust_env=False) as client:

        async def post(number: int) -> None:
            body = {
                "model": "local-1",
                "messages": [{"role": "user", "content": prompt(number)}],
                "max_completion_tokens": 1000,
            }
            (await client.post(f"{url}/chat/completions", json=body)).raise_for_status()

        return await drive(post, requests, concurrent, warm_up=1)


if __name__ == "__main__":
    asked = arguments(
        kind="plain or run", url="of the server", store="file; nothing is kept without"
    )
    size = (asked.requests, asked.concurrent)
    if asked.kind == "plain":
        tell(asyncio.run(_plain(asked.url, *size)))
    else:
        tell(asyncio.run(_run(asked.url, asked.store, *size)))
