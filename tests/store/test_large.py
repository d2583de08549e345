"""Common questions are answered in a moment, however many requests there are.

`ORCHESTRA_LARGE` says how many (100,000 by default; the aim is a million).
"""

from __future__ import annotations

import os
import sqlite3
import statistics
import time
from datetime import timedelta
from pathlib import Path

import pytest

from orchestra_kit.core.answer import Source
from orchestra_kit.store.store import Store
from tests.store.values import START, a_batch, started_run

COUNT = int(os.environ.get("ORCHESTRA_LARGE", "100000"))
TEMPLATE = 1_000


@pytest.fixture
def large(path: Path) -> tuple[Path, str]:
    """A store with a thousand requests, each of them a thousand times, a second apart."""
    with Store.open(path, durable=False) as store:
        run_id = started_run(store, "service")
        store.write(a_batch(run_id, *range(TEMPLATE)))
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA synchronous=OFF")
    for table, keys in (("requests", ("id",)), ("attempts", ("id", "request_id"))):
        names = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
        copied = {
            **{name: f'"{name}"' for name in names},
            **{key: f"{key} || '-' || n" for key in keys},
            "at": f"at + n * {TEMPLATE} * 1000000",
        }
        connection.execute(
            f"WITH RECURSIVE counter(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counter "
            f"WHERE n < {COUNT // TEMPLATE - 1}) INSERT INTO {table} "
            f"SELECT {', '.join(copied[name] for name in names)} FROM counter, {table}"
        )
    connection.commit()
    connection.close()
    return path, run_id


def test_common_questions_of_a_large_store_take_a_moment(large):
    path, run_id = large
    with Store.open(path, durable=False) as store:
        assert store.count_requests(run_id) == COUNT
        last = START + timedelta(seconds=COUNT)
        hour = last - timedelta(hours=1)
        questions = {
            "open": lambda: Store.open(path, read_only=True).close(),
            "runs": store.runs,
            "spent in the last hour": lambda: store.spent(hour, source=Source.SIMULATED),
            "spending of the last hour": lambda: store.spending(hour, source=Source.SIMULATED),
            "the queue": lambda: store.open_queue("editors"),
            "incidents": store.incidents,
            "overrides": lambda: store.overrides(last),
        }
        for name, ask in questions.items():
            times = []
            for _ in range(5):
                began = time.thread_time()  # not what other programs take of the machine
                ask()
                times.append(time.thread_time() - began)
            assert statistics.median(times) < 0.1, name
