"""What people and guards change about routing while it runs, and how the breakers stood.

Overrides and the journal of changes are kept for good; of each breaker only how it stood last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, update

from orchestra_kit.core.answer import Source
from orchestra_kit.core.decision import Change, Override
from orchestra_kit.core.display import Shown
from orchestra_kit.core.errors import StoreError
from orchestra_kit.store.rows import bounded
from orchestra_kit.store.schema import breakers, changes, overrides

__all__ = ["StoredBreaker"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBreaker(Shown):
    """How a deployment's breaker stood: a row of `breakers`."""

    deployment: str
    source: Source
    """Breakers of simulated deployments say nothing of the real ones."""
    state: str
    openings: int
    """How often it has opened in a row."""
    until: datetime | None
    """UTC; until when it stays open, None where it is not or nobody knows."""
    at: datetime
    """UTC; when it stood so."""


def put_override(connection: Connection, override: Override, now: datetime) -> None:
    """Write an override's row; raises StoreError for one that is there already."""
    same = select(overrides.c.id).where(overrides.c.id == override.id)
    if connection.execute(same).first() is not None:
        raise StoreError(f"override {override.id} is there already.")
    connection.execute(
        insert(overrides).values(
            id=override.id,
            at=now,
            task=override.task,
            tier=override.tier,
            use=override.use,
            until=override.until,
            because=bounded(override.because),
            by=bounded(override.by),
        )
    )


def close_override(connection: Connection, override_id: str, now: datetime) -> None:
    """Write that an override ended; raises StoreError for one that is not there or has ended."""
    found = connection.execute(
        update(overrides)
        .where(overrides.c.id == override_id, overrides.c.ended_at.is_(None))
        .values(ended_at=now)
    )
    if found.rowcount == 0:
        raise StoreError(f"no override {override_id} is in force in this store.")


def overrides_in_force(connection: Connection, now: datetime) -> tuple[Override, ...]:
    """Those that have neither expired nor been ended, the latest first."""
    query = (
        select(overrides)
        .where(overrides.c.until > now, overrides.c.ended_at.is_(None))
        .order_by(overrides.c.at.desc(), overrides.c.id.desc())
    )
    return tuple(
        Override(
            id=row["id"],
            use=row["use"],
            until=row["until"],
            because=row["because"],
            by=row["by"],
            task=row["task"],
            tier=row["tier"],
        )
        for row in connection.execute(query).mappings()
    )


def put_change(connection: Connection, change: Change) -> None:
    """Write a row of the journal."""
    connection.execute(
        insert(changes).values(
            at=change.at,
            kind=change.kind,
            what=bounded(change.what),
            before=bounded(change.before),
            after=bounded(change.after),
            because=bounded(change.because),
            by=bounded(change.by),
        )
    )


def changes_since(connection: Connection, since: datetime | None) -> tuple[Change, ...]:
    """The journal from a moment on, or all of it; the earliest first."""
    query = select(changes).order_by(changes.c.at, changes.c.id)
    if since is not None:
        query = query.where(changes.c.at >= since)
    return tuple(
        Change(
            at=row["at"],
            kind=row["kind"],
            what=row["what"],
            before=row["before"],
            after=row["after"],
            because=row["because"],
            by=row["by"],
        )
        for row in connection.execute(query).mappings()
    )


def put_breakers(connection: Connection, rows: Sequence[StoredBreaker]) -> None:
    """Write how these breakers stand, in the place of what was written of them before."""
    for row in rows:
        same = (breakers.c.source == row.source.value, breakers.c.deployment == row.deployment)
        connection.execute(delete(breakers).where(*same))
        connection.execute(
            insert(breakers).values(
                source=row.source.value,
                deployment=row.deployment,
                state=row.state,
                openings=row.openings,
                until=row.until,
                at=row.at,
            )
        )


def all_breakers(connection: Connection, source: Source | None) -> tuple[StoredBreaker, ...]:
    """How the breakers of a source, or of all, stood last; by source and deployment."""
    query = select(breakers).order_by(breakers.c.source, breakers.c.deployment)
    if source is not None:
        query = query.where(breakers.c.source == source.value)
    return tuple(
        StoredBreaker(
            deployment=row["deployment"],
            source=Source(row["source"]),
            state=row["state"],
            openings=row["openings"],
            until=row["until"],
            at=row["at"],
        )
        for row in connection.execute(query).mappings()
    )
