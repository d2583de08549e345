"""Logged traffic out of a store, with what is needed to decide each request again.

Only real use and generated traffic count, and of several sources the most real one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd
import sqlalchemy as sql

from orchestra_kit.core.answer import Source
from orchestra_kit.core.errors import StoreError
from orchestra_kit.core.money import NANOS
from orchestra_kit.outcomes.off_policy.logged import CONTEXT, LoggedTraffic
from orchestra_kit.store.reading import Reader, raw
from orchestra_kit.store.schema import decisions, requests, runs

__all__ = ["NOT_NAMED", "UNPRICED", "logged_traffic"]

NOT_NAMED = "not named by"
UNPRICED = "its price is not known"
"""How the reasons begin for which a candidate that could be called is dropped all the same; any
other reason beside a cost is that it was out at that moment."""

_MOST_REAL_FIRST = (Source.LIVE, Source.RECORDED, Source.SIMULATED)
_KINDS = ("service", "traffic")
_COLUMNS = (
    "id", "source", "at", "task", "tier", "session", "prompt", "classified_by", "rule", "review",
    "choice", "propensity", "chain_tier", "cost", "quality", "repeats", "policy_hash",
)  # fmt: skip


def logged_traffic(store: Reader) -> LoggedTraffic:
    """The routed requests of a store.

    Left out and counted are those of another source, those that went to a person or to nobody,
    those whose answer was given again, and those whose decision is not kept. Sessions are the
    clusters. Raises StoreError where nothing is left or the store cannot be read.
    """
    with store.connect() as connection:
        found = connection.execute(_query()).all()
    sources = Counter(row.source for row in found)
    source = next((s for s in _MOST_REAL_FIRST if sources[s.value]), None)
    if source is None:
        raise StoreError(
            "the store holds no traffic to value a policy on.",
            hint="Answer some requests with it, or generate traffic.",
        )
    left_out = Counter({f"of source {n}": c for n, c in sources.items() if n != source.value})
    kept = []
    for row in found:
        if row.source == source.value:
            why = _why_not(row)
            left_out[why] += bool(why)
            if not why:
                kept.append(row)
    if not kept:
        told = ", ".join(f"{count:,} {why}" for why, count in left_out.items() if why)
        raise StoreError(
            f"none of the store's requests was routed by chance or rule to a deployment ({told}).",
            hint="Answer some requests with it.",
        )
    del left_out[""]
    return LoggedTraffic.from_frame(
        _frame(kept), source=source, left_out=left_out, name="the store"
    )


def _query() -> sql.Select[Any]:
    same = sql.and_(
        decisions.c.request_id == requests.c.id, decisions.c.run_id == requests.c.run_id
    )
    columns = [raw(requests.c[name]) if name == "cost" else requests.c[name] for name in _COLUMNS]
    return (
        sql.select(*columns, decisions.c.context, decisions.c.candidates)
        .join_from(requests, runs, runs.c.id == requests.c.run_id)
        .join(decisions, same, isouter=True)
        .where(runs.c.kind.in_(_KINDS))
        .order_by(requests.c.at, requests.c.run_id, requests.c.id)
    )


def _why_not(row: sql.Row[Any]) -> str:
    if row.review:
        return "sent to a person"
    if row.choice is None:
        return "for which nothing could be called"
    if row.repeats is not None:
        return "whose answer was given again"
    if row.context is None:
        return "whose decision is not kept"
    return ""


def _frame(rows: Sequence[sql.Row[Any]]) -> pd.DataFrame:
    made: dict[str, object] = {
        "request": [row.id for row in rows],
        "task": [row.task for row in rows],
        "tier": [row.tier for row in rows],
        "rule": [row.rule for row in rows],
        "action": [row.choice for row in rows],
        "propensity": [row.propensity for row in rows],
        "quality": [row.quality for row in rows],
        "cost": [None if row.cost is None else row.cost / NANOS for row in rows],
        "cluster": [row.session for row in rows],
        "at": [row.at for row in rows],
        "text": [row.prompt for row in rows],
        "declared": [row.classified_by == "sender" for row in rows],
        "fell_back": [row.chain_tier is not None and row.chain_tier > 0 for row in rows],
        "policy_hash": [row.policy_hash for row in rows],
        "fields": [row.context for row in rows],
        "eligible": [_eligible(row.candidates) for row in rows],
        "unavailable": [_unavailable(row.candidates) for row in rows],
    }
    for name in CONTEXT:
        made[name] = [row.context.get(name) for row in rows]
    return pd.DataFrame(made)


def _eligible(candidates: Iterable[Sequence[Any]]) -> tuple[str, ...]:
    """Deployments that might have been tried first: those that have a score."""
    return tuple(each[0] for each in candidates if each[1] is not None)


def _unavailable(candidates: Iterable[Sequence[Any]]) -> Mapping[str, str]:
    """Deployments that the policy names and that were out at that moment, each with the reason."""
    return {
        each[0]: each[5]
        for each in candidates
        if len(each) > 5 and each[3] is not None and not each[5].startswith((NOT_NAMED, UNPRICED))
    }
