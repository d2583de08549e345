"""A disk that is full is told; what was acknowledged stays, and writing goes on afterwards."""

from __future__ import annotations

import pytest

from orchestra_kit.core.errors import (
    StoreFull,
)
from tests.store.processes import a_process
from tests.store.values import a_batch, started_run


def test_a_full_disk_is_told_and_writing_goes_on_when_there_is_room(path):
    code = """
        import resource, sys
        from orchestra_kit.core.errors import StoreFull
        from orchestra_kit.store.store import Store
        from tests.store.values import a_batch, started_run

        store = Store.open(sys.argv[1])
        run_id = started_run(store)
        batch = a_batch(run_id, *range(1000))
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
        try:
            store.write(batch)
        except StoreFull as error:
            print(str(error))
        print(store.count_requests(run_id))
        unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
        store.write(batch)
        print(store.count_requests(run_id), store.check())
        store.close()
    """
    told, none, after = a_process(code, path).communicate()[0].splitlines()
    assert "no room left" in told
    assert "Free some space" in told
    assert none == "0"
    assert after == "1000 ()"


def test_a_database_that_may_not_grow_says_that_it_is_full(store):
    run_id = started_run(store)
    store._writing.call(
        lambda connection: connection.exec_driver_sql("PRAGMA max_page_count = 60").all()
    )
    with pytest.raises(StoreFull):
        store.write(a_batch(run_id, *range(1000)))
    assert store.count_requests(run_id) == 0
