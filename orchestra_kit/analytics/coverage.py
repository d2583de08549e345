"""Which weeks a store can be reported for; needs no frames, so that it is quick to ask."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import sqlalchemy as sql

from orchestra_kit.analytics.week import Week
from orchestra_kit.store.reading import Reader
from orchestra_kit.store.schema import requests, runs

__all__ = ["last_full_week"]

_KINDS = ("service", "traffic")
_HOUR = timedelta(hours=1)


def last_full_week(store: Reader, *, now: datetime | None = None) -> Week | None:
    """The last week that is over, with requests in it; the only begun week where there is no
    other, and None for a store without requests.

    A week of real use is over when its end has passed. Generated and recorded traffic keeps a time
    of its own: its week is over when a request arrived in its last hour or later.
    """
    moment = now or datetime.now(UTC)
    with store.connect() as connection:
        last = connection.execute(_latest(None)).scalar()
        if last is None:
            return None
        newest = Week.of(last)
        ends = newest.period.ends
        made = connection.execute(_latest(("simulated", "recorded"))).scalar()
        if moment >= ends or (made is not None and made >= ends - _HOUR):
            return newest
        earlier = connection.execute(_latest(None, before=newest.period.starts)).scalar()
    return newest if earlier is None else Week.of(earlier)


def _latest(
    sources: tuple[str, ...] | None, *, before: datetime | None = None
) -> sql.Select[datetime]:
    query = (
        sql.select(requests.c.at)
        .join_from(requests, runs, runs.c.id == requests.c.run_id)
        .where(runs.c.kind.in_(_KINDS))
        .order_by(requests.c.at.desc())
        .limit(1)
    )
    if sources is not None:
        query = query.where(requests.c.source.in_(sources))
    if before is not None:
        query = query.where(requests.c.at < before)
    return query
