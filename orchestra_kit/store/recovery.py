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
from orchestra_kit.store.schema import attempts, notices, runs

__all__ = ["recover"]

_MESSAGE = "the process that sent this ended before the answer came"
_RESUMABLE = ("suite", "traffic")


def recover(connection: Connection, now: datetime) -> int:
    """End every send that is still on its way, tell operators, and return how many there were.

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
        connection.execute(
            insert(notices).values(
                run_id=row.run_id,
                source=row.source,
                kind="sends_cut_off",
                severity=Severity.WARNING.value,
                at=now,
                message=_told(row.sends, row.sends - row.bounded, row.upper),
                deployment="",
                request_id="",
            )
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
    return sum(row.sends for row in left)


def _told(sends: int, unbounded: int, upper: Decimal | None) -> str:
    what = "1 send was" if sends == 1 else f"{sends} sends were"
    cost = f"at most {format_usd(upper)}" if upper is not None else "an unknown amount"
    beside = f" and an unknown amount for {unbounded} of them" if unbounded and upper else ""
    return (
        f"{what} on the way when an earlier process ended; whether an answer came is unknown. "
        f"They may have cost {cost}{beside}, and were not repeated."
    )
