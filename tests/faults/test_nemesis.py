"""A short run of the nemesis: the long one is ``python -m tests.faults.nemesis 10000``."""

from __future__ import annotations

import pytest

from tests.faults.nemesis import chaos, checked, played


@pytest.mark.parametrize("seed", [11])
def test_killed_stopped_and_without_a_disk_the_books_still_agree(seed, tmp_path):
    with chaos(seed) as server:
        history = played(500, tmp_path, server, seed)
        found = checked(history, tmp_path, server)
    assert found["requests with a reply"] == 500
    assert found["of unknown outcome"] > 0
    assert found["tokens that both books agree on"] > 0
