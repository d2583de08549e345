"""The tables themselves; `schema` says what is in them."""

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
    false,
    text,
)

from orchestra_kit.store.types import Json, Moment, Money, Seed

__all__ = [
    "answers",
    "attempts",
    "breakers",
    "cells",
    "changes",
    "days",
    "decisions",
    "incidents",
    "metadata",
    "notices",
    "overrides",
    "policies",
    "queue",
    "requests",
    "runs",
    "settings",
]

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
    Column("team", Text, nullable=False, server_default=""),
    Column("workflow", Text, nullable=False, server_default=""),
    Column("incident", Text, nullable=False, server_default=""),
    Column("repeats", Moment),
    Column("cost_avoided", Money),
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
    Column("cache_write_tokens", BigInteger),
    Column("cache_write_1h_tokens", BigInteger),
    Column("input_audio_tokens", BigInteger),
    Column("input_image_tokens", BigInteger),
    Column("output_audio_tokens", BigInteger),
    Column("output_image_tokens", BigInteger),
    Column("queries", BigInteger),
    Column("cost_reported", Money),
    Column("cost_computed", Money),
    Column("first_token", Float),
    Column("hedge", Boolean, nullable=False, server_default=false()),
    Column("dropped_parameters", Json),
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
    Column("asked", Json),
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

incidents = Table(
    "incidents",
    metadata,
    Column("id", Text, primary_key=True),
    Column("run_id", Text, primary_key=True),
    Column("source", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("about", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("opened_at", Moment, nullable=False),
    Column("last_at", Moment, nullable=False),
    Column("closed_at", Moment),
    Column("requests", BigInteger, nullable=False),
    Column("message", Text, nullable=False),
    Column("escalated", Text, nullable=False),
    Column("state", Text, nullable=False),
    Index("incidents_by_state", "state"),
    Index("incidents_by_moment", "opened_at"),
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

overrides = Table(
    "overrides",
    metadata,
    Column("id", Text, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("task", Text, nullable=False),
    Column("tier", Text, nullable=False),
    Column("use", Text, nullable=False),
    Column("until", Moment, nullable=False),
    Column("because", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("ended_at", Moment),
)

changes = Table(
    "changes",
    metadata,
    Column("id", _NUMBER, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("kind", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("before", Text, nullable=False),
    Column("after", Text, nullable=False),
    Column("because", Text, nullable=False),
    Column("by", Text, nullable=False),
    Index("changes_by_moment", "at"),
)

breakers = Table(
    "breakers",
    metadata,
    Column("source", Text, primary_key=True),
    Column("deployment", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("openings", Integer, nullable=False),
    Column("until", Moment),
    Column("at", Moment, nullable=False),
)

answers = Table(
    "answers",
    metadata,
    Column("key", Text, primary_key=True),
    Column("source", Text, nullable=False),
    Column("policy", Text, nullable=False),
    Column("task", Text, nullable=False),
    Column("deployment", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("until", Moment, nullable=False),
    Column("text", Text, nullable=False),
    Column("quality", Float),
    Column("scorer", Text, nullable=False),
    Column("cost", Money),
    Index("answers_by_end", "until"),
)
