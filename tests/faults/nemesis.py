"""Requests against a server that fails by chance, from a process that is killed, stopped and
denied the disk; afterwards the server's books are held against ours.

``python -m tests.faults.nemesis 10000 [SEED]`` plays so many requests and prints what was found.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import select
from tqdm.auto import tqdm

from orchestra_kit.store.schema import attempts, requests
from orchestra_kit.store.store import Store
from tests.engine.small import CAPABILITIES, PRICES
from tests.faults.chaos import answer_for
from tests.loopback.process import ServerProcess

__all__ = ["History", "checked", "played"]

AT_A_TIME = 300
"""Requests that one client is given, so that harm comes often."""
ROOT = Path(__file__).parents[2]
POLICY = """\
policy: nemesis
confidence_floor: 0.75
deadline: 6s
tiers:
  basic: {quality: 0.2, cost: 0.7, latency: 0.4}
tasks:
  letter:
    is: a letter
    examples: letter.txt
    must: {quality: 0.8, p90_latency: 10s, cost: $0.05}
    value: {basic: $0.10}
    quality_floor: 0.5
    max_output_tokens: 1000
    streaming: {first_token: 1s, between_tokens: 1s}
    chain:
      - {use: first, timeout: 1s}
      - {use: second, timeout: 1s}
      - {use: third, timeout: 1s}
    then: {queue: later, say: "We are busy. Your letter is queued."}
models:
  first-1: {context_window: 100000}
  second-1: {context_window: 100000}
  third-1: {context_window: 100000}
deployments:
  first:
    {provider: openai, model: first-1, key: none, base_url: "URL", allow_local: true, account: a}
  second:
    {provider: openai, model: second-1, key: none, base_url: "URL", allow_local: true, account: b}
  third:
    {provider: openai, model: third-1, key: none, base_url: "URL", allow_local: true, account: c}
"""


@dataclass
class History:
    """What was done and what was handed out."""

    acknowledged: dict[int, dict[str, Any]] = field(default_factory=dict)
    """By number of the request; the reply as its caller got it."""
    twice: int = 0
    """Numbers that were acknowledged more than once."""
    ends: Counter[str] = field(default_factory=Counter)
    """How each client process ended, and what was done to it."""


@contextmanager
def chaos(seed: int) -> Iterator[ServerProcess]:
    """The failing server in a process of its own."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.chaos", str(seed)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield ServerProcess(int(process.stdout.readline()), process.pid)
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


def write_policy(folder: Path, url: str) -> None:
    """A policy of three deployments, all of them the failing server."""
    known = {"voice": "  voice"}
    texts = {
        "orchestra.yaml": POLICY.replace("URL", url),
        "prices.yaml": PRICES,
        "capabilities.yaml": CAPABILITIES.split(known["voice"])[0].replace("p50: 2", "p50: 0.1"),
        "letter.txt": "Write a letter about tea\n",
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")


def played(count: int, folder: Path, server: ServerProcess, seed: int) -> History:
    """Every request asked until it has a reply, by clients that come to harm on the way."""
    random, history, store = Random(seed), History(), folder / "store.db"
    write_policy(folder, server.url)
    with tqdm(total=count, desc="requests with a reply", leave=False) as bar:
        while len(history.acknowledged) < count:
            waiting = [n for n in range(count) if n not in history.acknowledged][:AT_A_TIME]
            harm = random.choice(("kill", "kill", "stop", "disk"))
            limit = _size(store) + random.randrange(100_000, 400_000) if harm == "disk" else 0
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.faults.client", str(folder), str(store),
                 str(random.randrange(10**9)), str(limit), *map(str, waiting)],
                cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            )  # fmt: skip
            _harm(process, harm, random)
            assert process.stdout is not None
            assert process.stderr is not None
            for line in process.stdout:
                _take(history, line)
            said = process.stderr.read()
            status = process.wait()
            if status not in (0, 3, -signal.SIGKILL):
                raise AssertionError(f"the client ended with {status}: {said[-2000:]}")
            history.ends[f"{harm}: {status}"] += 1
            bar.update(len(history.acknowledged) - bar.n)
    return history


def _harm(process: subprocess.Popen[str], harm: str, random: Random) -> None:
    """Kill a client in the midst of its work, or stop it for a while and then kill it."""
    if harm == "disk":
        return
    assert process.stdout is not None
    if random.random() < 0.8:
        process.stdout.readline()  # begun; the others may come to harm while they begin
    time.sleep(random.uniform(0.3, 4.0))
    if harm == "stop" and process.poll() is None:
        os.kill(process.pid, signal.SIGSTOP)
        time.sleep(random.uniform(0.5, 2.0))
        os.kill(process.pid, signal.SIGCONT)
        time.sleep(random.uniform(0.5, 2.0))
    if process.poll() is None:
        process.kill()


