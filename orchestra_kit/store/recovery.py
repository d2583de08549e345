"""What a process that was killed left behind, brought to an end by the next one.

A send of which only the intent is known may have been answered and billed. It is not repeated and
not forgotten: its outcome is `unknown`, and its cost at most what the intent said.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlalchemy import Connection, func, insert, select, update

from orchestra_kit.core.errors import AttemptOutcome
from orchestra_kit.core.money import format_usd
from orchestra_kit.core.reply import Severity
from orchestra_kit.store.schema import attempts, incidents, notices, runs

__all__ = ["recover", "tell_of_lost_log"]

_MESSAGE = "the process that sent this ended before the answer came"
_LOG_GONE = (
    "An earlier process that wrote here did not come to its end, and the write-ahead file "
    "beside the store is gone: what it wrote last may be missing."
)
_RESUMABLE = ("suite", "traffic")


def recover(connection: Connection, now: datetime) -> int:
    """End every send that is still on its way, tell operators, and return how many there were.

    Incidents and runs that their process left open are closed too.

    Only for the process that alone may write: nobody else can be waiting for an answer.
    """
    left = connection.execute(
        select(
            attempts.c.run_id,
            attempts.c.source,
            func.count().label("sends"),
            func.count(attempts.c.cost_upper).label("bounded"),
            func.sum(attempts.c.cost_upper).label("upper"),
        )
        .where(attempts.c.state == "sending")
        .group_by(attempts.c.run_id, attempts.c.source)
        .order_by(attempts.c.run_id)
    ).all()
    for row in left:
        _tell(
            connection,
            now,
            kind="sends_cut_off",
            message=_told(row.sends, row.sends - row.bounded, row.upper),
            run_id=row.run_id,
            source=row.source,
        )
    if left:
        connection.execute(
            update(attempts)
            .where(attempts.c.state == "sending")
            .values(state="done", outcome=AttemptOutcome.UNKNOWN.value, message=_MESSAGE)
        )
    connection.execute(
        update(runs)
        .where(runs.c.state == "running", runs.c.kind.not_in(_RESUMABLE))
        .values(state="failed", ended=now)
    )
    # Nobody watched them any more, so that they are known to have lasted until then and no longer.
    connection.execute(
        update(incidents)
        .where(incidents.c.state == "open")
        .values(state="closed", closed_at=incidents.c.last_at)
    )
    return sum(row.sends for row in left)


def tell_of_lost_log(connection: Connection, now: datetime) -> None:
    """Tell operators that a file's log is gone, and with it perhaps what was written last."""
    _tell(connection, now, kind="store_log_lost", message=_LOG_GONE)


def _tell(
    connection: Connection,
    now: datetime,
    *,
    kind: str,
    message: str,
    run_id: str = "",
    source: str = "",
) -> None:
    connection.execute(
        insert(notices).values(
            run_id=run_id,
            source=source,
            kind=kind,
            severity=Severity.WARNING.value,
            at=now,
            message=message,
            deployment="",
            request_id="",
        )
    )


def _told(sends: int, unbounded: int, upper: Decimal | None) -> str:
    what = "1 send was" if sends == 1 else f"{sends} sends were"
    cost = f"at most {format_usd(upper)}" if upper is not None else "an unknown amount"
    beside = f" and an unknown amount for {unbounded} of them" if unbounded and upper else ""
    return (
        f"{what} on the way when an earlier process ended; whether an answer came is unknown. "
        f"They may have cost {cost}{beside}, and were not repeated."
    )
