"""What ``orchestra doctor`` looks at beyond this machine's software: policy, keys, store, Redis."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from orchestra_kit.cli.doctor_checks import Check, Word
from orchestra_kit.core.display import clean_text
from orchestra_kit.core.errors import ConfigError, OrchestraError, StoreError
from orchestra_kit.policy.check import check
from orchestra_kit.policy.policy import Policy
from orchestra_kit.store import schema
from orchestra_kit.store.lock import holder_of
from orchestra_kit.store.opening import Place, place_of
from orchestra_kit.store.store import Store

__all__ = ["of_policy", "of_redis", "of_store"]

_LITTLE_ROOM = 2**30
_NO_ROOM = 2**26
_LONG_LOG = 2**28
"""Bytes. A log is cut back to 2**26; one much longer is kept so by a reader that never ends."""

_SHOWN = 5


def of_policy(file: Path) -> Iterator[Check]:
    """Whether the policy loads, what its analysis finds, and whether its keys are there."""
    try:
        policy = Policy.load(file)
        findings = Counter(f.severity for f in check(policy, today=datetime.now(UTC).date()))
    except ConfigError as error:
        told = f"{len(error.problems)} faults" if len(error.problems) > 1 else str(error)
        yield Check("policy", "error", f"{file}: {told}", "Run: orchestra check.")
        return
    loaded = f"{policy.name} ({len(policy.file.deployments)} deployments)"
    counts = ", ".join(f"{findings[word]} {word}s" for word in ("error", "warning", "note"))
    if findings["error"] or findings["warning"]:
        word: Word = "error" if findings["error"] else "warning"
        yield Check("policy", word, f"{loaded}: {counts}.", f"Run: orchestra check {file}.")
    else:
        yield Check("policy", "OK", f"{loaded}: {counts}")
    yield _keys(policy)


def _keys(policy: Policy) -> Check:
    """Names only: what a key is never leaves the environment."""
    named = {d.key.removeprefix("env:") for d in policy.file.deployments.values()} - {"none"}
    missing = sorted(name for name in named if not os.environ.get(name))
    if missing:
        return Check(
            "keys", "warning", f"not in the environment: {', '.join(missing)}.",
            "Set them to call live deployments; simulated and recorded ones need none.",
        )  # fmt: skip
    return Check("keys", "OK", f"{len(named)} named, all set" if named else "none are needed")


def of_store(where: str) -> Iterator[Check]:
    """Whether the store opens, who writes to it, how much room there is, and what is open in it."""
    try:
        place = place_of(where)
    except StoreError as error:
        yield _told("store", error)
        return
    if place.path is not None:
        yield from _room(place.path)
        if not place.path.exists():
            mend = "It is made when something is first written to it."
            yield Check("store", "warning", f"there is none at {place.shown} yet.", mend)
            return
        holder = holder_of(place.path)
        yield Check("store lock", "OK", f"{holder} writes to it" if holder else "nobody writes")
        yield _log(place.path)
    yield from _inside(where, place)


def _room(path: Path) -> Iterator[Check]:
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    free = shutil.disk_usage(folder).free
    size = path.stat().st_size if path.exists() else 0
    told = f"{free / 2**30:,.1f} GiB free in {folder}"
    if free < _NO_ROOM:
        yield Check("disk", "error", f"{told}.", "Free some space; writing will soon fail.")
    elif free < max(_LITTLE_ROOM, size):
        yield Check("disk", "warning", f"{told}.", "Free some space; a backup needs as much again.")
    else:
        yield Check("disk", "OK", told)


def _log(path: Path) -> Check:
    log = path.with_name(f"{path.name}-wal")
    size = log.stat().st_size if log.exists() else 0
    told = f"{size / 2**20:,.1f} MiB"
    if size > _LONG_LOG:
        mend = "Close whoever has been reading for long; then it is cut back."
        return Check("store log", "warning", f"{told}.", mend)
    return Check("store log", "OK", told)


def _inside(where: str, place: Place) -> Iterator[Check]:
    try:
        with Store.open(where, read_only=True) as store:
            yield Check("store", "OK", f"{place.shown}, version {schema.VERSIONS[-1]}")
            incidents = [f"{i.kind} of {i.about}" for i in store.incidents(open_only=True)]
            yield _open("incidents", incidents, "Run: orchestra store export, or see the report.")
            breakers = [b.deployment for b in store.breakers() if b.state not in ("closed", "")]
            yield _open("breakers", breakers, "They close by themselves once a probe succeeds.")
    except StoreError as error:
        yield _told("store", error)


def _open(name: str, found: list[str], mend: str) -> Check:
    if not found:
        return Check(name, "OK", "none is open")
    shown = clean_text(", ".join(found[:_SHOWN])) + (", …" if len(found) > _SHOWN else "")
    return Check(name, "warning", f"{len(found)} open: {shown}.", mend)


def of_redis(address: str) -> Iterator[Check]:
    """Whether Redis answers."""
    from orchestra_kit.store.shared import SharedState

    async def ask() -> Check:
        shared = SharedState(address, timeout=2)
        if await shared.reachable():
            await shared.close()
            return Check("Redis", "OK", f"{shared.shown} answers")
        mend = "Start it, or go on without: each process then keeps its limits by itself."
        return Check("Redis", "error", f"{shared.shown} does not answer.", mend)

    try:
        yield asyncio.run(ask())
    except StoreError as error:
        yield _told("Redis", error)


def _told(name: str, error: OrchestraError) -> Check:
    return Check(name, "error", str(error.args[0]), error.hint)
