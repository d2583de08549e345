"""The statements that write rows, in the wording of the database's driver.

SQLAlchemy's own inserts convert every value of every row; these take rows as `rows` makes them. Nor
does it see a single row's way to the driver, which would take it longer than the driver's insert.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, Table
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.exc import DBAPIError

from orchestra_kit.store import schema
from orchestra_kit.store.buffered import Batch
from orchestra_kit.store.rows import Row

__all__ = ["Note", "Statements", "write_batch", "write_notes"]

Note = tuple[str, Row]
"""A statement and the row that it writes."""

_FIXED = {"id", "run_id", "request_id", "source"}
"""What an attempt or an incident is known by; what comes later changes everything else."""


class Statements:
    """Inserts for one database dialect."""

    def __init__(self, connection: Connection) -> None:
        preparer = connection.dialect.identifier_preparer
        mark = "?" if connection.dialect.paramstyle == "qmark" else "%s"

        def insert(table: Table) -> str:
            names = [c.name for c in table.columns if not _numbered_by_database(table, c.name)]
            quoted = ", ".join(preparer.quote(name) for name in names)
            marks = ", ".join([mark] * len(names))
            return f"INSERT INTO {preparer.quote(table.name)} ({quoted}) VALUES ({marks})"

        self.request = insert(schema.requests)
        self.decision = insert(schema.decisions)
        self.queue = insert(schema.queue)
        self.notice = insert(schema.notices)
        self.begin = insert(schema.attempts)

        def instead(table: Table) -> str:
            changed = ", ".join(
                f"{preparer.quote(c.name)} = excluded.{preparer.quote(c.name)}"
                for c in table.columns
                if c.name not in _FIXED
            )
            return f"{insert(table)} ON CONFLICT (id, run_id) DO UPDATE SET {changed}"

        self.finish = f"{instead(schema.attempts)} WHERE attempts.state = 'sending'"
        self.incident = instead(schema.incidents)


def _numbered_by_database(table: Table, column: str) -> bool:
    return column == "id" and table in (schema.queue, schema.notices)


def write_batch(connection: Connection, statements: Statements, batch: Batch) -> None:
    """Insert every row of a batch, in the transaction that is open."""
    pairs: tuple[tuple[str, Sequence[Row]], ...] = (
        (statements.request, batch.requests),
        (statements.decision, batch.decisions),
        (statements.finish, batch.attempts),
        (statements.queue, batch.queue),
        (statements.notice, batch.notices),
        (statements.incident, batch.incidents),
    )
    for statement, rows in pairs:
        if rows:
            connection.exec_driver_sql(statement, list(rows))


def write_notes(connection: Connection, notes: Iterable[Note]) -> None:
    """Write single rows in their order, in the transaction that is open; raises what SQLAlchemy
    does."""
    dialect, pooled = connection.dialect, connection.connection
    driver, cursor = dialect.loaded_dbapi, pooled.cursor()
    try:
        for statement, row in notes:
            _write_row(cursor, statement, row)
    except driver.Error as error:
        if dialect.is_disconnect(error, pooled, cursor):
            connection.invalidate(error)
        raise DBAPIError.instance(statement, row, error, driver.Error, dialect=dialect) from error
    finally:
        cursor.close()


def _write_row(cursor: DBAPICursor, statement: str, row: Row) -> None:
    cursor.execute(statement, row)
