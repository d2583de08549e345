"""What a request costs beside the bare provider call, and beside the same number of calls through
peers: processor, wall and memory, each time in a fresh process."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from benchmarks.timing import Command, Figures, Result, at_most, interleaved

__all__ = ["PEERS_PYTHON", "results"]

PEERS_PYTHON = Path(__file__).resolve().parents[1] / ".venv-peers" / "bin" / "python"
"""Made by ``make bench``; peers that it lacks are told as not installed."""

_CONCURRENT = (1, 1000)
_REQUESTS, _ROUNDS = 1000, 3
_DURABLE = "ours, every step on disk"


@dataclass(frozen=True)
class _Peer:
    """Another way to have a call made, and what of it we want to cost at most."""

    name: str
    script: str
    most: float | None = None
    stores: bool = False


_PEERS = (
    _Peer("litellm Router", "litellm_router", most=0.1),
    _Peer("pydantic-ai FallbackModel", "pydantic_ai_fallback"),
    _Peer("LangGraph, three nodes, nothing kept", "langgraph_three_nodes", most=1.0),
    _Peer("LangGraph, three nodes, SQLite checkpoints", "langgraph_three_nodes", stores=True),
)


def results(
    *,
    requests: int = _REQUESTS,
    rounds: int = _ROUNDS,
    concurrent: Sequence[int] = _CONCURRENT,
    peers_python: Path = PEERS_PYTHON,
) -> list[Result]:
    """Ours with and without a store, over the floor and over each peer."""
    missing = {script: _lacking(peers_python, script) for script in {p.script for p in _PEERS}}
    with tempfile.TemporaryDirectory() as folder:
        return [
            line
            for at_once in concurrent
            for line in _at_once(requests, rounds, at_once, peers_python, missing, Path(folder))
        ]


def _at_once(
    requests: int,
    rounds: int,
    concurrent: int,
    peers_python: Path,
    missing: Mapping[str, str],
    folder: Path,
) -> list[Result]:
    flags = ("--requests", str(requests), "--concurrent", str(concurrent))
    numbers = count()

    def command(
        module: str, *more: str, stores: bool = False, **how: Path
    ) -> Callable[[], Figures]:
        def run() -> Figures:
            file = folder / f"{concurrent}-{next(numbers)}.db"
            kept = ("--store", str(file)) if stores else ()
            return Command(module, (*flags, *more, *kept), **how).run()

        return run

    calls = "benchmarks.calls"
    works: dict[str, Callable[[], Figures]] = {
        "bare": command(calls, "--kind", "bare"),
        "plain": command(calls, "--kind", "run"),
        _DURABLE: command(calls, "--kind", "run", stores=True),
    }
    for peer in _PEERS:
        if not missing[peer.script]:
            script = f"benchmarks.peers.{peer.script}"
            works[peer.name] = command(script, stores=peer.stores, python=peers_python)
    found = interleaved(works, rounds)
    bare, plain, durable = found["bare"], found["plain"], found[_DURABLE]
    n, what = f"{rounds} x {requests:,}", f"{concurrent:,} at once"
    return [
        Result(
            f"run, {what}, nothing kept",
            _told(plain),
            f"bare provider call, {_told(bare)}",
            plain["cpu"] / bare["cpu"],
            n=n,
        ),
        Result(
            f"run, {what}, {_DURABLE.removeprefix('ours, ')}",
            _told(durable),
            f"bare provider call, {_told(bare)}",
            durable["cpu"] / bare["cpu"],
            n=n,
        ),
        *(_beside(peer, what, durable, found, missing[peer.script], n) for peer in _PEERS),
    ]


def _beside(
    peer: _Peer, what: str, ours: Figures, found: dict[str, Figures], missing: str, n: str
) -> Result:
    aim = "" if peer.most is None else f"<= {peer.most:g}x"
    line = f"run, {what}, on disk, beside {peer.name}"
    if missing:
        return Result(line, _told(ours), missing, None, aim, n=n)
    theirs = found[peer.name]
    ratio = ours["cpu"] / theirs["cpu"]
    met = None if peer.most is None else at_most(ratio, peer.most)[1]
    return Result(line, _told(ours), _told(theirs), ratio, aim, met, n)


def _lacking(python: Path, script: str) -> str:
    """Why a peer cannot be measured; empty where it can."""
    if not python.exists():
        return "not installed"
    try:
        Command(f"benchmarks.peers.{script}", ("--requests", "1"), python).run()
    except RuntimeError as error:
        last = str(error).rpartition("\n")[2]
        return "not installed" if "ModuleNotFoundError" in last else last
    return ""


def _told(figures: Figures) -> str:
    return (
        f"{figures['cpu'] * 1e6:,.0f} us CPU, {figures['wall'] * 1e6:,.0f} us wall,"
        f" {figures['mebibytes']:.0f} MiB"
    )
