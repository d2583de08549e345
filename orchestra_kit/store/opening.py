"""Opening a store: where it is, whether it is one, of which version, and who may write to it.

`sqlite_file` and `postgres` know their databases; what is common to both is here.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, exc, inspect, text
from sqlalchemy.engine import make_url

from orchestra_kit.core.errors import StoreError, StoreTooNew
from orchestra_kit.store import schema

__all__ = ["Opened", "Place", "migrate", "place_of", "version_of"]

_ADDRESSES = "Write a path, or an address such as postgresql://user@host/database."


@dataclass(frozen=True, slots=True)
class Place:
    """Where a store is: a file of SQLite, or the address of a PostgreSQL database."""

    shown: str
    """For messages; without a password."""
    path: Path | None
    address: str = ""


@dataclass(frozen=True, slots=True)
class Opened:
    """A store that is open for writing, at the newest version of its tables."""

    connection: Connection
    """The one that writes."""
    closing: Callable[[], None]
    """To be called before the connection is closed."""
    let_go: Callable[[], None]
    """Lets another process write; to be called after the connection is closed."""
    log_is_gone: bool = False
    """Whether an earlier process was cut off and its write-ahead file is missing, and with that
    perhaps what it wrote last."""


def place_of(where: str | os.PathLike[str]) -> Place:
    """A path, ``sqlite:///path`` or ``postgresql://…``; raises StoreError for anything else."""
    name = os.fspath(where)
    if "://" not in name:
        path = Path(name)
        if name in {"", ":memory:"} or path.is_dir():
            raise StoreError(f"“{name}” is no place for a store.", hint="Give the path of a file.")
        return Place(shown=name, path=path)
    if name.startswith("postgres://"):
        name = name.replace("postgres://", "postgresql://", 1)
    try:
        url = make_url(name)
    except (exc.ArgumentError, ValueError) as error:
        raise StoreError("the store's address cannot be read.", hint=_ADDRESSES) from error
    kind = url.drivername.partition("+")[0]
    if kind == "sqlite" and url.database:
        return place_of(url.database)
    if kind != "postgresql":
        raise StoreError(f"a store cannot be kept in “{kind}”.", hint=_ADDRESSES)
    url = url.set(drivername="postgresql+psycopg")
    shown = url.render_as_string(hide_password=True)
    return Place(shown, None, url.render_as_string(hide_password=False))


def version_of(connection: Connection, place: Place) -> str | None:
    """The version of a store's tables; None where there are none.

    Raises StoreTooNew for one that only a newer package knows, and StoreError for a database that
    somebody else made.
    """
    names = set(inspect(connection).get_table_names())
    if schema.VERSION_TABLE not in names:
        # A file belongs to one program; a server's database may well hold tables of others.
        foreign = names if place.path else names & set(schema.metadata.tables)
        if foreign:
            raise StoreError(
                f"{place.shown} is a database, but not a store of orchestra_kit: it has a table "
                f"“{min(foreign)}” and no “{schema.VERSION_TABLE}”.",
                hint="Give another place.",
            )
        return None
    query = text(f"SELECT version_num FROM {schema.VERSION_TABLE}")
    version: str | None = connection.execute(query).scalar()
    if version is not None and version not in schema.VERSIONS:
        raise StoreTooNew(
            f"the store {place.shown} has version {version}; this orchestra_kit knows versions up "
            f"to {schema.VERSIONS[-1]} and has left it as it was.",
            hint="Install a newer orchestra_kit.",
        )
    return version


def migrate(connection: Connection) -> None:
    """Bring the tables to the newest version, in one transaction."""
    # Imported here because only an outdated store has to pay the 100 ms that it takes.
    from alembic import command
    from alembic.config import Config

    config = Config()
    scripts = Path(__file__).with_name("migrations")
    config.set_main_option("script_location", str(scripts).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    with connection.begin():
        command.upgrade(config, "head")
