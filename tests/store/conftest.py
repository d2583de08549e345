"""Stores to test on: a file of SQLite, and a schema of PostgreSQL where a server is at hand."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import AsyncIterator, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from sqlalchemy import create_engine, exc, text

from orchestra_kit.core.clock import VirtualClock
from orchestra_kit.store import schema
from orchestra_kit.store.shared import SharedState
from orchestra_kit.store.store import Store
from tests.store.sharing import ADDRESS
from tests.store.values import START, a_batch, started_run

SERVER = "postgresql+psycopg://postgres@127.0.0.1:5432/test"


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty store, to be copied: making one costs more than most tests."""
    path = tmp_path_factory.mktemp("template") / "store.db"
    Store.open(path).close()
    return path


@pytest.fixture
def path(tmp_path: Path, template: Path) -> Path:
    return Path(shutil.copy(template, tmp_path / "store.db"))


@pytest.fixture
def filled(path: Path) -> Path:
    with Store.open(path) as store:
        store.write(a_batch(started_run(store), *range(60)))
    return path


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with Store.open(path, durable=False) as opened:
        yield opened


@pytest.fixture
def clock() -> Iterator[VirtualClock]:
    made = VirtualClock(START)
    yield made
    made.close()


@pytest.fixture(scope="session")
def _schema_of_the_session() -> Iterator[str]:
    if find_spec("psycopg") is None:
        pytest.skip("needs psycopg: pip install 'orchestra_kit[postgres]'")
    engine = create_engine(SERVER, connect_args={"connect_timeout": 2})
    name = f"orchestra_test_{secrets.token_hex(4)}"
    try:
        with engine.begin() as connection:
            connection.execute(text(f"CREATE SCHEMA {name}"))
    except exc.OperationalError:
        pytest.skip("needs a PostgreSQL server at 127.0.0.1:5432 with user postgres, database test")
    Store.open(f"{SERVER}?options=-csearch_path%3D{name}").close()
    yield name
    with engine.begin() as connection:
        connection.execute(text(f"DROP SCHEMA {name} CASCADE"))
    engine.dispose()


@pytest.fixture
def server(_schema_of_the_session: str) -> str:
    """The address of an empty store on PostgreSQL."""
    address = f"{SERVER}?options=-csearch_path%3D{_schema_of_the_session}"
    engine = create_engine(address)
    names = ", ".join(table.name for table in schema.metadata.sorted_tables)
    with engine.begin() as connection:
        connection.execute(text(f"TRUNCATE {names}"))
    engine.dispose()
    return address


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest) -> str:
    """A path and an address in turn: what holds for one must hold for the other."""
    return str(request.getfixturevalue("path" if request.param == "sqlite" else "server"))


@pytest.fixture
def any_store(place: str) -> Iterator[Store]:
    with Store.open(place, durable=False) as opened:
        yield opened


@pytest.fixture
def prefix() -> Iterator[str]:
    """Beginning of all keys of one test."""
    redis = pytest.importorskip("redis", reason="needs redis: pip install 'orchestra_kit[redis]'")
    client = redis.Redis.from_url(ADDRESS, socket_connect_timeout=1)
    try:
        client.ping()
    except redis.ConnectionError:
        pytest.skip("needs a Redis server at 127.0.0.1:6379")
    name = f"orchestra_test_{secrets.token_hex(4)}"
    yield name
    for key in client.scan_iter(match=f"{name}*"):
        client.delete(key)
    client.close()


@pytest.fixture
async def shared(prefix: str) -> AsyncIterator[SharedState]:
    state = SharedState(ADDRESS, prefix=prefix, timeout=5)
    yield state
    await state.close()
