"""Answers that are kept to be given again, and which requests were answered by one; what else was
asked of a request that waits."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def _text(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def upgrade() -> None:
    op.add_column("requests", sa.Column("repeats", sa.BigInteger))
    op.add_column("requests", sa.Column("cost_avoided", sa.BigInteger))
    op.add_column("queue", sa.Column("asked", sa.Text))
    op.create_table(
        "answers",
        sa.Column("key", sa.Text, primary_key=True),
        *_text("source", "policy", "task", "deployment", "model"),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("until", sa.BigInteger, nullable=False),
        *_text("text"),
        sa.Column("quality", sa.Float),
        *_text("scorer"),
        sa.Column("cost", sa.BigInteger),
    )
    op.create_index("answers_by_end", "answers", ["until"])
