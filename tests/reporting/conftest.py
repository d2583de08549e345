from __future__ import annotations

from pathlib import Path

import pytest

from tests.analytics.synthetic import fill


@pytest.fixture(scope="session")
def small_store(tmp_path_factory) -> Path:
    """Five weeks of little traffic with an outage."""
    path = tmp_path_factory.mktemp("small") / "store.db"
    fill(path, per_week=600, cheaper=0.7)
    return path
