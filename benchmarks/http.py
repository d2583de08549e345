"""Requests over HTTP to a server in another process: beside the time that the server takes, and
beside the same POSTs without us."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from itertools import count
from pathlib import Path

from benchmarks.server import serving
from benchmarks.timing import Command, Figures, Result, at_most, interleaved

__all__ = ["results"]

_SECONDS = 0.2
"""What the slow server takes for an answer."""
_REQUESTS, _AT_ONCE, _ROUNDS = 1000, 100, 3
_MOST_WALL, _MOST_BESIDE = 1.5, 1.5
_MOST_MEGABYTES = 30.0
_KINDS = {"nothing kept": False, "every step on disk": True}
"""How ours is run, and whether it is given a store."""


def results(
    *, requests: int = _REQUESTS, concurrent: int = _AT_ONCE, rounds: int = _ROUNDS
) -> list[Result]:
    """Against a server that takes its time, and against one that takes none."""
    with tempfile.TemporaryDirectory() as folder:
        return [
            *_slow_server(requests, concurrent, rounds, Path(folder)),
            *_immediate_server(2 * requests, concurrent, rounds, Path(folder)),
        ]


def _slow_server(requests: int, concurrent: int, rounds: int, folder: Path) -> list[Result]:
    with serving(_SECONDS) as url:
        found = _measured(url, requests, concurrent, rounds, folder)
    ideal = _SECONDS * -(-requests // concurrent)
    # What a loaded machine adds by itself: without it, our share could not be told from its own.
    floor = f"ideal, {ideal:.1f} s; httpx alone, {found['plain']['wall'] * requests:.2f} s"
    lines = []
    for kind in _KINDS:
        wall = found[kind]["wall"] * requests
        grown = found[kind]["grown"] * (1 << 20) / 1e6
        aim, met = at_most(wall / ideal, _MOST_WALL)
        what = f"HTTP, {requests:,} of {_SECONDS:g} s, {concurrent} at once, {kind}"
        n = f"{rounds} x {requests:,}"
        lines += [
            Result(what, f"{wall:.2f} s", floor, wall / ideal, aim, met, n),
            Result(
                f"{what}: memory at its peak",
                f"{grown:+.1f} MB",
                "",
                None,
                f"<= {_MOST_MEGABYTES:g} MB",
                grown <= _MOST_MEGABYTES,
                n,
            ),
        ]
    return lines


def _immediate_server(requests: int, concurrent: int, rounds: int, folder: Path) -> list[Result]:
    with serving(0.0) as url:
        found = _measured(url, requests, concurrent, rounds, folder)
    plain = found["plain"]["wall"]
    lines = []
    for kind in _KINDS:
        ours = found[kind]["wall"]
        aim, met = at_most(ours / plain, _MOST_BESIDE)
        lines.append(
            Result(
                f"HTTP, immediate server, {concurrent} at once, {kind}",
                f"{1 / ours:,.0f} a second",
                f"httpx over aiohttp alone, {1 / plain:,.0f} a second",
                ours / plain,
                aim,
                met,
                f"{rounds} x {requests:,}",
            )
        )
    return lines


def _measured(
    url: str, requests: int, concurrent: int, rounds: int, folder: Path
) -> dict[str, Figures]:
    """The POSTs alone, and ours with and without a store."""
    works = {"plain": _posting("plain", url, requests, concurrent, None)}
    for kind, stores in _KINDS.items():
        works[kind] = _posting("run", url, requests, concurrent, folder if stores else None)
    return interleaved(works, rounds)


def _posting(
    kind: str, url: str, requests: int, concurrent: int, folder: Path | None
) -> Callable[[], Figures]:
    size = ("--requests", str(requests), "--concurrent", str(concurrent))
    flags = ("--kind", kind, "--url", url, *size)
    numbers = count()

    def run() -> Figures:
        if folder is None:
            return Command("benchmarks.posts", flags).run()
        file = folder / f"{requests}-{next(numbers)}.db"
        return Command("benchmarks.posts", (*flags, "--store", str(file))).run()

    return run
