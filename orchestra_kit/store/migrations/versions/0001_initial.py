"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def _text(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def _key(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, primary_key=True) for name in names]


def _whole(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger) for name in names]


def upgrade() -> None:
    _requests_and_decisions()
    _attempts()
    _queue_and_notices()
    _runs()


def _requests_and_decisions() -> None:
    op.create_table(
        "requests",
        *_key("id", "run_id"),
        *_text("source"),
        sa.Column("at", sa.BigInteger, nullable=False),
        *_text("policy", "policy_hash", "seed", "task", "tier", "user", "feature", "session"),
        *_text("prompt_hash"),
        sa.Column("prompt", sa.Text),
        sa.Column("words", sa.BigInteger, nullable=False),
        sa.Column("tokens", sa.BigInteger, nullable=False),
        sa.Column("complexity", sa.Float, nullable=False),
        *_text("language", "classified_by"),
        sa.Column("confidence", sa.Float, nullable=False),
        *_text("rule"),
        sa.Column("review", sa.Boolean, nullable=False),
        sa.Column("choice", sa.Text),
        sa.Column("propensity", sa.Float, nullable=False),
        *_text("status", "deployment", "model"),
        sa.Column("chain_tier", sa.Integer),
        sa.Column("attempts", sa.Integer, nullable=False),
        *_whole("cost", "cost_upper"),
        sa.Column("seconds", sa.Float),
        sa.Column("quality", sa.Float),
        *_text("scorer", "message"),
    )
    op.create_index("requests_by_run", "requests", ["run_id", "at"])
    op.create_index("requests_by_moment", "requests", ["at"])
    op.create_table(
        "decisions",
        *_key("request_id", "run_id"),
        *_text("source", "chain"),
        sa.Column("planned", sa.Text),
        *_text("candidates", "context", "because"),
    )


def _attempts() -> None:
    op.create_table(
        "attempts",
        *_key("id", "run_id"),
        *_text("request_id", "source"),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("chain_tier", sa.Integer, nullable=False),
        *_text("deployment", "model", "state"),
        sa.Column("outcome", sa.Text),
        sa.Column("failure", sa.Text),
        *_text("message"),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("seconds", sa.Float),
        *_whole("input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens"),
        *_whole("images", "characters"),
        sa.Column("audio_seconds", sa.Float),
        sa.Column("usage_status", sa.Text),
        *_whole("cost", "cost_upper"),
        sa.Column("quality", sa.Float),
    )
    op.create_index("attempts_by_request", "attempts", ["request_id", "run_id"])
    op.create_index("attempts_by_moment", "attempts", ["at"])
    sending = sa.text("state = 'sending'")
    op.create_index(
        "attempts_sending", "attempts", ["state"], sqlite_where=sending, postgresql_where=sending
    )


def _queue_and_notices() -> None:
    op.create_table(
        "queue",
        sa.Column("id", _NUMBER, primary_key=True),
        *_text("run_id", "source", "name", "request_id"),
        sa.Column("at", sa.BigInteger, nullable=False),
        *_text("task", "tier", "text", "reason", "state"),
    )
    op.create_index("queue_by_state", "queue", ["name", "state"])
    op.create_table(
        "notices",
        sa.Column("id", _NUMBER, primary_key=True),
        *_text("run_id", "source", "kind", "severity"),
        sa.Column("at", sa.BigInteger, nullable=False),
        *_text("message", "deployment", "request_id"),
    )
    op.create_index("notices_by_moment", "notices", ["at"])


def _runs() -> None:
    op.create_table(
        "runs",
        *_key("id"),
        *_text("kind", "name", "policy", "policy_hash", "source", "seed"),
        sa.Column("started", sa.BigInteger, nullable=False),
        sa.Column("ended", sa.BigInteger),
        *_text("state", "parameters"),
    )
    op.create_table(
        "cells",
        *_key("run_id", "scenario"),
        sa.Column("epoch", sa.Integer, primary_key=True, autoincrement=False),
        *_text("source"),
        sa.Column("passed", sa.Boolean, nullable=False),
        *_text("result"),
    )
    op.create_table(
        "days",
        *_key("run_id"),
        sa.Column("day", sa.Date, primary_key=True),
        *_text("source"),
        sa.Column("requests", sa.Integer, nullable=False),
        sa.Column("completed_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "policies",
        *_key("hash"),
        *_text("name"),
        sa.Column("first_used", sa.BigInteger, nullable=False),
        *_text("content"),
    )
    op.create_table("settings", *_key("name"), *_text("value"))
