"""The tables of the store: a manual for whoever queries it by SQL.

**Units.** Moments (`at`, `started`, `ended`, `completed_at`, `first_used`) are whole microseconds
since 1970-01-01 UTC. Money (`cost`, `cost_upper`) is whole nano-dollars: divide by 1e9. NULL money
is an unknown amount, never 0. Durations (`seconds`) are seconds; `quality`, `confidence` and
`propensity` lie between 0 and 1, `complexity` between 0 and 100. Seeds are decimal text.
Structures are compact JSON text. In SQLite ``datetime(at / 1000000, 'unixepoch')`` and
``candidates ->> '$[0][0]'`` read them, in PostgreSQL ``to_timestamp(at / 1e6)`` and
``candidates::jsonb -> 0 ->> 0``. PostgreSQL wants the column ``"user"`` in quotes: without them
the word means whoever asks.

**Every row carries** `run_id`, the run that it belongs to, and `source`: ``simulated``,
``recorded`` or ``live``. Rows of different sources are never to be added up in one figure.

**A request's identifier is unique within its run only** (two runs with one seed make the same
requests): join by both, ``JOIN attempts a ON a.request_id = r.id AND a.run_id = r.run_id``.

requests
    One row for each request that ended. `status` is ``answered``, ``queued``, ``review``,
    ``refused``, ``blocked`` or ``unavailable``. `choice` is the deployment to be tried first and
    `propensity` the probability that it was; `deployment`, `model` and `chain_tier` (0 primary,
    1 secondary, 2 tertiary) say who answered, empty and NULL where nobody did. `attempts` counts
    sends. `cost` sums the attempts whose cost is known. `cost_upper` is what the others may have
    cost beside: 0 where there are none, NULL where one has no bound. `quality` is NULL where it
    could not be scored. `message` is what the requester was told when no model answered.
    `prompt_hash` is a keyed digest, alike for equal prompts within this store; `prompt` is NULL
    unless the store was opened to capture prompts in full.
decisions
    Why, for each request. `chain`: deployments in the order in which they were to be tried.
    `planned`: the same with every deployment available, NULL where equal. `candidates`: one array
    for each, ``[deployment, score, quality, cost, latency, dropped_because]``, with expected
    dollars and seconds, six significant figures, nulls where a figure is unknown; the last item is
    left out for those that were not dropped. `context`: the fields that conditions read.
attempts
    One row for each send, and for each that was decided against (`outcome` ``not_sent``). `state`
    is ``sending`` from before the send until its ending is known, then ``done``. `outcome` is
    ``answered``, ``refused``, ``failed``, ``unknown`` or ``not_sent``; `failure` is why, also for
    answers that the quality gate turned away. `unknown` means that the answer was never seen:
    `cost` is NULL and `cost_upper` what it may have cost. Token counts are disjoint:
    `input_tokens` without `cached_tokens`, `output_tokens` without `reasoning_tokens`. Attempts of
    a process that was killed have no row in `requests`.
queue
    Requests that wait for a person or for a quieter hour, `state` ``open`` or ``done``. The text is
    kept whatever is captured elsewhere, and erased when the entry is done.
notices
    What operators were told; `severity` is ``info``, ``warning`` or ``critical``.
runs
    `kind` is ``service`` (real use), ``traffic`` (generated), ``suite`` or ``recording``; `state`
    is ``running``, ``complete`` or ``failed``. Reports cover kinds service and traffic.
cells
    Results of a suite: one for each scenario and epoch.
days
    The days of generated traffic that are complete. A day's rows and its mark are written in one
    transaction; rows of a day without a mark are no part of any figure.
policies
    Every policy that was used, by content hash.
settings
    The store's own, such as the key of the prompt digests. Leave it out of every export.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Float,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    text,
)

from orchestra_kit.store.types import Json, Moment, Money, Seed

__all__ = [
    "VERSIONS",
    "VERSION_TABLE",
    "attempts",
    "cells",
    "days",
    "decisions",
    "metadata",
    "notices",
    "policies",
    "queue",
    "requests",
    "runs",
    "settings",
]

VERSIONS = ("0001",)
"""Versions of these tables, oldest first; the last is what this package writes."""

VERSION_TABLE = "orchestra_version"

metadata = MetaData()

_NUMBER = BigInteger().with_variant(Integer, "sqlite")
"""SQLite numbers rows by itself only under a key of this very type."""

requests = Table(
    "requests",
    metadata,
    Column("id", Text, primary_key=True),
    Column("run_id", Text, primary_key=True),
    Column("source", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("policy", Text, nullable=False),
    Column("policy_hash", Text, nullable=False),
    Column("seed", Seed, nullable=False),
    Column("task", Text, nullable=False),
    Column("tier", Text, nullable=False),
    Column("user", Text, nullable=False),
    Column("feature", Text, nullable=False),
    Column("session", Text, nullable=False),
    Column("prompt_hash", Text, nullable=False),
    Column("prompt", Text),
    Column("words", BigInteger, nullable=False),
    Column("tokens", BigInteger, nullable=False),
    Column("complexity", Float, nullable=False),
    Column("language", Text, nullable=False),
    Column("classified_by", Text, nullable=False),
    Column("confidence", Float, nullable=False),
    Column("rule", Text, nullable=False),
    Column("review", Boolean, nullable=False),
    Column("choice", Text),
    Column("propensity", Float, nullable=False),
    Column("status", Text, nullable=False),
    Column("deployment", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("chain_tier", Integer),
    Column("attempts", Integer, nullable=False),
    Column("cost", Money),
    Column("cost_upper", Money),
    Column("seconds", Float),
    Column("quality", Float),
    Column("scorer", Text, nullable=False),
    Column("message", Text, nullable=False),
    Index("requests_by_run", "run_id", "at"),
    Index("requests_by_moment", "at"),
)

decisions = Table(
    "decisions",
    metadata,
    Column("request_id", Text, primary_key=True),
    Column("run_id", Text, primary_key=True),
    Column("source", Text, nullable=False),
    Column("chain", Json, nullable=False),
    Column("planned", Json),
    Column("candidates", Json, nullable=False),
    Column("context", Json, nullable=False),
    Column("because", Text, nullable=False),
)

attempts = Table(
    "attempts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("run_id", Text, primary_key=True),
    Column("request_id", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("chain_tier", Integer, nullable=False),
    Column("deployment", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("outcome", Text),
    Column("failure", Text),
    Column("message", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("seconds", Float),
    Column("input_tokens", BigInteger),
    Column("cached_tokens", BigInteger),
    Column("output_tokens", BigInteger),
    Column("reasoning_tokens", BigInteger),
    Column("images", BigInteger),
    Column("characters", BigInteger),
    Column("audio_seconds", Float),
    Column("usage_status", Text),
    Column("cost", Money),
    Column("cost_upper", Money),
    Column("quality", Float),
    Index("attempts_by_request", "request_id", "run_id"),
    Index("attempts_by_moment", "at"),
    # Only what is on its way is ever looked for by state, and that is little.
    Index(
        "attempts_sending",
        "state",
        sqlite_where=text("state = 'sending'"),
        postgresql_where=text("state = 'sending'"),
    ),
)

queue = Table(
    "queue",
    metadata,
    Column("id", _NUMBER, primary_key=True),
    Column("run_id", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("task", Text, nullable=False),
    Column("tier", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("state", Text, nullable=False),
    Index("queue_by_state", "name", "state"),
)

notices = Table(
    "notices",
    metadata,
    Column("id", _NUMBER, primary_key=True),
    Column("run_id", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("message", Text, nullable=False),
    Column("deployment", Text, nullable=False),
    Column("request_id", Text, nullable=False),
    Index("notices_by_moment", "at"),
)

runs = Table(
    "runs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("policy", Text, nullable=False),
    Column("policy_hash", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("seed", Seed, nullable=False),
    Column("started", Moment, nullable=False),
    Column("ended", Moment),
    Column("state", Text, nullable=False),
    Column("parameters", Json, nullable=False),
)

cells = Table(
    "cells",
    metadata,
    Column("run_id", Text, primary_key=True),
    Column("scenario", Text, primary_key=True),
    Column("epoch", Integer, primary_key=True, autoincrement=False),
    Column("source", Text, nullable=False),
    Column("passed", Boolean, nullable=False),
    Column("result", Json, nullable=False),
)

days = Table(
    "days",
    metadata,
    Column("run_id", Text, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("source", Text, nullable=False),
    Column("requests", Integer, nullable=False),
    Column("completed_at", Moment, nullable=False),
)

policies = Table(
    "policies",
    metadata,
    Column("hash", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("first_used", Moment, nullable=False),
    Column("content", Text, nullable=False),
)

settings = Table(
    "settings",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)
