"""Runs migrations on the connection, and in the transaction, that `opening.migrate` hands over."""

from __future__ import annotations

from alembic import context

from orchestra_kit.store.schema import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    version_table=VERSION_TABLE,
)
with context.begin_transaction():
    context.run_migrations()
