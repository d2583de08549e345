"""How fast a day of traffic is written, beside the database's own bulk insert."""

from __future__ import annotations

import sqlite3
import tempfile
import time
from datetime import UTC, date, datetime
from pathlib import Path

from benchmarks.timing import Result
from orchestra_kit.bench.day import DayOrder, generate_day
from orchestra_kit.core.answer import Source
from orchestra_kit.shipped import path
from orchestra_kit.store.store import Store

__all__ = ["results"]


def results() -> list[Result]:
    """Generating and writing one day."""
    order = DayOrder(
        policy=path("examples/contentforge/orchestra.yaml"),
        demand=path("examples/contentforge/traffic.yaml"),
        run_id="run_bench",
        seed=7,
        origin=datetime(2026, 10, 19, tzinfo=UTC),
        day=date(2026, 11, 18),
        booked=(),
    )
    began = time.process_time()
    day = generate_day(order)
    generating = time.process_time() - began
    with tempfile.TemporaryDirectory() as folder:
        with Store.open(Path(folder) / "ours.db") as store:
            store.start_run(
                "traffic", name="bench", policy="p", policy_hash="h",
                source=Source.SIMULATED, seed=7, run_id=order.run_id,
            )  # fmt: skip
            began = time.perf_counter()
            store.write(day.batch)
            ours = time.perf_counter() - began
        floor = _bare(Path(folder) / "bare.db", day.batch.requests)
    rows = len(day.batch)
    return [
        Result(
            "generated request",
            f"{generating / day.requests * 1e6:.0f} us of processor",
            "",
            None,
        ),
        Result(
            "written row",
            f"{rows / ours:,.0f} a second",
            f"sqlite3 executemany, {1 / floor:,.0f} a second",
            ours / rows / floor,
        ),
    ]


def _bare(file: Path, rows: tuple[tuple[object, ...], ...]) -> float:
    connection = sqlite3.connect(file)
    width = len(rows[0])
    connection.execute(f"CREATE TABLE t ({', '.join(f'c{i}' for i in range(width))})")
    began = time.perf_counter()
    with connection:
        connection.executemany(f"INSERT INTO t VALUES ({','.join('?' * width)})", rows)
    taken = time.perf_counter() - began
    connection.close()
    return taken / len(rows)
