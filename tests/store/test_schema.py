"""The tables are what the migrations make, what the manual says, and quick to ask."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Select, func, select
from sqlalchemy.dialects import sqlite

import orchestra_kit.store
from orchestra_kit.core.answer import Source
from orchestra_kit.store import schema
from orchestra_kit.store.rows import Rows
from orchestra_kit.store.store import Store
from tests.store.values import (
    START,
    a_batch,
    a_notice,
    a_reply,
    a_request,
    an_attempt,
    an_entry,
    an_incident,
    an_intent,
    started_run,
)

MIGRATIONS = Path(orchestra_kit.store.__file__).with_name("migrations")
REQUESTS, ATTEMPTS = schema.requests.c, schema.attempts.c


def test_migrations_make_the_tables_that_the_code_expects(any_store):
    with any_store.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": schema.VERSION_TABLE}
        )
        assert compare_metadata(context, schema.metadata) == []


def test_the_newest_migration_is_the_newest_version():
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    scripts = ScriptDirectory.from_config(config)
    order = [script.revision for script in scripts.walk_revisions()]
    assert tuple(reversed(order)) == schema.VERSIONS


def test_the_manual_describes_every_table_and_no_other():
    manual = schema.__doc__ or ""
    assert set(re.findall(r"^(\w+)$", manual, re.MULTILINE)) == set(schema.metadata.tables)


def test_every_row_says_its_run_and_its_source():
    without = {"runs", "policies", "settings", "overrides", "changes", "breakers", "answers"}
    for table in schema.metadata.sorted_tables:
        if table.name not in without:
            assert {"run_id", "source"} <= set(table.c.keys()), table.name


def test_rows_have_a_value_for_every_column_that_the_database_does_not_fill():
    rows, request = Rows("run", Source.SIMULATED), a_request()
    attempt = an_attempt(request)
    reply = a_reply(request, attempt)
    assert len(rows.request(request, reply, None)) == len(schema.requests.c)
    assert len(rows.decision(reply.decision)) == len(schema.decisions.c)
    assert len(rows.sending(an_intent(request))) == len(schema.attempts.c)
    assert len(rows.done(attempt)) == len(schema.attempts.c)
    assert len(rows.queued(an_entry(request))) == len(schema.queue.c) - 1
    assert len(rows.notice(a_notice())) == len(schema.notices.c) - 1
    assert len(rows.incident(an_incident())) == len(schema.incidents.c)


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (
            select(func.sum(REQUESTS.cost)).where(REQUESTS.run_id == "r", REQUESTS.at >= START),
            "requests_by_run",
        ),
        (select(func.count()).where(REQUESTS.at >= START), "requests_by_moment"),
        (select(ATTEMPTS.cost).where(ATTEMPTS.request_id == "r"), "attempts_by_request"),
        (
            select(ATTEMPTS.cost, REQUESTS.user)
            .join(
                schema.attempts,
                (ATTEMPTS.request_id == REQUESTS.id) & (ATTEMPTS.run_id == REQUESTS.run_id),
            )
            .where(REQUESTS.run_id == "r", REQUESTS.at >= START),
            "attempts_by_request",
        ),
        (select(ATTEMPTS.id).where(ATTEMPTS.state == "sending"), "attempts_sending"),
        (select(func.sum(ATTEMPTS.cost)).where(ATTEMPTS.at >= START), "attempts_by_moment"),
        (
            select(schema.notices.c.message).where(schema.notices.c.at >= START),
            "notices_by_moment",
        ),
        (
            select(schema.incidents.c.message).where(schema.incidents.c.state == "open"),
            "incidents_by_state",
        ),
        (
            select(schema.incidents.c.id).where(schema.incidents.c.opened_at >= START),
            "incidents_by_moment",
        ),
        (
            select(schema.changes.c.what).where(schema.changes.c.at >= START),
            "changes_by_moment",
        ),
        (
            select(schema.queue.c.text).where(
                schema.queue.c.name == "batch", schema.queue.c.state == "open"
            ),
            "queue_by_state",
        ),
    ],
)
def test_a_common_question_uses_its_index(store, query: Select[tuple[object, ...]], index: str):
    store.write(a_batch(started_run(store), *range(50)))
    compiled = query.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True})
    with store.connect() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}").all()
    steps = " | ".join(row[3] for row in plan)
    assert f"INDEX {index} " in steps, steps
    assert "SCAN" not in steps, steps


def test_a_request_takes_at_most_three_kilobytes(path: Path):
    count = 5000
    with Store.open(path, durable=False) as store:
        store.write(a_batch(started_run(store), *range(count)))
    assert path.stat().st_size / count <= 3000