def _take(history: History, line: str) -> None:
    try:
        found = json.loads(line)
    except ValueError:
        return  # torn by a kill: nobody was handed it
    history.twice += found["number"] in history.acknowledged
    history.acknowledged[found["number"]] = found


def _size(store: Path) -> int:
    files = [store, store.with_name(f"{store.name}-wal")]
    return max((file.stat().st_size for file in files if file.exists()), default=0)


def checked(history: History, folder: Path, server: ServerProcess) -> dict[str, int]:
    """Counts of what was found; raises AssertionError where the books do not agree."""
    books = server.ledger()["entries"]
    with Store.open(folder / "store.db") as store:
        assert store.check() == ()
        found = {
            "requests with a reply": len(history.acknowledged),
            "sends that the server accepted": len(books),
            "sends cut off and marked on restart": store.recovered,
        }
        replies = {row.id: row for row in store.rows(select(requests.c.id, requests.c.status))}
        sends = store.rows(
            select(
                attempts.c.request_id, attempts.c.number, attempts.c.deployment,
                attempts.c.outcome, attempts.c.state, attempts.c.cost, attempts.c.cost_upper,
                attempts.c.input_tokens, attempts.c.output_tokens, attempts.c.usage_status,
            ).order_by(attempts.c.request_id, attempts.c.number)
        )  # fmt: skip
    _every_reply_was_kept(history, replies)
    _nobody_got_anothers(history)
    found |= _both_books_agree(books, sends)
    return found


def _every_reply_was_kept(history: History, replies: dict[str, Any]) -> None:
    lost = [r for r in history.acknowledged.values() if r["id"] not in replies]
    assert not lost, f"{len(lost)} replies were handed out and are not in the store: {lost[:3]}"
    for reply in history.acknowledged.values():
        assert replies[reply["id"]].status == reply["status"]


def _nobody_got_anothers(history: History) -> None:
    """Every answer names the attempt that it was made for: it must be one of this request's."""
    for reply in history.acknowledged.values():
        if reply["status"] == "answered":
            named = reply["text"].removeprefix("This is for ").removesuffix(".")
            assert "".join(answer_for(named)) == reply["text"], reply
            assert named.startswith(f"{reply['id']}."), reply


def _both_books_agree(books: list[dict[str, Any]], sends: Any) -> dict[str, int]:
    ours: dict[tuple[str, str], list[Any]] = {}
    for row in sends:
        assert row.state == "done"
        if row.outcome != "not_sent":
            ours.setdefault((row.request_id, row.deployment), []).append(row)
    theirs: dict[tuple[str, str], list[dict[str, Any]]] = {}
    seen: Counter[str] = Counter()
    for entry in books:
        request, deployment, _ = entry["id"].rsplit(".", 2)
        theirs.setdefault((request, deployment), []).append(entry)
        seen[entry["id"]] += 1
    doubled = [name for name, times in seen.items() if times > 1]
    assert not doubled, f"sent twice under one id: {doubled[:3]}"
    for pair, entries in theirs.items():
        assert len(entries) <= len(ours.get(pair, ())), f"{pair}: accepted, but not in our books"
    unknown = tokens = billed = 0
    for pair, rows in ours.items():
        outcomes = [row.outcome for row in rows]
        assert "unknown" not in outcomes[:-1], f"{pair}: sent again after an unknown: {outcomes}"
        unknown += outcomes[-1] == "unknown"
        if outcomes[-1] == "unknown":
            assert rows[-1].cost is None
            assert rows[-1].cost_upper is not None
        accepted = theirs.get(pair, [])
        for row, entry in zip(rows, accepted, strict=False):
            if row.outcome == "answered" and entry["answered"] and row.usage_status == "reported":
                tokens += (row.input_tokens or 0) + (row.output_tokens or 0)
                billed += entry["input_tokens"] + entry["output_tokens"]
    assert tokens == billed, f"we booked {tokens} tokens, the server billed {billed}"
    return {
        "sends in our books": sum(map(len, ours.values())),
        "of unknown outcome": unknown,
        "sent again after an unknown": 0,
        "tokens that both books agree on": tokens,
    }


def main() -> None:
    """Play, check, and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    with tempfile.TemporaryDirectory() as name, chaos(seed) as server:
        began = time.monotonic()
        history = played(count, Path(name), server, seed)
        found = checked(history, Path(name), server)
        for what, number in {**found, "seconds": round(time.monotonic() - began)}.items():
            print(f"{number:>12,}  {what}")  # noqa: T201
        print(dict(history.ends))  # noqa: T201


if __name__ == "__main__":
    main()
