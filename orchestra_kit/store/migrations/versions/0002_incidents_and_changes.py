"""Every kind of token, two costs, teams and workflows; incidents, overrides, changes, breakers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")

_WHOLE_NUMBERS = (
    "cache_write_tokens",
    "cache_write_1h_tokens",
    "input_audio_tokens",
    "input_image_tokens",
    "output_audio_tokens",
    "output_image_tokens",
    "queries",
    "cost_reported",
    "cost_computed",
)


def _text(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def _key(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, primary_key=True) for name in names]


def _moments(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger, nullable=False) for name in names]


def upgrade() -> None:
    _requests_and_attempts()
    _incidents()
    _overrides_and_changes()
    _breakers()


def _requests_and_attempts() -> None:
    for name in ("team", "workflow", "incident"):
        op.add_column("requests", sa.Column(name, sa.Text, nullable=False, server_default=""))
    for name in _WHOLE_NUMBERS:
        op.add_column("attempts", sa.Column(name, sa.BigInteger))
    op.add_column("attempts", sa.Column("first_token", sa.Float))
    op.add_column(
        "attempts", sa.Column("hedge", sa.Boolean, nullable=False, server_default=sa.false())
    )
    op.add_column("attempts", sa.Column("dropped_parameters", sa.Text))


def _incidents() -> None:
    op.create_table(
        "incidents",
        *_key("id", "run_id"),
        *_text("source", "kind", "about", "severity"),
        *_moments("opened_at", "last_at"),
        sa.Column("closed_at", sa.BigInteger),
        sa.Column("requests", sa.BigInteger, nullable=False),
        *_text("message", "escalated", "state"),
    )
    op.create_index("incidents_by_state", "incidents", ["state"])
    op.create_index("incidents_by_moment", "incidents", ["opened_at"])


def _overrides_and_changes() -> None:
    op.create_table(
        "overrides",
        *_key("id"),
        *_moments("at"),
        *_text("task", "tier", "use"),
        *_moments("until"),
        *_text("because", "by"),
        sa.Column("ended_at", sa.BigInteger),
    )
    op.create_table(
        "changes",
        sa.Column("id", _NUMBER, primary_key=True),
        *_moments("at"),
        *_text("kind", "what", "before", "after", "because", "by"),
    )
    op.create_index("changes_by_moment", "changes", ["at"])


def _breakers() -> None:
    op.create_table(
        "breakers",
        *_key("source", "deployment"),
        *_text("state"),
        sa.Column("openings", sa.Integer, nullable=False),
        sa.Column("until", sa.BigInteger),
        *_moments("at"),
    )
