from __future__ import annotations

import pytest

from orchestra_kit.policy.policy import Policy
from tests.engine.small import write_policy


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    """The small policy."""
    return write_policy(tmp_path_factory.mktemp("engine"))
