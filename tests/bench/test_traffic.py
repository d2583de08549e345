"""Generated traffic: whole days, the same whatever happens on the way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import date

import pytest

from orchestra_kit.bench.traffic import generate_traffic, last_full_week
from orchestra_kit.core.errors import StoreError
from orchestra_kit.policy.policy import Policy
from orchestra_kit.shipped import path
from orchestra_kit.store.store import Store

MONDAY = date(2026, 11, 9)
_FIGURES = (
    "SELECT id, at, task, status, deployment, cost, cost_upper, seconds, quality, propensity "
    "FROM requests WHERE run_id = ? ORDER BY id"
)


@pytest.fixture(scope="module")
def policy():
    return Policy.load(path("examples/contentforge"))


@pytest.fixture(scope="module")
def demand(tmp_path_factory):
    """ContentForge's demand, at a fiftieth."""
    text = path("examples/contentforge/traffic.yaml").read_text()
    assert "requests_a_day: 5000" in text
    file = tmp_path_factory.mktemp("demand") / "traffic.yaml"
    file.write_text(text.replace("requests_a_day: 5000", "requests_a_day: 100"))
    return file


def rows(store, run_id):
    with store.connect() as connection:
        return connection.exec_driver_sql(_FIGURES, (run_id,)).fetchall()


def generate(policy, store, demand, **options):
    return generate_traffic(
        policy, store, demand=demand, first_monday=MONDAY, weeks=1, progress=False, **options
    )


@pytest.fixture(scope="module")
def whole(policy, demand, tmp_path_factory):
    """A week that was never interrupted."""
    with Store.open(tmp_path_factory.mktemp("whole") / "s.db", durable=False) as store:
        generated = generate(policy, store, demand)
        return generated, rows(store, generated.run_id)


def test_a_week_has_all_its_days_and_is_labelled_simulated(whole):
    generated, found = whole
    assert generated.days == 7
    assert generated.days_reused == 0
    assert generated.requests == len(found) > 500
    assert {row.status for row in found} >= {"answered", "review"}


def test_a_second_call_makes_nothing_again(policy, demand, tmp_path):
    with Store.open(tmp_path / "s.db", durable=False) as store:
        first = generate(policy, store, demand)
        second = generate(policy, store, demand)
        assert second.run_id == first.run_id
        assert second.days_reused == 7
        assert second.requests == first.requests


def test_another_seed_replaces_the_days_instead_of_doubling_them(policy, demand, tmp_path):
    with Store.open(tmp_path / "s.db", durable=False) as store:
        first = generate(policy, store, demand, seed=1)
        second = generate(policy, store, demand, seed=2)
        assert second.replaced == first.requests
        assert store.count_requests(first.run_id) == 0
        with store.connect() as connection:
            total = connection.exec_driver_sql("SELECT COUNT(*) FROM requests").scalar()
        assert total == second.requests


_CHILD = """
import sys
from datetime import date
from pathlib import Path
from orchestra_kit.bench.traffic import generate_traffic
from orchestra_kit.policy.policy import Policy
from orchestra_kit.store.store import Store

if __name__ == "__main__":
    policy, demand, place = map(Path, sys.argv[1:])
    with Store.open(place) as store:
        generate_traffic(
            Policy.load(policy), store, demand=demand, first_monday=date(2026, 11, 9), weeks=1,
            progress=False,
        )
"""


def test_a_killed_run_goes_on_and_ends_with_the_same_rows(policy, demand, whole, tmp_path):
    script, place = tmp_path / "child.py", tmp_path / "s.db"
    script.write_text(_CHILD)
    child = subprocess.Popen(
        [sys.executable, script, policy.path, demand, place], start_new_session=True
    )
    kept = _wait_for_a_day(place, child)
    os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    with Store.open(place) as store:
        generated = generate(policy, store, demand)
        assert generated.days_reused >= kept
        assert rows(store, generated.run_id) == whole[1]
        assert store.check() == ()


def _wait_for_a_day(place, child):
    """Days that were complete when at least two were."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and child.poll() is None:
        if place.exists():
            try:
                with Store.open(place, read_only=True) as store, store.connect() as connection:
                    done = connection.exec_driver_sql("SELECT COUNT(*) FROM days").scalar()
            except StoreError:
                done = 0
            if done >= 2:
                return done
        time.sleep(0.02)
    pytest.fail("the child ended, or made no day within a minute")


def test_the_last_full_week_is_over():
    assert last_full_week(date(2026, 11, 22)) == date(2026, 11, 9)
    assert last_full_week(date(2026, 11, 23)) == date(2026, 11, 16)
